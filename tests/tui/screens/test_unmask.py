"""Secrets on the Replay screen, over the files of a gateway."""

import asyncio
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from jitui.cli.shelf import Shelf
from jitui.tui.app import TapeApp
from tests.store.life import began, ended, frames, opened, record, window
from tests.tui.seeing import screenful

TOKEN = "jt_0123abcd_" + "AbC1" * 10 + "xyz"


async def shelf(folder: Path) -> Shelf:
    """A recording in which a token was printed, in two frames."""
    async with opened(folder) as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [b"$ echo $T\r\n" + TOKEN[:30].encode(), TOKEN[30:].encode() + b"\r\n$ "]))
        await store.commit([ended(1)])
    return Shelf(folder)


async def shows(app: TapeApp, pilot: Pilot[Any], word: str, seconds: float = 10) -> str:
    """The screen, once a word is on it."""
    async with asyncio.timeout(seconds):
        while word not in screenful(app).text:
            await pilot.press("end")
            await pilot.pause(0.05)
    return screenful(app).text


async def test_secrets_are_masked_until_who_may_asks_to_see_them(tmp_path: Path) -> None:
    """The header says which; `u` is there for who may, and turns back too."""
    archive = await shelf(tmp_path)
    app = TapeApp(archive, "s-1", may_unmask=True)
    async with app.run_test(size=(120, 30)) as pilot:
        seen = await shows(app, pilot, "[masked: token")
        assert "secrets masked" in seen
        assert "u unmask" in screenful(app).keys
        assert TOKEN[12:20] not in seen
        await pilot.press("u")
        seen = await shows(app, pilot, TOKEN)
        assert "SECRETS SHOWN" in seen
        assert "u mask" in screenful(app).keys
        await pilot.press("u")
        assert TOKEN not in await shows(app, pilot, "[masked: token")
    await archive.aclose()


async def test_the_key_is_not_there_for_who_may_not(tmp_path: Path) -> None:
    """And does nothing."""
    archive = await shelf(tmp_path)
    app = TapeApp(archive, "s-1")
    async with app.run_test(size=(120, 30)) as pilot:
        await shows(app, pilot, "[masked: token")
        assert "unmask" not in screenful(app).keys
        await pilot.press("u")
        await pilot.pause(0.2)
        assert TOKEN not in screenful(app).text
    await archive.aclose()


async def test_unmasked_from_the_start(tmp_path: Path) -> None:
    """As `jitui replay --unmask` opens it."""
    archive = await shelf(tmp_path)
    app = TapeApp(archive, "s-1", may_unmask=True, unmask=True)
    async with app.run_test(size=(120, 30)) as pilot:
        assert "SECRETS SHOWN" in await shows(app, pilot, TOKEN)
    await archive.aclose()
