"""Callers are authenticated by token or by uid."""

from dataclasses import dataclass, replace

import pytest

from jitui.auth.callers import Caller, Callers
from jitui.auth.directory import Directory
from jitui.auth.people import People
from jitui.auth.tokens import Tokens, mint
from jitui.policy.terms import Identity, Role
from jitui.values.clock import ManualClock
from jitui.values.errors import UnknownCallerError

AGENT = Identity("agent-a", frozenset({Role.AGENT}), owner="ana")


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    identity: str
    sha256: bytes
    expires_us: int
    revoked_us: int = 0
    issued_by: str = "root"


def test_by_token() -> None:
    """A token is its identity, as the ledger knows it now; a disabled or vanished one is refused though the token is fine."""
    clock = ManualClock()
    made = mint(clock.now().wall_us)
    directory = Directory(People(54321, {}), {"agent-a": AGENT}, Tokens([Row(made.id, "agent-a", made.sha256, made.expires_us)]))
    callers = Callers(directory, clock)
    assert callers.by_token(made.text) == Caller(AGENT, made.id, sha256=made.sha256)
    directory.put(replace(AGENT, disabled=True))
    with pytest.raises(UnknownCallerError, match=r"agent-a is disabled here"):
        callers.by_token(made.text)
    directory.identities.clear()
    with pytest.raises(UnknownCallerError, match=r"agent-a is disabled here"):
        callers.by_token(made.text)


def test_again() -> None:
    """A caller that was found by its token is found again by what is kept of it, as it is by then; not by another token's fingerprint."""
    clock = ManualClock()
    made, other = mint(clock.now().wall_us), mint(clock.now().wall_us)
    directory = Directory(People(54321, {}), {"agent-a": AGENT}, Tokens([Row(made.id, "agent-a", made.sha256, made.expires_us)]))
    callers = Callers(directory, clock)
    caller = callers.by_token(made.text)
    clock.advance(1)
    assert callers.again(caller) is caller
    assert directory.tokens.used_us == {made.id: clock.now().wall_us}
    directory.put(replace(AGENT, owner="ben"))
    assert callers.again(caller).who.owner == "ben"
    with pytest.raises(UnknownCallerError, match=r"unknown here"):
        callers.again(replace(caller, sha256=other.sha256))
    directory.put(replace(AGENT, disabled=True))
    with pytest.raises(UnknownCallerError, match=r"disabled here"):
        callers.again(caller)
    clock.advance(90 * 86400)
    with pytest.raises(UnknownCallerError, match=r"expired"):
        callers.again(caller)


def test_time_is_the_clocks() -> None:
    """A token ages on the gateway's clock."""
    clock = ManualClock()
    made = mint(clock.now().wall_us)
    callers = Callers(Directory(People(54321, {}), {"agent-a": AGENT}, Tokens([Row(made.id, "agent-a", made.sha256, made.expires_us)])), clock)
    clock.advance(90 * 86400)
    with pytest.raises(UnknownCallerError, match=r"expired"):
        callers.by_token(made.text)


def test_by_uid() -> None:
    """A person on the socket has no token."""
    caller = Callers(Directory(People(54321, {})), ManualClock()).by_uid(54321)
    assert (caller.who.name, caller.token) == ("uid-54321", "")
