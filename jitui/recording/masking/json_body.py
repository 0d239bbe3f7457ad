"""Masks a JSON body of a kind that holds secrets, by the tables in `fields`, as it comes. Names stay; strings and numbers that no table allows go."""

import re
from typing import Final

from jitui.recording.masking.fields import BODY, MASK, SHOW, Node, Rule, shown
from jitui.recording.masking.spans import SECRET_DATA, Span

DEPTH: Final = 256
NAME: Final = 4096  # bytes of a field's name
_TOKEN: Final = re.compile(rb"[\s,:]*(?:(?P<mark>[{}\[\]])|\"(?P<text>[^\"\\]*(?:\\.[^\"\\]*)*)(?P<close>\"|\\?\Z)|(?P<bare>[^\s,:{}\[\]\"]+))", re.DOTALL)
_ESCAPED: Final = re.compile(rb"[^\"\\]*(?:\\.[^\"\\]*)*(?P<close>\"|\\?\Z)", re.DOTALL)
_BARE: Final = re.compile(rb"true|false|null|-?[0-9][0-9.eE+-]*")
_LITERALS: Final = (b"true", b"false", b"null", b"-")
_AFTER: Final = frozenset([bytes([byte]) for byte in b' \t\r\n,:{}[]"'])
_EVENT: Final = re.compile(rb"(?:\A|\n)(?=\{\"type\":\")")


def _whole(depth: int) -> bytes:
    """A pattern of an object or array with others nested to that depth. It never backtracks."""
    inner = rb"[^{}\[\]\"]++|\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\""
    return rb"[{\[](?:" + inner + (rb"|" + _whole(depth - 1) if depth else b"") + rb")*+[}\]]"


_SHOWN: Final = re.compile(_whole(8), re.DOTALL)


