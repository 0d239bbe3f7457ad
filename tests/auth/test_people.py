"""People on the local socket."""

import pytest

from jitui.auth.people import People, Person, user_name
from jitui.policy.terms import Role
from jitui.values.errors import UnknownCallerError

ANA = Person(1000, frozenset({Role.APPROVER}))


def test_solo() -> None:
    """Where no people are configured, the gateway's own user and root are admin, approver, operator and auditor."""
    everything = {Role.ADMIN, Role.APPROVER, Role.OPERATOR, Role.AUDITOR}
    people = People(54321, {})
    assert people.solo
    assert people.by_uid(54321).roles == everything
    assert (people.by_uid(0).name, set(people.by_uid(0).roles)) == ("root", everything)


def test_configured_people() -> None:
    """Named people have their roles; the gateway's own user only runs the house, unless it is named itself."""
    people = People(54321, {"ana": ANA, "bo": Person(54321, frozenset({Role.OPERATOR}))})
    assert (people.by_uid(1000).name, set(people.by_uid(1000).roles)) == ("ana", {Role.APPROVER})
    assert (people.by_uid(54321).name, set(people.by_uid(54321).roles)) == ("bo", {Role.OPERATOR, Role.ADMIN})
    assert (people.by_uid(0).name, set(people.by_uid(0).roles)) == ("root", {Role.ADMIN})


def test_a_stranger() -> None:
    """Another user of the machine is nobody, solo or not."""
    for named in ({}, {"ana": ANA}):
        with pytest.raises(UnknownCallerError, match=r"uid 54322\) is nobody here; add it under people:"):
            People(54321, named).by_uid(54322)


def test_by_name() -> None:
    """A person is found by the name they act under; nobody else is."""
    people = People(54321, {"ana": ANA})
    assert people.by_name("ana") == people.by_uid(1000)
    assert people.by_name("root") == people.by_uid(0)
    assert people.by_name("agent-a") is None


def test_a_uid_without_a_name() -> None:
    """A container's user often has none."""
    assert user_name(54321) == "uid-54321"


def test_other_names_of_the_same_hand() -> None:
    """A person's login, which an admin's facts may carry from before they were named; for the own user of a solo install, root."""
    people = People(54321, {"ana": ANA, "uid-54322": Person(3000, frozenset({Role.OPERATOR})), "bo": Person(54322, frozenset({Role.APPROVER}))})
    assert (people.logins("ana"), people.logins("bo"), people.logins("cy"), people.logins("uid-54321")) == ((user_name(1000),), (), (), ())
    solo = People(54321, {})
    assert (solo.logins("uid-54321"), solo.logins("root"), People(0, {}).logins("root")) == (("root",), (), ())
