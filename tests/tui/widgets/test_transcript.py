"""All that a recording printed, as lines on the screen."""

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import pytest

from jitui.api.operations import Archive
from jitui.api.views import FrameView
from jitui.tui.widgets import transcript
from jitui.tui.widgets.transcript import Transcript
from jitui.values.errors import InvalidError
from tests.fakes.desk import session_view
from tests.tui.alone import Alone
from tests.tui.seeing import screenful


class Tape(Archive):
    """Frames of a recording; a page that is not there is an error."""

    def __init__(self, bodies: Sequence[bytes], *, broken: int = 1 << 30) -> None:
        self.frames_ = [FrameView(seq=seq, at_us=0, conn=0, channel="stdout", data_b64=b64encode(body).decode()) for seq, body in enumerate(bodies)]
        self._broken = broken

    async def frames(self, ident: str, *, after: int = -1, limit: int = 1000, unmask: bool = False) -> Sequence[FrameView]:
        if after + 1 >= self._broken:
            raise InvalidError("frame 9 can't be found")
        return self.frames_[after + 1 : after + 1 + limit]


async def shown(tape: Tape, *keys: str, width: int = 60, **session: Any) -> tuple[Transcript, str]:
    """The widget once all is read and the keys are pressed, and what is seen."""
    lines = Transcript()
    app = Alone(lines)
    async with app.run_test(size=(width, 12)) as pilot:
        lines.open(tape, session_view("s-1", **{"state": "ended", "ended": "2026-11-23T16:09:40Z", **session}), unmask=False)
        lines.focus()
        async with asyncio.timeout(10):
            while lines.foot.startswith("reading"):
                await pilot.pause(0.02)
        await pilot.press(*keys)
        await pilot.pause(0.1)
        return lines, screenful(app).text


async def test_no_line_is_left_out() -> None:
    """However many there are, and whatever the pages cut; the end says that it is one."""
    lines, seen = await shown(Tape([b"line %d\nha" % at if at % 2 else b"lf %d\n" % at for at in range(1, 25_001)]), "end")
    assert lines.lines == 25_000
    assert [lines.line(at) for at in (0, 1, 2, 24_999, 25_000)] == ["line 1", "half 2", "line 3", "half 25000", ""]
    assert "half 25000" in seen
    assert "this is all" in seen


async def test_a_long_line_is_reached_to_the_side() -> None:
    """Its cut is marked; right and left move."""
    tape = Tape([b"x" * 100 + b" token=abc\nshort\n"])
    assert "…" in (await shown(tape))[1]
    seen = (await shown(tape, "right", "right", "right"))[1]
    assert "token=abc" in seen
    assert "token=abc" not in (await shown(tape, "right", "right", "right", "left", "left", "left"))[1]


async def test_an_end_that_is_none_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording that can't be read on, one that goes on, and one that is longer than is held."""
    lines, _ = await shown(Tape([b"a\n"] * 20, broken=16))
    assert lines.foot == "the rest could not be read: frame 9 can't be found"
    assert (await shown(Tape([b"a\n"]), state="open", ended=""))[0].foot == "this is all so far"
    monkeypatch.setattr(transcript, "MOST", 10)
    lines, _ = await shown(Tape([b"a\n"] * 20))
    assert lines.foot == "only the first 0 MiB are shown here; all of it: jitui replay s-1 --text"
