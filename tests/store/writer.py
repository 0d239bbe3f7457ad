"""A gateway that records without end and says, after each `done`, what is on record: to be killed. `python -m tests.store.writer FOLDER`."""

import asyncio
import itertools
import os
import random
import sys
from pathlib import Path

from jitui.recording.frame import Channel, Frame
from jitui.store import Store
from jitui.store.bus import Bus
from jitui.values.clock import SystemClock
from tests.store.life import began, window

STREAMS = 4


def body(session: int, seq: int) -> bytes:
    """The body of frame `seq` of a session: some are small, some packed, some not worth packing."""
    source = random.Random(session * 1_000_003 + seq)
    return source.choice([source.randbytes(source.randrange(200)), b"web-7c " * source.randrange(3000), source.randbytes(source.randrange(40_000))])


async def stream(store: Store, session: int) -> None:
    """As fast as the recorder goes, eight frames ahead."""
    free = asyncio.Semaphore(8)
    for seq in itertools.count():
        await free.acquire()

        def done(error: Exception | None, seq: int = seq) -> None:
            if error:
                raise error
            os.write(1, b"%d %d\n" % (session, seq))
            free.release()

        store.put(Frame(session, seq, seq, 0, Channel.STDOUT, body(session, seq)), done)


async def main(folder: Path) -> None:
    store = await Store.open(folder, SystemClock(), Bus(), reserve_bytes=1 << 20, tape_limit=1 << 20)
    os.write(1, b"lost %d\n" % store.loaded.lost_sessions)
    grant = store.next_grant()
    sessions = [store.next_session() for _ in range(STREAMS)]
    await store.commit([*window(store.next_request(), grant), *(began(session, grant) for session in sessions)])
    os.write(1, b"sessions %d\n" % sessions[0])
    async with asyncio.TaskGroup() as group:
        for session in sessions:
            group.create_task(stream(store, session))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
