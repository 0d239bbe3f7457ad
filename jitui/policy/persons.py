"""The persons behind names. A person who created an identity, or who issued a token of it that still works, can act as that identity.

Two names that one person can act as count as one person: their approvals count once, and where one of them may not decide, the other may not either.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Tie:
    """Somebody who can act under another name."""

    name: str
    how: str  # "created bea"; a sentence with the name before it


class Persons:
    """The persons behind names, by ties that are looked up as they are needed."""

    def __init__(self, ties: Callable[[str], Iterable[Tie]]) -> None:
        self._ties = ties

    def behind(self, name: str) -> dict[str, str]:
        """Every name that can act as `name`, the nearest first, each with the reason in words; `name` itself comes first, with an empty reason."""
        found = {name: ""}
        ahead = [name]
        for each in ahead:
            for tie in self._ties(each):
                if tie.name and tie.name not in found:
                    found[tie.name] = f"{tie.name} {tie.how}"
                    ahead.append(tie.name)
        return found

    def holders(self, name: str) -> tuple[Tie, ...]:
        """The direct ties of a name: whoever created it or holds a token of it."""
        return tuple(tie for tie in self._ties(name) if tie.name)

    def shared(self, one: str, other: str) -> str:
        """The reason why two names are one person ("root created bea"); empty if no tie connects them."""
        ones, others = self.behind(one), self.behind(other)
        for name in ones:
            if name in others:
                return " and ".join(why for why in (ones[name], others[name]) if why) or f"{one} is {other}"
        return ""

    def count(self, names: Iterable[str]) -> int:
        """The least number of persons behind these names: names that are tied to each other, directly or through others, count once."""
        groups: list[set[str]] = []
        for name in names:
            group = set(self.behind(name))
            for present in [present for present in groups if present & group]:
                groups.remove(present)
                group |= present
            groups.append(group)
        return len(groups)


ALONE: Final = Persons(lambda _: ())  # every name is a person of its own
