"""Finds secrets by the name in front of them: `password: x`, `"client_secret": "x"`, `--token x`, `DB_PASSWORD=x`, `<password>x<`."""

import re
from collections.abc import Iterator
from typing import Final

from jitui.recording.masking.hit import Hit
from jitui.recording.masking.patterns import secret_like
from jitui.recording.masking.words import Places

KIND: Final = "credential"
LONGEST: Final = 16 << 10  # bytes of a quoted value
LITERALS: Final = (b"pass", b"pwd", b"token", b"secret", b"credential", b"key", b'"auth')

_NAME: Final = re.compile(
    rb"(?P<strong>passw(?:or)?ds?|passphrase|(?<=[_-])pass|(?<=db)pass|(?<=_)pwd|secret[_-]?(?:access[_-]?)?key(?:_base)?)"
    rb"|(?P<plain>secret|token|pwd|credentials?)|(?P<key>key(?:-data)?)|(?P<auth>\"auth)(?=\\*\")", re.IGNORECASE)  # fmt: skip
_KEYED: Final = re.compile(
    rb"(?:(?P<strong>(?:api|access|private|account)[_-]?|client-)|(?:encryption|signing|master|storage|preshared|session|cookie|hmac|deploy)[_-]?)\Z",
    re.IGNORECASE)  # fmt: skip
_BEFORE: Final = re.compile(rb"(?:access|session|refresh|id|auth|bearer|security|vault|client|app|shared|webhook)[_-]?\Z", re.IGNORECASE)
# a sign; the value beside a name, as in an environment; or as in XML, a table, SQL, protobuf; or, of a flag, nothing or the next word
_SIGN: Final = re.compile(
    rb"(?:\\*[\"']?(?:[ \t]*(?:=>|[:=])[ \t]*|%3[da](?:%20|[+])?|[ \t]*,\s*\\*\"value\\*\"[ \t]*:[ \t]*|\r?\n[ ]*value:[ \t]+)|[\"'][ \t]+value="
    rb"|(?P<tag>>)(?=[^<\s]{1,256}</)|(?P<loose>[ \t]*\|[ \t]*|[ \t]+(?='))|\x12(?P<size>[\x01-\x7f]))(?P<quote>\\*[\"'])?")
_FLAG: Final = re.compile(rb"(?:[ \t]+|\\*[\"'][ \t]*,\s*(?=\\*[\"'])|&command=)(?P<quote>\\*[\"'])?")
_LOGIN: Final = re.compile(rb"\blogin\s+\S{1,64}\s+\Z", re.IGNORECASE)  # as in .netrc
_WORD: Final = re.compile(rb"[^\s\0\"'&]+(?:[\"'&]+(?=[^\s\0\"'&,;:)\]}\\])[^\s\0\"'&]+)*")
_PART: Final = re.compile(rb"[^\s\0\"'&]+")  # of a query
_QUERY: Final = re.compile(rb"[?&][\w.%=+-]*\Z")
_TAGGED: Final = re.compile(rb"[^<\s]+")
_REST: Final = re.compile(rb"[^\r\n]*[^\s]")  # of a line of YAML
_LINE: Final = re.compile(rb"(?:\A|\n)[ \t]*(?:- )?[\w.-]*\Z")
_BLOCK: Final = re.compile(rb"[|>][+-]?[ \t]*\r?\n(?=(?P<indent>[ ]*))")
_NOTHING: Final = re.compile(
    rb"(?:null|nil|none|true|false|undefined|redacted|required|optional|data\+omitted|[0-9]+ bytes|\*+|\.{3,}"
    rb"|<(?:none|nil|redacted|unset|set to [^>]*|hidden)>?(?:[ ]+optional: [a-z]*)?"
    rb"|\$\{[\w.:-]*\}?|\$\(\w*\)?|\$(?-i:[A-Z_][A-Z0-9_]*|[a-z_]+|[0-9@#?])|\{\{.*|\[masked.*|[{\[(|>])[,;)}\]]*", re.IGNORECASE)  # fmt: skip
_PATH: Final = re.compile(rb"(?:[.~]{1,2})?/[\w.-]+(?:/[\w.-]+)*|[a-z0-9.-]+/[a-z0-9.-]+")  # or the name of an object


