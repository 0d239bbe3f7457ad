"""`jitui demo`: it builds the house and lets an agent work in it while a person decides on the screens, or it plays the story without a person."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from jitui.values.errors import InvalidError, RefusedError


def play(script: bool, window_s: float) -> int:
    """Runs the demo to its end; the exit code. `window_s`: seconds of the window that the agent asks for. Raises JituiError in one line."""
    from jitui.demo import script as scripted  # noqa: PLC0415 - `python -m jitui.demo.cluster` needs none of this
    from jitui.demo.house import House  # noqa: PLC0415

    if window_s < scripted.SHORTEST_S:
        raise InvalidError(f"a window of {window_s:g}s is too short for the demo; at least {scripted.SHORTEST_S:g}s")
    if not script and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise RefusedError("the screens need a terminal; without one: jitui demo --script")
    with ended_by_signals(), House(window_s) as house:
        if script:
            scripted.tell(house)
            return 0
        from jitui.api.client import Client  # noqa: PLC0415
        from jitui.tui import app  # noqa: PLC0415 - the screens take a while to load

        house.work()
        return app.run(Client(house.socket))


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Makes SIGTERM and SIGHUP end the block with an exception, so that everything is cleaned up; SIGINT does so already."""

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's signature
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
