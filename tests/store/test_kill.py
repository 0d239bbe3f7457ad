"""kill -9 at any instant loses no byte that either side received (promise 5)."""

import random
import subprocess
import sys
import time
from pathlib import Path

from jitui.store import Files
from tests.store.life import opened
from tests.store.writer import STREAMS, body

KILLS = 12


def killed(folder: Path, lines: int, seconds: float) -> list[list[bytes]]:
    """Run a writer, kill it so many seconds after it has said so many lines; the lines it got out."""
    with subprocess.Popen([sys.executable, "-m", "tests.store.writer", str(folder)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        first = [writer.stdout.readline() for _ in range(lines)]
        time.sleep(seconds)
        writer.kill()
        said = b"".join(first) + writer.stdout.read()
    return [line.split() for line in said.splitlines(keepends=True) if line.endswith(b"\n")]


async def test_kill_at_random_instants(tmp_path: Path) -> None:
    """All that `done` was called for is on record, byte for byte; the chain holds in the files as they are, and the next gateway ends the lost sessions."""
    folder = tmp_path / "state"
    chance = random.Random(7)
    passed: dict[int, int] = {}  # session -> the last seq whose done ran
    lost_before = 0
    for _ in range(KILLS):
        lines = killed(folder, chance.choice([1, 2, 3, 50, 400]), chance.uniform(0.0, 0.02))
        assert lines[0] == [b"lost", str(lost_before).encode()]
        lost_before = STREAMS if any(line[0] == b"sessions" for line in lines) else lost_before
        if not any(line[0] == b"sessions" for line in lines):
            with Files(folder).reading(folder / "ledger.db") as db:  # killed between the commit and the word, or before it
                (lost_before,) = db.execute("select count(*) from sessions where state <> 'ended'").fetchone()
        for session, seq in (line for line in lines if line[0].isdigit()):
            passed[int(session)] = int(seq)
        assert [verdict.problem for verdict in Files(folder).verify() if not verdict.consistent] == []
    async with opened(folder) as store:
        assert store.loaded.lost_sessions == lost_before
    files = Files(folder)
    assert len(passed) > STREAMS
    for ident, last in passed.items():
        bodies = [frame.body for frame in files.all_frames(ident)]
        assert len(bodies) > last
        assert bodies == [body(ident, seq) for seq in range(len(bodies))]
    rows = files.sessions()
    assert {(row.state, row.ended_why, row.delivered_in, row.delivered_out) for row in rows} == {("ended", "gateway-lost", None, None)}
    assert [row.frames for row in rows] == [sum(1 for _ in files.all_frames(row.id)) for row in rows]
    assert [row.bytes_out for row in rows] == [sum(len(frame.body) for frame in files.all_frames(row.id)) for row in rows]
    assert {verdict.unsigned_tail for verdict in files.verify()} == {0}
    assert len(files.tapes()) > 1
