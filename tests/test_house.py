"""The house rules that a machine can check: layers, sizes, pins, and what the credential plugin may load."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SOURCES = sorted(ROOT.joinpath("jitui").rglob("*.py"))


def test_the_flow_runs_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every contract of .importlinter is kept."""
    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename=str(ROOT / ".importlinter"), cache_dir=None) == 0


def test_no_file_holds_a_second_noun() -> None:
    """400 lines is where one looks for it."""
    assert [f"{path}: {lines}" for path in SOURCES if (lines := len(path.read_text().splitlines())) > 400] == []


def test_no_function_is_longer_than_a_screen() -> None:
    """60 lines."""
    assert [long for path in SOURCES for long in _long_functions(path)] == []


def test_the_credential_plugin_loads_click_and_nothing_else() -> None:
    """kubectl starts it on every call: nothing heavy may be imported on its way."""
    look = "import sys; old = set(sys.modules); import jitui.cli.credential; print(*{name.partition('.')[0] for name in set(sys.modules) - old})"
    loaded = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) - sys.stdlib_module_names <= {"jitui", "click"}


def test_everything_that_is_installed_is_pinned() -> None:
    """constraints.txt names a version for each package that jitui and its tests pull in here."""
    pinned = {canonicalize_name(line.partition("==")[0]) for line in ROOT.joinpath("constraints.txt").read_text().splitlines()}
    assert _pulled_in("jitui", "dev") - pinned - {"jitui", "pip"} == set()


def test_the_pins_are_names_and_versions() -> None:
    """No address of any registry: what is said is which, not from where."""
    assert [line for line in ROOT.joinpath("constraints.txt").read_text().splitlines() if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def _long_functions(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60:
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"


def _pulled_in(name: str, extra: str = "") -> set[str]:
    found: set[str] = set()
    waiting = [(name, extra)]
    while waiting:
        name, extra = waiting.pop()
        for text in importlib.metadata.requires(name) or []:
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": extra}):
                key = canonicalize_name(need.name)
                if key not in found or need.extras:
                    waiting.extend((need.name, one) for one in ["", *sorted(need.extras)] if (key not in found or one))
                found.add(key)
    return found
