"""The agent at work, in a house of its own; a person here approves by the command line."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import pytest

from jitui.api.client import Client
from jitui.api.views import RequestView, SessionView
from jitui.demo.house import AGENT, House
from tests.support.processes import until

T = TypeVar("T")


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="jt-", dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr("tempfile.tempdir", None)
        with House(12) as made:
            yield made


def of(house: House, ask: Callable[[Client], Awaitable[Sequence[T]]]) -> Sequence[T]:
    """The gateway's answer, without a command's start: it is asked again and again."""

    async def asked() -> Sequence[T]:
        remote = Client(house.socket)
        try:
            return await ask(remote)
        finally:
            await remote.aclose()

    return asyncio.run(asked())


def requests(house: House) -> Sequence[RequestView]:
    return of(house, lambda remote: remote.requests())


def sessions(house: House) -> Sequence[SessionView]:
    return of(house, lambda remote: remote.sessions())


def test_it_asks_works_asks_again_and_stays_away_once_denied(house: House) -> None:
    """It asks with a reason; approved, it looks, follows a log and types in a shell until the window ends; then it wants the next.

    Denied that, it says so in its log, and does not ask again at once.
    """
    house.work()
    (asked,) = until(lambda: requests(house), "request")
    assert (asked.identity, asked.duration_s, asked.state) == (AGENT, 12, "pending")
    assert house.jitui("approve", asked.id).code == 0
    until(lambda: {"api", "exec", "logs"} <= {one.kind for one in sessions(house)}, "exec and logs")
    (again,) = until(lambda: requests(house), "next request")
    assert again.id != asked.id
    ended = [one for one in sessions(house) if one.kind == "exec"]
    assert {one.ended_why for one in ended} == {"expired"}
    typed = b"".join(house.jitui("frames", one.id, "--raw", "--channel", "stdin").out for one in ended)
    assert b"\r" in typed
    assert house.jitui("verify").code == 0
    assert house.jitui("deny", again.id, "--reason", "not today").code == 0
    log = house.folder / "agent.log"
    until(lambda: "not today" in log.read_text(), "refusal in its log")
    assert requests(house) == []
