"""A YAML or JSON document as Kubernetes reads it: as JSON, by the rules of go.yaml.in/yaml/v2 and sigs.k8s.io/yaml.

These rules are neither YAML 1.1 nor 1.2: `y` is true, `1:30` is text, the last of two equal keys counts, and a merge key overrides what stands before it.
"""

import base64
import binascii
import re
from typing import Any, Final

from jitui.values.errors import InvalidError
from jitui.values.nodes import Node, compose

STANDARD: Final = "tag:yaml.org,2002:"
WORDS: Final[dict[str, bool | None]] = {
    **{word: True for one in ("y", "yes", "true", "on") for word in (one, one.title(), one.upper())},
    **{word: False for one in ("n", "no", "false", "off") for word in (one, one.title(), one.upper())},
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
}
ENDLESS: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
INTEGER: Final = re.compile(r"[-+]?(?:0[bB][01]+|0[oO]?[0-7]+|0[xX][0-9a-fA-F]+|0|[1-9][0-9]*)")
FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
LONGEST: Final = 80  # characters of an integer; 64 bits have fewer
TYPES: Final = {"int": int, "float": float, "bool": bool, "null": type(None)}


def read(data: bytes) -> tuple[Any, Node | None]:
    """The first document as JSON's types, and its nodes for their lines; (None, None) if there is none.

    Raises InvalidError, whose message begins with the line.
    """
    root = compose(data, first=True)
    return (None if root is None else _value(root)), root


def line(root: Node | None, path: tuple[int | str, ...]) -> int:
    """The line of the last part of a path that is written in the file; a merge key is not followed."""
    at = 1 if root is None else root.line
    for part in path:
        if root is not None and root.pairs is not None:
            at, root = next(((key.line, value) for key, value in reversed(root.pairs) if key.value == part), (at, None))
        elif root is not None and root.items is not None and isinstance(part, int):
            root = root.items[part]
            at = root.line
    return at


def _value(node: Node) -> Any:
    if node.pairs is not None:
        made: dict[str, Any] = {}
        _fill(made, node)
        return made
    if node.items is not None:
        return [_value(item) for item in node.items]
    return _scalar(node)


def _fill(made: dict[str, Any], node: Node) -> None:
    """Puts the pairs of a map into `made`, each over the one before it, also those of a merge key."""
    for key, value in node.pairs or ():
        if key.value == "<<" and key.items is None and (key.plain or key.tag == f"{STANDARD}merge"):
            for source in [value] if value.items is None or value.pairs is not None else reversed(value.items):
                if source.pairs is None:
                    raise InvalidError(f"{key.line}: << merges a map, or a list of maps")
                _fill(made, source)
            continue
        made[_key(key)] = _value(value)


def _key(node: Node) -> str:
    if node.pairs is not None or node.items is not None:
        raise InvalidError(f"{node.line}: a list or a map can't be a key")
    value = _scalar(node)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or (isinstance(value, int) and value >= 1 << 63):
        raise InvalidError(f"{node.line}: {node.value or 'nothing'} can't be a key; put it in quotes")
    return value if isinstance(value, str) else f"{value:g}" if type(value) is float else str(value)


def _scalar(node: Node) -> str | float | bool | None:
    """Text, a number, a truth value or null. Raises InvalidError for a tag that does not fit, and for numbers that JSON does not have."""
    short = node.tag.removeprefix(STANDARD) if node.tag.startswith(STANDARD) else ""
    if short == "binary":
        return _binary(node)
    if short not in TYPES and (node.tag or not node.plain):
        return node.value
    value = _resolved(node.value)
    if short and type(value) is not TYPES[short] and not (short == "float" and isinstance(value, int) and not isinstance(value, bool)):
        raise InvalidError(f"{node.line}: {node.value[:40]} is not of the type that its tag says, {short}")
    if value is not None and ENDLESS.fullmatch(node.value):
        raise InvalidError(f"{node.line}: {node.value} is no number of JSON; put it in quotes")
    return value


def _binary(node: Node) -> str:
    try:
        return base64.b64decode(re.sub(r"[\r\n]", "", node.value), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise InvalidError(f"{node.line}: what is tagged !!binary is not base64") from None


def _resolved(text: str) -> str | float | bool | None:
    """The value of a plain scalar."""
    if text in WORDS:
        return WORDS[text]
    if ENDLESS.fullmatch(text):
        return float(text.lower().replace(".", ""))
    plain = text.replace("_", "") if text[:1] in set("+-0123456789") else text
    if len(plain) <= LONGEST and INTEGER.fullmatch(plain):
        number = _integer(plain)
        if -(1 << 63) <= number < 1 << 64:
            return number
    if FLOAT.fullmatch(plain) and abs(broken := float(plain)) != float("inf"):
        return int(broken) if broken.is_integer() and abs(broken) < 1e21 else broken  # as Go writes it in JSON
    return text


def _integer(plain: str) -> int:
    digits = plain.lstrip("+-")
    base = {"0b": 2, "0o": 8, "0x": 16}.get(digits[:2].lower(), 8 if digits[:1] == "0" else 10)
    return int(digits[2:] if digits[1:2].isalpha() else digits, base) * (-1 if plain[0] == "-" else 1)
