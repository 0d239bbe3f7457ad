"""The events of a window's replay, a part at a time: which are held, on which side more are wanted, which streams run."""

from dataclasses import replace

from jitui.api.moments import EventView, MomentView
from jitui.api.views import SessionView
from jitui.tui.story import MOST, NEAR, PAGE, Story
from jitui.values.instant import from_rfc3339, rfc3339
from jitui.values.said import Said
from tests.fakes.desk import session_view

APPROVED = "2026-11-23T16:00:00.000000Z"
WINDOW = MomentView(at=APPROVED, grant="g-1", identity="bot", connection="prod", scope="", approved=APPROVED, ended="", why=Said(""), streams=())
S = 1_000_000


def event(at_s: float, mark: str = "", **more: object) -> EventView:
    return EventView(key=f"{at_s}", at=rfc3339(from_rfc3339(APPROVED) + round(at_s * S)), kind="request", mark=mark, **more)  # type: ignore[arg-type]


def stream(ident: str, started_s: float, ended_s: float) -> SessionView:
    return replace(session_view(ident), started=event(started_s).at, ended=event(ended_s).at)


def test_it_holds_a_part_and_says_where_it_ends() -> None:
    """However long a window is; what is far away on the other side goes when further events come, and is wanted again there."""
    story = Story(WINDOW)
    assert not story.holds(0)
    story.begin([event(at) for at in range(PAGE)], [event(PAGE + at) for at in range(PAGE)])
    assert (story.first, story.last, story.holds(PAGE * S), story.lacks(PAGE * S)) == (False, False, True, "")
    assert (story.lacks((NEAR - 2) * S), story.lacks((2 * PAGE - NEAR) * S)) == ("before", "behind")
    story.add([], back=True)
    assert (story.first, story.lacks(0), story.holds(0)) == (True, "", True)
    for page in range(2, 10):
        story.add([event(page * PAGE + at) for at in range(PAGE)], back=False)
    assert (len(story.events), story.first, story.holds(0)) == (MOST, False, False)
    assert story.end_us == (10 * PAGE - 1) * S
    story.add([], back=False)
    assert (story.last, story.lacks(story.end_us), story.beside(story.end_us)) == (True, "", (story.end_us, None))
    story.add([event(at) for at in range(PAGE)], back=True)
    assert (len(story.events), story.last) == (MOST, False)


def test_marks_are_places_in_it() -> None:
    """Microseconds since the approval; what came before counts as the beginning."""
    story = Story(WINDOW)
    story.mark([event(-5, "D"), event(2, "W"), event(3), event(70, "Z")])
    assert ([(mark.at_us, mark.letter) for mark in story.marks], story.end_us) == ([(0, "D"), (2 * S, "W"), (70 * S, "Z")], 70 * S)


def test_which_streams_run() -> None:
    """Those that ran at one moment and what opened and ended since; the newest first; where none does, the one that ended last."""
    first, second = stream("s-1", 1, 10), stream("s-2", 5, 7)
    story = Story(WINDOW)
    story.begin([], [event(1, stream=first), event(5, stream=second), event(7, stream=second), event(10, stream=first)])
    ran = {at: [view.id for view in story.running([], 0, at * S)] for at in (0, 1, 6, 7, 8, 12)}
    assert ran == {0: [], 1: ["s-1"], 6: ["s-2", "s-1"], 7: ["s-2", "s-1"], 8: ["s-1"], 12: ["s-1"]}
    assert [view.id for view in story.running([second, first], 6 * S, 8 * S)] == ["s-1"]
