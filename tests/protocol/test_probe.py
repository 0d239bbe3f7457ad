"""The script of a look, run by real shells, and the reader of what it says."""

import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from jitui.protocol import probe
from jitui.protocol.probe import Answers, Argv, Did, Done, Hello, Holds, Many, ProbeError, Process, Stat, Words, order, signals

KEY = b"0123456789abcdef"
REST = b" 4194304 0 0 0 0 0 0 0 0 20 0 1 0 %d" + b" 0" * 30
SHELLS = [shell for shell in (("sh",), ("bash",), ("busybox", "sh")) if shutil.which(shell[0])]


def stat(pid: int, name: bytes, ppid: int, sid: int, start: int, tty: int = 0, state: bytes = b"S") -> bytes:
    """A line of /proc/PID/stat (proc(5))."""
    return b"%d (%s) %s %d %d %d %d -1" % (pid, name, state, ppid, sid, sid, tty) + REST % start + b"\n"


def said(line: bytes, data: bytes = b"") -> bytes:
    return b"\n" + KEY + b" " + line + b"\n" + data


@pytest.mark.parametrize("shell", SHELLS, ids="-".join)
def test_every_order_is_carried_out_by_a_real_shell(shell: tuple[str, ...]) -> None:
    """It sees a process with its words, who holds its pipe, dyes and kills it; one of the same pid and another start is left alone."""
    with (subprocess.Popen(["sleep", "100"], stdout=subprocess.PIPE, start_new_session=True) as victim,
          subprocess.Popen(["sleep", "101"], start_new_session=True) as another, subprocess.Popen(["sleep", "102"], start_new_session=True) as lives):
        (it,) = probe.records(Path(f"/proc/{victim.pid}/stat").read_bytes())
        mine = it.pid, it.start
        (second,), (third,) = (probe.records(Path(f"/proc/{each.pid}/stat").read_bytes()) for each in (another, lives))
        many = [(third.pid, third.start + 1), mine, *[(third.pid, 1)] * probe.TOGETHER, (second.pid, second.start)]  # in two orders
        orders = [order("d"), order("a", *mine), order("h", *mine, "-"), order("k", it.pid, it.start + 1), order("y", *mine, "dye")]
        with subprocess.Popen([*shell, "-c", probe.SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as script:
            assert script.stdin is not None
            assert script.stdout is not None
            assert victim.stdout is not None
            script.stdin.write(KEY + b"\n" + b"".join(orders))
            script.stdin.flush()
            dyed = victim.stdout.read(3)
            script.stdin.write(b"".join([*signals("t", many), *signals("k", many), order("q")]))
            script.stdin.close()
            answers = Answers(KEY).feed(script.stdout.read())
            assert script.wait(10) == 0
        assert (dyed, victim.wait(10), another.wait(10)) == (b"dye", -9, -9)
        assert lives.poll() is None
        lives.kill()
    hello, found = answers[0], answers[1]
    assert isinstance(hello, Hello)
    assert isinstance(found, Stat)
    assert {hello.pid, it.pid} <= {each.pid for each in found.processes}
    assert Argv(it.pid, it.start, ("sleep", "100")) in answers
    assert Holds(1, it.pid) in answers
    assert [each for each in answers if isinstance(each, Did)] == [Did("dyed", *mine)]
    assert [each.order for each in answers if isinstance(each, Done)] == list("dahkyttkk")


def test_names_that_look_like_the_rest_of_a_line() -> None:
    """A name may hold brackets, spaces, newlines and what looks like a process; only the kernel's numbers count."""
    names = [b"a) S 1 1 1 1\nb", b"x\n9 (y) S 0 9", b") S 0 7 7 0 -1 ", b"", b"\x1b[2J\n", b"((((", b"kworker/u16:3-events_unbound_and_more"]
    lines = b"".join(stat(pid, name, 0, pid, 100 + pid) for pid, name in enumerate(names, 10))
    assert [each.pid for each in probe.records(lines)] == list(range(10, 10 + len(names)))
    assert {each.ppid for each in probe.records(lines)} == {0}
    assert [each.start for each in probe.records(lines)] == [100 + pid for pid in range(10, 10 + len(names))]


def test_terminals_and_the_dead() -> None:
    """The number of /dev/pts/N is in the device number; a zombie is dead."""
    pts, none, dead = probe.records(stat(5, b"sh", 0, 5, 1, tty=0x8803) + stat(6, b"sh", 0, 6, 1) + stat(7, b"sh", 0, 7, 1, state=b"Z"))
    assert (pts.terminal, none.terminal) == (3, None)
    assert (pts.dead, dead.dead) == (False, True)


def test_what_processes_say_is_never_an_answer() -> None:
    """Words and names that look like the script's own lines lack its key; with the key of another look, too."""
    hostile = b"sh\0\nkilled 1 1\nffffffffffffffff killed 1 1\n\n" + KEY[:-1] + b"0 killed 1 1\n\0"
    answers = Answers(KEY).feed(said(b"argv 7 1", hostile) + said(b"done a"))
    assert len(answers) == 2
    assert isinstance(answers[0], Argv)
    assert answers[1] == Done("a")


def test_ten_thousand_processes_are_read_and_no_more_than_8_mib() -> None:
    """One look of them takes 2 MB; an answer without end is cut off."""
    lines = b"".join(stat(pid, b"sleep", 1, pid, pid) for pid in range(1, 10_001))
    answers = Answers(KEY).feed(said(b"stat", lines) + said(b"done d"))
    assert isinstance(answers[0], Stat)
    assert len(answers[0].processes) == 10_000
    reader = Answers(KEY)
    assert reader.feed(b"x" * (8 << 20)) == []
    with pytest.raises(ProbeError, match="longer than 8 MiB"):
        reader.feed(b"x")


@pytest.mark.parametrize("line", [b"denied", b"denied 1", b"denied x 1", b"denied -1 1", b"killed 9 6", b"done z", b"done", b"rm -rf", b"hello 1",
                                  b"stat 1", b"x" * 300])  # fmt: skip
def test_an_answer_that_was_not_asked_for_ends_the_look(line: bytes) -> None:
    """One error; nothing of it is used."""
    with pytest.raises(ProbeError):
        Answers(KEY).feed(said(line))


WHOLE = (said(b"hello 7 5 1") + said(b"stat", stat(1, b"a) S\n", 0, 1, 5) + stat(9, b"b", 0, 9, 6)) + said(b"done d") + said(b"words 9 6", b"sh-c\n")
         + said(b"many 1000") + said(b"done w") + said(b"argv 9 6", b"sh\0-c\0\n\0") + said(b"done a") + said(b"holds 1 9") + said(b"denied 9 6")
         + said(b"done k"))  # fmt: skip
MEANT = [Hello(7, 5, waits=True), Stat((Process(1, 0, 1, 0, 5, "S"), Process(9, 0, 9, 0, 6, "S"))), Done("d"), Words(9, 6, "sh-c\n"), Many(1000), Done("w"),
         Argv(9, 6, ("sh", "-c", "\n")), Done("a"), Holds(1, 9), Did("denied", 9, 6), Done("k")]  # fmt: skip


@given(st.lists(st.integers(0, len(WHOLE)), max_size=8))
def test_reads_of_any_size_give_the_same(cuts: list[int]) -> None:
    """Whole, byte by byte, cut anywhere."""
    for at in (sorted({0, len(WHOLE), *cuts}), range(len(WHOLE) + 1)):
        reader, ends = Answers(KEY), list(at)
        assert [each for start, end in pairwise(ends) for each in reader.feed(WHOLE[start:end])] == MEANT


@settings(max_examples=300)
@given(st.binary(max_size=400), st.integers(0, len(WHOLE)))
def test_garbage_is_an_error_or_nothing(garbage: bytes, at: int) -> None:
    """Nothing but ProbeError, and never a process that nobody told of in the kernel's form."""
    try:
        answers = Answers(KEY).feed(WHOLE[:at] + garbage + WHOLE[at:])
    except ProbeError:
        return
    assert {each.pid for found in answers if isinstance(found, Stat) for each in found.processes} <= {1, 9, *range(100)}
    assert all(each in MEANT for each in answers if isinstance(each, Did))
