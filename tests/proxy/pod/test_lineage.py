"""Which processes belong to which command."""

from dataclasses import replace

import pytest

from jitui.protocol.probe import Holds, Process
from jitui.proxy.pod import lineage
from jitui.proxy.pod.lineage import Asked, Before, Family, explained, families, fits, ident, linked, parted, recognised, since, written
from jitui.values.errors import InvalidError

OWN = 90  # the session of the look


def process(pid: int, ppid: int = 0, sid: int = 0, start: int = 1000, tty: int = 0, state: str = "S") -> Process:
    return Process(pid, ppid, sid or pid, tty, start, state)


MAIN, WORKER, LOOK = process(1, start=10), process(7, 1, 1, start=12), process(OWN, start=2000)
THERE = [MAIN, WORKER]


def unknown(_: Family) -> None:
    return None

BEFORE = Before.of(THERE)


def strange(*more: Process, before: Before = BEFORE, after: int = 900) -> list[set[int]]:
    """The pids of each family that is not explained."""
    found = [*THERE, LOOK, process(91, OWN, OWN, start=2001), *more]
    return [{each.pid for each in family.members} for family in families(found, explained(found, before, OWN, after))]


def test_a_baseline_is_what_was_there() -> None:
    """Zombies are nobody; as a fact it is read again as it was."""
    assert (BEFORE.processes, BEFORE.sids, BEFORE.known) == (frozenset({(1, 10), (7, 12)}), frozenset({1}), True)
    words = written([*THERE, process(8, 1, state="Z")])
    assert words == ("1:10:1", "7:12:1")
    assert Before.read(words) == BEFORE
    assert not Before.read(()).known
    with pytest.raises(InvalidError):
        Before.read(["1:2"])
    assert written([process(pid) for pid in range(1, 10_003)]) == ()


def test_what_was_there_is_nobodys_command() -> None:
    """Nor is what its sessions and its living children start, or the look; also not what the first process forks now."""
    assert strange() == []
    assert strange(process(50, 1, 1, start=1500), process(51, 50, 1, start=1501)) == []
    assert strange(process(52, 7, 52, start=1500)) == []  # a child of the workload that began a session


def test_a_command_is_one_family() -> None:
    """Children by parent, orphans by session or terminal; a new session of a living parent too."""
    assert strange(process(30), process(31, 30, 30), process(32, 1, 30), process(33, 31, 33)) == [{30, 31, 32, 33}]
    assert strange(process(30, tty=0x8800), process(34, 1, 34, tty=0x8800, start=1001)) == [{30, 34}]
    assert strange(process(30), process(40, start=1100), process(41, 40, 40)) == [{30}, {40, 41}]
    assert strange(process(30, state="Z")) == []


def test_terminals_of_one_number_in_two_containers_are_two() -> None:
    """Where containers share their processes each has a /dev/pts of its own: two first processes are two commands, perhaps of two windows."""
    assert strange(process(30, tty=0x8800), process(40, tty=0x8800, start=1001), process(41, 40, 40, tty=0x8800, start=1002)) == [{30}, {40, 41}]


def test_a_daemon_is_strange_and_nobodys() -> None:
    """An orphan of a session of its own, with nothing of the command's: seen, and tied to nothing."""
    assert strange(process(30), process(35, 1, 35)) == [{30}, {35}]


def test_a_pid_that_was_used_again_is_another_process() -> None:
    """Of a worker that ended, its number comes back with a session that was not there."""
    assert strange(process(70, 0, 70, start=1500), before=Before(frozenset({(70, 11)}), frozenset({1}), known=True)) == [{70}]


def test_without_a_baseline_what_is_older_is_not_the_windows() -> None:
    """And nothing of the sessions of what is older, nor of the first process."""
    assert strange(process(30), process(25, start=100), process(26, 25, 25, start=1500), process(27, 1, 1, start=1500), before=Before()) == [{30}]


def family(*members: Process) -> Family:
    return Family(members)


