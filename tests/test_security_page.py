"""docs/security.md names a test for each row, and each test it names exists."""

import ast
import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "security.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_each_test_that_is_named_exists() -> None:
    """A test that was renamed is renamed there too."""
    named = NAMED.findall(PAGE.read_text(encoding="utf-8"))
    assert len(named) > 40
    missing = []
    for file, name in named:
        path = PAGE.parents[1] / file
        tree = ast.parse(path.read_text(encoding="utf-8") if path.exists() else "")
        if name not in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}:
            missing.append(f"{file}::{name}")
    assert missing == []


def test_each_row_names_a_test() -> None:
    """A row without one is a promise that nobody checks."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and " | " in line]
    bare = [row for row in rows if not NAMED.search(row) and "| shown by |" not in row]
    assert bare == []
