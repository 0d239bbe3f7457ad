"""The persons behind names: whoever made an identity, or issued a token of it that works, can act as it.

Names stand for hands at a keyboard. Where one hand holds two names, they are one person: together they are one approval, and what one of them may not
decide the other may not either.
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
        """Everybody who can act as `name`, nearest first, each with why, in words; itself first, with none."""
        found = {name: ""}
        ahead = [name]
        for each in ahead:
            for tie in self._ties(each):
                if tie.name and tie.name not in found:
                    found[tie.name] = f"{tie.name} {tie.how}"
                    ahead.append(tie.name)
        return found

    def holders(self, name: str) -> tuple[Tie, ...]:
        """Ties to whoever made it or holds it, without those behind them."""
        return tuple(tie for tie in self._ties(name) if tie.name)

    def shared(self, one: str, other: str) -> str:
        """Why two names are one person, in words ("root created bea"); empty if nothing says that they are."""
        ones, others = self.behind(one), self.behind(other)
        for name in ones:
            if name in others:
                return " and ".join(why for why in (ones[name], others[name]) if why) or f"{one} is {other}"
        return ""

    def count(self, names: Iterable[str]) -> int:
        """How many persons these names are at least: those tied to each other, over others too, are one."""
        groups: list[set[str]] = []
        for name in names:
            group = set(self.behind(name))
            for present in [present for present in groups if present & group]:
                groups.remove(present)
                group |= present
            groups.append(group)
        return len(groups)


ALONE: Final = Persons(lambda _: ())  # every name is a person of its own
