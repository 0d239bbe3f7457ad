"""The screens as a person uses them, through Pilot, over a gateway in memory."""

import asyncio
import re
from dataclasses import replace

from jitui.api.views import ClauseView
from jitui.tui.screens.decide import DecideScreen
from jitui.tui.screens.desk import DeskScreen
from jitui.values.atwork import AtWork
from jitui.values.said import Said
from tests.fakes.tui_desk import FakeDesk
from tests.tui.hand import at


async def test_a_request_appears_is_opened_narrowed_and_approved_and_its_window_counts_down() -> None:
    """From an ask to a live window with a shorter duration, on the keys that the screens show."""
    desk = FakeDesk()
    async with at(desk) as hand:
        assert "Nobody asks" in hand.screen.text
        view = desk.ask_for()
        await hand.settle()
        assert "r-41" in hand.screen.text
        await hand.press("enter")
        await hand.passes(1)
        assert "a approve" in hand.screen.keys
        await hand.press("tab", *"10m", "enter", "a")
        assert desk.calls == [("approve", "r-41", view.digest, "600", "")]
        assert isinstance(hand.app.screen, DeskScreen)
        assert "r-41 approved: window g-17" in hand.screen.text
        assert "10m00s" in hand.screen.line("g-17")
        await hand.passes(61)
        assert "8m59s" in hand.screen.line("g-17")


async def test_the_countdown_goes_on_between_two_looks_by_the_monotonic_clock() -> None:
    """Seconds pass on the screen without the gateway saying so, and its wall clock does not matter."""
    desk = FakeDesk()
    desk.open_window(duration_s=600)
    async with at(desk, beat_s=3600) as hand:
        assert "10m00s" in hand.screen.line("g-17")
        desk.clock.boot_us += 90_000_000
        desk.clock.set_wall(-5000)
        await hand.look()
        assert "8m30s" in hand.screen.line("g-17")


async def test_deny_takes_a_stock_reason() -> None:
    """`d`, a stock reason, enter; the agent is told exactly that."""
    desk = FakeDesk()
    desk.ask_for()
    async with at(desk) as hand:
        await hand.press("enter")
        await hand.passes(1)
        await hand.pilot.press("d", "2", "enter")
        await hand.settle()
        assert desk.calls == [("deny", "r-41", "ask for less: a narrower scope or a shorter window")]
        assert "r-41 denied" in hand.screen.text


async def test_an_empty_reason_denies_nothing() -> None:
    """A denial goes on record with words."""
    desk = FakeDesk()
    desk.ask_for()
    async with at(desk) as hand:
        await hand.press("enter")
        await hand.passes(1)
        await hand.pilot.press("d", "enter")
        assert "a reason is needed" in hand.screen.text
        assert desk.calls == []


async def test_keys_arm_after_seven_tenths_of_a_second_and_again_when_the_card_changes() -> None:
    """A key meant for another screen, or for the card as it was, decides nothing."""
    desk = FakeDesk()
    view = desk.ask_for()
    async with at(desk) as hand:
        await hand.press("enter")
        await hand.press("a", "d")
        assert desk.calls == []
        assert "approve" not in hand.screen.keys
        await hand.passes(0.69)
        assert "approve" not in hand.screen.keys
        await hand.passes(0.02)
        assert "a approve" in hand.screen.keys
        desk.change(view.id, lambda was: replace(was, rule_scope="read pods in web"))
        await hand.settle()
        assert "approve" not in hand.screen.keys
        await hand.press("a")
        assert desk.calls == []
        await hand.passes(0.8)
        await hand.press("a")
        assert [call[0] for call in desk.calls] == ["approve"]


