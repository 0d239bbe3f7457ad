"""One denial on record for the two tries of kubectl, and for the many of a client that does not give up."""

from pathlib import Path

import pytest

from jitui.policy.action import Action
from tests.fakes.house import ADMIN, AGENT, House, Kubectl, house

EXEC = "/api/v1/namespaces/payments/pods/web-1/exec?stdout=true&command=sh"
SPDY = ("Upgrade: SPDY/3.1", "Connection: Upgrade")
WEBSOCKET = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")


async def counts(home: House) -> list[int]:
    await home.until(home.files.actions)
    await home.store.commit([])
    return [row.count for row in home.files.actions()]


async def both(home: House, run: str, protocol: str = "v5.channel.k8s.io", path: str = EXEC) -> list[int]:
    """Makes kubectl's two requests: a GET over WebSocket, and when that fails a POST over SPDY."""
    kubectl: Kubectl = await home.dial()
    session = f"Kubectl-Session: {run}"
    first = await kubectl.ask("GET", path, *WEBSOCKET, f"Sec-WebSocket-Protocol: {protocol}", session)
    second = await (await home.dial()).ask("POST", path, *SPDY, "X-Stream-Protocol-Version: v9.channel.k8s.io", session)
    return [first[0], second[0]]


async def test_a_denied_exec_is_one_row(tmp_path: Path) -> None:
    """Though kubectl asks twice; both are denied, and neither reaches the cluster."""
    async with house(tmp_path) as home:
        await home.window()
        assert await both(home, "a") == [403, 403]
        assert await counts(home) == [1]
        assert await both(home, "b") == [403, 403]
        assert await counts(home) == [2], "another run within ten seconds counts up the same row"
        assert home.cluster.got == b""


async def test_what_our_own_plan_refuses_is_on_record(tmp_path: Path) -> None:
    """A subprotocol that is not carried: one row, with its words."""
    async with house(tmp_path) as home:
        await home.window()
        path = EXEC.replace("payments", "web")
        codes = await both(home, "a", "v3.channel.k8s.io", path)
        assert all(400 <= code < 500 for code in codes)
        assert await counts(home) == [1]
        (row,) = home.files.actions()
        assert (row.verdict, row.action.subresource) == ("denied", "exec")
        assert row.clause


@pytest.mark.parametrize("session", ["Kubectl-Session: 5f0c", "X-Nothing: here"])
async def test_a_client_that_does_not_give_up_is_one_row(tmp_path: Path, session: str) -> None:
    """Ten minutes of `rollout status` after the window: list and list again, with growing pauses."""
    async with house(tmp_path) as home:
        kubectl = await home.dial()
        pauses = (1, 2, 4, 8, 16, 30, *[55] * 9)
        for pause in pauses:
            assert (await kubectl.ask("GET", "/apis/apps/v1/namespaces/web/deployments?fieldSelector=metadata.name%3Dweb", session))[0] == 403
            home.clock.advance(pause)
        assert await counts(home) == [len(pauses)]


async def test_a_row_counts_on_from_its_newest_try_however_late_the_tries_are_written(tmp_path: Path) -> None:
    """A busy writer takes eight of them at once, and then seven."""
    async with house(tmp_path) as home:
        for tries in (8, 7):
            for _ in range(tries):
                home.broker.notes.denied(AGENT, "prod", Action("list", resource="deployments", group="apps"), "no window", group="5f0c")
                home.clock.advance(55)
            await home.store.commit([])
        assert await counts(home) == [15]


