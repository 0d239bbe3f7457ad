"""Which names are one person."""

from collections.abc import Mapping, Sequence
from typing import Final

import pytest

from jitui.policy.persons import ALONE, Persons, Tie
from jitui.policy.request import approve
from jitui.policy.rights import why_not_decide
from jitui.policy.terms import RequestState
from jitui.values.errors import RefusedError
from tests.policy.world import NOW, agent, person, request, rule

TIES: Final[Mapping[str, Sequence[Tie]]] = {
    "ana": (Tie("root", "created ana"),),
    "bea": (Tie("root", "issued a token of bea"), Tie("", "created bea")),
    "cy": (Tie("ana", "issued a token of cy"),),
    "loop": (Tie("pool", "created loop"),), "pool": (Tie("loop", "created pool"),),
    "agent-x": (Tie("cy", "issued a token of agent-x"),),
}  # fmt: skip
PERSONS: Final = Persons(lambda name: TIES.get(name, ()))


def test_who_is_behind_a_name() -> None:
    """Makers and holders, and theirs; a circle is no trap."""
    assert PERSONS.behind("cy") == {"cy": "", "ana": "ana issued a token of cy", "root": "root created ana"}
    assert set(PERSONS.behind("loop")) == {"loop", "pool"}
    assert PERSONS.behind("dan") == {"dan": ""}


@pytest.mark.parametrize(("one", "other", "why"), [
    ("ana", "bea", "root created ana and root issued a token of bea"), ("root", "cy", "root created ana"), ("cy", "ana", "ana issued a token of cy"),
    ("dan", "ana", ""), ("dan", "eve", ""),
])  # fmt: skip
def test_why_two_names_are_one_person(one: str, other: str, why: str) -> None:
    assert PERSONS.shared(one, other) == why
    assert ALONE.shared(one, other) == ""


@pytest.mark.parametrize(("names", "count"), [
    ((), 0), (("dan",), 1), (("dan", "eve"), 2), (("ana", "bea"), 1), (("ana", "dan", "cy"), 2), (("bea", "cy", "root", "loop", "pool"), 2),
])  # fmt: skip
def test_how_many_persons(names: Sequence[str], count: int) -> None:
    """However they are ordered."""
    assert PERSONS.count(names) == PERSONS.count(reversed(names)) == count


@pytest.mark.parametrize(("who", "owner", "created_by", "says"), [
    ("cy", "bo", "dan", "cy issued a token of agent-x, and nobody decides for what they hold"),
    ("ana", "bo", "dan", "ana counts as cy, who issued a token of agent-x: ana issued a token of cy"),
    ("bea", "bo", "dan", "bea counts as cy, who issued a token of agent-x: root issued a token of bea and root created ana"),
    ("loop", "pool", "dan", "loop counts as pool, who owns agent-x: loop created pool"),
    ("loop", "bo", "pool", "loop counts as pool, who created agent-x: loop created pool"),
    ("eve", "bo", "dan", ""),
])  # fmt: skip
def test_nobody_decides_under_another_name(who: str, owner: str, created_by: str, says: str) -> None:
    """Whoever can act as the owner, the maker or the holder is them; the rule's `owner_may_approve` lifts it as it lifts owning."""
    why = why_not_decide(person(who), agent(owner=owner, created_by=created_by), rule(), PERSONS)
    assert (why.startswith(says), bool(why)) == (True, bool(says))
    assert why_not_decide(person(who), agent(owner=owner, created_by=created_by), rule(owner_may_approve=True), PERSONS) == ""


def test_names_of_one_person_are_one_yes() -> None:
    """They are told so; and names that were two when they said yes and are one at the last yes count as one then."""
    first = approve(request(), rule(approvals=2), person="ana", now=NOW, persons=PERSONS)
    with pytest.raises(RefusedError, match="ana already approved r-41, and bea counts as the same person: root issued a token of bea and root created ana"):
        approve(first, rule(approvals=2), person="bea", now=NOW, persons=PERSONS)
    assert approve(first, rule(approvals=2), person="dan", now=NOW, persons=PERSONS).state is RequestState.APPROVED
    two = approve(first, rule(approvals=3), person="bea", now=NOW)
    third = approve(two, rule(approvals=3), person="dan", now=NOW, persons=PERSONS)
    assert (third.state, [each.person for each in third.approvals]) == (RequestState.PENDING, ["ana", "bea", "dan"])
    assert approve(third, rule(approvals=3), person="eve", now=NOW, persons=PERSONS).state is RequestState.APPROVED


def test_a_yes_that_is_void_is_left_out() -> None:
    """And may be said again."""
    first = approve(request(), rule(approvals=2), person="ana", now=NOW)
    second = approve(first, rule(approvals=2), person="bo", now=NOW, void={"ana"})
    assert (second.state, [each.person for each in second.approvals]) == (RequestState.PENDING, ["bo"])
    assert approve(second, rule(approvals=2), person="ana", now=NOW, void={"ana"}).state is RequestState.APPROVED
