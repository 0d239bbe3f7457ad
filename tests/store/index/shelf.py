"""Records to be indexed, and an index of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jitui.policy.action import Action
from jitui.recording.frame import Channel, Frame
from jitui.store import Files
from jitui.store.index.book import Book
from jitui.store.index.builder import Builder
from jitui.store.index.reader import Found, Query, Reader
from jitui.tui.keyframes import Keyframes
from tests.store.life import added, attempted, began, ended, issued, opened, record, window

NOW_US = 1_795_449_700_000_000


async def recorded(folder: Path, frames: Sequence[Frame], *, over: bool = True, kind: str = "exec", **end: Any) -> Path:
    """A record with one session of these frames, and two actions: one of it, and one that was denied."""
    async with opened(folder) as store:
        await store.commit([added(), *window(), began(1, kind=kind)])
        await record(store, frames)
        shell = Action("create", resource="pods", subresource="exec", namespace="web", name="web-7c5d9", argv=("sh", "-c", "cat /etc/app.conf"))
        denied = Action("delete", resource="deployments", group="apps", namespace="web", name="shopfront")
        for row in (attempted(session=1, conn=0, verdict="allowed", code=101, action=shell), attempted(action=denied)):
            store.note(row)
        await store.commit([ended(1, **end)] if over else [issued("0a1b2c3d")])
    return folder


def printed(*bodies: bytes, channel: Channel = Channel.STDOUT) -> list[Frame]:
    """Frames, a second apart."""
    return [Frame(1, seq, seq * 1_000_000, 0, channel, body) for seq, body in enumerate(bodies)]


def build(folder: Path, turns: int = 100, now_us: int = NOW_US) -> None:
    """As the process of the gateway does it, until there is nothing more to do."""
    book = Book(folder / "index.db")
    files = Files(folder)
    builder = Builder(files, book, lambda row, start: Keyframes(row.kind, tty=row.tty, start=start))
    for _ in range(turns):
        if not builder.turn(now_us):
            break
    book.close()
    files.close()


def find(folder: Path, text: str, **where: object) -> Found:
    return Reader(Files(folder)).find(Query(text=text, **where), lambda row: True)  # type: ignore[arg-type]