async def test_a_denied_command_of_a_megabyte_takes_no_room(tmp_path: Path) -> None:
    """With a window a row has its beginning; without one nobody reads it."""
    async with house(tmp_path) as home:
        await home.agent("other")
        word = "x" * 1000
        path = EXEC + "".join(f"&command={word}" for _ in range(900))
        assert (await (await home.dial()).ask("GET", path, *WEBSOCKET, "Sec-WebSocket-Protocol: v5.channel.k8s.io"))[0] == 403
        await home.window()
        assert (await (await home.dial()).ask("GET", path, *WEBSOCKET, "Sec-WebSocket-Protocol: v5.channel.k8s.io"))[0] == 403
        await home.until(lambda: len(home.files.actions()) == 2)
        without, within = sorted((row.action.argv for row in home.files.actions()), key=len)
        assert without == ()
        assert within[:3] == ("sh", word, word)
        assert sum(map(len, within)) < 5000
        assert within[-1].endswith("characters more")


async def test_a_denied_name_of_64_kib_takes_no_room(tmp_path: Path) -> None:
    """Of a name that no object can have, what tells it from others by eye is on record."""
    async with house(tmp_path) as home:
        kubectl = await home.dial()
        for number in range(20):
            assert (await kubectl.ask("GET", f"/api/v1/namespaces/web/pods/{number}{'n' * 60_000}"))[0] == 403
        await home.until(lambda: len(home.files.actions()) == 20)
        assert max(len(row.action.name) + len(row.action.path) for row in home.files.actions()) < 1000


async def test_what_can_be_read_in_two_ways_is_on_record(tmp_path: Path) -> None:
    """An agent that tries is seen to have tried; equal tries are one row with a count."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        for _ in range(3):
            assert (await kubectl.ask("GET", "/api/v1//namespaces/web/pods"))[0] == 400
        assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods", "Impersonate-User: system:admin"))[0] == 403
        await home.until(lambda: len(home.files.actions()) == 2)
        await home.store.commit([])
        rows = {row.count: row for row in home.files.actions()}
        assert "empty segment" in rows[3].clause
        assert "mpersonat" in rows[1].clause
        assert home.cluster.got == b""


async def test_what_is_denied_belongs_to_the_window_that_was_open(tmp_path: Path) -> None:
    """Or that had just ended: the row with its count is among what was done there, for people and for the agent itself."""
    async with house(tmp_path) as home:

        async def denied(grant: str) -> list[int]:
            await home.broker.windows.settled()
            await home.store.commit([])
            rows = await home.desk(ADMIN).actions(grant=grant)
            assert all(row.grant == grant for row in rows)
            return [row.count for row in rows if row.verdict == "denied"]

        async def over() -> None:
            home.tick()
            await home.broker.windows.settled()
            assert not home.broker.windows.live

        async def ask() -> None:
            assert (await (await home.dial()).ask("GET", "/api/v1/namespaces/payments/pods"))[0] == 403

        await ask()
        home.clock.advance(1)
        await home.window()
        for _ in range(3):
            await ask()
        assert await denied("g-1") == [3], "what was denied before is not of this window, though it was the same"
        home.clock.advance(600)
        await over()
        await ask()
        assert await denied("g-1") == [3, 1]
        home.clock.advance(5)
        await home.window()
        home.clock.advance(1)
        await ask()
        assert (await denied("g-1"), await denied("g-2")) == ([3, 1], [1])
        home.clock.advance(600)
        await over()
        home.clock.advance(61)
        await ask()
        assert (await denied("g-1"), await denied("g-2")) == ([3, 1], [1])
        assert [row.count for row in home.files.actions()] == [1, 3, 1, 1, 1]


async def test_what_is_denied_after_two_short_windows_is_of_the_later_one(tmp_path: Path) -> None:
    """Both ended within the minute."""
    async with house(tmp_path) as home:
        for _ in range(2):
            await home.window(duration_s=5)
            home.clock.advance(6)
            home.tick()
            await home.broker.windows.settled()
        home.clock.advance(5)
        assert (await (await home.dial()).ask("GET", "/api/v1/namespaces/web/pods"))[0] == 403
        await home.store.commit([])
        desk = home.desk(ADMIN)
        assert ([row.count for row in await desk.actions(grant="g-1")], [row.count for row in await desk.actions(grant="g-2")]) == ([], [1])
