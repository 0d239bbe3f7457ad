"""Which processes are a window's, by what looks saw."""

import math
import time
from dataclasses import replace

import pytest

from jitui.protocol.probe import ARGV, COMMAND, Process
from jitui.proxy.pod.kin import EARLY_S, Kin, Spell
from jitui.proxy.pod.lineage import Before, Family, families, ident

BOOT = 1000.0  # loop time at which the node's clock stood at 0


def process(pid: int, ppid: int = 0, sid: int = 0, start: int = 500) -> Process:
    return Process(pid, ppid, sid or pid, 0, start, "S")


def at(ticks: int) -> float:
    """Loop time of a start."""
    return BOOT + ticks / 100


MAIN = process(1, start=10)
SHELL = ("sh", "-c", "x")


def spell(session: int = 5, argv: tuple[str, ...] = SHELL, asked: int = 490, ended: int | None = None, *, mine: bool = True) -> Spell:
    return Spell(session, argv, at(asked), None if ended is None else at(ended), mine)


def looked(*processes: Process, words: dict[int, str], when: int = 501, kin: Kin | None = None) -> Kin:
    """One look at that tick, which saw processes and the words of some."""
    kin = kin or Kin(Before.of([MAIN]))
    kin.see([MAIN, *processes], at(when))
    for each in processes:
        if each.pid in words:
            kin.heard(ident(each), words[each.pid])
    kin.looked(at(when))
    return kin


def family(*members: Process) -> Family:
    (found,) = families(members, ())
    return found


def test_the_exec_with_the_words_of_the_only_command_is_its() -> None:
    """With all that was seen as its child or in its session, also as orphans later, and in sessions that those began."""
    first, child, own = process(30), process(31, 30, 30), process(32, 30, 32)
    kin = looked(first, child, own, words={30: "sh-cx"})
    kin.claim([spell()], at(510))
    found = kin.of(5)
    assert found is not None
    assert (found.ident, found.mine) == ((30, 500), True)
    orphans = process(31, 1, 30), process(32, 1, 32), process(40, 1, 32, start=900), process(41, 1, 30, start=901)
    kin.see(orphans, at(902))
    for each in orphans:
        assert kin.owner(family(each)) is found
    assert kin.owner(family(process(50, 1, 50, start=600))) is None
    assert kin.others(found.ident) == [(31, 500, 30), (32, 500, 32), (40, 900, 32), (41, 901, 30)]


@pytest.mark.parametrize("spells", [
    [spell(argv=("sh", "-c", "y"))],  # other words
    [spell(asked=510)],  # it began before the command was asked for
    [spell(ended=480, asked=470)],  # and after another's end
    [spell(), spell(6, mine=False)],  # another window's command has the same words
    [],
])  # fmt: skip
def test_else_it_is_nobodys(spells: list[Spell]) -> None:
    """Nothing is the window's that may be somebody else's."""
    kin = looked(words={}, when=485)
    looked(process(30), words={30: "sh-cx"}, kin=kin)
    kin.claim(spells, at(700))
    assert kin.owner(family(process(30))) is None


def test_two_execs_and_one_command() -> None:
    """Somebody else began one with the same words: neither is claimed, unless the other came when the first was settled long ago."""
    kin = looked(process(30), process(40), words={30: "sh-cx", 40: "sh-cx"})
    kin.claim([spell()], at(700))
    assert kin.of(5) is None
    kin = looked(process(30), words={30: "sh-cx"})
    kin.claim([spell()], at(501) + EARLY_S + 0.1)
    looked(process(40, start=900), words={40: "sh-cx"}, when=901, kin=kin)
    kin.claim([spell()], at(1100))
    assert kin.owner(family(process(30))) is not None
    assert kin.owner(family(process(40, start=900))) is None


