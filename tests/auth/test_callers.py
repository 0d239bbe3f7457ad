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
    assert callers.by_token(made.text) == Caller(AGENT, made.id)
    directory.put(replace(AGENT, disabled=True))
    with pytest.raises(UnknownCallerError, match=r"agent-a is disabled here"):
        callers.by_token(made.text)
    directory.identities.clear()
    with pytest.raises(UnknownCallerError, match=r"agent-a is disabled here"):
        callers.by_token(made.text)


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
