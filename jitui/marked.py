"""YAML with the line of every key and item, so that an error can name it. Plain data: no tags, no anchors that build objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from jitui.values.errors import InvalidError
from jitui.values.nodes import Node, compose

Path = tuple[str | int, ...]
DEPTH: Final = 32
PLAIN: Final = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))


@dataclass(frozen=True, slots=True)
class Marked:
    """A document and where its parts stand; lines count from 1."""

    data: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of a key or item, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def load(text: str) -> Marked:
    """The one document of `text`. Raises InvalidError, whose message begins with the line: `12: ...`."""
    root = compose(text)
    lines: dict[Path, int] = {(): 1}
    return Marked(None if root is None else _build(root, (), lines), lines)


def _build(node: Node, path: Path, lines: dict[Path, int]) -> Any:
    """Plain data of a node; notes the line of everything under `path`."""
    lines.setdefault(path, node.line)
    if len(path) > DEPTH:
        raise InvalidError(f"{node.line}: nested deeper than {DEPTH}")
    if node.pairs is not None:
        return _mapping(node.pairs, path, lines)
    if node.items is not None:
        return [_build(item, (*path, at), lines) for at, item in enumerate(node.items)]
    return _scalar(node)


def _mapping(pairs: Sequence[tuple[Node, Node]], path: Path, lines: dict[Path, int]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key_node, value_node in pairs:
        key = key_node.value
        if key_node.items is not None or key_node.pairs is not None or key == "<<":
            raise InvalidError(f"{key_node.line}: a key is a plain word here")
        if key in made:
            raise InvalidError(f"{key_node.line}: {key}: given twice, first on line {lines[(*path, key)]}")
        lines[*path, key] = key_node.line
        made[key] = _build(value_node, (*path, key), lines)
    return made


def _scalar(node: Node) -> Any:
    """A string, number, boolean or null as YAML reads it; anything else, as a date, stays the text it was."""
    builder = yaml.SafeLoader("")
    try:
        tag = node.tag if node.tag not in {"", "!"} else builder.resolve(yaml.ScalarNode, node.value, (node.plain and not node.tag, not node.plain))  # type: ignore[no-untyped-call]
        if tag not in PLAIN:
            return node.value
        return builder.construct_object(yaml.ScalarNode(tag, node.value))
    except (ValueError, KeyError):  # of `!!int word`, `!!bool word`, and a number of more digits than Python reads
        return node.value
    finally:
        builder.dispose()
