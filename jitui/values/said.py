"""Text of another party: an agent, a pod, the cluster. It reaches a person only through `clean`.

`Said` is deliberately not a str, so that nobody formats it into markup, a log line or an escape sequence by accident.
JSON keeps the raw text (ASCII-escaped); every human-readable output calls `clean`.
"""

import re
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

# Cc controls, Cf format characters (bidi overrides and isolates, zero-width joiners, tags), Co private use, Cs surrogates,
# Zl and Zp separators, Cn unassigned: none of them belongs in one line of a list.
BANNED: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Cn"})
MARKS: Final = 2  # combining marks kept on one character


@dataclass(frozen=True, slots=True)
class Said:
    """Raw text of another party, as received."""

    raw: str

    def __str__(self) -> str:
        return clean(self.raw)

    def __format__(self, spec: str) -> str:
        return format(clean(self.raw), spec)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        """The hook of pydantic: JSON has the raw string. The import stands here, so that this module stays small."""
        from pydantic_core import core_schema  # noqa: PLC0415

        return core_schema.no_info_after_validator_function(
            lambda value: value if isinstance(value, cls) else cls(value),
            core_schema.union_schema([core_schema.is_instance_schema(cls), core_schema.str_schema()]),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda said: said.raw, return_schema=core_schema.str_schema()),
        )


def clean(text: "str | Said", limit: int = 200) -> str:
    """One printable line of at most `limit` characters: no C0 or C1, no bidi or zero-width characters, at most two combining marks in a row."""
    raw = text.raw if isinstance(text, Said) else text
    if raw.isascii() and raw.isprintable():  # most text: nothing in it is replaced
        return raw if len(raw) <= limit else f"{raw[: max(0, limit - 1)]}…"
    kept: list[str] = []
    marks = 0
    for char in raw[: limit * 8]:
        if char in "\n\r\t":
            char = " "  # noqa: PLW2901
        category = unicodedata.category(char)
        if category in BANNED:
            char = "\N{REPLACEMENT CHARACTER}"  # noqa: PLW2901
        if category in {"Mn", "Me"}:
            marks += 1
            if marks > MARKS:
                continue
        else:
            marks = 0
        kept.append(char)
        if len(kept) > limit:
            return "".join(kept[: limit - 1]) + "…"
    return "".join(kept)


def plain(text: str) -> str:
    """Lines of any length, each cleaned as by `clean`; its line feeds stay."""
    if text.replace("\n", "").isprintable() and (text.isascii() or not _heaped(text)):
        return text
    return "\n".join(clean(line, len(line) + 1) for line in text.split("\n"))


def _heaped(text: str) -> bool:
    """Whether there are more combining marks in a row than are kept."""
    marks = "".join(char for char in set(text) if unicodedata.category(char) in {"Mn", "Me"})
    return bool(marks) and re.search(f"[{marks}]{{{MARKS + 1}}}", text) is not None


def cut(text: str, limit: int) -> str:
    """The text if it has at most `limit` characters; else its beginning, the number of characters left out, and a hash of the whole.

    It bounds the agent's words on record. The hash is of the whole text in UTF-8, so that a holder of the text can prove that it is the one.
    """
    if len(text) <= limit:
        return text
    return f"{text[:limit]}{left_out(text, limit)}"


def left_out(text: str, kept: int) -> str:
    """The words that stand for the rest of `text` after its first `kept` characters."""
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"... (sha256 of all: {digest}) and {len(text) - kept} characters more"