def test_the_only_one_with_its_words_is_recognised() -> None:
    """One command, one family, the words of the command: without a touch. Else nothing is."""
    one, two = family(process(30), process(31, 30, 30)), family(process(40))
    asked = Asked(5, ("sh",), 900, tty=False)
    assert recognised([asked], [one], {(30, 1000): ("sh",)}, unknown) == {5: one}
    assert recognised([asked], [one], {(30, 1000): ("sleep", "9")}, unknown) == {}
    assert recognised([asked], [one, two], {(30, 1000): ("sh",)}, unknown) == {}
    assert recognised([asked, Asked(6, ("x",), 900, tty=False)], [one], {(30, 1000): ("sh",)}, unknown) == {}
    assert recognised([Asked(5, ("sh",), 1001, tty=False)], [one], {(30, 1000): ("sh",)}, unknown) == {}
    assert recognised([Asked(5, ("sh",), 900, tty=True)], [one], {(30, 1000): ("sh",)}, unknown) == {}


def test_words_alone_make_no_unsure_process_a_commands() -> None:
    """One that began just before the command was let go may be somebody else's with the same words. What its command is known to have begun, is its."""
    before = Before.of(*parted([MAIN, process(30)], 2000, -11.0, 0.0))
    assert (before.processes, before.unsure) == (frozenset({(1, 10)}), frozenset({(30, 1000)}))
    asked, one, argv = Asked(5, ("sh",), 900, tty=False), family(process(30)), {(30, 1000): ("sh",)}
    assert recognised([asked], [one], argv, unknown, before.unsure) == {}
    assert recognised([replace(asked, leader=(30, 1000))], [one], argv, unknown, before.unsure) == {5: one}


def test_a_known_first_process_names_its_family() -> None:
    """Also its orphans, as far as somebody saw them; not a later process of the same number, nor a later session."""
    known = Asked(5, ("sh",), 900, tty=False, leader=(30, 1000))
    assert recognised([known], [family(process(30))], {}, unknown) == {5: family(process(30))}
    orphans = family(process(32, 1, 30))
    assert recognised([known], [orphans], {}, lambda _: (30, 1000)) == {5: orphans}
    assert recognised([known], [orphans], {}, unknown) == {}
    assert recognised([known], [family(process(30, start=3000))], {}, unknown) == {}
    assert recognised([known, Asked(6, ("b",), 900, tty=False)], [family(process(30)), family(process(40))], {(40, 1000): ("b",)},
                      unknown)[6].first.pid == 40


def test_orphans_are_linked_by_what_they_hold() -> None:
    """Not a family with a first process of its own, and by no pipe that the container's own processes hold."""
    own, orphan, other = family(process(30)), family(process(35, 1, 35)), family(process(40))
    assert linked(own, [own, orphan, other], [Holds(1, 30), Holds(1, 35), Holds(1, 40)], {1, 7}) == [orphan]
    assert linked(own, [own, orphan], [Holds(1, 30), Holds(1, 35), Holds(1, 7)], {1, 7}) == []


def test_times_are_ticks_before_the_look() -> None:
    """With a slack of ticks, which grows with the time that the clocks of two machines had to drift apart; never below 0."""
    assert since(2000, 5.0) == 2000 - 506
    assert since(9_000_000, 3600.0) == 9_000_000 - 360_077
    assert since(2000, -1.0) == 2000 + 95
    assert since(10, 5.0) == 0
    assert fits(Asked(5, (), 1000, tty=False), family(process(30)))
    assert ident(process(30)) == (30, 1000)
    assert lineage.TICKS == 100


@pytest.mark.parametrize(("after", "until", "before", "unsure"), [
    (-0.17, -0.17, [1], []),
    (-0.15, -0.15, [1], [20]),
    (-0.14, -0.01, [1, 20], [30]),
    (0.0, 0.0, [1, 20, 30], [40]),
    (0.015, 0.5, [1, 20, 30, 40], [50]),
])  # fmt: skip
def test_what_had_begun_before_a_command_was_let_go(after: float, until: float, before: list[int], unsure: list[int]) -> None:
    """A tick is a hundredth of a second, anywhere in which something may have begun; when it was is known from when a look was asked for and was there."""
    there = [process(pid, start=start) for pid, start in ((1, 10), (20, 1985), (30, 1999), (40, 2000), (50, 2001))]
    assert tuple([each.pid for each in part] for part in parted(there, 2000, after, until)) == (before, unsure)
