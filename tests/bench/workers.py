"""A prototype of docs/more-cores.md, for bench_workers: the roles that one gateway's processes would have, made of the product by replacing what they share.

    python -m tests.bench.workers authority SOCKET  serve ARGS...      has the ledger: commits the facts and rows that workers send
    python -m tests.bench.workers worker SOCKET NUMBER  serve ARGS...  shares the kube port (SO_REUSEPORT), and has a journal of frames

A worker begins with a copy of the authority's folder, which stands for the windows, identities and tokens that the authority would send it. It waits for
the authority's commit of each fact before its own, so the price of a fact is in the figures. An end that the authority decides does not reach it: that part
is not built.
"""

import asyncio
import contextlib
import pickle
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Any, Final

from jitui.cli import main
from jitui.listeners.address import ListenAddress
from jitui.recording.facts import Draft, Fact, GatewayStarted, GatewayStopped, LogBegun
from jitui.store import Store
from jitui.store.actions import ActionRow
from jitui.values.errors import JituiError

SHIP_S: Final = 0.1  # how long an action's row waits for company, as in the journal
NUMBERS: Final = 1_000_000  # sessions of one worker
OWN: Final = {each.KIND for each in (GatewayStarted, GatewayStopped, LogBegun)}  # of each process for itself
LENGTH: Final = struct.Struct("!I")


async def send(writer: asyncio.StreamWriter, value: object) -> None:
    data = pickle.dumps(value)
    writer.write(LENGTH.pack(len(data)) + data)
    await writer.drain()


async def receive(reader: asyncio.StreamReader) -> Any:
    """Raises asyncio.IncompleteReadError at the end."""
    return pickle.loads(await reader.readexactly(LENGTH.unpack(await reader.readexactly(LENGTH.size))[0]))


def authority(path: str) -> None:
    """Lets workers in as soon as the store is open."""
    plain = Store.open
    kept: list[asyncio.Server] = []  # one that nobody holds is closed

    async def opened(*args: Any, **more: Any) -> Store:
        store = await plain(*args, **more)

        async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError):
                while True:
                    what = await receive(reader)
                    if isinstance(what[0], ActionRow):
                        for row in what:
                            store.note(row)
                    else:
                        try:
                            await store.commit(what)
                        except JituiError as error:
                            await send(writer, error)
                        else:
                            await send(writer, None)
            writer.close()

        kept.append(await asyncio.start_unix_server(met, path))
        return store

    Store.open = opened  # type: ignore[method-assign]


def worker(path: str, number: int) -> None:
    """Its facts and rows go to the authority; its frames to its own journal."""
    plain, opening = Store.commit, Store.open
    rows: list[ActionRow] = []
    line: list[Any] = []
    turn = asyncio.Lock()

    async def ship() -> None:
        sent, rows[:] = [*rows], []
        await send(line[1], sent)

    def note(_: Store, row: ActionRow) -> None:
        rows.append(row)
        if len(rows) == 1:
            asyncio.get_running_loop().call_later(SHIP_S, lambda: asyncio.ensure_future(ship()))

    async def commit(store: Store, drafts: Sequence[Draft]) -> Sequence[Fact]:
        if not {draft.kind for draft in drafts} & OWN:
            async with turn:
                await send(line[1], list(drafts))
                if (error := await receive(line[0])) is not None:
                    raise error
        return await plain(store, drafts)

    async def opened(*args: Any, **more: Any) -> Store:
        line[:] = await asyncio.open_unix_connection(path)
        store = await opening(*args, **more)
        store._counters["sessions"] = number * NUMBERS
        return store

    def listen(address: ListenAddress, backlog: int) -> socket.socket:
        return socket.create_server((address.host, address.port), backlog=backlog, reuse_port=True)

    Store.note, Store.commit, Store.open = note, commit, opened  # type: ignore[method-assign, assignment]
    ListenAddress.listen = listen  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    role, place, *rest = sys.argv[1:]
    if role == "authority":
        authority(place)
    else:
        worker(place, int(rest.pop(0)))
    sys.argv = ["jitui", *rest]
    main()
