"""Pages of a masked record, wherever they begin, and how much is read for them."""

import asyncio
import gzip
import json
import random
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from jitui.recording.facts import Undelivered
from jitui.recording.frame import Channel, Frame
from jitui.recording.masking.session import Masks, Shown
from jitui.store import playback
from jitui.store.archive import Files
from jitui.store.outline import STEP
from jitui.store.playback import BEFORE, Playback
from jitui.store.tape_rows import Run
from tests.recording.masking.forms import SECRETS, leaks, secret
from tests.recording.test_delivery import delivered
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


def kept(folder: Path, frames: Sequence[Frame], *, tty: bool, lost: Sequence[Undelivered] = ()) -> Files:
    async def make() -> None:
        async with opened(folder) as store:
            await store.commit([*window(), began(1, tty=tty)])
            await record(store, frames)
            await store.commit([ended(1, frames=len(frames), conns=[each.json() for each in lost])])

    asyncio.run(make())
    return Files(folder)


def shown(page: Sequence[Shown], channel: Channel) -> bytes:
    return b"".join(each.frame.body for each in page if each.frame.channel is channel)


def seqs(page: Sequence[Shown]) -> list[int]:
    return [each.frame.seq for each in page]


def test_a_page_shows_no_secret_wherever_it_begins(files: Files) -> None:
    """As it shows none if all before it was read."""
    for after in range(-1, len(recorded()) - 1, 4):
        page = Playback(files).page(1, after=after)
        assert seqs(page) == list(range(after + 1, len(recorded())))
        for channel in (Channel.STDOUT, Channel.RESPONSE_BODY):
            assert not leaks(shown(page, channel), HIDDEN), after


def test_pages_go_on_where_the_last_one_ended(files: Files) -> None:
    """Whatever their size, with another reader between, together they show what one page does: names too."""
    reader = Playback(files)
    whole = reader.page(1, reader="ana")
    assert shown(whole, Channel.RESPONSE_BODY).count(b'"uid": "d6a5"') == 3
    parts: list[Shown] = []
    while page := reader.page(1, after=seqs(parts)[-1] if parts else -1, limit=7, reader="ana"):
        parts += page
        reader.page(1, after=seqs(page)[-1], limit=7, reader="bob")
    assert shown(parts, Channel.RESPONSE_BODY).count(b'"uid": "d6a5"') == 3
    for channel in (Channel.STDOUT, Channel.RESPONSE_BODY):
        assert not leaks(shown(parts, channel), HIDDEN)


def test_who_begins_late_knows_how_wide_the_terminal_is(tmp_path: Path) -> None:
    """However often it was resized before: a word that goes on in the next line is one word to them too."""
    sizes = [f'{{"Width":{columns},"Height":24}}'.encode() for columns in [*range(100, 1200), 20]]
    lines = [f"{TOKEN[at : at + 20]}\r\n".encode() for at in range(0, len(TOKEN), 20)]
    said = [b"-\r\n" * 1000] * 80 + lines
    bodies = [(Channel.RESIZE, body) for body in sizes] + [(Channel.STDOUT, body) for body in said]
    files = kept(tmp_path, [Frame(1, seq, seq, 0, channel, body) for seq, (channel, body) in enumerate(bodies)], tty=True)
    page = Playback(files).page(1, after=len(bodies) - len(lines), tty=True)
    assert seqs(page) == list(range(len(bodies) - len(lines) + 1, len(bodies)))
    assert not leaks(shown(page, Channel.STDOUT).replace(b"\r\n", b""), HIDDEN)


def test_unmasked_it_is_as_recorded(files: Files) -> None:
    """Every byte, and nothing is said to be hidden."""
    page = Playback(files).page(1, unmask=True)
    assert TOKEN.encode() in shown(page, Channel.STDOUT)
    assert not any(each.spans for each in page)


