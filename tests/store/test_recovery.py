"""After a crash: what the next gateway finds on the tape."""

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from jitui.policy.action import Action
from jitui.recording.facts import Draft, Kind
from jitui.recording.frame import Channel, Frame
from jitui.store import Files, Store
from jitui.store.sqlite import TAPE_LIMIT
from jitui.values.clock import ManualClock
from tests.store.life import NOW, attempted, began, crashed, ended, frames, opened, record, until, window

GET = b"GET /api/v1/namespaces/web/pods?limit=500 HTTP/1.1\r\nHost: x\r\nAudit-ID: jitui-g-1-0\r\n\r\n"
POST = b"POST /apis/apps/v1/namespaces/web/deployments HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"


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
        copy = await crashed(tmp_path / "state")
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
        copy = await crashed(tmp_path / "state")
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
        copy = await crashed(tmp_path / "state")
    async with opened(copy):
        found = Files(copy).actions(session=1)
    assert [(row.conn, row.at_us - NOW, row.action.verb, row.action.kind, row.action.namespace, row.hazard, row.code, row.bytes_in, row.bytes_out, row.audit_id)
            for row in found if row.conn != 2] == [
        (0, 0, "list", "pods", "web", "READ", 200, len(GET), 21, "jitui-g-1-0"),
        (1, 30, "create", "deployments.apps", "web", "SPAWN", None, len(POST) + 5, 0, "")]
    assert {(row.identity, row.connection, row.verdict, row.grant) for row in found} == {("agent-a", "prod", "allowed", 1)}
    kept = next(row for row in found if row.conn == 2)
    assert kept == replace(written, id=kept.id, grant=1, action=Action("list", resource="pods", namespace="web"))


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
        copy = await crashed(tmp_path / "state")
        tmp_path.joinpath("state/tapes/000002.db").unlink()
    async with opened(copy) as store:
        assert isinstance(store, Store)
        files = Files(copy)
        assert [fact.subject for fact in files.facts() if fact.kind is Kind.TAPE_OPENED] == ["000001.db", "000002.db"]
        assert [(row.ended_why, row.frames) for row in files.sessions()] == [("gateway-lost", 1)]
        assert [verdict.problem for verdict in files.verify() if not verdict.consistent] == []


async def lost(folder: Path) -> Path:
    """A crash with s-1 open on two tapes, of whose first six frames a signed head speaks: nine of 700 bytes."""
    async with opened(folder) as store:
        await store.commit([*window(), began(1), began(2)])
        for seq in range(6):
            store._tapes.limit = 1 if seq == 5 else TAPE_LIMIT
            await record(store, frames(1, [os.urandom(700)], seq))
        store._tapes.limit = TAPE_LIMIT
        await store.commit([ended(2)])
        for seq in range(6, 9):
            await record(store, frames(1, [os.urandom(700)], seq))
        assert len(Files(folder).tapes()) == 2
        return await crashed(folder)


def edit(folder: Path, tape: int, statement: str) -> None:
    with closing(sqlite3.connect(folder / f"tapes/{tape:06d}.db", isolation_level=None)) as db:
        db.execute(statement)


@pytest.mark.parametrize(("tape", "statement"), [
    (1, "delete from spans"), (1, "update spans set last = first"), (2, "update carried set bytes_in = 0, bytes_out = 0, seq = 9"), (2, "delete from carried"),
    (2, "insert into spans values(1, 6, 0, 1, 1), (0, 1, 0, 1, 1)"),
])
async def test_what_a_lost_session_used_comes_from_its_frames(tmp_path: Path, tape: int, statement: str) -> None:
    """Rows beside the frames that were edited, as spans and what a tape carries, give an agent nothing back of its budget."""
    copy = await lost(tmp_path / "state")
    edit(copy, tape, statement)
    async with opened(copy) as store:
        assert store.loaded.used[1][:2] == (0, 6300)
        fact = Files(copy).newest_facts(1)[0]
    assert (fact.kind, fact.subject, fact.what["frames"], "problem" in fact.what) == (Kind.SESSION_ENDED, "s-1", 9, False)


@pytest.mark.parametrize(("tape", "statement", "frames_signed", "said"), [
    (1, "update frames set body = x'00' where seq = 2", 0, "altered: frame 2 is not what was recorded"),
    (2, "update frames set body = x'00' where seq = 7", 6, "altered: frame 7 is not what was recorded"),
    (2, "delete from frames where seq = 7", 6, "cut: frame 7 is missing"),
    (1, "delete from frames", 0, "cut: frame 0 is missing"),
    (2, "update frames set seq = 99 where seq = 7", 6, "cut: frame 7 is missing"),
])
async def test_a_lost_session_whose_record_is_not_whole_ends_its_window(tmp_path: Path, tape: int, statement: str, frames_signed: int, said: str) -> None:
    """Nobody knows what it has used. The closing fact says what is wrong and claims no more than a signature covers; verify goes on failing."""
    copy = await lost(tmp_path / "state")
    edit(copy, tape, statement)
    async with opened(copy) as store:
        assert (store.loaded.grants, store.loaded.lost_sessions) == ([], 1)
        session, grant = Files(copy).newest_facts(2)
    assert (session.kind, session.what["frames"], session.what["why"]) == (Kind.SESSION_ENDED, frames_signed, "gateway-lost")
    assert said in session.what["problem"]
    assert (grant.kind, grant.what["state"], said in grant.what["why"]) == (Kind.GRANT_ENDED, "revoked", True)
    assert [verdict.subject for verdict in Files(copy).verify() if not verdict.consistent and verdict.session == "s-1"] == ["s-1"]


async def test_frames_cut_behind_a_head_are_missed(tmp_path: Path) -> None:
    """All that follows the third is gone, and a signed head speaks of six."""
    copy = await lost(tmp_path / "state")
    edit(copy, 1, "delete from frames where seq >= 3")
    edit(copy, 2, "delete from frames")
    async with opened(copy) as store:
        assert store.loaded.grants == []
        session, _ = Files(copy).newest_facts(2)
    assert session.what["problem"].startswith("cut: frame 3 is missing; the head signed at fact 8 speaks of 6")
