"""The modules that mypyc compiles, and their tests: `python -m tests.support.compiled` prints those for `make test-compiled`."""

import os
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
HERE: Final = bool(os.environ.get("JITUI_COMPILED"))  # these tests run on the compiled tree
EXAMPLES: Final = 25  # of Hypothesis on the compiled tree: chance looks for mistakes in the source's run


def modules() -> list[str]:
    """As pyproject.toml lists them."""
    found: list[str] = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["tool"]["jitui"]["compiled"]
    return found


def examples(number: int) -> int:
    """How many a test tries that wants so many of the source."""
    return EXAMPLES if HERE else number


def source(module: str) -> Path:
    return ROOT / f"{module.replace('.', '/')}.py"


def tests() -> list[str]:
    """The test file of each of them, and that of the list."""
    places = [source(module).relative_to(ROOT / "jitui") for module in modules()]
    return ["tests/test_compiled.py", *(f"tests/{place.parent}/test_{place.name}" for place in places)]


if __name__ == "__main__":
    print(*tests())