def test_a_live_viewer_who_comes_late_or_lost_some_sees_no_more(files: Files) -> None:
    """From every frame on, one by one."""
    frames = recorded()
    for seq in range(1, len(frames), 7):
        masks = Playback(files).masks(1, after=seq - 1, tty=False)
        said = b"".join(one.frame.body for frame in frames[seq:] for one in masks.frames([frame]) if frame.channel is Channel.STDOUT)
        assert not leaks(said, HIDDEN), seq


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seq of every row that is read of any tape from now on."""
    found: list[int] = []
    wants = Run.wants

    def counted(run: Run, row: Sequence[Any]) -> bool:
        found.append(row[2])
        return wants(run, row)

    monkeypatch.setattr(Run, "wants", counted)
    return found


FORWARDED = [Frame(1, seq, seq, seq % 3, Channel.FORWARD_OUT if seq % 2 else Channel.FORWARD_IN, b"x" * (seq % 50)) for seq in range(3000)]
LOST = [Undelivered(conn, recorded_in=20_000, handed_in=9000 + conn, recorded_out=20_000, handed_out=7000) for conn in range(2)]


def test_what_was_handed_on_is_said_of_every_page_and_each_size_is_read_once(tmp_path: Path, read: list[int]) -> None:
    """Forth, back and at random: 3,000 frames in pages of 20 take no more than two reads of each."""
    files = kept(tmp_path, FORWARDED, tty=False, lost=LOST)
    wanted = {frame.seq: whole for frame, whole in delivered(FORWARDED, LOST)}
    assert set(wanted.values()) == {True, False}
    forth = range(-1, 2999, 20)
    for pages in (forth, reversed(forth), random.Random(7).sample(forth, len(forth))):
        reader, before = Playback(files), len(read)
        for after in pages:
            page = reader.page(1, after=after, limit=20, unmask=True)
            assert {each.frame.seq: each.delivered for each in page} == {seq: wanted[seq] for seq in range(after + 1, after + 1 + len(page))}
        assert len(read) - before <= 2 * len(FORWARDED)


def test_in_order_nothing_is_read_but_the_pages(tmp_path: Path, read: list[int]) -> None:
    """What a page has brought counts for those behind it."""
    files = kept(tmp_path, FORWARDED, tty=False, lost=LOST)
    reader = Playback(files)
    for after in range(-1, 2999, 20):
        reader.page(1, after=after, limit=20, unmask=True)
    assert len(read) == len(FORWARDED)


def test_how_wide_a_terminal_was_is_read_once(tmp_path: Path, read: list[int]) -> None:
    """A page anywhere in a terminal's record takes the frames shortly before it, and no resizes from the start on each time."""
    sized = [Frame(1, seq, seq, 0, Channel.RESIZE, f'{{"Width":{80 + seq % 200},"Height":24}}'.encode()) if seq % 2
             else Frame(1, seq, seq, 0, Channel.STDOUT, b"." * 4096) for seq in range(4000)]  # fmt: skip
    files = kept(tmp_path, sized, tty=True)
    reader = Playback(files)
    shortly = 2 * BEFORE // 4096 + 2
    for at, after in enumerate(range(100, 4000, 100)):
        assert len(reader.page(1, after=after, limit=10, tty=True, reader=f"somebody {at}")) == 10
    assert len(read) <= len(sized) + 39 * (10 + shortly + STEP)


