"""A replay that begins at a keyframe shows what one from the beginning does."""

import random
from collections.abc import Sequence

import pytest

from jitui.api.service.views import frame_view
from jitui.recording.frame import Channel, Frame
from jitui.recording.keyframe import Keyframe, compressed
from jitui.recording.masking.session import Shown
from jitui.tui import keyframes
from jitui.tui.emulator import Emulator
from jitui.tui.keyframes import Keyframes, kept_of
from jitui.tui.reel import draw


def shown(bodies: Sequence[bytes]) -> list[Shown]:
    return [Shown(Frame(1, seq, seq * 1000, 0, Channel.RESIZE if body.startswith(b"{") else Channel.STDOUT, body)) for seq, body in enumerate(bodies)]


def seen(emulator: Emulator) -> tuple[object, ...]:
    return [emulator.line(y) for y in range(emulator.lines)], emulator.cursor, emulator.columns, emulator.lines


@pytest.mark.parametrize("tty", [True, False])
def test_from_each_keyframe_on_the_screen_is_the_same(tty: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Coloured output, drawing programs, sizes that change, and bytes by chance, cut anywhere: the screen at the end is that of the whole."""
    monkeypatch.setattr(keyframes, "EVERY", 2000)
    chance = random.Random(5)
    plain = b"".join(b"\x1b[3%dmline %d\x1b[0m %s\r\n" % (at % 8, at, b"x" * (at % 150)) for at in range(300))
    data = plain + b"\x1b[?1049h\x1b[2J\x1b[5;10Hfull screen\x1b]0;title" + chance.randbytes(4000) + b"\x18\x1b[?1049l" + plain[:5000]
    bodies: list[bytes] = []
    while data:
        cut = chance.randint(1, 700)
        bodies.append(data[:cut])
        data = data[cut:]
        if chance.random() < 0.05:
            bodies.append(b'{"Width":%d,"Height":%d}' % (chance.randint(20, 120), chance.randint(5, 40)))
    frames = shown(bodies)
    maker = Keyframes("exec", tty=tty)
    made: list[Keyframe] = [each for one in frames if (each := maker.feed(one)) is not None]
    assert len(made) > 5
    whole = _drawn(Emulator(80, 24, newline=not tty), frames)
    for keyframe in made[-4:]:
        assert _drawn(Emulator.of(kept_of(keyframe)), frames[keyframe.seq + 1 :])[1:] == whole[1:]
    assert _drawn(Emulator.of(kept_of(made[-1])), frames[made[-1].seq + 1 :]) == whole


def _drawn(emulator: Emulator, frames: Sequence[Shown]) -> tuple[object, ...]:
    for each in map(frame_view, frames):
        for _ in draw(emulator, "exec", each.channel, each.body):
            pass
    return seen(emulator)


def test_one_maker_goes_on_where_another_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its last keyframe and the frames behind it the same ones are made."""
    monkeypatch.setattr(keyframes, "EVERY", 1000)
    frames = shown([b"\x1b[1mline %d\x1b[0m\r\n" % at * 20 for at in range(40)])
    whole = Keyframes("exec", tty=True)
    made = [each for one in frames if (each := whole.feed(one)) is not None]
    again = Keyframes("exec", tty=True, start=made[3])
    seqs = [each.seq for one in frames if (each := again.feed(one)) is not None]
    assert seqs == [each.seq for each in made[4:]]


def test_it_knows_whether_anything_was_masked() -> None:
    """Only before that a replay that shows secrets may begin at it; behind what the client did not get there is none."""
    maker = Keyframes("exec", tty=True)
    big = b"x" * 70_000
    first = maker.feed(Shown(Frame(1, 0, 0, 0, Channel.STDOUT, big)))
    second = maker.feed(Shown(Frame(1, 1, 0, 0, Channel.STDOUT, big), spans=((0, 3, "token", False),)))  # type: ignore[arg-type]
    assert (first and first.clean, second and second.clean) == (True, False)
    assert maker.feed(Shown(Frame(1, 2, 0, 0, Channel.STDOUT, big), delivered=False)) is None
    assert maker.feed(Shown(Frame(1, 3, 0, 0, Channel.STDOUT, big))) is None


def test_a_crafted_state_draws_nothing() -> None:
    """The process that emulates refuses it; whoever asked begins elsewhere."""
    maker = Keyframes("exec", tty=True)
    made = maker.feed(Shown(Frame(1, 0, 0, 0, Channel.STDOUT, b"y" * 70_000)))
    assert made is not None
    assert Emulator.of(kept_of(made)).alive
    for state in (b"GHOSTTY" * 100, b"\0" * 1000, b"+"):
        broken = Keyframe(0, 0, 80, 24, newline=False, clean=True, tail=b"", state=compressed(state))
        assert not Emulator.of(kept_of(broken)).alive
