"""YAML as a tree of nodes, each with its line: the form of every YAML that people write, before anything is made of it.

It is read event by event by libyaml, of which Go's parser is a port, so both take the same text. Neither depth nor aliases cost more than their bound.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import yaml

from jitui.values.errors import InvalidError

DEPTH: Final = 200  # lists and maps in each other, aliases included; the code that reads a tree may therefore call itself
NODES: Final = 1_000_000  # of a document, counted as if each alias were written out
LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a PyYAML without libyaml reads all but odd tabs alike


@dataclass(slots=True, eq=False)
class Node:
    """A scalar, a list or a map."""

    line: int  # from 1
    tag: str = ""  # as written, in its long form; usually none
    value: str = ""  # of a scalar
    plain: bool = False  # a scalar without quotes, whose text says its type
    items: "list[Node] | None" = None  # of a list
    pairs: "list[tuple[Node, Node]] | None" = None  # of a map, in the order of the file
    size: int = 1  # nodes in it, itself included
    height: int = field(default=0)  # of the tree below it

    def add(self, node: "Node") -> None:
        """The next item of a list, or the next key or value of a map (a key waits in `items`)."""
        self.size += node.size
        self.height = max(self.height, node.height + 1)
        if self.pairs is None:
            assert self.items is not None
            self.items.append(node)
        elif self.items:
            self.pairs.append((self.items.pop(), node))
        else:
            self.items = [node]


def compose(text: str | bytes, *, first: bool = False) -> Node | None:
    """The one document of `text`, None if it has none; with `first` the first of several.

    Raises InvalidError, whose message begins with the line: `12: ...`.
    """
    try:
        return _compose(yaml.parse(text, Loader=LOADER), first=first)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InvalidError(f"{mark.line + 1 if mark else 1}: not YAML: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        raise InvalidError(f"1: not YAML: {error.reason}, at position {error.position}") from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise InvalidError(f"1: not YAML: {' '.join(str(error).split())}") from None


def _compose(events: Iterator[yaml.Event], *, first: bool) -> Node | None:
    root = Node(0, items=[])
    above = [root]
    anchors: dict[str, Node] = {}
    for event in events:
        if isinstance(event, yaml.DocumentEndEvent) and first:
            break
        if isinstance(event, yaml.DocumentStartEvent) and root.items:
            raise InvalidError(f"{_line(event)}: a second document begins; only one is read")
        if isinstance(event, yaml.CollectionEndEvent):
            node = above.pop()
        elif isinstance(event, yaml.AliasEvent):
            node = _target(event, anchors, above)
        elif isinstance(event, yaml.NodeEvent):
            node = _begun(event)
            if event.anchor is not None:
                anchors[event.anchor] = node
            if not isinstance(event, yaml.ScalarEvent):
                above.append(node)
                node = None
        else:
            continue
        if len(above) + (node.height if node is not None else 0) > DEPTH + 1:
            raise InvalidError(f"{_line(event)}: nested deeper than {DEPTH}")
        if node is not None:
            above[-1].add(node)
            if above[-1].size > NODES:
                raise InvalidError(f"{_line(event)}: more than {NODES} values, with those that its aliases repeat")
    return root.items[0] if root.items else None


def _begun(event: yaml.NodeEvent) -> Node:
    tag = getattr(event, "tag", None) or ""
    if isinstance(event, yaml.ScalarEvent):
        return Node(_line(event), tag, event.value, plain=event.implicit[0])
    if isinstance(event, yaml.MappingStartEvent):
        return Node(_line(event), tag, pairs=[])
    return Node(_line(event), tag, items=[])


def _target(event: yaml.AliasEvent, anchors: Mapping[str, Node], above: list[Node]) -> Node:
    node = anchors.get(event.anchor or "")
    if node is None:
        raise InvalidError(f"{_line(event)}: not YAML: no anchor {event.anchor} before its alias")
    if any(node is one for one in above):
        raise InvalidError(f"{_line(event)}: the anchor {event.anchor} contains itself")
    return node


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1
