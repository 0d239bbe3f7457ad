"""Words in the output of processes, which come out on the connections of their commands."""

from types import SimpleNamespace
from typing import Any, cast

from jitui.protocol.probe import Did, Process
from jitui.proxy.pod.commands import Command, Several
from jitui.proxy.pod.dyeing import dye
from jitui.proxy.pod.lineage import families
from jitui.proxy.pod.look import Place


async def test_the_connection_on_which_words_come_out_tells_whose_a_process_is() -> None:
    """Of one whose output takes none, or shows none, nothing is told; no more words are awaited than may still come out."""
    processes = [Process(pid, 0, pid, 0, 500, "S") for pid in (30, 40, 50)]
    command = Command(Several(5, ("sh",)), Place("prod", "web", "box", "box"), 0.0)
    drain = command.session.drain
    written: list[bytes] = []

    async def ask(orders: list[bytes]) -> list[Did]:
        written.extend(each.split(b" ", 3)[3].rstrip(b"\n") for each in orders)
        drain._look(cast("Any", "stdout"), b"said " + written[0])
        return [Did("dyed", 30, 500), Did("dyed", 40, 500), Did("undyed", 50, 500)]

    owned, dyed = await dye(cast("Any", SimpleNamespace(ask=ask)), families(processes, ()), [command])
    assert {session: [family.first.pid for family in found] for session, found in owned.items()} == {5: [30]}
    assert dyed == {(30, 500), (40, 500)}
    assert drain.wanted_nonces == {written[1]}
