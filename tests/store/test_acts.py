"""Rows of actions against the requests on the tapes."""

from contextlib import closing
from pathlib import Path

import pytest

from jitui.recording.frame import Channel, Frame
from jitui.store import Files, acts
from jitui.store.told import Told
from tests.store.evidence import tampering, wrong


@pytest.mark.parametrize(("script", "said"), [
    ("update actions set verb = 'get' where conn = 1 and session = 1", "its verb is another on record"),
    ("update actions set name = 'other' where conn = 1", "its name is another on record"),
    ("update actions set path = '/api/v1/namespaces/web/secrets', resource = 'secrets' where conn = 2", "its resource is another on record"),
    ("update actions set code = 403 where conn = 3", "says 403, the answer on record says 200"),
    ("update actions set audit_id = 'jitui-x' where conn = 3", "has another audit id"),
    ("update actions set verdict = 'denied' where conn = 3", "is of a session, and says 'denied'"),
    ("update actions set identity = 'agent-b' where conn = 3", "is not of the session's identity and connection, agent-a on prod"),
    ("update actions set connection = 'test' where conn = 3", "is not of the session's identity and connection, agent-a on prod"),
    ("update actions set conn = 9 where conn = 3", "tells of a request that is not on record"),
    ("delete from actions where conn = 2", "a request of s-1 (connection 2) has no row"),
    ("update actions set session = 2 where conn = 2", "tells of a request that is not on record"),
])
def test_actions_that_say_something_else(state: Path, script: str, said: str) -> None:
    """Each row follows from a head on the tape, and each answered request of an ended session has one. In an evidence file too."""
    Files(state).export(1, state.parent / "s-1.jitui")
    for place, file in ((state, state / "ledger.db"), (state.parent / "s-1.jitui", state.parent / "s-1.jitui")):
        with tampering(file) as db:
            db.execute(script)
        (problem,) = wrong(place)
        assert problem.startswith("actions: ")
        assert said in problem or "session = 2" in script


def test_a_denial_in_an_evidence_file_is_a_stranger(state: Path) -> None:
    """It is of no session; in a folder it may be, and a session below 0 may be nowhere."""
    with tampering(state / "ledger.db") as db:
        assert acts.strangers(db, exported=True) == ""
        db.execute("update actions set session = 0 where id = 2")
        assert (acts.strangers(db, exported=True), acts.strangers(db, exported=False)) == ("row 2 is of no session that is here", "")
        db.execute("update actions set session = -1 where id = 2")
        assert acts.strangers(db, exported=False) == "row 2 is of no session that is here"


@pytest.mark.parametrize("body", [b"", b"GET", b"GET / HTTP/1.1\r\nno header", b"\xff" * 9000])
def test_a_request_that_no_client_could_send(body: bytes) -> None:
    """It is remembered as one, and no row is compared with it, nor missed."""
    with closing(Told()) as told:
        acts.hear(told, Frame(1, 0, 0, 0, Channel.REQUEST, body))
        acts.hear(told, Frame(1, 1, 0, 0, Channel.RESPONSE, b"no head"))
        assert told.db.execute("select session, conn, times from asked").fetchall() == [(1, 0, 1)]
        assert told.db.execute("select count(*) from answer").fetchone() == (0,)
        assert list(acts.missing(told)) == []