def look(text: bytes, lower: Places) -> Iterator[Hit]:
    """The value of every such name, in no order. `lower`: the places of LITERALS."""
    for literal in LITERALS:
        behind = 0
        for at in lower.get(literal, ()):
            hit = _pair(text, at) if at >= behind else None
            if hit is not None:
                yield hit
                behind = hit.end


def _pair(text: bytes, at: int) -> Hit | None:
    name = _NAME.match(text, at)
    if name is None:
        return None
    keyed = _KEYED.search(text, max(0, at - 12), at) if name["key"] else None
    if name["key"] and not keyed:
        return None
    sign = _SIGN.match(text, name.end())
    if sign is None and (_is_flag(text, at) or _LOGIN.search(text, max(0, at - 80), at)):
        sign = _FLAG.match(text, name.end())
    if sign is None or (name["auth"] and not sign["quote"]):
        return None
    strong = bool(keyed["strong"] if keyed else not name["plain"] or _BEFORE.search(text, max(0, at - 12), at))
    groups = sign.groupdict()
    if groups.get("loose") and not strong:
        return None
    start, end, opened = _value(text, at, sign, groups, line=strong)
    value = text[start:end]
    if not value:
        return None
    if not opened and (_NOTHING.fullmatch(value) or ((not strong or groups.get("loose")) and (not secret_like(value) or _PATH.fullmatch(value)))):
        return None
    return Hit(at, start, end, KIND, opened)


def _value(text: bytes, at: int, sign: re.Match[bytes], groups: dict[str, bytes | None], *, line: bool) -> tuple[int, int, bool]:
    """Begin and end of the value behind a sign, and whether it may go on. `at`: offset of the name. `line`: the value may be a whole line."""
    start, size = sign.end(), groups.get("size")
    if size:
        start = sign.end("size")
        return start, min(start + size[0], len(text)), start + size[0] > len(text)
    if quote := sign["quote"]:
        return start, *_quoted(text, start, quote)
    if groups.get("tag"):
        found = _TAGGED.match(text, start, start + LONGEST)
        return start, found.end() if found else start, False
    alone = b":" in sign[0] and _LINE.search(text, max(0, at - 64), at)
    if alone and (block := _BLOCK.match(text, start)):
        return block.end(), *_indented(text, block.end(), len(block["indent"]), alone)
    if line and alone:
        return start, *_bare(text, start, _REST)
    return start, *_bare(text, start, _PART if text[start : start + 1] in b"{[(" or _QUERY.search(text, max(0, at - 64), at) else _WORD)


def _is_flag(text: bytes, at: int) -> bool:
    """Whether the name is the end of `--name`."""
    begin = at
    while begin and at - begin < 40 and (text[begin - 1 : begin].isalnum() or text[begin - 1] in b"-_"):
        begin -= 1
    return text.startswith(b"--", begin)


def _quoted(text: bytes, start: int, quote: bytes) -> tuple[int, bool]:
    """The end of a quoted value, at the latest the line's end; and whether it may go on."""
    at = start
    while True:
        end = text.find(quote, at, start + LONGEST)
        if end < 0:
            break
        back = end
        while back > start and text[back - 1] == 0x5C:
            back -= 1
        if (end - back) % 2 == 0:
            line = text.find(b"\n", start, end)
            return (line, False) if line >= 0 else (end, False)
        at = end + 1
    line = text.find(b"\n", start, start + LONGEST)
    return (line, False) if line >= 0 else (min(len(text), start + LONGEST), len(text) <= start + LONGEST)


def _bare(text: bytes, start: int, shape: re.Pattern[bytes]) -> tuple[int, bool]:
    """The end of a value without quotes: that of the word, or of the line if the line has nothing else."""
    match = shape.match(text, start, start + LONGEST)
    end = match.end() if match else start
    return end, end == len(text)


def _indented(text: bytes, start: int, indent: int, name: re.Match[bytes]) -> tuple[int, bool]:
    """The end of a YAML block: the first line that is indented less than the block's first line, which is indented more than its name."""
    line = name[0].removeprefix(b"\n")
    if indent <= len(line) - len(line.lstrip(b" -")):
        return start, False
    at, limit, margin = start, min(len(text), start + LONGEST), b" " * indent
    while at < limit and (text.startswith(margin, at) or text[at : at + 1] in b"\r\n"):
        end = text.find(b"\n", at, limit)
        at = end + 1 if end >= 0 else limit
    return at, at == len(text)
