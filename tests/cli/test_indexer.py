"""The process that builds the index."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from jitui.cli.indexer import NICE
from jitui.store.index.process import UNCONFINED
from tests.store.index.shelf import find, printed, recorded
from tests.store.life import opened

TRY = """
import json, os, socket, sys
from pathlib import Path
import jitui.cli.indexer as indexer

place = Path(sys.argv[1])

def tried(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "done"

def work(builder, book, clock):
    tapes = next((place / "tapes").glob("*.db"))
    print(json.dumps({
        "key": tried(lambda: (place / "keys" / "ledger.ed25519").read_bytes()), "ledger": tried(lambda: open(place / "ledger.db", "ab")),
        "tape": tried(lambda: open(tapes, "ab")), "file": tried(lambda: open(place / "new", "w")), "home": tried(lambda: os.listdir("/root")),
        "socket": tried(socket.socket), "signal": tried(lambda: os.kill(os.getppid(), 0)), "remove": tried(lambda: tapes.unlink()),
        "read": tried(lambda: tapes.read_bytes()), "nice": os.getpriority(os.PRIO_PROCESS, 0), "turn": (builder.turn(1), builder.turn(1)) and "done",
    }))

indexer._work = work
step_back = indexer.step_back

def stepped_back():
    step_back()
    group = Path("/proc/self/autogroup")  # "/autogroup-7 nice 19"; empty for a process that is in none
    print(group.read_text().split()[-1:] if group.exists() else [], file=sys.stderr)

indexer.step_back = stepped_back
sys.exit(indexer.main(place))
"""


def test_it_can_read_the_record_and_write_the_index_and_nothing_else(tmp_path: Path) -> None:
    """Not the keys, no other file, no socket, no signal; it does its work all the same, with the terminal's emulator."""
    place = asyncio.run(recorded(tmp_path / "state", printed(b"words \x1b[1mbold\x1b[0m\r\n" + b"x" * 70_000)))
    done = subprocess.run([sys.executable, "-c", TRY, str(place)], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, cwd=Path.cwd(),
                          start_new_session=True)  # fmt: skip
    found = json.loads(done.stdout)
    assert found.pop("nice") >= NICE
    assert done.stderr.splitlines()[0] in {f"['{NICE}']", "[]"}
    assert {name: found.pop(name) for name in ("read", "turn")} == {"read": "done", "turn": "done"}, done.stderr
    assert set(found.values()) == {"PermissionError"}, found
    assert len(find(place, "words bold").hits) == 1
    with closing(sqlite3.connect(place / "index.db")) as db:  # an index of another version of either is begun again
        ((made_by,),) = db.execute("select made_by from about")
    assert [f"{name} {version(name)}" in made_by for name in ("jitui", "pyghostty")] == [True, True], made_by


def test_without_its_confinement_it_reads_nothing(tmp_path: Path) -> None:
    """It says why, and ends."""
    place = asyncio.run(recorded(tmp_path / "state", printed(b"words\r\n")))
    line = ("import sys; from pathlib import Path; from jitui.cli import indexer, confinement; confinement.ARCHITECTURES = {}; "
            "indexer.Builder = None; sys.exit(indexer.main(Path(sys.argv[1])))")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", line, str(place)], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, cwd=Path.cwd())
    assert (done.returncode, done.stdout.startswith("no index is built")) == (UNCONFINED, True), done


def test_it_ends_with_the_gateway(tmp_path: Path) -> None:
    """That is the end of its standard input; beside a gateway at work it indexed what there was by then."""

    async def play() -> int:
        place = await recorded(tmp_path / "state", printed(b"words\r\n"), over=False)
        async with opened(place):
            process = await asyncio.create_subprocess_exec(sys.executable, "-I", "-m", "jitui.cli.indexer", str(place), stdin=asyncio.subprocess.PIPE,
                                                           cwd="/", env={**os.environ})
            async with asyncio.timeout(90):
                while not find(place, "shopfront").hits:  # noqa: ASYNC110 - another process makes them
                    await asyncio.sleep(0.1)
                assert process.stdin
                process.stdin.close()
                return await process.wait()

    assert asyncio.run(play()) == 0


def test_one_that_is_killed_is_gone_on_with(tmp_path: Path) -> None:
    """In the middle of its work, by a signal that it can't see: the next one goes on with what it had committed, and finds each line once."""
    place = asyncio.run(recorded(tmp_path / "state", printed(*[b"line%d " % number + b"words " * 10_000 + b"\r\n" for number in range(60)])))
    for last in (False, True):
        with subprocess.Popen([sys.executable, "-I", "-m", "jitui.cli.indexer", str(place)], stdin=subprocess.PIPE, cwd="/") as process:
            until = time.monotonic() + 90
            while time.monotonic() < until and len(find(place, "line59" if last else "words", limit=1).hits) < 1:
                time.sleep(0.2 if last else 0.02)  # a look costs more than the work that it waits for
            process.kill()
    assert [len(find(place, f"line{number} words").hits) for number in (0, 1, 30, 58, 59)] == [1] * 5
