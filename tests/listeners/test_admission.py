"""Callers are admitted alike at every listener."""

from pathlib import Path

import pytest

from jitui.auth.peer import Unseen
from jitui.listeners.admission import Admission
from jitui.listeners.visitors import Visitor
from jitui.policy.terms import Identity, Role
from jitui.values.errors import NotFoundError, RefusedError, TooManyError, UnavailableError
from tests.fakes.house import ANA, house

BOT = Identity("agent-x", frozenset({Role.AGENT}), owner="owner")
OWN = 54321


async def test_agents_alone_within_their_limits(tmp_path: Path) -> None:
    """A person is told so and stays a stranger; an agent's requests are counted, and nobody gets in while the gateway stops."""
    async with house(tmp_path) as home:
        visitors = home.listener.visitors
        admission = Admission(home.broker, home.proxy, visitors, OWN)
        visitor = visitors.arrive("192.0.2.1", 0.0, lambda: None)
        with pytest.raises(RefusedError, match=r"^ana is a person here; the SSH listener is for agents"):
            admission.agent(visitor, ANA, 1.0, "SSH listener")
        assert (visitor.owner, admission.unauthenticated) == (None, 1)
        home.limit(rate=1, burst=1)
        admission.agent(visitor, BOT, 1.0, "SSH listener")
        assert visitor.owner is not None
        with pytest.raises(TooManyError, match=r"more than 1 requests a second"):
            admission.agent(visitor, BOT, 1.0, "SSH listener")
        admission.open()
        home.broker.windows.stop()
        with pytest.raises(UnavailableError, match="stopping"):
            admission.open()


@pytest.mark.parametrize(("uid", "words"), [
    (OWN, "runs as the gateway's own Unix user"), (Unseen.CLOSING, "connect again"), (None, "connect again"), (OWN + 1, ""), (Unseen.REMOTE, ""),
])  # fmt: skip
async def test_isolation_is_asked_of_the_kernel(tmp_path: Path, uid: int | Unseen | None, words: str) -> None:
    """A connection that requires it is not for the gateway's own user, nor for one that the kernel does not show; one of another name is not there."""
    async with house(tmp_path, isolated_from=OWN) as home:
        admission = Admission(home.broker, home.proxy, home.listener.visitors, OWN)
        visitor = Visitor("192.0.2.1", 0.0, lambda: None)
        visitor.uid = uid
        with pytest.raises(NotFoundError, match="no connection dev here; yours: prod"):
            admission.connection(visitor, BOT, "dev")
        if not words:
            admission.connection(visitor, BOT, "prod")
            return
        with pytest.raises(RefusedError, match=words):
            admission.connection(visitor, BOT, "prod")
