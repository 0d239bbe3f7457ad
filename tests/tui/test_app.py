"""What all screens share, over a real gateway: the keys of the app, and what becomes of them when the caller does."""

import asyncio
from pathlib import Path

import pytest

from jitui.policy.terms import Role
from jitui.tui.app import NOT_HERE
from tests.tui.gateway import gateway
from tests.tui.hand import CountedApp, at


async def test_lockdown_ends_every_window_and_is_lifted_by_the_same_key(tmp_path: Path) -> None:
    """`!` asks for a reason, locks down, and then offers to lift it."""
    async with gateway(tmp_path) as house, at(house) as hand:
        await hand.press("exclamation_mark")
        await hand.press("2", "enter")
        assert house.calls[-1] == ("lockdown", "True", "a token was stolen")
        assert "LOCKDOWN" in hand.screen.text
        assert "! lift lockdown" in hand.screen.text
        await hand.press("exclamation_mark")
        await hand.press("1", "enter")
        assert house.calls[-1] == ("lockdown", "False", "it is over")
        assert "LOCKDOWN" not in hand.screen.text


async def test_who_is_nobody_there_any_more_is_told_so_once_and_does_not_ask_again(tmp_path: Path) -> None:
    """The header says which token ended; the gateway is not asked a second time, however long the screen stays."""
    async with gateway(tmp_path) as house:
        await house.ask_for()
        async with at(house, beat_s=0.05) as hand:
            house.person.gone = "your token jt_0a1b2c3d was revoked at 2026-11-23T16:04:11.000000Z"
            while not hand.app.silent:  # noqa: ASYNC110 - what changes has no event
                await asyncio.sleep(0.01)
            asked = house.line.counts.total()
            await asyncio.sleep(0.3)  # six beats
            await hand.look()
            assert "NOT HEARD ANY MORE: your token jt_0a1b2c3d was revoked" in hand.screen.text
            assert (house.line.counts.total(), hand.app.screen.has_class("-silent")) == (asked, True)
            await hand.pilot.press("q")


async def test_rights_that_a_reload_took_are_gone_from_the_keys(tmp_path: Path) -> None:
    """The rights of the caller are asked again after the gateway read its configuration."""
    async with gateway(tmp_path) as house, at(house) as hand:
        assert "lockdown" in hand.screen.keys
        house.give(Role.AUDITOR)
        await house.new_rules()
        await hand.settle()
        await hand.settle()
        assert "lockdown" not in hand.screen.keys


async def test_a_terminal_that_became_too_small_says_so_until_it_grows(tmp_path: Path) -> None:
    """80x24 at least."""
    async with gateway(tmp_path) as house, at(house, (80, 24)) as hand:
        await hand.pilot.resize_terminal(79, 24)
        await hand.pilot.pause(0.1)
        assert "terminal too small: 80x24 at least" in hand.screen.text
        await hand.pilot.resize_terminal(80, 24)
        await hand.pilot.pause(0.1)
        assert "Nobody asks" in hand.screen.text


async def test_screens_at_the_gateway_touch_no_clipboard_file_or_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over SSH they say so instead; on the person's own machine each is done."""
    monkeypatch.chdir(tmp_path)
    async with gateway(tmp_path) as house:
        written: list[str] = []
        for local in (False, True):
            app = CountedApp(house.desk, local=local)
            async with app.run_test() as pilot:
                written.clear()
                assert app._driver is not None
                monkeypatch.setattr(app._driver, "write", written.append)
                monkeypatch.setattr(app._driver, "open_url", lambda url, _: written.append(url))
                app.copy_to_clipboard("words")
                app.open_url("https://example.test")
                app.deliver_screenshot(path=str(tmp_path), filename="shot.svg")
                await pilot.pause(0.2)
                assert any("\x1b]52;" in text for text in written) is local
                assert ("https://example.test" in written) is local
                assert tmp_path.joinpath("shot.svg").exists() is local
                assert any(NOT_HERE in note.message for note in app._notifications) is not local
