"""The lists of the ledger."""

from pathlib import Path

import pytest

from jitui.policy.terms import Identity, RequestState, Role
from jitui.recording.facts import Draft, Kind
from jitui.store import Files, SessionRow
from jitui.values.errors import NotFoundError
from jitui.values.instant import Instant
from tests.store.life import BOOT, NOW, added, approved, asked, attempted, began, ended, granted, opened, until, window


async def test_rows_of_the_ledger(tmp_path: Path) -> None:
    """Newest last, filtered, and one by one; what isn't there says how to find what is."""
    async with opened(tmp_path / "state") as store:
        await store.commit([added(), *window(), asked(2), approved(2), Draft(Kind.REQUEST_DENIED, "r-2", "ana", {"why": "no"}), asked(3, identity="agent-b")])
        await store.commit([granted(2, 3, identity="agent-b"), began(1), began(2), began(3, grant=2), ended(2, ended_us=NOW + 77)])
        await store.commit([Draft(Kind.GRANT_ENDED, "g-1", "ana", {"state": "revoked", "why": "enough"}), asked(4)])
        files = Files(tmp_path / "state")
        assert files.identities() == {"agent-a": Identity("agent-a", frozenset({Role.AGENT}), "ana", "root")}
        assert [request.id for request in files.requests()] == [1, 2, 3, 4]
        assert [request.id for request in files.requests(limit=2)] == [3, 4]
        assert [request.id for request in files.requests(identity="agent-b")] == [3]
        assert [request.id for request in files.requests(pending=True)] == [4]
        two = files.request(2)
        assert (two.state, two.decided_by, two.why, [each.person for each in two.approvals]) == (RequestState.DENIED, "ana", "no", ["ana"])
        assert [(grant.id, grant.state) for grant in files.grants()] == [(1, "revoked"), (2, "active")]
        assert [grant.id for grant in files.grants(live=True)] == [2]
        assert (files.grant(1).ended_by, files.grant(1).why) == ("ana", "enough")
        assert [row.id for row in files.sessions(live=True)] == [1, 3]
        assert [row.id for row in files.sessions(grant=1)] == [1, 2]
        assert files.session(2) == SessionRow(
            id=2, grant=1, identity="agent-a", connection="prod", kind="exec", target="web/web-7c", argv=("sh", "-c", "id"), tty=True,
            peer="10.0.0.9:4711", command_group="", state="ended", started=Instant(NOW, BOOT, "boot-1"), ended_us=NOW + 77, ended_why="exit",
            ended_by="agent-a", frames=0, bytes_in=0, bytes_out=0, delivered_in=0, delivered_out=5, conns=0, may_run_on=0, head=files.session(2).head)
        for missing, said in ((lambda: files.request(9), "no request r-9; list them with: jitui requests"),
                              (lambda: files.grant(9), "no grant g-9; list them with: jitui grants"),
                              (lambda: files.session(9), "no session s-9")):
            with pytest.raises(NotFoundError, match=said):
                missing()


async def test_actions_and_facts(tmp_path: Path) -> None:
    """The newest so many, oldest first; facts from a seq on, or of one subject."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1), *window(2, 2), began(2, grant=2)])
        for number in range(6):
            store.note(attempted(at_us=NOW + number, session=1 + number % 2, conn=number, verdict="allowed", identity="agent-a" if number % 2 else "agent-0",
                                 audit_id=f"jitui-aa-{1 + number % 2}-{number}"))
        files = Files(tmp_path / "state")
        await until(lambda: len(files.actions()) == 6)
        assert [row.conn for row in files.actions(limit=4)] == [2, 3, 4, 5]
        assert [(row.conn, row.grant) for row in files.actions(grant=2)] == [(1, 2), (3, 2), (5, 2)]
        assert [row.conn for row in files.actions(session=1, identity="agent-0")] == [0, 2, 4]
        assert [row.conn for row in files.actions(audit_id="jitui-aa-2-3")] == [3]
        assert [fact.seq for fact in files.facts(after=3, limit=4)] == [4, 5, 6, 7]
        assert [fact.kind for fact in files.facts(subject="r-1")] == [Kind.REQUEST_ASKED, Kind.REQUEST_APPROVED]
        assert [fact.seq for fact in files.newest_facts(2)] == [8, 9]
