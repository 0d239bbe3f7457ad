"""The settings, commands and options that a sentence names exist."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import click
import pytest

from jitui import config
from jitui.cli.root import cli

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OTHERS: Final = {"credential_process", "pg_isready", "duration_s"}  # of AWS, of an example, of the API
STATEMENTS: Final = ("select", "insert", "update", "delete", "create", "pragma", "begin", "{} where")  # SQL speaks of columns
AFTER: Final = r"(?:^|[:;,(`$]|\bwith|\bthen|\band|\bor|\btry|\bsee|\brun|\bby|\bapply what|\bit) ?"  # what stands before a command, not before the name


@cache
def sentences() -> tuple[tuple[str, str], ...]:
    return tuple(_sentences())


def _sentences() -> Iterator[tuple[str, str]]:
    """Where it stands, and each text of more than a word in the code; what is put into it is `{}`."""
    for path in sorted((ROOT / "jitui").rglob("*.py")):
        if path.is_relative_to(ROOT / "jitui/store") or path.is_relative_to(ROOT / "jitui/demo/cluster"):
            continue  # SQL, and another program's words
        tree = ast.parse(path.read_text())
        documents = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
                     and node.body and isinstance(node.body[0], ast.Expr)}  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
                text = node.value
            else:
                continue
            if " " in text and not text.lstrip().startswith(STATEMENTS):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", text


def properties(schema: object) -> Iterator[tuple[str, object]]:
    """Every key of the settings file, with what it may be."""
    if isinstance(schema, Mapping):
        yield from schema.get("properties", {}).items()
        for each in schema.values():
            yield from properties(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from properties(each)


SCHEMA: Final[dict[str, Any]] = json.loads(config.schema())
KEYS: Final = dict(properties(SCHEMA))


def test_settings_that_are_named_exist() -> None:
    """`insecure_skip_tls_verify: true`, `listen.kube`, `under rules:`, limits.min_free: whatever looks like a key of the file is one."""
    wrong = []
    for where, text in sentences():
        named = re.findall(r"(?<![\w.\"-])([a-z]+(?:_[a-z]+)+)(?![\w(=.])", text)
        named += re.findall(r"(?<![\w.-])([a-z][a-z_-]*): (?:true|false|required|advised|automatic|on-first-use|on-approval)\b", text)
        named += re.findall(r"\bunder ([a-z_]+):", text)
        named += [key for section, key in re.findall(rf"\b({'|'.join(SCHEMA['properties'])})(?:\[[^]]*\]|\.\{{\}})?\.([a-z_]+)", text) if key not in OTHERS]
        wrong += [(where, name) for name in named if name.replace("-", "_") not in KEYS and name not in OTHERS]
    assert wrong == []


def commands(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command by its words."""
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*words, name))


COMMANDS: Final = dict(commands(cli))
SPEAKS: Final = frozenset({"is", "runs", "gateway", "configuration", "ledger"})  # sentences about jitui, not to be typed


def wrong_with(line: str) -> str:
    """Of what follows `jitui`: the word or the option that does not exist; empty if all of it does."""
    words = line.replace("{}", "X").split()
    at = max((size for size in (1, 2) if tuple(words[:size]) in COMMANDS), default=0)
    command = COMMANDS.get(tuple(words[:at]))
    if words[0] in SPEAKS:
        return ""
    if command is None or (isinstance(command, click.Group) and words[at : at + 1] and not words[at].startswith("-")):
        return " ".join(words[:2])
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {"--help", "--json"}
    until = words.index("--") if "--" in words else len(words)
    return next((word for word in words[at:until] if re.fullmatch(r"--?[a-z][a-z-]*", word.partition("=")[0]) and word.partition("=")[0] not in options), "")


def test_commands_that_are_named_exist() -> None:
    """`jitui request CONNECTION --duration 30m`, behind a colon, a semicolon or a word that leads to it."""
    said = [(where, line) for where, text in sentences() for line in re.findall(AFTER + r"jitui ([a-z-]+(?: [^;,)`]*)?)", text)]
    assert len(said) > 30
    assert [(where, missing) for where, line in said if (missing := wrong_with(line))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_pages_exist(page: Path) -> None:
    """In blocks of code, and between backticks."""
    text = page.read_text()
    shown = [line for block in re.findall(r"```(?:sh|bash|console|)\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    lines = [found[1] for line in shown if (found := re.match(r"\s*\$? ?(?:[A-Z_]+=\S+ )*jitui ([^#|]+)", line))]
    lines += re.findall(r"`jitui ([^`]+)`", text)
    assert [missing for line in lines if (missing := wrong_with(line))] == []
