"""The record as views, whoever asks."""

from base64 import b64encode
from pathlib import Path

import pytest

from jitui.api.service.record import Record
from jitui.recording.frame import Channel, Frame
from jitui.store import Files
from jitui.values.errors import NotFoundError
from tests.store.life import began, ended, opened, record, window

TOKEN = "jt_0123abcd_" + "AbC1" * 10 + "xyz"
LOST = [{"conn": 0, "in": 0, "in_handed": 0, "out": 80, "out_handed": 60}]


@pytest.fixture
async def found(tmp_path: Path) -> Record:
    """A session that printed a token over two frames, of which the second was not handed on."""
    async with opened(tmp_path) as store:
        await store.commit([*window(), began(1)])
        await record(store, [Frame(1, 0, 5, 0, Channel.STDOUT, f"$ {TOKEN[:30]}".encode()), Frame(1, 1, 7, 0, Channel.STDOUT, TOKEN[30:].encode().ljust(48)),
                             Frame(1, 2, 9, 0, Channel.GATEWAY, b"window ended")])  # fmt: skip
        await store.commit([ended(1, why="expired", conns=LOST)])
    return Record(Files(tmp_path))


def test_frames(found: Record) -> None:
    """Each with its bytes as base64, what is masked in it, and whether it was handed on; unmasked with the recorded bytes."""
    row = found.files.session(1)
    masked, unmasked = (found.frames(row, after=-1, limit=10, unmask=unmask) for unmask in (False, True))
    assert [(view.seq, view.at_us, view.conn, view.channel, view.delivered) for view in masked] == [
        (0, 5, 0, "stdout", True), (1, 7, 0, "stdout", False), (2, 9, 0, "gateway", True)]
    assert [len(view.masked) for view in masked] == [1, 1, 0]
    assert [view.data_b64 for view in unmasked[1:]] == [b64encode(TOKEN[30:].encode().ljust(48)).decode(), b64encode(b"window ended").decode()]
    assert [view.body for view in unmasked] == [frame.body for frame in found.files.frames(1)]
    assert not any(view.masked for view in unmasked)
    assert found.frames(row, after=1, limit=10) == masked[2:]


def test_session_facts_and_proof(found: Record) -> None:
    """In the words of the API; what is not there is an error."""
    view = found.session(1)
    assert (view.id, view.grant, view.state, view.ended_why, view.frames) == ("s-1", "g-1", "ended", "expired", 3)
    assert [fact.seq for fact in found.facts(after=2, limit=3)] == [3, 4, 5]
    assert [(proof.subject, proof.consistent, proof.frames) for proof in found.verify(1)] == [("facts", True, found.files.facts()[-1].seq), ("s-1", True, 3)]
    assert found.actions(limit=5) == []
    for read in (found.session, found.verify):
        with pytest.raises(NotFoundError, match="no session s-9"):
            read(9)
