"""Section 8: who may what, and for whom nobody decides."""

import pytest

from jitui.policy.identity import Identity, Role
from jitui.policy.rights import TABLE, Right, require, rights_of, why_not_decide
from jitui.values.errors import RefusedError
from tests.policy.world import agent, person, rule

AGENT, APPROVER, OPERATOR, AUDITOR, ADMIN = Role.AGENT, Role.APPROVER, Role.OPERATOR, Role.AUDITOR, Role.ADMIN


@pytest.mark.parametrize(("right", "roles"), [
    (Right.ASK, {AGENT}),
    (Right.SEE, {APPROVER, OPERATOR, AUDITOR, ADMIN}),
    (Right.DECIDE, {APPROVER}),
    (Right.STOP, {APPROVER, OPERATOR, ADMIN}),
    (Right.LIVE, {APPROVER, OPERATOR, AUDITOR}),
    (Right.RECORDED_DECIDED, {APPROVER}),
    (Right.RECORDED_HOUR, {OPERATOR}),
    (Right.RECORDED, {AUDITOR}),
    (Right.UNMASK, set()),
    (Right.ADMIN, {ADMIN}),
])  # fmt: skip
def test_a_right_belongs_to_its_roles(right: Right, roles: set[Role]) -> None:
    """The table of the design, row by row."""
    assert {role for role in Role if right in rights_of(Identity("x", frozenset({role})))} == roles


def test_roles_add_up_for_a_person() -> None:
    assert rights_of(person("ana", APPROVER, AUDITOR)) == TABLE[APPROVER] | TABLE[AUDITOR]


def test_an_agent_is_an_agent_whatever_else_it_is_given() -> None:
    """Agent and person roles exclude each other."""
    assert rights_of(Identity("x", frozenset({AGENT, APPROVER, ADMIN}))) == {Right.ASK}


def test_a_disabled_identity_has_no_rights() -> None:
    assert rights_of(person("ana", APPROVER, OPERATOR, disabled=True)) == set()


def test_unmasking_is_granted_to_an_auditor_by_name() -> None:
    """Nobody else gets it, even named; an auditor who is the gateway's own user has it, as the files are theirs."""
    assert Right.UNMASK in rights_of(person("eve", AUDITOR, ADMIN))
    assert Right.UNMASK in rights_of(person("eve", AUDITOR, Role.UNMASK))
    assert Right.UNMASK not in rights_of(person("eve", AUDITOR))
    assert Right.UNMASK not in rights_of(person("ana", APPROVER, ADMIN, Role.UNMASK))
    assert Right.UNMASK not in rights_of(Identity("x", frozenset({AGENT, AUDITOR, Role.UNMASK})))


@pytest.mark.parametrize(("who", "right", "says"), [
    (agent(), Right.DECIDE, "agent-x may not approve or deny; that takes the role approver"),
    (person("ann", OPERATOR), Right.ADMIN, "that takes the role admin"),
    (person("ann", ADMIN), Right.LIVE, "that takes the role approver or operator or auditor"),
    (person("ann", AUDITOR), Right.UNMASK, "that takes the role auditor, and unmask beside it"),
    (person("ann", APPROVER, disabled=True), Right.DECIDE, "ann is disabled"),
])  # fmt: skip
def test_a_missing_right_is_said(who: Identity, right: Right, says: str) -> None:
    """The error names the missing right and the roles that have it."""
    with pytest.raises(RefusedError) as error:
        require(who, right)
    assert says in str(error.value)


def test_a_right_one_has_passes() -> None:
    require(person("ana"), Right.DECIDE)


@pytest.mark.parametrize(("who", "whom", "lifted", "says"), [
    (person("ana"), agent(owner="bo"), False, ""),
    (person("ana"), agent(owner="ana"), False, "ana owns agent-x"),
    (person("ana"), agent(owner="bo", created_by="ana"), False, "ana created agent-x"),
    (person("ana"), agent(owner="ana", created_by="ana"), True, ""),
    (person("agent-x"), agent(), True, "agent-x can't decide for itself"),
    (agent(), agent(), True, "agents never decide"),
    (Identity("mix", frozenset({AGENT, APPROVER})), agent(), True, "agents never decide"),
    (person("ann", OPERATOR, AUDITOR), agent(), True, "ann is no approver"),
    (person("root", ADMIN), agent(), True, "root is no approver"),
    (person("ana", disabled=True), agent(), True, "ana is disabled"),
])  # fmt: skip
def test_nobody_grants_themselves(who: Identity, whom: Identity, lifted: bool, says: str) -> None:
    """Not what they are, own or created; `owner_may_approve` lifts owning and having created, and nothing else."""
    why = why_not_decide(who, whom, rule(owner_may_approve=lifted))
    assert says in why
    assert bool(why) is bool(says)
