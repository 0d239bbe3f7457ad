"""Rows as values."""

import sqlite3

import pytest

from jitui.policy.scope import Scope
from jitui.recording.facts import Draft, Fact, Kind
from jitui.store.fold import fold
from jitui.store.rows import load, named, requests_where
from jitui.store.schema import LEDGER
from tests.store.life import NOW, approved, asked, granted


def ledger(*drafts: Draft) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    for step in LEDGER:
        db.executescript(step)
    for seq, draft in enumerate(drafts, 1):
        fold(db, Fact(seq, NOW + seq, draft.kind, draft.who, draft.subject, draft.what, b""))
    return db


def test_rows_by_column_name() -> None:
    """With values by place or by name; a time that is none is an error."""
    db = sqlite3.connect(":memory:")
    assert list(named(db, "select ? as a, 2 as b", ("x",))) == [{"a": "x", "b": 2}]
    assert list(named(db, "select :a as a, null as at_us", {"a": 1})) == [{"a": 1, "at_us": None}]
    with pytest.raises(ValueError, match="at_us of a row is no time: 'noon'"):
        list(named(db, "select 'noon' as at_us"))


def test_a_scope_given_as_clauses_is_the_same_scope() -> None:
    """A list of clauses and its text are one scope, in requests and grants."""
    clauses = ["read pods in web", "exec pods:web-* in web"]
    (request,) = requests_where(ledger(asked(1, scope=clauses)), "id = 1")
    assert request.scope == Scope.parse(clauses) == Scope.parse("; ".join(clauses))


def test_who_decided_is_said_of_decided_requests_only() -> None:
    """One yes of two does not decide."""
    (pending,) = requests_where(ledger(asked(1), approved(1)), "id = 1")
    assert (pending.state, pending.decided_by, pending.decided_us, [each.person for each in pending.approvals]) == ("pending", "", 0, ["ana"])
    (decided,) = requests_where(ledger(asked(1), approved(1), approved(1, "cleo"), granted(7, 1)), "id = 1")
    assert (decided.state, decided.decided_by, decided.decided_us, decided.grant) == ("approved", "cleo", NOW + 3, 7)


def test_a_grant_without_its_approval_time_has_that_of_its_deadline() -> None:
    """The boot clock at approval is the deadline's less the duration."""
    (grant,) = load(ledger(asked(1), granted(1, 1, approved=None)), NOW, 0).grants
    assert grant.deadline is not None
    assert (grant.approved.boot_us, grant.approved.boot_id) == (grant.deadline.boot_us - 1_800_000_000, "boot-1")


def test_an_empty_ledger() -> None:
    """Nothing was ever known."""
    loaded = load(ledger(), 0, 0)
    assert (loaded.newest_us, loaded.lockdown, loaded.identities, loaded.requests, loaded.grants, loaded.tokens) == (0, False, {}, [], [], [])
    assert load(ledger(Draft(Kind.LOCKDOWN_ON, "gateway", "ana", {})), NOW, 0).lockdown
