"""When each frame of a replay is due: pure generators over (delay, frame), to be chained.

    paced = speed(idle_limit(delays(frames), 2.0), 4.0)

Delays are seconds since the frame before. These generators never sleep; the player does.
"""

from collections.abc import Iterable, Iterator

from jitui.recording.frame import Frame
from jitui.values.errors import InvalidError

Timed = tuple[float, Frame]


def delays(frames: Iterable[Frame], *, since_us: int = 0) -> Iterator[Timed]:
    """Each frame with the seconds since the one before it (the first: since `since_us`). A time before the frame before counts as 0 s."""
    last = since_us
    for frame in frames:
        yield max(frame.at_us - last, 0) / 1_000_000, frame
        last = max(frame.at_us, last)


def idle_limit(timed: Iterable[Timed], seconds: float) -> Iterator[Timed]:
    """The frames with no delay longer than `seconds`. Raises InvalidError for a limit that is not positive."""
    if not seconds > 0:
        raise InvalidError(f"an idle limit is more than 0 seconds, not {seconds:g}")
    for delay, frame in timed:
        yield min(delay, seconds), frame


def speed(timed: Iterable[Timed], factor: float) -> Iterator[Timed]:
    """The frames with their delays divided by `factor`. Raises InvalidError for a factor that is not positive."""
    if not factor > 0:
        raise InvalidError(f"a speed is more than 0, not {factor:g}; pausing is the player's affair")
    for delay, frame in timed:
        yield delay / factor, frame


def clocked(timed: Iterable[Timed]) -> Iterator[Timed]:
    """The frames with the seconds since the start of the replay in place of the delay, for a timeline."""
    at = 0.0
    for delay, frame in timed:
        at += delay
        yield at, frame
