"""The modules that a wheel may have compiled: one list, kept to the rules of mypyc, and used as the tree under test has them."""

import ast
import builtins
import importlib
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from click.testing import CliRunner

from jitui.cli import root
from tests.support import compiled

NAMES: Final = compiled.modules()
CLASS: Final = re.compile(r"^class (\w+)", re.MULTILINE)
SKELETON: Final = re.compile(r"^[ \t]*(from [\w.]+ import (?:\([^)]*\)|[^(\n]+)|import [\w.]+(?: as \w+)?$|class \w+\([^():]*\)(?=:))", re.MULTILINE)


def test_the_list_names_modules_once_in_order() -> None:
    """Each is there, and none is the page of a room."""
    assert sorted(set(NAMES)) == NAMES
    assert [name for name in NAMES if not compiled.source(name).is_file()] == []


def test_each_is_compiled_in_the_compiled_tree_and_nowhere_else() -> None:
    """A checkout runs its source, whatever was built; the compiled tree runs no source of these modules; `--version` says which it is."""
    files = {name: str(importlib.import_module(name).__file__) for name in NAMES}
    assert [name for name, file in files.items() if file.endswith(".py") is compiled.HERE] == []
    said = CliRunner().invoke(root.cli, ["--version"]).output
    assert said.endswith(f"({'compiled' if compiled.HERE else 'interpreted'})\n")


def test_the_rules_of_compilation_are_kept() -> None:
    """Those of CONTRIBUTING.md: mypyc or the C compiler refuses what breaks them, or runs it differently, which is seen only once somebody compiles."""
    assert [f"{name}: {fault}" for name in NAMES for fault in faults(compiled.source(name))] == []


def test_no_interpreted_class_derives_from_a_compiled_one() -> None:
    """It could not be made: mypyc refuses it with a TypeError, and only when it is. A Protocol never is."""
    paths = compiled.ROOT.joinpath("jitui").rglob("*.py")
    modules = {path.relative_to(compiled.ROOT).with_suffix("").as_posix().replace("/", "."): path.read_text() for path in paths}
    assert heirs(modules, NAMES) == []


def test_heirs_are_found_however_they_are_imported() -> None:
    """By their name or their module's, under another name, and behind an interpreted Protocol; a class that only has the same name is none."""
    modules = {
        "a.native": "from typing import Protocol\nclass Base: ...\nclass Shape(Protocol): ...\nclass Own(Base): ...\n",
        "a.one": "from a.native import Base\nclass One(\n    Base, Generic[T]): ...\n",
        "a.two": "from a import native as n\nclass Two(n.Base): ...\n",
        "a.three": "from typing import Protocol\nfrom a.native import Shape as S\nclass Wider(S, Protocol): ...\nclass Three(Wider): ...\n",
        "a.four": "from a.other import Base\nclass Four(Base): ...\n",
        "a.other": "class Base: ...\nclass Five(Base): ...\n",
    }
    assert heirs(modules, ["a.native"]) == ["a.one.One: a.native.Base", "a.three.Three: a.three.Wider", "a.two.Two: a.native.Base"]


def test_each_rule_finds_what_breaks_it(tmp_path: Path) -> None:
    """Names that C reserves, classes of builtin types, slotted dataclasses that inherit, generators that would have to be closed."""
    path = tmp_path / "module.py"
    path.write_text("import dataclasses\nfrom dataclasses import dataclass\nclass A(list[int]):\n def f(self): self._thread = 1\n"
                    "@dataclass(frozen=True, slots=True)\nclass B(A): x: int = 1\n@dataclasses.dataclass(slots=True)\nclass C: x: int = 1\n"
                    "def g():\n try: yield 1\n finally: pass\n")
    assert list(faults(path)) == ["line 3: A is a list", "line 4: _thread is a word of C", "line 6: B is a slotted dataclass with a base",
                                  "line 9: g is a generator with a finally"]


def faults(path: Path) -> Iterator[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr == "_thread":
            found.append((node.lineno, f"{node.attr} is a word of C"))
        if isinstance(node, ast.FunctionDef):
            inside = list(ast.walk(node))
            if any(isinstance(each, ast.Yield | ast.YieldFrom) for each in inside) and any(isinstance(each, ast.Try) and each.finalbody for each in inside):
                found.append((node.lineno, f"{node.name} is a generator with a finally"))
        if not isinstance(node, ast.ClassDef):
            continue
        bases = {ast.unparse(base).partition("[")[0] for base in node.bases} - {"Protocol", "NamedTuple", "Generic"}
        found.extend((node.lineno, f"{node.name} is a {base}") for base in sorted(bases) if not issubclass(getattr(builtins, base, Exception), Exception))
        slotted = any(isinstance(mark, ast.Call) and any(word.arg == "slots" for word in mark.keywords) for mark in node.decorator_list)
        if slotted and bases:
            found.append((node.lineno, f"{node.name} is a slotted dataclass with a base"))
    for line, what in sorted(found):
        yield f"line {line}: {what}"


def heirs(modules: Mapping[str, str], listed: Collection[str]) -> list[str]:
    """Classes of modules that are not listed, each with its base, which is one of a listed module, or a Protocol that derives from one."""
    native = {f"{name}.{word}" for name in listed for word in CLASS.findall(modules[name])}
    classes = []
    for module in modules.keys() - set(listed):
        tree = ast.parse("\n".join(line + ": ..." * line.startswith("class") for line in SKELETON.findall(modules[module])))  # the whole of each takes seconds
        known = imported(tree)
        classes += [(f"{module}.{node.name}", based(node, module, known)) for node in tree.body if isinstance(node, ast.ClassDef)]
    while more := {name for name, bases in classes if "typing.Protocol" in bases and native & bases} - native:
        native |= more
    return sorted(f"{name}: {base}" for name, bases in classes if "typing.Protocol" not in bases for base in native & bases)


def based(node: ast.ClassDef, module: str, known: Mapping[str, str]) -> set[str]:
    """Its bases, by their full names."""
    found = set()
    for base in node.bases:
        first, _, rest = ast.unparse(base).partition("[")[0].partition(".")
        found.add(f"{known.get(first, f'{module}.{first}')}.{rest}".rstrip("."))
    return found


def imported(tree: ast.Module) -> dict[str, str]:
    """Names in a module, and where they are from."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found.update({each.asname or each.name: f"{node.module}.{each.name}" for each in node.names})
        elif isinstance(node, ast.Import):
            found.update({each.asname or each.name: each.name for each in node.names})
    return found
