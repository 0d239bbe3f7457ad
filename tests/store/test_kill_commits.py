"""kill -9 at any instant of a commit of facts: the next start finds each of them signed, and its tables as they say."""

import os
import random
import signal
import time
from itertools import count
from pathlib import Path
from typing import NoReturn

from jitui.store.folder import Folder
from jitui.store.keys import ledger_key
from jitui.store.ledger import Batch, Ledger, tape_opened
from jitui.store.tapes import Chain
from jitui.values.clock import ManualClock
from tests.store.life import added, approved, asked, began, ended, granted
from tests.support.soak import soak

KILLS = soak(10, 100)


def open_ledger(root: Path) -> tuple[Folder, Ledger]:
    """As a gateway does, with all its checks; a crash lets the lock go."""
    folder = Folder(root, reserve_bytes=0)
    folder.take()
    return folder, Ledger(folder, ledger_key(folder.ledger_key), ManualClock(), lambda session: Chain(session, bytes(32), 1, 2))


def commit_for_ever(root: Path, ready: int) -> NoReturn:
    """Windows with their sessions, one commit each, some of them with marks; ends with the process."""
    _, ledger = open_ledger(root)
    os.write(ready, b".")
    for ident in count(ledger.highest("grants") + 1):
        ledger.commit([Batch([asked(ident), approved(ident), granted(ident, ident)]), Batch([began(ident, ident)])], (), {})
        ledger.commit([Batch([ended(ident)])], (), {ident: Chain(ident, bytes(32), 1, 2)} if ident % 2 else {})
    raise AssertionError


def test_a_start_after_kills_during_commits(tmp_path: Path) -> None:
    """Whatever came to be on record is whole: the chain, the signature over its newest fact, and every row of the tables."""
    root, chance = tmp_path / "state", random.Random(11)
    folder, ledger = open_ledger(root)
    ledger.commit([Batch([tape_opened("000001.db"), added()])], (), {})
    ledger.close()
    folder.close()
    grown = [2]
    for _ in range(KILLS):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                commit_for_ever(root, writing)
            finally:
                os._exit(1)
        os.close(writing)
        assert os.read(reading, 1) == b"."
        os.close(reading)
        time.sleep(chance.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        folder, ledger = open_ledger(root)
        assert (ledger.checked.signed, ledger.seq >= grown[-1]) == (ledger.seq, True)
        grown.append(ledger.seq)
        ledger.close()
        folder.close()
    assert len(set(grown)) > 3
