"""Facts about processes in containers."""

from typing import Any

from jitui.recording.facts import Fact, Kind, ProcessEnded, ProcessesBefore, ProcessLeft, ProcessTold
from jitui.recording.facts.processes import newest

AT: dict[str, Any] = {"grant": 3, "pod": "web/web-7c", "pod_uid": "u", "container": "app", "container_id": "c"}


def facts(*told: ProcessTold | ProcessesBefore) -> list[Fact]:
    drafts = [each.draft("g-3", "gateway") for each in told]
    return [Fact(seq, 1, draft.kind, draft.who, draft.subject, draft.what, b"") for seq, draft in enumerate(drafts, 1)]


def test_the_newest_fact_about_a_process_counts() -> None:
    """A process is a pid and a start; one that took the same pid later is another."""
    before = ProcessesBefore(grant=3, pod="web/web-7c", container="app", processes=("1:10:1",))
    left = ProcessLeft(**AT, session=5, pid=7, start=100, argv=("sleep", "9"), state="unexplained", why="no link to a command")
    ended = ProcessEnded(**AT, session=5, pid=7, start=100, argv=("sleep", "9"), state="ended", proof=("gone",))
    other = ProcessLeft(**AT, pid=7, start=200, state="unexplained")
    assert newest(facts(before, left, other, ended)) == [ended, other]


def test_a_process_that_was_never_seen_is_its_commands() -> None:
    """Two commands that ended without a look are two; what is seen of one of them later takes its place."""
    unseen = [ProcessLeft(**AT, session=session, argv=("sh",), state="not-proved", why="no shell") for session in (5, 6)]
    assert newest(facts(*unseen)) == unseen
    ended = ProcessEnded(**AT, session=5, pid=7, start=1, state="ended", proof=("runtime", "gone"))
    assert newest(facts(*unseen, ended)) == [unseen[1], ended]


def test_a_fact_is_about_its_window() -> None:
    """Readers find all of them under the window's label; the command is named within."""
    (fact,) = facts(ProcessEnded(**AT, session=5, pid=7, start=1, state="ended"))
    assert (fact.kind, fact.number("g"), fact.what["session"]) == (Kind.PROCESS_ENDED, 3, 5)
