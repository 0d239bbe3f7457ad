"""The record at a moment, over a real gateway: a window's timeline, the streams that ran, and one request opened, masked."""

import gzip
import json
from pathlib import Path

import pytest

from jitui.cli.shelf import Shelf
from jitui.policy.terms import Identity, Role
from jitui.values import plain
from jitui.values.errors import InvalidError, NotFoundError, RefusedError
from tests.api.service.conftest import AGENT_X, APPROVER, AUDITOR, OPERATOR
from tests.fakes.house import House, house, rule
from tests.fakes.objects import CM, SCOPE, Talk, cm
from tests.fakes.upstream import Asked
from tests.proxy.test_relay import connected

UNMASKING = Identity("una", frozenset({Role.AUDITOR, Role.UNMASK}))
DB = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "db", "namespace": "web"}, "data": {"password": "aHVudGVyMg=="}}


async def played(home: House) -> str:
    """A window with a write, an answer with a Secret, a denial and a command; it ends with the command in it."""
    grant = await home.window()
    talk = Talk(home)
    await talk.merge(f"{CM}/c", cm(a="1"), {"data": {"a": "[@click=app.quit]1"}})
    await talk.ask("GET", "/api/v1/namespaces/web/secrets/db", DB)
    kubectl = await home.dial()
    assert (await kubectl.ask("DELETE", "/api/v1/namespaces/prod/pods/x"))[0] == 403
    kubectl.close()
    home.clock.advance(1)
    kubectl, pod = await connected(home, "sh", query="&stdin=true&tty=true")
    pod.line.message(1, b"/ $ ")
    session = home.broker.windows.sessions[2]
    await home.until(lambda: home.store.recorded(2) and home.store.recorded(2) == session.frames)
    home.clock.advance(1)
    await home.desk(APPROVER).revoke(grant.label, reason="enough")
    await home.store.commit([])
    kubectl.close()
    return grant.label


async def test_a_window_from_its_request_to_its_end(tmp_path: Path) -> None:
    """The same with a gateway and from bare files; marks, keys and moments lead through it."""
    async with house(tmp_path, rules=(rule(scope=f"{SCOPE}; read secrets in web"),)) as home:
        grant = await played(home)
        desk, shelf = home.desk(AUDITOR), Shelf(home.files.place)
        events = await desk.timeline(grant)
        assert [(each.kind, each.mark) for each in events if each.mark] == [
            ("request", "W"), ("request", "S"), ("request", "D"), ("grant.ended", "Z"), ("ended", "X")]
        assert [each.action.verb for each in events if each.action] == ["patch", "get", "delete", "create"]
        assert [each.stream.id for each in events if each.stream] == ["s-2", "s-2"]
        assert plain.of(await shelf.timeline(grant)) == plain.of(events)
        marks = await desk.timeline(grant, marks=True, limit=2)
        assert [each.mark for each in await desk.timeline(grant, marks=True, behind=marks[-1].key)] == ["D", "Z", "X"]
        moment = await desk.moment(grant, at=events[-1].at)
        assert [(each.session.id, each.seq) for each in moment.streams] == [("s-2", (await desk.session("s-2")).frames - 1)]
        assert (moment.identity, moment.connection, str(moment.why), bool(moment.ended)) == ("agent-x", "prod", "enough", True)
        assert plain.of(await shelf.moment(grant, at=events[-1].at)) | {"streams": []} == plain.of(moment) | {"streams": []}
        with pytest.raises(InvalidError):
            await desk.moment(grant, at="soon")
        await shelf.aclose()


async def test_a_request_opened(tmp_path: Path) -> None:
    """Heads and bodies as lines, documents laid out; secrets are masked as in frames, and looking at them unmasked is a fact."""
    async with house(tmp_path, rules=(rule(scope=f"{SCOPE}; read secrets in web"),)) as home:
        await played(home)
        desk = home.desk(AUDITOR)
        write = await desk.exchange("s-1", conn=0)
        assert write.request.head[0].raw.startswith(f"PATCH {CM}/c")
        assert json.loads("\n".join(line.raw for line in write.request.body)) == {"data": {"a": "[@click=app.quit]1"}}
        assert len(write.request.body) == 5
        assert write.answer is not None
        assert write.answer.head[0].raw == "HTTP/1.1 200 OK"
        secret = await desk.exchange("s-1", conn=1)
        assert secret.masked == 1
        assert "aHVudGVyMg==" not in plain.text(secret)
        assert secret.answer is not None
        assert any("password" in line.raw and "***" in line.raw for line in secret.answer.body)
        seen = plain.text(await home.desk(UNMASKING).exchange("s-1", conn=1, unmask=True))
        assert "aHVudGVyMg==" in seen
        assert ("una", "unmasked") in {(fact.who, fact.what["how"]) for fact in await home.facts("viewed")}
        with pytest.raises(NotFoundError, match="s-1 has no request 77"):
            await desk.exchange("s-1", conn=77)
        for who in (AGENT_X, Identity("bea", frozenset({Role.APPROVER}))):
            with pytest.raises(RefusedError):
                await home.desk(who).exchange("s-1", conn=1)
        with pytest.raises(RefusedError):
            await desk.exchange("s-1", conn=1, unmask=True)
        with pytest.raises(RefusedError):
            await home.desk(AGENT_X).timeline("g-1")
        home.clock.advance(3601)
        with pytest.raises(RefusedError):
            await home.desk(OPERATOR).exchange("s-1", conn=1)


async def test_hostile_bodies(tmp_path: Path) -> None:
    """Compressed, broken and very long ones come as far as they can be read, and say so."""
    bomb = gzip.compress(b"[" * (3 << 19))

    async def says(asked: Asked) -> None:
        body = {"a": bomb, "b": b'{"kind":', "c": b"\x1b[2J\n" * 5000}[asked.target[-1]]
        asked.line.answer(body, "200 OK", *["Content-Encoding: gzip"] * (body == bomb))

    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        await home.window()
        home.cluster.answerer = says
        kubectl = await home.dial()
        for name in "abc":
            assert (await kubectl.ask("GET", f"{CM}/{name}"))[0] == 200
        await home.store.commit([])
        kubectl.close()
        found = [(await home.desk(AUDITOR).exchange("s-1", conn=conn)).answer for conn in range(3)]
        assert [answer.note if answer else None for answer in found] == [
            "only its first 1 MiB are read", "not laid out: Expecting value: line 1 column 9 (char 8)", "3000 further lines are left out"]
        assert all(len(answer.body) <= 2000 and all(len(line.raw) <= 2000 for line in answer.body) for answer in found if answer)