async def test_a_decision_about_something_else_is_refused_and_the_card_is_drawn_again() -> None:
    """The digest travels with the key; the gateway refuses it when the request changed in between."""
    desk = FakeDesk()
    view = desk.ask_for()
    async with at(desk, beat_s=3600) as hand:
        await hand.press("enter")
        await hand.passes(1)
        now = desk._keep(replace(view, rule_scope="read pods in web"))  # and no fact tells the screen
        await hand.press("a")
        assert "changed since you saw it" in hand.screen.text
        assert [call[2] for call in desk.calls] == [view.digest]
        assert "approve" not in hand.screen.keys
        await hand.passes(1)
        await hand.press("a")
        assert [call[2] for call in desk.calls] == [view.digest, now.digest]


async def test_what_is_not_read_only_wants_a_capital() -> None:
    """`a` does nothing for EXEC; `A` does."""
    desk = FakeDesk()
    desk.ask_for(scope="exec pods in web")
    async with at(desk) as hand:
        await hand.press("enter")
        await hand.passes(1)
        assert "A approve" in hand.screen.keys
        assert "a approve" not in hand.screen.keys
        await hand.press("a")
        assert desk.calls == []
        await hand.press("A")
        assert [call[0] for call in desk.calls] == ["approve"]


async def test_what_can_leave_its_window_wants_the_agents_name() -> None:
    """SPAWN and ESCAPE: capital, then the name typed."""
    desk = FakeDesk()
    desk.ask_for(scope="create pods in web")
    async with at(desk) as hand:
        await hand.press("enter")
        await hand.passes(1)
        await hand.pilot.press("A", *"agent", "enter")
        await hand.pilot.pause()
        assert "that is not its name" in hand.screen.text
        assert desk.calls == []
        await hand.pilot.press(*"-deploybot", "enter")
        await hand.settle()
        assert [call[0] for call in desk.calls] == ["approve"]


async def test_a_longer_window_than_asked_is_not_even_sent() -> None:
    """Terms can only be tightened."""
    desk = FakeDesk()
    desk.ask_for(duration_s=600)
    async with at(desk) as hand:
        await hand.press("enter")
        await hand.passes(1)
        await hand.press("tab", *"20m", "enter", "a")
        assert "can only be tightened" in hand.screen.text
        assert desk.calls == []


async def test_n_narrows_the_scope_to_what_was_used() -> None:
    """One key puts it into the terms; the approval carries it."""
    desk = FakeDesk()
    desk.ask_for(scope="patch deployments.apps in web", used="patch deployments.apps:web in web")
    async with at(desk) as hand:
        await hand.press("enter")
        await hand.passes(1)
        await hand.press("n", "A")
        assert desk.calls[0][4] == "patch deployments.apps:web in web"


async def test_keys_that_the_gateway_does_not_allow_are_not_shown_and_do_nothing() -> None:
    """`you_may` decides, and the sentence why not is on the card."""
    desk = FakeDesk()
    desk.ask_for(you_may=(), you_may_not="agent-deploybot is yours: somebody else decides")
    async with at(desk) as hand:
        await hand.press("enter")
        await hand.passes(1)
        assert "approve" not in hand.screen.keys
        assert "deny" not in hand.screen.keys
        assert "somebody else decides" in hand.screen.text
        await hand.press("a", "A", "d", "n")
        assert desk.calls == []
        assert isinstance(hand.app.screen, DecideScreen)


async def test_a_newcomer_joins_at_the_end_marked_new_and_the_cursor_stays() -> None:
    """The cursor holds an id; nothing opens by itself."""
    desk = FakeDesk()
    desk.ask_for("agent-a")
    desk.ask_for("agent-b")
    async with at(desk) as hand:
        await hand.press("down")
        assert hand.screen.line("r-42").startswith("▸")
        desk.ask_for("agent-c")
        await hand.settle()
        assert isinstance(hand.app.screen, DeskScreen)
        assert hand.screen.line("r-42").startswith("▸")
        assert " new " in hand.screen.line("r-43")
        assert hand.screen.text.index("r-41") < hand.screen.text.index("r-42") < hand.screen.text.index("r-43")
        await hand.press("down")
        assert " new " not in hand.screen.line("r-43")


