"""The house rules that a machine can check: layers, sizes, pins, and what the credential plugin may load."""

import ast
import importlib.metadata
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SOURCES = sorted(ROOT.joinpath("jitui").rglob("*.py"))
PAGES = [ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md")] + sorted(ROOT.joinpath("docs").glob("*.md"))
PATH = re.compile(r"[`(]((?:[\w.*-]+/)*[\w*]+\.py|(?:jitui|tests|docs|recordings|screenshots)/[\w./*-]*\w/?)(?:::\w+)?[`)]")
SECTION = re.compile(r"docs/([\w-]+\.md), (\d(?:\.\d)?)\b")
CLAUSE = re.compile(r"wh(?:at|o)\b", re.IGNORECASE)


def test_the_flow_runs_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every contract of .importlinter is kept."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("logging.config.dictConfig", lambda config: None)  # it would silence all loggers for the tests that follow
    assert lint_imports(config_filename=str(ROOT / ".importlinter"), cache_dir=None) == 0


def test_no_file_holds_a_second_noun() -> None:
    """400 lines is where one looks for it; what an auditor reads is one file of at most 500."""
    limits = {ROOT / "jitui/store/verify.py": 500}
    assert [f"{path}: {lines}" for path in SOURCES if (lines := len(path.read_text().splitlines())) > limits.get(path, 400)] == []


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


def test_the_whole_check_asks_the_python_that_the_setup_takes(tmp_path: Path) -> None:
    """Or the headers that it finds are another one's: the first of at least 3.11, or the one that is named."""
    script = ROOT.joinpath(".ci/run").read_text()
    ask = script[script.index("taken() {"):script.index("headers() {")] + "taken"
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"include {ROOT / 'Makefile'}\nwhich-python: ; @echo $(PYTHON)\n")
    for name, code in (("python3.14", 0), ("python3.12", 0), ("python3", 1)):
        tmp_path.joinpath(name).write_text(f"#!/bin/sh\nexit {code}\n")
        tmp_path.joinpath(name).chmod(0o755)
    tmp_path.joinpath("python3.13").symlink_to("nowhere")
    for told, wanted in (({}, "python3.12"), ({"PYTHON": "python3.14"}, "python3.14")):
        env = {"PATH": f"{tmp_path}:/bin", **told}
        said = [subprocess.run(command, env=env, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
                for command in (["bash", "-c", ask], ["make", "-s", "-f", str(makefile), "which-python"])]  # fmt: skip
        assert said == [wanted, wanted]


def test_each_module_has_its_test_file() -> None:
    """jitui/x/y.py is tested by tests/x/test_y.py."""
    modules = [path.relative_to(ROOT / "jitui") for path in SOURCES if not path.name.startswith("__")]
    assert [str(module) for module in modules if not ROOT.joinpath("tests", module.parent, f"test_{module.name}").exists()] == []


def test_docstrings_and_comments_are_sentences() -> None:
    """None begins with `What` or `Who`: such a one is a clause without a verb, or reads better with its subject first."""
    assert [f"{path.relative_to(ROOT)}:{line} {words}" for path in SOURCES for line, words in _said(path.read_text()) if CLAUSE.match(words)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_path_that_a_page_names_exists(page: Path) -> None:
    """From the root of the repository, or of jitui; a bare `name.py` is the name of some file in jitui."""
    named = PATH.findall(page.read_text(encoding="utf-8"))
    assert [path for path in named if not _exists(path)] == []


def test_each_section_that_is_cited_exists() -> None:
    """`docs/protocol.md, 2.3` in a docstring or comment is a heading of that page."""
    cited = {found for path in [*SOURCES, *ROOT.joinpath("tests").rglob("*.py")] for found in SECTION.findall(path.read_text())}
    assert len(cited) > 10
    headings = {(page.name, number) for page in PAGES for number in re.findall(r"^#+ ([\d.]*\d)\.? ", page.read_text(), re.MULTILINE)}
    assert sorted(cited - headings) == []


def _exists(path: str) -> bool:
    if "/" not in path:
        return any(source.name == path for source in SOURCES)
    return any(next(ROOT.joinpath(base).glob(path.rstrip("/")), None) is not None for base in (".", "jitui"))


def _said(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each docstring and of each comment that stands by itself or behind code."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (words := ast.get_docstring(node)):
            yield node.body[0].lineno, words
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ")


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