def test_a_process_with_other_words_may_be_the_commands() -> None:
    """It became another program before it was seen: then the one that has the words is somebody else's. Not if it is another command's, or began too late."""
    one, other = process(30), process(40)
    for start, spells, theirs in (
        (500, [spell()], {}),
        (500, [spell(), spell(6, argv=("sleep", "9"), mine=False)], {30: 5}),
        (500, [spell(), spell(6, argv=("sh", "-c", "exec sleep 9"), mine=False)], {30: 5}),
        (500, [replace(spell(ended=505), exited=True), spell(6, argv=("sh", "-c", "exec sleep 9"))], {30: 5}),
        (800, [spell()], {30: 5}),
    ):
        kin = looked(one, replace(other, start=start), words={30: "sh-cx", 40: "sleep9"}, when=start + 1)
        kin.claim(spells, at(950))
        assert {first.ident[0]: first.session for first in kin.firsts.values() if first.mine} == theirs, (start, spells)
    kin = looked(one, other, words={30: "sh-cx"}, kin=looked(words={}, when=495))  # nobody saw the words of the other
    kin.claim([spell()], at(950))
    assert kin.of(5) is None
    look = "".join(COMMAND) + "4f"
    kin = looked(one, other, words={30: "sh-cx", 40: look[:ARGV]})
    kin.claim([spell()], at(950))
    assert kin.of(5) is not None  # that is the gateway's own
    kin = looked(one, other, words={30: "sh-cx", 40: "sleep9"})
    kin.outlived([MAIN, other], at(520), [replace(spell(ended=510), exited=True)])
    kin.claim([replace(spell(ended=510), exited=True)], at(950))
    assert kin.of(5) is not None  # as the other outlived the command


def test_a_process_of_an_unseen_session_tells_of_an_unseen_exec() -> None:
    """That may have been the command's, and the one with its words somebody else's."""
    for ppid, sid, theirs in ((1, 40, False), (1, 30, True), (30, 40, True), (1, 1, True)):
        kin = looked(process(30), process(41, ppid, sid), words={30: "sh-cx"})
        kin.claim([replace(spell(ended=502), exited=True)], at(700))
        assert (kin.owner(family(process(30))) is not None) == theirs, (ppid, sid)
        kin.keep([MAIN, process(30)], [])
        assert not kin._unseen


def test_what_is_proved_of_one_command_is_no_longer_said_of_another() -> None:
    """Two processes and two commands with the same words seemed to be the window's; the words of one command came out of a third process."""
    kin = looked(process(30), process(40), words={30: "sh-cx", 40: "sh-cx"})
    spells = [spell(), spell(6)]
    kin.claim(spells, at(700))
    looked(process(50, start=600), words={50: "sleep9"}, when=701, kin=kin)
    kin.proved(5, SHELL, (30, 500))
    kin.proved(6, SHELL, (50, 600))
    kin.claim(spells, at(702))
    assert {first.ident[0]: first.session for first in kin.firsts.values() if first.mine} == {30: 5, 50: 6}


def test_a_command_whose_input_ended_has_probably_ended() -> None:
    """A process that has its words may be an operator's, unless it was certain before that it is the command's."""
    for known in (False, True):
        kin = looked(words={}, when=495)
        looked(process(30), words={30: "sh-cx"}, kin=kin)
        if known:
            kin.claim([spell()], at(501) + EARLY_S + 0.1)
        kin.claim([replace(spell(ended=650), cut=True)], at(700))
        assert (kin.of(5) is not None) == known
        assert kin.judged((30, 500))


def test_what_is_refuted_of_a_command_is_not_said_again() -> None:
    """Words in its output came out on no connection of commands that may have begun it: it is somebody else's who began it meanwhile."""
    kin = looked(process(30), words={30: "sh-cx"})
    kin.claim([spell(), spell(6)], at(700))
    assert kin.owner(family(process(30))) is not None
    kin.refuted((30, 500), [5, 6])
    kin.claim([spell(), spell(6)], at(702))
    assert kin.owner(family(process(30))) is None


def test_what_began_just_before_the_command_was_let_go_is_its_only_if_it_runs() -> None:
    """Then its own process is there, and no other has its words; else it may be somebody else's, and makes it uncertain whose a later one is."""
    before = replace(Before.of([MAIN]), unsure=frozenset({(30, 500)}))
    later = at(501) + EARLY_S + 0.1
    for command, now, theirs in ((spell(), at(510), None), (spell(), later, 5), (spell(ended=540), later, None)):
        kin = looked(process(30), words={30: "sh-cx"}, kin=Kin(before))
        kin.claim([command], now)
        found = kin.owner(family(process(30)))
        assert (found.session if found is not None else None) == theirs
    kin = looked(process(30), words={30: "sh-cx"}, kin=Kin(before))
    looked(process(40, start=520), words={40: "sh-cx"}, when=521, kin=kin)
    kin.claim([spell()], at(521) + EARLY_S + 0.1)
    assert not any(first.mine for first in kin.firsts.values())


