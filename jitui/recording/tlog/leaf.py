"""The leaves of the log: where the frames of a session, or the facts, stood when a head of the ledger was signed.

Each checkpoint adds one leaf for each session that changed, and one for the facts, with counts: a session, a tape or a frame that is missing later
is a missing number. A leaf is canonical JSON; its hash is in the tree.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from jitui.recording.facts import canonical
from jitui.values.errors import InvalidError

MOST: Final = 1 << 62
MOST_TEXT: Final = 4096


@dataclass(frozen=True, slots=True)
class SessionLeaf:
    """The frames of one session, as a signed head spoke of them."""

    session: int
    frames: int
    head: str  # hex, the link of the last frame
    fact: int  # the newest fact of that head

    @property
    def text(self) -> str:
        return canonical({"leaf": "session", **asdict(self)})


@dataclass(frozen=True, slots=True)
class FactsLeaf:
    """The facts, and how much there was of each thing by then."""

    seq: int  # of the newest fact
    hash: str  # hex, its link
    at_us: int  # when that head was signed, UTC
    grants: int
    sessions: int  # begun
    ended: int  # of these
    tapes: int  # opened
    frames: int  # of all sessions together, as the leaves before tell

    @property
    def text(self) -> str:
        return canonical({"leaf": "facts", **asdict(self)})


Leaf = SessionLeaf | FactsLeaf
_KINDS: Final[dict[str, type[SessionLeaf | FactsLeaf]]] = {"session": SessionLeaf, "facts": FactsLeaf}


def leaf_of(text: str) -> Leaf:
    """The leaf of its text. Raises InvalidError for any text that was not made by `text`."""
    try:
        told: dict[str, Any] = json.loads(text) if len(text) <= MOST_TEXT else {}
        kind = _KINDS[told.pop("leaf")]
        found = kind(**told)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InvalidError(f"{text[:80]!r} is no leaf of a log") from None
    link, *numbers = sorted(asdict(found).values(), key=lambda value: not isinstance(value, str))
    if any(type(number) is not int or not 0 <= number < MOST for number in numbers) or not isinstance(link, str) or found.text != text or not _is_hash(link):
        raise InvalidError(f"{text[:80]!r} is no leaf of a log")
    return found


def _is_hash(text: str) -> bool:
    return len(text) == 64 and all(each in "0123456789abcdef" for each in text)
