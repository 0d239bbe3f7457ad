"""Where a replay stands, without a clock."""

from hypothesis import given, strategies as st

from jitui.recording.timing import SPEEDS, Course, Playhead

MOVES = ["play", "back", "on", "step", "unstep", "faster", "slower", "idle"]
TIMES = [0, 200_000, 1_000_000, 9_000_000, 9_500_000]


def test_it_plays_at_its_speed() -> None:
    """Half a second at 2x is a second of the recording."""
    head = Playhead(TIMES, playing=True, speed=2.0, idle_us=0)
    head.advance(0.5)
    assert (head.at_us, head.index) == (1_000_000, 3)


def test_a_long_pause_lasts_as_long_as_the_idle_limit() -> None:
    """Eight seconds of nothing take one."""
    head = Playhead(TIMES, at_us=1_000_000, index=3, playing=True, idle_us=1_000_000)
    head.advance(0.9)
    assert head.index == 3
    head.advance(0.2)
    assert (head.at_us, head.index) == (9_000_000, 4)


def test_without_an_idle_limit_a_pause_lasts_as_it_did() -> None:
    """0 switches it off."""
    head = Playhead(TIMES, at_us=1_000_000, index=3, playing=True, idle_us=0)
    head.advance(5)
    assert (head.at_us, head.index) == (6_000_000, 3)


def test_it_stops_at_the_end() -> None:
    """And says so."""
    head = Playhead(TIMES, playing=True, idle_us=0)
    head.advance(60)
    assert head.done
    assert not head.playing
    assert head.at_us == 9_500_000


def test_frames_are_stepped_one_by_one_also_those_of_one_instant() -> None:
    """`.` and `,` go over frames, not over times."""
    head = Playhead([5, 5, 5, 9])
    for expected in (1, 2, 3, 4, 4):
        head.step(1)
        assert head.index == expected
    head.step(-1)
    assert (head.index, head.at_us) == (3, 5.0)


@given(st.lists(st.integers(0, 10**9), max_size=50).map(sorted), st.lists(st.sampled_from(MOVES), max_size=50))
def test_it_never_leaves_the_recording(times: list[int], moves: list[str]) -> None:
    """Whatever keys are pressed, position and index lie within it."""
    head = Playhead(times, playing=True)
    for move in moves:
        if move == "play":
            head.advance(1.0)
        elif move == "idle":
            head.next_idle()
        elif move in {"on", "back"}:
            head.seek(head.at_us + (5e6 if move == "on" else -5e6))
        elif move in {"step", "unstep"}:
            head.step(1 if move == "step" else -1)
        else:
            head.faster(1 if move == "faster" else -1)
        assert 0 <= head.index <= len(times)
        assert 0 <= head.at_us <= head.end_us


def test_speeds_and_limits_that_were_given_as_options() -> None:
    """From any speed the keys go to the next one that they know; from any idle limit to the first."""
    head = Playhead(speed=3.0, idle_us=300_000)
    head.faster(1)
    head.next_idle()
    assert (head.speed, head.idle_us) == (4.0, 0)


def test_a_course_without_a_list_of_times() -> None:
    """It is told from tick to tick what comes next; a pause is cut down to the idle limit, the end is where it stops, and 64 times as fast is the fastest."""
    course = Course(end_us=100_000_000, playing=True)
    course.advance(0.5, 0, 60_000_000)
    assert course.at_us == 500_000
    course.advance(0.6, 0, 60_000_000)
    assert course.at_us == 60_000_000
    course.idle_us = 0
    course.advance(1.0, 60_000_000, None)
    assert (course.at_us, course.done) == (61_000_000, False)
    for _ in SPEEDS:
        course.faster(1)
    course.advance(1.0, 60_000_000, None)
    assert (course.speed, course.at_us, course.playing) == (64.0, 100_000_000, False)
    course.seek(-5)
    assert course.at_us == 0