def test_nothing_is_settled_while_a_rival_may_still_begin_its_own() -> None:
    """A second command with the words was asked for just now: the process that seems to be its may be somebody else's, or the first command's."""
    for third, theirs in ((False, {30: 5, 40: 0}), (True, {})):
        kin = looked(process(30), words={30: "sh-cx"})
        kin.claim([spell()], at(510))
        spells = [spell(), spell(6, asked=600)]
        looked(process(40, start=610), words={40: "sh-cx"}, when=612, kin=kin)
        kin.claim(spells, at(600) + EARLY_S)
        assert [first.settled for first in kin.firsts.values()] == [False, False]
        if third:
            looked(process(50, start=650), words={50: "sh-cx"}, when=652, kin=kin)
        kin.claim(spells, at(652) + EARLY_S + 0.1)
        assert [first.settled for first in kin.firsts.values()] == [True] * len(kin.firsts)
        assert {first.ident[0]: first.session for first in kin.firsts.values() if first.mine} == theirs


def test_a_look_tells_the_clock_of_the_node() -> None:
    """A process that was seen late had not begun late: somebody else's of long before the command is not its."""
    for known, theirs in ((True, False), (False, True)):
        kin = Kin(Before.of([MAIN]))
        if known:
            kin.clock(400, at(402))
        looked(process(30, start=450), words={30: "sh-cx"}, when=501, kin=kin)
        kin.claim([spell(asked=490)], at(510))
        assert (kin.of(5) is not None) == theirs


def test_a_command_begins_one_process_and_no_later_one() -> None:
    """Its session may go on when its process is gone and forgotten: somebody else's exec with the same words is not its."""
    kin = looked(process(30), words={30: "sh-cx"})
    kin.claim([spell()], at(501) + EARLY_S + 0.1)
    assert kin.keep([MAIN], [spell()]) == set()
    looked(process(40, start=900), words={40: "sh-cx"}, when=901, kin=kin)
    kin.claim([spell()], at(1100))
    assert kin.owner(family(process(40, start=900))) is None
    assert kin.of(5) is None
    looked(process(50, start=1200), words={50: "sh-cx"}, when=1201, kin=kin)
    kin.claim([spell(), spell(6, asked=1190)], at(1400))
    assert [first.ident for first in (kin.of(5), kin.of(6)) if first is not None] == [(50, 1200)]


def test_equal_commands_of_one_window_are_the_windows() -> None:
    """Whose is whose is not known."""
    kin = looked(process(30), process(40), words={30: "sh-cx", 40: "sh-cx"})
    kin.claim([spell(), spell(6)], at(700))
    found = [kin.owner(family(process(pid))) for pid in (30, 40)]
    assert [first is not None and first.session == 0 for first in found] == [True, True]


def test_an_exec_whose_words_nobody_saw_is_nobodys() -> None:
    """As that of a command which was over at once. The container's first process and what was there before are none."""
    kin = looked(process(30), words={})
    kin.claim([spell(ended=502)], at(700))
    assert kin.owner(family(process(30))) is None
    assert (1, 10) not in kin.firsts


def test_the_runtimes_own_process_becomes_the_commands() -> None:
    """It begins its session only after it was seen first."""
    kin = looked(Process(30, 0, 7, 0, 500, "R"), words={}, when=500)
    assert kin.firsts == {}
    looked(process(30), words={30: "sh-cx"}, kin=kin)
    kin.claim([spell()], at(510))
    assert kin.of(5) is not None


def test_the_number_of_a_session_may_be_used_again() -> None:
    """When all of its processes are gone. A daemon with the number is the window's if one of the session was seen to live then, or a moment before."""
    for start, others, theirs in ((590, (), True), (700, (), False), (700, (process(31, 1, 30),), True), (700, (process(33, start=700),), False)):
        kin = looked(process(30), process(31, 30, 30), words={30: "sh-cx"})
        kin.claim([spell()], at(700))
        daemon = process(60, 1, 30, start)
        kin.see([MAIN, *others, daemon], at(start + 1))
        assert (kin.owner(family(daemon)) is not None) == theirs, (start, others)
    kin = Kin()
    kin.restore(5, (30, 500), [(31, 500, 30), (34, 580, 30)])
    kin.see([MAIN, process(60, 1, 30, 650), process(61, 1, 30, 900)], at(901))
    assert [kin.owner(family(process(pid, 1, 30, start))) is not None for pid, start in ((60, 650), (61, 900))] == [True, True]
    kin.see([MAIN, process(62, 1, 30, 1100)], at(1101))
    assert kin.owner(family(process(62, 1, 30, 1100))) is None


