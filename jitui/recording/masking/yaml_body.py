"""Masks a YAML body of a kind that holds secrets, line by line, by the tables in `fields`.

It reads only the plain block style that Kubernetes' own tools write: one `name: value` a line. Any other line is masked.
"""

import re
from typing import Final

from jitui.recording.masking.fields import BODY, MASK, SHOW, Node, Rule, shown
from jitui.recording.masking.spans import SECRET_DATA, Span

LINE: Final = 64 << 10  # bytes of a line that are held
_FIELD: Final = re.compile(rb"(?P<indent>[ ]*)(?P<dashes>(?:-[ ]+)*)(?P<name>[\w./$-]+|\"[^\"\\]*\"|'[^']*'):(?:[ ]+(?P<value>[^\r\n]*)|(?=\r?\Z))")
_ITEM: Final = re.compile(rb"(?P<indent>[ ]*)(?P<dashes>(?:-[ ]+)+)(?P<value>[^\r\n]*)")
_BLANK: Final = re.compile(rb"[ \t]*(?:---|\.\.\.)?[ \t]*\r?|[ ]*(?:-[ ]*)+\r?")
_PLAIN: Final = re.compile(rb"[^\[{&*!|>%@`#\"'][^#]*|\"[^\"\\]*\"|'[^']*'|\{\}|\[\]|")


class Yaml:
    """Feed it the body in pieces of any size. The bytes of a line are masked until its name is complete."""

    def __init__(self) -> None:
        self._lost = False
        self._line = b""  # the incomplete last line
        self._open: list[tuple[int, Node]] = []  # indentation and table of each mapping that the next line may belong to

    def feed(self, data: bytes) -> list[Span]:
        spans: list[Span] = []
        if self._lost:
            return [Span(0, len(data), SECRET_DATA, begun=True)] if data else []
        known = len(self._line)
        buffer = self._line + data
        at = 0
        while (end := buffer.find(b"\n", at)) >= 0:
            self._read(buffer[at:end], at - known, spans, ended=True)
            at = end + 1
        self._line = buffer[at:]
        self._read(self._line, at - known, spans, ended=False)
        if len(self._line) > LINE:
            self._lost = True
        return spans

    def _read(self, line: bytes, base: int, spans: list[Span], *, ended: bool) -> None:
        """Masks one line. `base`: its offset in the piece. `ended` is False only for the last line of a piece."""
        start = len(line) if _BLANK.fullmatch(line) else self._secret(line, ended=ended)
        first, end = max(base + start, 0), base + len(line.rstrip(b"\r"))
        if end > first:
            spans.append(Span(first, end - first, SECRET_DATA, begun=base + start < 0))

    def _secret(self, line: bytes, *, ended: bool) -> int:
        """The offset in the line at which the mask begins."""
        field = _FIELD.match(line)
        if field is not None and (ended or field["value"] is not None):
            depth = len(field["indent"]) + len(field["dashes"])
            table = self._within(len(field["indent"]) if field["dashes"] else depth, dashed=bool(field["dashes"]))
            if isinstance(table, Rule):  # a string of several lines, or an object without a table
                if table is not SHOW:
                    return len(field["indent"])
                mine: Node = table
            else:
                name = field["name"].strip(b"\"'").decode("utf-8", "replace")
                mine = table.get(name, table.get("*", MASK))
            value = (field["value"] or b"").rstrip()
            if ended:
                self._open.append((depth, mine if not value or _PLAIN.fullmatch(value) else MASK))
            rule = mine if isinstance(mine, Rule) else mine.get("", MASK)
            plain = _PLAIN.fullmatch(value) and isinstance(rule, Rule) and shown(rule, value, whole=ended)
            return len(line) if plain or not value else field.start("value")
        item = _ITEM.match(line)
        if item is not None and ended:
            table = self._within(len(item["indent"]), dashed=True)
            return len(line) if table is SHOW and _PLAIN.fullmatch(item["value"].rstrip()) else item.start("value")
        return len(line) - len(line.lstrip(b" "))

    def _within(self, depth: int, *, dashed: bool) -> Node:
        """The table of the mapping that a line of this indentation belongs to; deeper mappings are closed."""
        while self._open and (self._open[-1][0] > depth or (self._open[-1][0] == depth and not dashed)):
            self._open.pop()
        return self._open[-1][1] if self._open else BODY
