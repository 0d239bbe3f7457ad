"""YAML with the line of every key and item, so that an error can name it. Plain data: no tags, no anchors that build objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from jitui.values.errors import InvalidError

Path = tuple[str | int, ...]
DEPTH: Final = 32


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
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Path, int] = {(): 1}
        data = None if root is None else _build(root, (), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InvalidError(f"{mark.line + 1 if mark else 1}: not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise InvalidError(f"1: not YAML: {' '.join(str(error).split())}") from None
    return Marked(data, lines)


def _build(node: yaml.Node, path: Path, lines: dict[Path, int]) -> Any:
    """Plain data of a node; notes the line of everything under `path`."""
    lines.setdefault(path, node.start_mark.line + 1)
    if len(path) > DEPTH:
        raise InvalidError(f"{node.start_mark.line + 1}: nested deeper than {DEPTH}")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, at), lines) for at, item in enumerate(node.value)]
    return _scalar(node)


def _mapping(node: yaml.MappingNode, path: Path, lines: dict[Path, int]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
        if not isinstance(key, str) or key == "<<":
            raise InvalidError(f"{line}: a key is a plain word here")
        if key in made:
            raise InvalidError(f"{line}: {key}: given twice, first on line {lines[(*path, key)]}")
        lines[*path, key] = line
        made[key] = _build(value_node, (*path, key), lines)
    return made


def _scalar(node: yaml.Node) -> Any:
    """A string, number, boolean or null as YAML reads it; anything else, as a date, stays the text it was."""
    plain = {"tag:yaml.org,2002:null", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
    if node.tag not in plain:
        return node.value
    builder = yaml.SafeLoader("")
    try:
        return builder.construct_object(node)
    except ValueError:
        return node.value
    finally:
        builder.dispose()