def test_a_process_that_lives_is_of_no_command_that_has_exited() -> None:
    """A command that was over before anybody saw it had the same words: the one that lives is somebody else's, who began it meanwhile."""
    over, runs = replace(spell(ended=510), exited=True), spell(6)
    for spells, processes, theirs in (
        ([over], (30,), {}),
        ([over, runs], (30,), {30: 6}),
        ([over, runs], (30, 40), {}),
        ([replace(over, exited=False)], (30,), {30: 5}),
    ):
        there = [process(pid) for pid in processes]
        kin = looked(*there, words=dict.fromkeys(processes, "sh-cx"))
        kin.outlived([MAIN, *there], at(511), spells)
        kin.claim(spells, at(700))
        assert {first.ident[0]: first.session for first in kin.firsts.values() if first.mine} == theirs, spells
    kin = looked(process(30), words={30: "sh-cx"})
    kin.claim([spell()], at(501) + EARLY_S + 0.1)  # certain, as it seemed
    kin.outlived([MAIN, process(30)], at(900), [replace(spell(ended=899), exited=True)])
    assert kin.owner(family(process(30))) is None
    kin.outlived([MAIN], at(511), [over])  # of one that is gone too nobody says so
    kin = looked(process(30), process(40), words={30: "sh-cx", 40: "sh-cx"})
    kin.outlived([MAIN, process(40)], at(511), [over, runs])
    kin.claim([over, runs], at(700))
    assert {first.ident[0]: first.session for first in kin.firsts.values() if first.mine} == {30: 0, 40: 6}


def test_hundreds_of_equal_commands_are_compared_at_once() -> None:
    """Each process with each command, and that for each of them, would hold up the loop for seconds."""
    there = [process(pid) for pid in range(100, 600)]
    kin = looked(*there, words={each.pid: "sh-cx" for each in there})
    spells = [spell(session, asked=400 + session % 90) for session in range(1, 501)]
    began = time.process_time()
    kin.claim(spells, at(502))
    assert time.process_time() - began < 1.0
    assert all(first.mine for first in kin.firsts.values())


def test_what_is_gone_is_forgotten() -> None:
    """So a number that is used again is nobody's; the number of a session is not used again while one of its processes lives."""
    kin = looked(process(30), process(31, 30, 30), process(40, start=501), words={30: "sh-cx", 40: "sh-cy"}, when=502)
    spells = [replace(each, exited=True) for each in (spell(ended=505), spell(6, argv=("sh", "-c", "y"), ended=505))]
    kin.claim(spells, at(510))
    assert kin.keep([MAIN, process(31, 1, 30)], spells) == {(30, 500)}
    assert set(kin.firsts) == {(30, 500)}
    kin.see([process(31, 1, 30), process(99, 1, 30, start=700), process(98, 1, 40, start=700)], at(701))
    assert kin.owner(family(process(99, 1, 30, start=700))) is not None
    assert kin.owner(family(process(98, 1, 40, start=700))) is None


def test_what_is_on_record_is_taken_over() -> None:
    """By the next gateway."""
    kin = Kin()
    kin.restore(5, (30, 500), [(32, 500, 32)])
    found = kin.of(5)
    assert found is not None
    kin.see([process(31, 1, 30), process(32, 1, 32), process(40, 1, 32, start=900)], at(901))
    assert kin.owner(family(process(40, 1, 32, start=900))) is found
    kin.claim([], at(9999))
    assert kin.owner(family(process(31, 1, 30))) is found
    looked(process(60, start=700), words={60: "sh-cx"}, when=701, kin=kin)
    kin.claim([spell()], at(9999))
    assert kin.owner(family(process(60, start=700))) is None


def test_of_an_earlier_run_of_the_container_nothing_is_kept() -> None:
    """The numbers of its processes and sessions are used again, as by a daemon of the container's own."""
    kin = looked(process(30), process(31, 30, 30), process(40, start=801), words={30: "sh-cx", 40: "sh-cy"}, when=802)
    spells = [spell(), spell(6, argv=("sh", "-c", "y"), asked=790)]
    kin.claim(spells, at(1000))
    kin.see([process(31, 1, 30), process(99, 1, 30, start=799)], at(900))
    assert kin.owner(family(process(99, 1, 30, start=799))) is not None
    kin.begin_anew(800)
    kin.see([process(99, 1, 30, start=900)], at(901))
    assert kin.owner(family(process(99, 1, 30, start=900))) is None
    assert (kin.of(5), kin.of(6) is not None) == (None, True)
    kin.begin_anew(math.inf)
    assert (kin.of(6), kin.root(family(process(98, 1, 40, start=900)))) == (None, None)