async def test_windows_do_not_re_sort_until_s_is_pressed() -> None:
    """A window that ends sooner than those before it stays at the end until somebody sorts."""
    desk = FakeDesk()
    desk.open_window("agent-a", duration_s=1800)
    async with at(desk) as hand:
        desk.open_window("agent-b", duration_s=300)
        await hand.settle()
        assert hand.screen.text.index("g-17") < hand.screen.text.index("g-18")
        assert "s sort" in hand.screen.keys
        await hand.press("s")
        assert hand.screen.text.index("g-18") < hand.screen.text.index("g-17")
        assert "s sort" not in hand.screen.keys


async def test_revoke_from_the_desk_says_what_it_did() -> None:
    """`x`, a reason, enter; then the gateway's own words."""
    desk = FakeDesk()
    window = desk.open_window()
    desk.open_session(window.id)
    async with at(desk) as hand:
        await hand.pilot.press("x", *"enough", "enter")
        await hand.settle()
        assert desk.calls == [("revoke", "g-17", "enough")]
        assert "1 streams closed in 21 ms" in hand.screen.text
        assert "revoked" in hand.screen.line("g-17")


async def test_lockdown_ends_every_window_and_is_lifted_by_the_same_key() -> None:
    """`!` asks for a reason, locks down, and then offers to lift it."""
    async with at(FakeDesk()) as hand:
        await hand.press("exclamation_mark")
        await hand.press("2", "enter")
        assert hand.desk.calls[-1] == ("lockdown", "True", "a token was stolen")
        assert "LOCKDOWN" in hand.screen.text
        assert "! lift lockdown" in hand.screen.text
        await hand.press("exclamation_mark")
        await hand.press("1", "enter")
        assert hand.desk.calls[-1] == ("lockdown", "False", "it is over")
        assert "LOCKDOWN" not in hand.screen.text


async def test_a_credential_that_can_not_be_renewed_is_on_every_header() -> None:
    """With how long it serves on; a control character in the reason is not; gone when it is over."""
    desk = FakeDesk()
    desk.ask_for()
    async with at(desk) as hand:
        desk.trouble = "prod-eks g-17 goes on for 4m: sts:\x1b[2J not allowed"
        await hand.settle()
        for _ in range(2):
            assert "prod-eks g-17 goes on for 4m: sts:" in hand.screen.text
            await hand.press("enter")
            await hand.passes(1)
        assert isinstance(hand.app.screen, DecideScreen)
        assert "\x1b" not in hand.screen.text
        desk.trouble = ""
        await hand.settle()
        assert "goes on for" not in hand.screen.text


async def test_a_limit_at_work_is_on_the_header_with_whose_it_is() -> None:
    """The newest; a control character in a name is not; gone when it is over."""
    desk = FakeDesk()
    async with at(desk) as hand:
        desk.limits = (AtWork(limit="streams_per_grant", who="agent-x\x1b[2J", words="agent-x has 64 streams open in g-17", times=3),
                       AtWork(limit="strangers", who="192.0.2.7", words="no room", times=1))  # fmt: skip
        await hand.settle()
        assert "LIMIT streams_per_grant: agent-x" in hand.screen.text
        assert "\x1b" not in hand.screen.text
        desk.limits = ()
        await hand.settle()
        assert "LIMIT" not in hand.screen.text


async def test_a_silent_gateway_dims_the_data_takes_the_keys_and_comes_back_by_itself() -> None:
    """The header says since when, and that windows still end on time."""
    desk = FakeDesk()
    desk.ask_for()
    async with at(desk) as hand:
        await hand.press("enter")
        await hand.passes(1)
        assert "a approve" in hand.screen.keys
        desk.cut()
        await hand.settle()
        assert "GATEWAY SILENT since" in hand.screen.text
        assert "windows still end on time" in hand.screen.text
        assert "approve" not in hand.screen.keys
        assert hand.app.screen.has_class("-silent")
        await hand.press("a")
        assert desk.calls == []
        desk.up = True
        await hand.settle()
        await hand.settle()
        assert "GATEWAY SILENT" not in hand.screen.text
        assert "a approve" in hand.screen.keys


