"""A recording applied to a terminal, forwards and back."""

from base64 import b64encode
from dataclasses import replace

from hypothesis import given, settings, strategies as st

from jitui.api.views import ActionView, FrameView, SessionView
from jitui.tui.reel import KEYFRAME, Reel
from jitui.values.said import Said


def session(*, tty: bool = True) -> SessionView:
    return SessionView(
        id="s-1", kind="exec", grant="g-1", identity="agent", connection="prod", target=Said("web/web-7c"), argv=(Said("sh"),), tty=tty, state="ended",
        started="2026-11-23T16:04:11.000000Z", ended="2026-11-23T16:05:11.000000Z", ended_why="expired", ended_by="gateway", frames=0, bytes_in=0, bytes_out=0,
        delivered_in=0, delivered_out=0, may_run_on=0, remaining_s=0.0, you_may=("replay",),
    )  # fmt: skip


def reel_of(*frames: tuple[str, bytes], tty: bool = True) -> Reel:
    reel = Reel(session(tty=tty))
    reel.add([FrameView(seq=seq, at_us=seq * 1000, conn=0, channel=channel, data_b64=b64encode(body).decode()) for seq, (channel, body) in enumerate(frames)])
    return reel


def run(reel: Reel, index: int) -> list[str]:
    for _ in reel.goto(index):
        pass
    return reel.emulator.text()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_wherever_it_goes_the_screen_is_that_of_playing_from_the_start(places: list[int]) -> None:
    """Seeking back and forth changes nothing about what is shown, keyframes or not."""
    frames = [("stdout", b"%d\x1b[%dm\r\n" % (number, number % 8 + 30)) for number in range(30)]
    reel = reel_of(*frames)
    reel._fed = KEYFRAME - 40  # so that keyframes are taken early
    for place in places:
        assert run(reel, place) == run(reel_of(*frames), place)


def test_a_resize_frame_changes_the_size_and_a_broken_one_nothing() -> None:
    """As kubectl sends it; within bounds."""
    reel = reel_of(("resize", b'{"Width":100,"Height":40}'), ("resize", b"nonsense"), ("resize", b'{"Width":-1,"Height":1e999}'))
    run(reel, 3)
    assert (reel.emulator.columns, reel.emulator.lines) == (100, 40)


def test_what_was_typed_is_the_line_since_the_last_return() -> None:
    """And it says whether all of it arrived."""
    reel = reel_of(("stdin", b"ls\r"), ("stdout", b"x"), ("stdin", b"ki"), ("stdin", b"ll\x1b[A"))
    assert reel.typed(4) == ("kill\N{REPLACEMENT CHARACTER}[A", True)
    assert reel.typed(1)[0] == "ls⏎"
    joined = reel_of(("stdin", b"cd\rls\rki"), ("stdin", b"ll\n"), ("stdin", b"a\rb\n"))
    assert [joined.typed(index)[0] for index in (1, 2, 3)] == ["ki", "kill⏎", "b⏎"]


def test_marks_are_where_something_happened() -> None:
    """Returns typed, resizes, the gateway's words."""
    reel = reel_of(("stdin", b"a"), ("stdin", b"\rb"), ("resize", b'{"Width":80,"Height":24}'), ("gateway", b"over"))
    assert [(mark.at_us, mark.letter) for mark in reel.marks] == [(1000, "I"), (2000, "R"), (3000, "G")]


def test_a_stream_shows_what_was_said_and_not_how_it_was_opened() -> None:
    """The heads of the upgrade are no output; a Status is shown as kubectl prints it, and a success not at all."""
    failed = b'{"kind":"Status","status":"Failure","message":"jitui: killed by ana: wrong pod"}'
    reel = reel_of(("request", b"GET /exec HTTP/1.1\r\n\r\n"), ("stdout", b"half a line"), ("error", b'{"status":"Success"}'), ("gateway", failed))
    list(reel.goto(4))
    assert [line for line in reel.emulator.text() if line] == ["half a line", "error: jitui: killed by ana: wrong pod"]


def test_denials_of_the_window_are_marked_in_the_time_of_the_stream() -> None:
    """They belong to no session; what was denied before it began or after it ended is not on its line."""
    action = ActionView(
        at="2026-11-23T16:04:21.000000Z", session="", grant="g-1", conn=0, identity="agent", verb="get", resource="secrets", namespace=Said("web"),
        name=Said("db"), argv=(), hazard="SECRET", verdict="denied", clause="not in the scope", code=403, bytes_in=0, bytes_out=0, audit_id="", count=3,
    )  # fmt: skip
    reel = reel_of(("stdin", b"a"))
    reel.mark([action, *(replace(action, at=at) for at in ("2026-11-23T16:04:10.000000Z", "2026-11-23T16:05:12.000000Z"))])
    assert [(mark.at_us, mark.letter) for mark in reel.marks] == [(10_000_000, "D")]
