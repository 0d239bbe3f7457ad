"""A stream ends with the token it was opened with."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from jitui.store import Store
from tests.fakes.house import ADMIN, AGENT, House, house, rule
from tests.fakes.upstream import Asked
from tests.protocol.test_review import as_json
from tests.proxy.test_relay import connected

PODS = "/api/v1/namespaces/web/pods"


async def rotated(home: House) -> None:
    await home.broker.rotate(AGENT, by=ADMIN)


async def aged(home: House) -> None:
    (row,) = home.broker.roster.tokens.of(AGENT)
    home.broker.roster.directory.put(tokens=[replace(row, expires_us=home.clock.now().wall_us + 5_000_000)])  # type: ignore[type-var]
    home.tick()
    home.clock.advance(5)
    home.tick()


@pytest.mark.parametrize(("end", "says"), [(rotated, b"the token of agent-x was revoked for a new one"), (aged, b"expired")])
async def test_a_stream_ends_with_the_token_it_was_opened_with(tmp_path: Path, end: Callable[[House], object], says: bytes) -> None:
    """With words that say so; the window stays, and the next token goes on in it."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, _ = await connected(home)
        (session,) = [each for each in home.broker.windows.sessions.values() if each.kind == "exec"]
        await end(home)  # type: ignore[misc]
        assert session.muted
        told = b"".join(frame.payload for frame in await kubectl.rest())
        assert says in told
        assert b"the window stays open for its next token" in told
        assert (await (await home.dial()).ask("GET", PODS))[0] == 401
        _, minted = await home.broker.rotate(AGENT, by=ADMIN)
        home.token = minted.text
        await connected(home)
        ends = [fact for fact in await home.facts("session.ending") if fact.subject == session.label]
        assert [(fact.what["why"], fact.what["by"]) for fact in ends] == [("disabled", "gateway")]


async def test_what_is_being_opened_ends_with_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the token was good when it came, and nothing of it ran when the token ended."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        opening, go_on = asyncio.Event(), asyncio.Event()
        commit = Store.commit

        async def slowly(store: Store, drafts: object, **more: object) -> object:
            if any(draft.kind == "session.opened" for draft in drafts):  # type: ignore[attr-defined]
                opening.set()
                await go_on.wait()
            return await commit(store, drafts, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(Store, "commit", slowly)
        asking = asyncio.ensure_future(kubectl.exec())
        await opening.wait()
        await rotated(home)
        go_on.set()
        assert await asking in {401, 403}
        assert b"was revoked for a new one" in kubectl.refusal


SSAR = as_json({"verb": "list", "resource": "pods", "namespace": "web"})


async def test_a_question_that_is_whole_after_its_token_ended(tmp_path: Path) -> None:
    """Its head came with a good token; its answer is 401, and the cluster hears nothing of it."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        kubectl.send(kubectl.head("POST", path, "Content-Type: application/json", f"Content-Length: {len(SSAR)}") + SSAR[:9])
        await home.until(lambda: any(client.current is not None for client in home.listener.clients))
        await rotated(home)
        kubectl.send(SSAR[9:])
        assert (await kubectl.answer())[0] == 401
        assert home.cluster.got == b""


async def test_a_command_whose_container_is_looked_up_while_its_token_ends(tmp_path: Path) -> None:
    """The look-up was on its way; the command never is."""
    async with house(tmp_path, rules=(rule(scope="exec pods in web -- id"),)) as home:
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def answerer(one: Asked) -> None:
            asked.set()
            await go_on.wait()
            one.line.answer(b'{"metadata":{},"spec":{"containers":[{"name":"app"}]}}')

        home.cluster.answerer = answerer
        await home.window()
        kubectl = await home.dial()
        asking = asyncio.ensure_future(kubectl.exec("web-1", "id", query="&container=app"))
        await asked.wait()
        await rotated(home)
        go_on.set()
        assert await asking == 401
        assert [one.method + one.target for one in home.cluster.asked] == ["GET" + PODS + "/web-1"]


@pytest.mark.parametrize("line", ["GET ?watch=1", "GET "])
async def test_what_begins_a_window_while_its_token_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """The window's beginning is being written; a stream, and a plain request, are over before the cluster hears of them. The window stays."""
    async with house(tmp_path, rules=(rule(on_first_use=True),)) as home:
        await home.window()
        kubectl = await home.dial()
        opening, go_on = asyncio.Event(), asyncio.Event()
        commit = Store.commit

        async def slowly(store: Store, drafts: object, **more: object) -> object:
            if any(draft.kind == "grant.active" for draft in drafts):  # type: ignore[attr-defined]
                opening.set()
                await go_on.wait()
            return await commit(store, drafts, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(Store, "commit", slowly)
        method, _, query = line.partition(" ")
        asking = asyncio.ensure_future(kubectl.ask(method, PODS + query))
        await opening.wait()
        await rotated(home)
        go_on.set()
        assert (await asking)[0] in {401, 403}
        assert home.cluster.got == b""
        assert len(home.broker.windows.live) == 1


async def test_tokens_that_aged_are_told_once(tmp_path: Path) -> None:
    """Not those that were revoked before, and not again."""
    async with house(tmp_path) as home:
        tokens, now = home.broker.roster.tokens, home.clock.now().wall_us
        home.tick()
        (row,) = tokens.of(AGENT)
        assert tokens.aged(row.expires_us - 1) == []
        assert [each.id for each in tokens.aged(row.expires_us)] == [row.id]
        assert tokens.aged(row.expires_us + 1) == []
        assert now < row.expires_us
