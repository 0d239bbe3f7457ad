"""Secrets that are known by the name in front of them: `password: x`, `"client_secret": "x"`, `--token x`, `DB_PASSWORD=x`."""

import re
from collections.abc import Iterator
from typing import Final

from jitui.tape.masking.hit import Hit
from jitui.tape.masking.patterns import secret_like

KIND: Final = "credential"
LONGEST: Final = 16 << 10  # bytes of a quoted value
LITERALS: Final = (b"pass", b"_pwd", b"token", b"secret", b"key", b'"auth')

_NAME: Final = re.compile(
    rb"(?P<strong>passw(?:or)?ds?|passphrase|(?<=[_-])pass|_pwd|secret[_-]?(?:access[_-]?)?key(?:_base)?)|(?P<plain>secret|token)"
    rb"|(?P<key>key(?:-data)?)|(?P<auth>\"auth)(?=\\*\")", re.IGNORECASE)  # fmt: skip
_KEYED: Final = re.compile(rb"(?:(?:api|access|private|account)[_-]?|client-)\Z", re.IGNORECASE)
_BEFORE: Final = re.compile(rb"(?:access|session|refresh|id|auth|bearer|security|vault|client|app|shared|webhook)[_-]?\Z", re.IGNORECASE)
# a sign; or the value beside a name, as in an environment; or, of a flag, nothing or the next word
_SIGN: Final = re.compile(
    rb"\\*[\"']?(?:[ \t]*(?:=>|[:=])[ \t]*|%3[da](?:%20|[+])?|[ \t]*,\s*\\*\"value\\*\"[ \t]*:[ \t]*|\r?\n[ ]*value:[ \t]+)(?P<quote>\\*[\"'])?")
_FLAG: Final = re.compile(rb"(?:[ \t]+|\\*[\"'][ \t]*,\s*(?=\\*[\"'])|&command=)(?P<quote>\\*[\"'])?")
_LOGIN: Final = re.compile(rb"\blogin\s+\S{1,64}\s+\Z", re.IGNORECASE)  # as in .netrc
_WORD: Final = re.compile(rb"[^\s\0\"'&]+")
_REST: Final = re.compile(rb"[^\r\n\"'&]*[^\s\"'&]")  # of a line of YAML
_LINE: Final = re.compile(rb"(?:\A|\n)[ \t]*(?:- )?[\w.-]*\Z")
_NOTHING: Final = re.compile(
    rb"(?:null|nil|none|true|false|undefined|redacted|required|optional|data\+omitted|\*+|\.{3,}|<(?:none|nil|redacted|unset|set to [^>]*|hidden)>?"
    rb"|\$\{[\w.:-]*\}?|\$\(\w*\)?|\$\w+|\{\{.*|\[masked.*|[{\[(|>])[,;)}\]]*", re.IGNORECASE)  # fmt: skip
_PATH: Final = re.compile(rb"(?:[.~]{1,2})?/[\w.-]+(?:/[\w.-]+)*")


def look(text: bytes, lower: bytes) -> Iterator[Hit]:
    """Every value of such a name, in no order."""
    for literal in LITERALS:
        at = lower.find(literal)
        while at >= 0:
            hit = _pair(text, at)
            if hit is not None:
                yield hit
            at = lower.find(literal, max(hit.end if hit else 0, at + 1))


def _pair(text: bytes, at: int) -> Hit | None:
    name = _NAME.match(text, at)
    if name is None:
        return None
    if name["key"] and not _KEYED.search(text, max(0, at - 12), at):
        return None
    strong = bool(not name["plain"] or _BEFORE.search(text, max(0, at - 12), at))
    sign = _SIGN.match(text, name.end())
    if sign is None and (_is_flag(text, at) or _LOGIN.search(text, max(0, at - 80), at)):
        sign = _FLAG.match(text, name.end())
    if sign is None or (name["auth"] and not sign["quote"]):
        return None
    start, quote = sign.end(), sign["quote"]
    line = strong and b":" in sign[0] and _LINE.search(text, max(0, at - 64), at) is not None
    end, opened = _quoted(text, start, quote) if quote else _bare(text, start, line=line)
    value = text[start:end]
    if not value:
        return None
    if not opened and (_NOTHING.fullmatch(value) or (not strong and (not secret_like(value) or _PATH.fullmatch(value)))):
        return None
    return Hit(at, start, end, KIND, opened)


def _is_flag(text: bytes, at: int) -> bool:
    """Whether the name is the end of `--name`."""
    begin = at
    while begin and at - begin < 40 and (text[begin - 1 : begin].isalnum() or text[begin - 1] in b"-_"):
        begin -= 1
    return text.startswith(b"--", begin)


def _quoted(text: bytes, start: int, quote: bytes) -> tuple[int, bool]:
    """Where a quoted value ends, at a line's end at the latest; and whether it may go on."""
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


def _bare(text: bytes, start: int, *, line: bool) -> tuple[int, bool]:
    """Where a value without quotes ends: with the word, or with the line if that is all there is in it."""
    match = (_REST if line else _WORD).match(text, start, start + LONGEST)
    end = match.end() if match else start
    return end, end == len(text)
