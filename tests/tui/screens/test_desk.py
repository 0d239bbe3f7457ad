"""The desk over a real gateway: its lists hold still, its keys end and freeze what the cursor stands on."""

from pathlib import Path

from jitui.tui.screens.desk import DeskScreen
from tests.tui.gateway import gateway, rule
from tests.tui.hand import at


async def test_the_countdown_goes_on_between_two_looks_by_the_monotonic_clock(tmp_path: Path) -> None:
    """Seconds pass on the screen without the gateway saying so, and its wall clock does not matter."""
    async with gateway(tmp_path) as house:
        await house.open_window(duration_s=600)
        async with at(house, beat_s=3600) as hand:
            assert "10m00s" in hand.screen.line("g-1")
            house.home.clock.boot_us += 90_000_000
            house.home.clock.set_wall(-5000)
            await hand.look()
            assert "8m30s" in hand.screen.line("g-1")


async def test_a_newcomer_joins_at_the_end_marked_new_and_the_cursor_stays(tmp_path: Path) -> None:
    """The cursor holds an id; nothing opens by itself."""
    async with gateway(tmp_path, rule("agent-a"), rule("agent-b"), rule("agent-c")) as house:
        await house.ask_for("agent-a")
        await house.ask_for("agent-b")
        async with at(house) as hand:
            await hand.press("down")
            assert hand.screen.line("r-2").startswith("▸")
            await house.ask_for("agent-c")
            await hand.settle()
            assert isinstance(hand.app.screen, DeskScreen)
            assert hand.screen.line("r-2").startswith("▸")
            assert " new " in hand.screen.line("r-3")
            assert hand.screen.text.index("r-1") < hand.screen.text.index("r-2") < hand.screen.text.index("r-3")
            await hand.press("down")
            assert " new " not in hand.screen.line("r-3")


async def test_windows_do_not_re_sort_until_s_is_pressed(tmp_path: Path) -> None:
    """A window that ends sooner than those before it stays at the end until somebody sorts."""
    async with gateway(tmp_path, rule("agent-a"), rule("agent-b")) as house:
        await house.open_window("agent-a", duration_s=1800)
        async with at(house) as hand:
            await house.open_window("agent-b", duration_s=300)
            await hand.settle()
            assert hand.screen.text.index("g-1") < hand.screen.text.index("g-2")
            assert "s sort" in hand.screen.keys
            await hand.press("s")
            assert hand.screen.text.index("g-2") < hand.screen.text.index("g-1")
            assert "s sort" not in hand.screen.keys


async def test_revoke_from_the_desk_says_what_it_did(tmp_path: Path) -> None:
    """`x`, a reason, enter; then the gateway's own words."""
    async with gateway(tmp_path) as house:
        await house.open_window()
        await house.shell("sh")
        async with at(house) as hand:
            await hand.pilot.press("x", *"enough", "enter")
            await hand.settle()
            assert house.calls == [("revoke", "g-1", "enough")]
            assert "g-1 revoked: 1 stream closed in" in hand.screen.text
            assert "revoked" in hand.screen.line("g-1")


async def test_the_line_of_a_window_says_what_runs_in_it_now(tmp_path: Path) -> None:
    """A program that runs, though plain requests came after it; once it is over, the newest request."""
    async with gateway(tmp_path) as house:
        await house.open_window()
        assert await house.get() == 200
        async with at(house, (140, 30)) as hand:
            assert "list pods in web" in hand.screen.line("g-1")
            shell = await house.shell("psql", "-c", "select 1")
            await hand.until("web-1: psql -c select 1")
            assert await house.get("/api/v1/namespaces/web/pods/web-2") == 200
            await hand.settle()
            assert "web-1: psql -c select 1" in hand.screen.line("g-1")
            await house.of(house.person.who).kill(shell.id, reason="enough")
            await hand.until("get pods/web-2 in web")
