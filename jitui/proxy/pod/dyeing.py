"""Which process belongs to which connection: words are written into the output of processes, and seen on the connection on which they come out."""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from typing import Final

from jitui.protocol import probe
from jitui.protocol.probe import order
from jitui.proxy.drain import Drain
from jitui.proxy.dye import nonce
from jitui.proxy.pod.commands import Command
from jitui.proxy.pod.lineage import Family, Ident, ident
from jitui.proxy.pod.look import Look

LOOK_S: Final = 0.005  # seconds between two looks at whether a nonce came out
SHOWN_S: Final = 0.4  # seconds that a nonce may take to come out
DYED: Final = 1000  # processes of one look that are dyed at most


async def dye(look: Look, free: Sequence[Family], everybody: Iterable[Command]) -> tuple[dict[int, list[Family]], set[Ident]]:
    """Write words of its own into each family's output, and see on whose connection they come out; into which processes they could be written."""
    marks: dict[bytes, Family] = {}
    orders = []
    for family in free:
        for each in ([family.leader] if family.leader is not None else family.members):
            if len(marks) < DYED:
                words = nonce(secrets.token_hex(12))
                marks[words] = family
                orders.append(order("y", *ident(each), words.decode()))
    written = set(marks)
    drains = {command.session.id: command.session.drain for command in everybody if command.live or command.session.drain.open}
    for drain in drains.values():
        drain.dye(written)
        if drain.open:
            drain.flow()
    dyed: set[Ident] = set()
    try:
        answers = await look.ask(orders)
        dyed = {(each.pid, each.start) for each in answers if isinstance(each, probe.Did) and each.what == "dyed"}
        await _come_out(written, len(dyed), list(drains.values()))
    finally:
        seen = {words: session for session, drain in drains.items() for words in drain.seen}
        over = {words for words, family in marks.items() if words in seen or not dyed & set(map(ident, family.members))}
        for drain in drains.values():  # words that were written and not seen may still come out of a stream that stands still
            drain.undye(over)
    owned: dict[int, list[Family]] = {}
    for words, family in marks.items():
        if words in seen and family not in owned.get(seen[words], ()):
            owned.setdefault(seen[words], []).append(family)
    return owned, dyed


async def _come_out(marks: set[bytes], dyed: int, drains: Sequence[Drain]) -> None:
    """Wait until as many as were written were seen, on whichever of the connections; SHOWN_S at most."""
    for _ in range(round(SHOWN_S / LOOK_S)):
        if sum(len(marks & drain.seen) for drain in drains) >= dyed:
            return
        await asyncio.sleep(LOOK_S)
