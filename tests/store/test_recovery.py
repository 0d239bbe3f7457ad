"""After a crash: what the next gateway finds on the tape."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from jitui.clock import ManualClock
from jitui.facts import Draft, Kind
from jitui.rules.action import Action
from jitui.store import Files, Store
from jitui.store.asked import status_code
from jitui.tape.frame import Channel, Frame
from tests.store.life import NOW, attempted, began, ended, frames, opened, record, until, window

GET = b"GET /api/v1/namespaces/web/pods?limit=500 HTTP/1.1\r\nHost: x\r\nAudit-ID: jitui-g-1-0\r\n\r\n"
POST = b"POST /apis/apps/v1/namespaces/web/deployments HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"


def crashed(folder: Path) -> Path:
    """The files as a kill would leave them: copied while the gateway runs, logs and all."""
    return Path(shutil.copytree(folder, folder.with_name("crashed"), ignore=shutil.ignore_patterns("*-shm")))


def exchange(session: int, *pieces: tuple[int, Channel, bytes]) -> list[Frame]:
    return [Frame(session, seq, seq * 10, conn, channel, body) for seq, (conn, channel, body) in enumerate(pieces)]


async def test_open_sessions_are_lost(tmp_path: Path) -> None:
    """They end as gateway-lost with what the tape says of them; what was delivered stays unknown; an ended one is left alone."""
    async with opened(tmp_path / "state", tape_limit=4000) as store:
        await store.commit([*window(), began(1), began(2), began(3)])
        for seq in range(8):
            await record(store, [*frames(1, [bytes(700 * seq)], seq), *frames(2, [os.urandom(900)], seq, Channel.STDIN)])
        await store.commit([ended(2)])
        before = store._tapes.chain(1)
        copy = crashed(tmp_path / "state")
        assert len(Files(tmp_path / "state").tapes()) > 1
    async with opened(copy) as store:
        assert store.loaded.lost_sessions == 2
        files = Files(copy)
        one, two, three = files.sessions()
        assert (one.state, one.ended_why, one.ended_by, one.delivered_in, one.delivered_out) == ("ended", "gateway-lost", "gateway", None, None)
        assert (one.frames, one.bytes_in, one.bytes_out, one.head) == (8, 0, 700 * 28, before.head)
        assert (two.ended_why, two.frames, two.bytes_in) == ("exit", 8, 7200)
        assert (three.ended_why, three.frames) == ("gateway-lost", 0)
        assert [verdict.problem for verdict in files.verify() if not verdict.consistent] == []
        assert store.next_session() == 4
    async with opened(copy) as store:
        assert store.loaded.lost_sessions == 0


async def test_a_session_number_is_never_used_twice(tmp_path: Path) -> None:
    """Not even one whose opening never became a fact, if a frame of it is on the tape."""
    async with opened(tmp_path / "state") as store:
        await record(store, frames(7, [b"x"]))
        copy = crashed(tmp_path / "state")
    for folder in (tmp_path / "state", copy):
        async with opened(folder) as store:
            assert store.next_session() == 8


async def test_actions_of_lost_sessions_are_made_again(tmp_path: Path) -> None:
    """From the heads on the tape: what was asked, and what came back; rows that were written already stay as they are."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1, kind="api")])
        await record(store, exchange(1, (0, Channel.REQUEST, GET), (0, Channel.RESPONSE, b"HTTP/1.1 200 OK\r\n\r\n"), (0, Channel.RESPONSE_BODY, b"{}"),
                                     (1, Channel.REQUEST, POST), (1, Channel.REQUEST_BODY, b"{...}"), (2, Channel.REQUEST, GET),
                                     (3, Channel.REQUEST, b"nonsense"), (4, Channel.REQUEST, b"GET /api/v1//x HTTP/1.1\r\n\r\n"),
                                     (2, Channel.RESPONSE, b"HTTP/1.1 404 Not Found\r\n\r\n")))
        written = attempted(session=1, conn=2, verdict="allowed", code=404, clause="read pods in web")
        store.note(written)
        files = Files(tmp_path / "state")
        await until(lambda: len(files.actions()) == 1)
        copy = crashed(tmp_path / "state")
    async with opened(copy):
        found = Files(copy).actions(session=1)
    assert [(row.conn, row.at_us - NOW, row.action.verb, row.action.kind, row.action.namespace, row.hazard, row.code, row.bytes_in, row.bytes_out, row.audit_id)
            for row in found if row.conn != 2] == [
        (0, 0, "list", "pods", "web", "READ", 200, len(GET), 21, "jitui-g-1-0"),
        (1, 30, "create", "deployments.apps", "web", "SPAWN", None, len(POST) + 5, 0, "")]
    assert {(row.identity, row.connection, row.verdict, row.grant) for row in found} == {("agent-a", "prod", "allowed", 1)}
    kept = next(row for row in found if row.conn == 2)
    assert kept == replace(written, id=kept.id, grant=1, action=Action("list", resource="pods", namespace="web"))


@pytest.mark.parametrize(("head", "code"), [(b"HTTP/1.1 200 OK\r\n", 200), (b"HTTP/1.1 101 Switching Protocols", 101), (b"HTTP/1.1 99 x", None), (b"", None),
                                            (b"HTTP/1.1", None), (b"HTTP/1.1 2x0 OK", None)])
def test_status_code(head: bytes, code: int | None) -> None:
    """Of a raw response head; None for what is none."""
    assert status_code(head) == code


async def test_newest_fact_is_that_before_this_start(tmp_path: Path) -> None:
    """A gateway that starts with a clock that went back can see it, though opening the store itself writes facts; once it has said so, time begins anew."""
    clock = ManualClock()
    async with opened(tmp_path / "state", clock) as store:
        clock.advance(3600)
        await store.commit([*window(), began(1)])
    clock.set_wall(-7200)
    async with opened(tmp_path / "state", clock) as store:
        assert store.loaded.lost_sessions == 1
        assert store.loaded.newest_us == NOW + 3_600_000_000
        await store.commit([Draft(Kind.CLOCK_WENT_BACK, "gateway", "gateway", {"newest_us": store.loaded.newest_us, "now_us": clock.now().wall_us})])
    async with opened(tmp_path / "state", clock) as store:
        assert store.loaded.newest_us == NOW - 3_600_000_000


async def test_a_crash_between_two_tapes(tmp_path: Path) -> None:
    """A draft of a tape that never got its name is not one; a tape no fact tells of yet is told of at the next start."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [b"a"]))
        tapes = store._tapes
        tapes._make(2)
        tmp_path.joinpath("state/tapes/000003.part").touch(0o600)
        copy = crashed(tmp_path / "state")
        tmp_path.joinpath("state/tapes/000002.db").unlink()
    async with opened(copy) as store:
        assert isinstance(store, Store)
        files = Files(copy)
        assert [fact.subject for fact in files.facts() if fact.kind is Kind.TAPE_OPENED] == ["000001.db", "000002.db"]
        assert [(row.ended_why, row.frames) for row in files.sessions()] == [("gateway-lost", 1)]
        assert [verdict.problem for verdict in files.verify() if not verdict.consistent] == []