class Json:
    """Feed it the body in pieces of any size. From an unreadable byte on, all is masked: to the end, or in a `watch` to the next event."""

    def __init__(self, *, watch: bool = False, joined: bool = False) -> None:
        """`joined`: the first piece may be from the middle of the body."""
        self._watch = watch
        self._lost = joined
        self._stack: list[tuple[Node, bool]] = []  # open objects (True) and arrays, each with its table
        self._name: Node | None = None  # the table or rule of the coming value, once its name has come
        self._wants_name = False
        self._text: tuple[bool, Rule] | None = None  # inside a string: whether it is a name, and its rule
        self._part = b""  # the bytes so far of an unfinished name or number
        self._bare_open = False  # `_part` belongs to a number, or to true, false or null
        self._escaped = False  # the piece before ended with a backslash

    def feed(self, data: bytes) -> list[Span]:
        spans: list[Span] = []
        at = 0
        if self._lost:
            at = self._find(data, 0, spans, begun=True)
        elif self._text is not None and data:
            at = self._go_on(data, spans)
        elif self._bare_open and data[:1] in _AFTER and not self._bare(0, 0, spans, ended=True):
            at = self._find(data, 0, spans)
        while at < len(data):
            match = _TOKEN.match(data, at)
            if match is None:
                if not data[at:].strip(b" \t\r\n,:"):
                    break
                good = False
            elif match["mark"] is not None:
                whole = _SHOWN.match(data, match.start("mark")) if self._table() is SHOW and match["mark"] in b"{[" and not self._wants_name else None
                if whole is not None:  # all of it is shown: managedFields are often most of a list
                    self._valued()
                    at = whole.end()
                    continue
                good = self._mark(match["mark"])
            elif match["bare"] is not None:
                self._part += match["bare"]
                good = self._bare(*match.span("bare"), spans, ended=match.end() < len(data))
            else:
                good = self._string(match, spans)
            at = match.end() if match is not None and good else self._find(data, at, spans)
        return spans

    def _find(self, data: bytes, at: int, spans: list[Span], *, begun: bool = False) -> int:
        """Masks an unreadable part; returns the offset at which parsing goes on."""
        self._stack.clear()
        self._name, self._wants_name, self._text, self._part, self._escaped, self._bare_open = None, False, None, b"", False, False
        event = _EVENT.search(data, at + (0 if begun else 1)) if self._watch else None
        self._lost = event is None
        end = event.end() if event is not None else len(data)
        if end > at:
            spans.append(Span(at, end - at, SECRET_DATA, begun=begun))
        return end

    # -- tables

    def _table(self) -> Node:
        """The table or rule of the coming value."""
        if self._name is not None:
            return self._name
        return self._stack[-1][0] if self._stack else BODY

    def _rule(self) -> Rule:
        table = self._table()
        if isinstance(table, Rule):
            return table
        rule = table.get("", MASK) if self._stack and self._stack[-1][1] else MASK
        return rule if isinstance(rule, Rule) else MASK

    def _valued(self) -> None:
        """Ends a value."""
        self._name = None
        self._wants_name = bool(self._stack) and self._stack[-1][1]

    def _mark(self, mark: bytes) -> bool:
        if mark in b"{[":
            if len(self._stack) >= DEPTH or self._wants_name:
                return False
            table = self._table()
            self._stack.append((table, mark == b"{"))
            self._name, self._wants_name = None, mark == b"{"
            return True
        if not self._stack or self._stack[-1][1] is not (mark == b"}"):
            return False
        self._stack.pop()
        self._valued()
        return True

    # -- values

    def _bare(self, start: int, end: int, spans: list[Span], *, ended: bool) -> bool:
        """Reads a number or a literal, or the part of it that has come."""
        if self._wants_name or len(self._part) > NAME:
            return False
        if not (_BARE.fullmatch(self._part) or (not ended and any(whole.startswith(self._part) for whole in _LITERALS))):
            return False
        if self._rule() is not SHOW and self._part[:1] not in b"tfn":
            self._masked(start, end, spans, begun=len(self._part) > end - start)
        self._bare_open = not ended
        if ended:
            self._part = b""
            self._valued()
        return True

    def _string(self, match: "re.Match[bytes]", spans: list[Span]) -> bool:
        if self._bare_open:
            return False
        start, end = match.span("text")
        closed = match["close"] == b'"'
        if self._wants_name:
            if end - start > NAME:
                return False
            if closed:
                self._named(match["text"])
            else:
                self._text, self._part = (True, SHOW), match["text"]
                self._escaped = match["close"] == b"\\"
            return True
        rule = self._rule()
        if not shown(rule, match["text"], whole=closed):
            self._masked(start, end + len(match["close"].rstrip(b'"')), spans)
            rule = MASK
        if closed:
            self._valued()
        else:
            self._text, self._escaped = (False, rule), match["close"] == b"\\"
        return True

    def _named(self, name: bytes) -> None:
        table = self._stack[-1][0]
        self._wants_name = False
        if isinstance(table, Rule):
            self._name = table
        else:
            text = name.decode("utf-8", "replace")
            self._name = table.get(text, table.get("*", MASK)) if text else MASK

    def _go_on(self, data: bytes, spans: list[Span]) -> int:
        """Reads on in a string that an earlier piece began; returns the offset behind it."""
        assert self._text is not None
        is_name, rule = self._text
        begin = 1 if self._escaped else 0
        match = _ESCAPED.match(data, begin)
        if match is None:
            return self._find(data, 0, spans, begun=True)
        closed = match["close"] == b'"'
        end = match.end() - (1 if closed else 0)
        if is_name:
            self._part += data[:end]
            if len(self._part) > NAME:
                return self._find(data, 0, spans, begun=True)
        elif rule is not SHOW:
            self._masked(0, end, spans, begun=True)
        self._escaped = match["close"] == b"\\"
        if closed:
            self._text = None
            if is_name:
                name, self._part = self._part, b""
                self._named(name)
            else:
                self._valued()
        return match.end()

    @staticmethod
    def _masked(start: int, end: int, spans: list[Span], *, begun: bool = False) -> None:
        if end > start:
            spans.append(Span(start, end - start, SECRET_DATA, begun=begun))