def test_the_heads_of_a_request_are_found_without_reading_from_the_start(tmp_path: Path, read: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that begins in the middle of any of 400 answers knows what is asked for there, and shows no secret of it."""
    monkeypatch.setattr(playback, "LOOKS", 64)
    answer = json.dumps(secret({"pw": VALUE})).encode()
    made: list[tuple[int, Channel, bytes]] = []
    for conn in range(400):
        made += [(conn, Channel.REQUEST, f"GET {SECRETS}/s HTTP/1.1\r\n\r\n".encode()),
                 (conn, Channel.RESPONSE, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"),
                 *((conn, Channel.RESPONSE_BODY, answer[at : at + 20]) for at in range(0, len(answer), 20))]  # fmt: skip
    frames = [Frame(1, seq, seq, conn, channel, body) for seq, (conn, channel, body) in enumerate(made)]
    files = kept(tmp_path, frames, tty=False)
    reader = Playback(files)
    pages = [frame.seq for frame in frames if frame.channel is Channel.RESPONSE][200::10]
    for at, after in enumerate(pages):
        page = reader.page(1, after=after + 2, limit=5, reader=f"somebody {at}")
        assert not leaks(shown(page, Channel.RESPONSE_BODY), [VALUE, b64encode(VALUE).rstrip(b"=")])
    assert len(read) <= len(frames) + len(pages) * (64 + 5 + 2 * 2)


async def test_a_session_that_ends_while_it_is_read(tmp_path: Path) -> None:
    """From then on it is known what of it was lost, also of pages that were read before."""
    async with opened(tmp_path) as store:
        await store.commit([*window(), began(1, tty=True)])
        made = [Frame(1, seq, seq, 0, Channel.STDOUT, b"ten bytes.") for seq in range(600)]
        await record(store, made)
        reader = Playback(Files(tmp_path))
        assert all(each.delivered for after in (400, 299) for each in reader.page(1, after=after, limit=300, tty=True))
        await store.commit([ended(1, frames=600, conns=[{"conn": 0, "in": 0, "in_handed": 0, "out": 6000, "out_handed": 5004}])])
        assert [each.delivered for each in reader.page(1, after=399, limit=300, tty=True)] == [True] * 100 + [False] * 100


def packed(size: int) -> tuple[list[Frame], bytes]:
    """A list of Secrets that crossed compressed, in pieces of `size` bytes with a token's letters between, and the list as it was."""
    chance = random.Random(3)
    answer = json.dumps({"kind": "SecretList", "items": [secret({"pw": VALUE, "nonce": chance.randbytes(60)}) for _ in range(200)]}).encode()
    crossed = gzip.compress(answer)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n"
    pieces = [(1, Channel.REQUEST, f"GET {SECRETS} HTTP/1.1\r\n\r\n".encode()), (1, Channel.RESPONSE, head)]
    for at in range(0, len(crossed), size):
        pieces += [(1, Channel.RESPONSE_BODY, crossed[at : at + size]), (0, Channel.STDOUT, b".")]
    return [Frame(1, seq, seq, conn, channel, body) for seq, (conn, channel, body) in enumerate(pieces)], answer


def test_a_compressed_answer_is_read_wherever_a_page_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record keeps it as it crossed; pages show it opened, unmasked byte for byte, masked without a secret; and end early where it grows large."""
    frames, answer = packed(500)
    files = kept(tmp_path, frames, tty=False)
    assert [frame.body for frame in files.all_frames(1)] == [frame.body for frame in frames]
    monkeypatch.setattr(playback, "ROOM", 10_000)
    for unmask in (True, False):
        pages, after, reader = [], -1, Playback(files)
        while page := reader.page(1, after=after, unmask=unmask, reader="ana"):
            pages.append(page)
            after = page[-1].frame.seq
        assert [each.frame.seq for page in pages for each in page] == list(range(len(frames)))
        assert len(pages) > 5
        said = b"".join(shown(page, Channel.RESPONSE_BODY) for page in pages)
        assert len(said) == len(answer)
        assert (said == answer) is unmask
        assert unmask or not leaks(said, HIDDEN)
    alone = Playback(files)
    for after in (frames[-1].seq - 9, len(frames) // 2, 1):
        late = b"".join(each.frame.body for each in alone.page(1, after=after, limit=3, unmask=True) if each.frame.channel is Channel.RESPONSE_BODY)
        assert late
        assert late in answer
        assert not leaks(shown(alone.page(1, after=after, limit=3), Channel.RESPONSE_BODY), HIDDEN)


def test_what_came_before_is_opened_a_part_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who begins in the middle of a compressed answer makes the gateway hold no more of what stands in front of that than of a page."""
    frames, answer = packed(500)
    files = kept(tmp_path, frames, tty=False)
    monkeypatch.setattr(playback, "ROOM", 10_000)
    opened: list[list[int]] = []
    whole = Masks.frames

    def counted(masks: Masks, given: Sequence[Frame], *, room: int = 0) -> list[Shown]:
        found = whole(masks, given, room=room)
        opened.append([len(each.frame.body) for each in found])
        return found

    monkeypatch.setattr(Masks, "frames", counted)
    Playback(files).masks(1, after=frames[-1].seq, tty=False)
    assert sum(map(sum, opened)) > len(answer)
    assert len(opened) > 5
    assert all(sum(sizes[:-1]) <= 10_000 for sizes in opened)
