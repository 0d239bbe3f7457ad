"""Pages of a masked record, wherever they begin."""

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path

import pytest

from jitui.api.service import live
from jitui.api.service.masks import Places, cut, frame_page, masks_at
from jitui.api.views import FrameView
from jitui.recording.frame import Channel, Frame
from jitui.recording.masking.session import Shown
from jitui.recording.masking.spans import Span
from jitui.store.archive import Files
from tests.recording.masking.forms import SECRETS, leaks, secret
from tests.store.life import began, ended, opened, record, window

TOKEN = "jt_0123abcd_" + "AbC1" * 10 + "xyz"
VALUE = b"correct horse battery staple, all of it"
HIDDEN = [TOKEN.encode(), VALUE, b64encode(VALUE).rstrip(b"=")]


def recorded() -> list[Frame]:
    """A token printed letter by letter, and a list of Secrets in pieces of 50 bytes that came between."""
    answer = json.dumps({"kind": "SecretList", "items": [secret({"pw": VALUE})] * 3}).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    pieces = [(1, Channel.REQUEST, f"GET {SECRETS} HTTP/1.1\r\n\r\n".encode()), (1, Channel.RESPONSE, head)]
    said = [(0, Channel.STDOUT, bytes([letter])) for letter in f"$ echo {TOKEN}\r\n".encode()]
    for at in range(0, len(answer), 50):
        pieces += [(1, Channel.RESPONSE_BODY, answer[at : at + 50]), *said[at // 50 * 2 : at // 50 * 2 + 2]]
    return [Frame(1, seq, seq, conn, channel, body) for seq, (conn, channel, body) in enumerate(pieces)]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return kept(tmp_path, recorded(), tty=False)


def kept(folder: Path, frames: Sequence[Frame], *, tty: bool) -> Files:
    async def make() -> None:
        async with opened(folder) as store:
            await store.commit([*window(), began(1, tty=tty)])
            await record(store, frames)
            await store.commit([ended(1, frames=len(frames))])

    asyncio.run(make())
    return Files(folder)


def shown(views: Sequence[FrameView], channel: str) -> bytes:
    return b"".join(b64decode(view.data_b64) for view in views if view.channel == channel)


def test_a_page_shows_no_secret_wherever_it_begins(files: Files) -> None:
    """As it shows none if all before it was read."""
    for after in range(-1, len(recorded()) - 1, 4):
        views = frame_page(files, 1, after, 1000, places=Places())
        assert [view.seq for view in views] == list(range(after + 1, len(recorded())))
        for channel in ("stdout", "response-body"):
            assert not leaks(shown(views, channel), HIDDEN), after


def test_pages_go_on_where_the_last_one_ended(files: Files) -> None:
    """Whatever their size, with another reader between, together they show what one page does: names too."""
    places = Places()
    whole = frame_page(files, 1, -1, 1000, places=places, reader="ana")
    assert shown(whole, "response-body").count(b'"uid": "d6a5"') == 3
    parts: list[FrameView] = []
    while page := frame_page(files, 1, parts[-1].seq if parts else -1, 7, places=places, reader="ana"):
        parts += page
        frame_page(files, 1, page[-1].seq, 7, places=places, reader="bob")
    assert shown(parts, "response-body").count(b'"uid": "d6a5"') == 3
    for channel in ("stdout", "response-body"):
        assert not leaks(shown(parts, channel), HIDDEN)


def test_who_begins_late_knows_how_wide_the_terminal_is(tmp_path: Path) -> None:
    """However often it was resized before: a word that goes on in the next line is one word to them too."""
    sizes = [f'{{"Width":{columns},"Height":24}}'.encode() for columns in [*range(100, 1200), 20]]
    lines = [f"{TOKEN[at : at + 20]}\r\n".encode() for at in range(0, len(TOKEN), 20)]
    said = [b"-\r\n" * 1000] * 80 + lines
    bodies = [(Channel.RESIZE, body) for body in sizes] + [(Channel.STDOUT, body) for body in said]
    files = kept(tmp_path, [Frame(1, seq, seq, 0, channel, body) for seq, (channel, body) in enumerate(bodies)], tty=True)
    views = frame_page(files, 1, len(bodies) - len(lines), 1000, places=Places(), tty=True)
    assert [view.seq for view in views] == list(range(len(bodies) - len(lines) + 1, len(bodies)))
    assert not leaks(shown(views, "stdout").replace(b"\r\n", b""), HIDDEN)


def test_without_places_it_is_as_recorded(files: Files) -> None:
    """Unmasked."""
    views = frame_page(files, 1, -1, 1000, places=None)
    assert TOKEN.encode() in shown(views, "stdout")
    assert not any(view.masked for view in views)


def test_a_live_viewer_who_comes_late_or_lost_some_sees_no_more(files: Files) -> None:
    """From every frame on, one by one."""
    frames = recorded()
    for seq in range(1, len(frames), 7):
        masks = masks_at(files, 1, seq - 1, tty=False)
        said = b"".join(one.frame.body for frame in frames[seq:] for one in masks.frames([frame]) if frame.channel is Channel.STDOUT)
        assert not leaks(said, HIDDEN), seq


def test_what_a_late_viewer_is_shown_first_is_cut_behind_the_masks() -> None:
    """The oldest frame loses its beginning, and what is masked in it moves with it."""
    frame = Frame(1, 0, 0, 0, Channel.STDOUT, b"a" * 10 + b"*" * 10 + b"b" * live.BEFORE)
    (found,) = live.newest([Shown(frame, (Span(10, 10, "token"),))])
    assert len(found.frame.body) == live.BEFORE
    assert found.spans == ()
    assert cut(Shown(frame, (Span(2, 3, "key"), Span(10, 10, "token"))), 15).spans == (Span(0, 5, "token", begun=True),)
