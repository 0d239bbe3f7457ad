"""A record whose log two witnesses have seen, and the evidence file of its ended session."""

from pathlib import Path

from jitui.recording.facts import LogBegun
from jitui.store import Files
from tests.store.evidence import life
from tests.store.life import opened
from tests.store.test_logged import cosigned, noted


async def seen(folder: Path) -> Path:
    """The record of `evidence.life`, with a log that holds all of it."""
    await life(folder)
    async with opened(folder) as store:
        log = store.open_log()
        origin = log.new_origin([])
        await store.commit([LogBegun(origin=origin).draft("log.db", "gateway")])
        log.begin(origin)
        log.close()
        note = noted(store, folder)
    cosigned(folder, note, 0, 1)
    return folder


async def bundled(folder: Path) -> Path:
    """Its evidence file of s-1, beside it."""
    file = (await seen(folder)).parent / "s-1.jitui"
    Files(folder).export(1, file)
    return file
