"""Plain requests and streams go the same way to their cluster: credential, connection, one more try."""

import asyncio
from pathlib import Path

import pytest

from jitui.policy.grant import Event
from tests.fakes.house import House, Kubectl, house
from tests.fakes.upstream import Asked

PODS = "/api/v1/namespaces/web/pods"
BOTH = pytest.mark.parametrize("kind", ["plain", "stream"])


async def go(kubectl: Kubectl, kind: str) -> tuple[int, bytes]:
    """Code and body of the answer."""
    if kind == "stream":
        return await kubectl.exec(), kubectl.refusal
    code, _, body = await kubectl.ask("GET", PODS)
    return code, body


def accepts(home: House, *accepted: str) -> None:
    """A cluster that answers 401 to every other credential."""

    async def answerer(asked: Asked) -> None:
        if asked.get("authorization") not in accepted:
            asked.line.answer(b"who are you", "401 Unauthorized")
        elif asked.get("upgrade"):
            asked.line.switch(asked)
            await asked.line.reader.read()
        else:
            asked.line.answer(b"{}")

    home.cluster.answerer = answerer


def shown(home: House) -> list[str]:
    """The credentials that the cluster saw."""
    return [asked.get("authorization") for asked in home.cluster.asked]


@BOTH
async def test_a_401_is_tried_once_more_with_another_credential(tmp_path: Path, kind: str) -> None:
    """The client hears nothing of it, and the refused connection is closed."""
    async with house(tmp_path) as home:
        await home.window()
        home.cluster.tokens = [b"first", b"second"]
        accepts(home, "Bearer second")
        kubectl = await home.dial()
        assert (await go(kubectl, kind))[0] == (101 if kind == "stream" else 200)
        assert shown(home) == ["Bearer first", "Bearer second"]
        await home.until(lambda: home.cluster.open_lines == 1)
        assert (home.failed, home.troubles) == ([], [])
        kubectl.close()


@BOTH
async def test_after_a_second_401_there_is_no_third_try(tmp_path: Path, kind: str) -> None:
    """However many credentials there are; a 502 says who finds out why, never a 401, which would be about the client's own token."""
    async with house(tmp_path) as home:
        await home.window()
        home.cluster.tokens = [b"first", b"second", b"third"]
        accepts(home, "Bearer third")
        code, body = await go(await home.dial(), kind)
        assert (code, b"does not accept the gateway's credential" in body, b"jitui check" in body) == (502, True, True)
        assert shown(home) == ["Bearer first", "Bearer second"]
        await home.until(lambda: not home.cluster.open_lines)


@BOTH
async def test_a_window_that_ends_while_the_credential_is_waited_for_dials_nothing(tmp_path: Path, kind: str) -> None:
    """The client is told at once; when the credential comes, nobody is called."""
    async with house(tmp_path) as home:
        await home.window()
        began, gate = asyncio.Event(), asyncio.Event()

        async def authorization(_: object) -> tuple[tuple[bytes, bytes], ...]:
            began.set()
            await gate.wait()
            return ((b"Authorization", b"Bearer late"),)

        home.cluster.ready, home.cluster.authorization = lambda _: None, authorization  # type: ignore[method-assign,assignment]
        going = asyncio.ensure_future(go(await home.dial(), kind))
        await began.wait()
        (window,) = home.broker.windows.live.values()
        home.broker.windows.end(window, Event.REVOKE, by="ana", why="enough")
        code, body = await going
        assert (code, b"revoked by ana: enough" in body) == (403, True)
        gate.set()
        await asyncio.sleep(0.05)
        assert (home.cluster.lines, home.failed) == ([], [])


@BOTH
async def test_a_cluster_that_can_not_be_reached_is_told(tmp_path: Path, kind: str) -> None:
    """A 502 with the reason, and the session of a stream is over."""
    async with house(tmp_path) as home:
        await home.window()
        home.cluster.port = 1
        code, body = await go(await home.dial(), kind)
        assert (code, b"refused" in body) == (502, True)
        await home.until(lambda: not any(session.kind == "exec" for session in home.broker.windows.sessions.values()))


async def test_a_stream_never_takes_a_kept_connection(tmp_path: Path) -> None:
    """Nor leaves one: what was once somebody's stream is nobody's next request."""
    async with house(tmp_path) as home:
        await home.window()
        accepts(home, "Bearer first")
        kubectl = await home.dial()
        await go(kubectl, "plain")
        assert len(home.pool) == 1
        assert (await go(kubectl, "stream"))[0] == 101
        assert (len(home.pool), len(home.cluster.lines)) == (1, 2)
        kubectl.close()
        await home.until(lambda: home.cluster.open_lines == 1)
        assert len(home.pool) == 1
