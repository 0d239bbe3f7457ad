"""The page of a window plays in a real browser, shows what the record holds, and does nothing that recorded text asks for."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from websockets.sync.client import ClientConnection

from jitui.api.views import FrameView, SessionView
from jitui.cli.shelf import Shelf
from jitui.tui import page as pages
from jitui.tui.page import Film, page
from jitui.tui.reel import Reel
from tests.support.browser import Page, browser, opened
from tests.tui.gateway import gateway, rule
from tests.tui.test_reel import session as a_session

RECORDINGS = Path(__file__).parents[2] / "recordings"
EVIL = "</script><script>window.hurt=1</script><img src=x onerror='window.hurt=2'><!--"


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientConnection]:
    with browser(tmp_path_factory.mktemp("profile")) as line:
        yield line


@contextmanager
def shown(line: ClientConnection, folder: Path, text: str) -> Iterator[Page]:
    """A page in the browser; at the end it has fetched nothing but itself, and nothing went wrong in it."""
    file = folder / "page.html"
    file.write_text(text)
    page = opened(line, file)
    yield page
    assert page.value("window.hurt === undefined")
    assert page.asked == [file.as_uri()]
    assert page.wrong == []


def data_of(text: str) -> dict[str, Any]:
    """What a page holds."""
    found = re.search(r'<script id="record" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def screen(film: dict[str, Any], ms: int) -> list[str]:
    """A terminal at a moment, out of its steps."""
    rows: dict[int, str] = {}
    shown = [step for step in film["steps"] if step[0] <= ms]
    for _, _, _, _, changed, whole in shown:
        rows = {} if whole else rows
        rows |= {y: "".join(run[0] for run in runs).rstrip() for y, runs in changed}
    return [rows.get(y, "") for y in range(shown[-1][2])]


async def test_a_recording_plays_to_its_end(line: ClientConnection, tmp_path: Path) -> None:
    """The last screen is the one that the terminal emulator shows; keys seek, and the moment in its address does; nothing is fetched from anywhere."""
    shelf = Shelf(RECORDINGS / "shell.jitui")
    session = await shelf.session(await shelf.only_session())
    reel = Reel(session)
    reel.add(await shelf.frames(session.id))
    for _ in reel.goto(len(reel.frames)):
        pass
    text = await page(shelf, session.id)
    await shelf.aclose()
    with shown(line, tmp_path, text) as found:
        assert found.value("document.title").startswith(f"{session.id}: ")
        screens = "document.querySelector('.terminal pre').textContent.split('\\n').slice(0, -1).map(each => each.trimEnd())"
        found.press("9")
        found.press("0")
        first = found.value(screens)
        for _ in range(6):
            found.press(">")
        assert found.value("document.getElementById('speed').textContent") == "64x"
        found.press(" ")
        found.until("document.getElementById('play').textContent === 'play' && now === last")
        assert found.value(screens) == reel.emulator.text() != first
        assert found.value("document.querySelectorAll('.row.past').length === document.querySelectorAll('.row').length")
        for address, ms in (("#t=1.5", "1500"), ("#t=99999999", "last"), ("#t=x", "record.films[0].steps[0][0]"), ("#t=0", "0")):
            found.value(f"location.hash = '{address}'")
            found.until(f"now === {ms}")
        found.value("at('list').style = 'flex: none; height: 40px'")  # too low for all of it
        found.value("terminals.push(new Terminal(record.films[0])) && show('terminals')")
        found.value("inside = (a, b) => a.getBoundingClientRect().bottom > b.getBoundingClientRect().top && a.getBoundingClientRect().top < innerHeight")
        for when in ("last", "0", "last"):
            found.value(f"seek({when})")
            assert found.value("inside(document.querySelector('.row.now') || rows[0], at('list'))")
        assert found.value("inside(terminals[1].box, at('view'))")
        found.press("c")
        assert "exec" in found.value("document.getElementById('view').textContent")


async def test_recorded_text_is_text(line: ClientConnection, tmp_path: Path) -> None:
    """Markup and escape codes in output, commands and reasons run nowhere, and secrets are hidden in the page as in every view of the record."""
    async with gateway(tmp_path, rule()) as house:
        window = await house.open_window(scope="@debug in web; read pods in web")
        shell = await house.shell("sh", "-c", EVIL)
        await shell.prints(f"{EVIL}\r\n\x1b[31mred\x1b[0m \x1b]0;title\x07API_TOKEN=ghp_{'a1B2' * 9}\r\n".encode())
        assert await house.get() == 200
        assert await house.get("/api/v1/namespaces/payments/secrets/db") == 403
        text = await page(house.desk, window.id)
    assert EVIL not in text
    assert "ghp_a1B2" not in text
    data = data_of(text)
    assert [(each[4], each[6]) for each in data["events"] if each[4] in {"READ", "SECRET"}] == [("READ", "200"), ("SECRET", "denied")]
    with shown(line, tmp_path, text) as found:
        assert found.value("document.querySelector('nav [data-name=changes]').textContent") == "changed objects 0"  # what ran inside a pod is none
        found.value("seek(last)")
        terminal = found.value("document.querySelector('.terminal pre').textContent")
        assert EVIL[:40] in terminal.replace("\n", "")
        assert found.value("[...document.querySelectorAll('.terminal pre span')].filter(each => each.style.color).map(each => each.textContent)") == ["red"]
        found.value("[...document.querySelectorAll('.row')].find(row => row.textContent.includes('200')).click()")
        assert "GET /api/v1/namespaces/web/pods" in found.value("document.querySelector('.detail').textContent")


def frames(*bodies: bytes, apart_us: int = 100_000) -> list[FrameView]:
    return [FrameView(seq=seq, at_us=seq * apart_us, conn=0, channel="stdout", data_b64=b64encode(body).decode()) for seq, body in enumerate(bodies)]


def filmed(given: list[FrameView], session: SessionView) -> Film:
    film = Film(session, {}, 0)
    film.feed(given)
    film.end()
    return film


PIECES = [b"one\r\n", b"\x1b[2J\x1b[H", b"two\x1b[5;7Hthree", b"\xe4\xb8\xad\xe6\x96\x87", b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[31mred\x1b[m", b"\x1b[L",
          b"x" * 200, b"\n" * 30]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=150))
@settings(max_examples=20, deadline=None)
def test_each_step_is_the_screen_at_its_moment(bodies: list[bytes]) -> None:
    """However many lines changed since the step before, and whichever step is whole."""
    session, given = a_session(), frames(*bodies)
    film, reel = filmed(given, session), Reel(session)
    reel.add(given)
    for count in {1, len(given) // 2 or 1, len(given)}:
        for _ in reel.goto(count):
            pass
        assert screen({"steps": film.steps}, given[count - 1].at_us // 1000) == reel.emulator.text()


def test_output_without_end_takes_bounded_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The more room its states took, the fewer of them are kept; the last one always is."""
    monkeypatch.setattr(pages, "DOUBLED", 20_000)
    few, many = (filmed(frames(*(b"%d %s\r\n" % (n, b"x" * 60) for n in range(count)), apart_us=40_000), a_session()) for count in (400, 4000))
    assert many.size < 4 * few.size
    assert any("3999 " in line for line in screen({"steps": many.steps}, 1 << 60))


async def test_a_page_says_what_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Terminals first, then requests."""
    monkeypatch.setattr(pages, "ROOM", 400)
    monkeypatch.setattr(pages, "PAGE", 2)
    async with gateway(tmp_path, rule()) as house:
        window = await house.open_window(scope="@debug in web; read pods in web")
        shell = await house.shell("sh")
        for number in range(6):
            await shell.prints(b"%d" % number * 300)
            house.advance(1)
        assert await house.get() == 200
        notes = data_of(await page(house.desk, window.id))["notes"]
    assert any("there is no room for the rest" in note for note in notes)
    assert any("0 requests can be opened here" in note for note in notes)