async def test_who_is_nobody_there_any_more_is_told_so_once_and_does_not_ask_again() -> None:
    """The header says which token ended; the gateway is not asked a second time, however long the screen stays."""
    desk = FakeDesk()
    desk.ask_for()
    async with at(desk) as hand:
        desk.lose("your token jt_0a1b2c3d was revoked at 2026-11-23T16:04:11.000000Z")
        while not hand.app.silent:  # noqa: ASYNC110 - what changes has no event
            await asyncio.sleep(0.01)
        asked = desk.asked
        await asyncio.sleep(0.3)  # six beats
        await hand.look()
        assert "NOT HEARD ANY MORE: your token jt_0a1b2c3d was revoked" in hand.screen.text
        assert (desk.asked, hand.app.screen.has_class("-silent")) == (asked, True)
        await hand.pilot.press("q")


async def test_rights_that_a_reload_took_are_gone_from_the_keys() -> None:
    """What the gateway said of the caller is asked again after it read its configuration."""
    desk = FakeDesk()
    async with at(desk) as hand:
        assert "lockdown" in hand.screen.keys
        desk.rights = ("see",)
        desk.fact("config.loaded", "abcdef")
        await hand.settle()
        await hand.settle()
        assert "lockdown" not in hand.screen.keys


async def test_no_clause_hides_behind_harmless_ones() -> None:
    """In the list the worst and how many more; on Decide the warning and the worst first, all of them counted, and that there is more below."""
    desk = FakeDesk()
    scope = "; ".join([*(f"get configmaps:settings-of-number-{at:03} in web" for at in range(40)), "delete pods in payments"])
    clauses = tuple(ClauseView(text=text, hazard="CHANGE" if "delete" in text else "READ") for text in scope.split("; "))
    desk.ask_for(scope=scope, clauses=clauses, hazard="CHANGE", same_user=True)
    async with at(desk, (80, 24)) as hand:
        line = hand.screen.line("r-41")
        assert "CHANGE" in line
        assert re.search(r"CHANGE del\S*.* \+40 READ", line)
        await hand.press("enter")
        await hand.passes(1)
        text = hand.screen.text
        assert text.index("it can bypass jitui here") < text.index("41 clauses: 1 CHANGE, 40 READ; the worst first") < text.index("delete pods in payments")
        assert "more below: pagedown" in text
        await hand.press(*["pagedown"] * 8)
        assert "more below" not in hand.screen.text
        assert "its words, not checked" in hand.screen.text
    grant = FakeDesk()
    grant.open_window(scope=scope, hazard="CHANGE")
    async with at(grant, (160, 40)) as hand:
        assert "delete pods in payments" in hand.screen.text
        await hand.press("2")
        assert re.search(r"CHANGE delete pods in payments.* \+\d+ READ", hand.screen.text)


async def test_a_request_decided_by_somebody_else_shows_by_whom() -> None:
    """The card stays, the keys go."""
    desk = FakeDesk()
    view = desk.ask_for()
    async with at(desk) as hand:
        await hand.press("enter")
        await hand.passes(1)
        desk.change(view.id, lambda was: replace(was, state="denied", decided_by="bo", decided=desk.at, why=Said("not today")))
        await hand.settle()
        await hand.settle()
        assert "denied by bo" in hand.screen.text
        assert "approve" not in hand.screen.keys


async def test_a_terminal_that_became_too_small_says_so_until_it_grows() -> None:
    """80x24 at least."""
    async with at(FakeDesk(), (80, 24)) as hand:
        await hand.pilot.resize_terminal(79, 24)
        await hand.pilot.pause(0.1)
        assert "terminal too small: 80x24 at least" in hand.screen.text
        await hand.pilot.resize_terminal(80, 24)
        await hand.pilot.pause(0.1)
        assert "Nobody asks" in hand.screen.text
