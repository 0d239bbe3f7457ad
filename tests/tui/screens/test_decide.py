"""Decide over a real gateway: what the card shows, and which key sends what."""

import re
from pathlib import Path

from jitui.tui.screens.decide import DecideScreen
from jitui.tui.screens.desk import DeskScreen
from tests.tui.gateway import BO, BOT, OWNER, gateway, rule
from tests.tui.hand import Hand, at


async def opened(hand: Hand) -> None:
    """From the desk to the card of the first request, whose keys are armed."""
    await hand.press("enter")
    await hand.passes(1)


async def test_a_request_appears_is_opened_narrowed_and_approved_and_its_window_counts_down(tmp_path: Path) -> None:
    """From an ask to a live window with a shorter duration, on the keys that the screens show."""
    async with gateway(tmp_path) as house, at(house) as hand:
        assert "Nobody asks" in hand.screen.text
        view = await house.ask_for()
        await hand.settle()
        assert "r-1" in hand.screen.text
        await opened(hand)
        assert "a approve" in hand.screen.keys
        await hand.press("tab", *"10m", "enter", "a")
        assert house.calls == [("approve", "r-1", view.digest, "600", "")]
        assert isinstance(hand.app.screen, DeskScreen)
        assert "r-1 approved: window g-1" in hand.screen.text
        assert "10m00s" in hand.screen.line("g-1")
        await hand.passes(61)
        assert "8m59s" in hand.screen.line("g-1")


async def test_what_the_identity_did_before_is_on_the_card_and_n_narrows_to_it(tmp_path: Path) -> None:
    """One line of the last 30 days, what it used of what it asks for now, and one key that puts it into the terms; the approval carries it."""
    async with gateway(tmp_path) as house:
        window = await house.open_window()
        assert await house.get("/api/v1/namespaces/web/pods/web-1") == 200
        await house.of(BO).revoke(window.id, reason="done")
        await house.ask_for(scope="read pods in web")
        async with at(house) as hand:
            await opened(hand)
            await hand.until("1 window in 30 d: 1 read, 0 denied")
            assert "used so far only: read pods:web-1 in web" in hand.screen.text
            await hand.passes(1)
            assert "n narrow" in hand.screen.keys
            await hand.press("n", "a")
            assert [call[4] for call in house.calls] == ["read pods:web-1 in web"]
            assert str((await house.desk.grant("g-2")).scope) == "read pods:web-1 in web"


async def test_the_history_stays_on_the_card_while_the_list_is_looked_at_again(tmp_path: Path) -> None:
    """The list of requests has no history; a newer look at it takes none from the card, and asks for the request only if something happened."""
    async with gateway(tmp_path, rule(), rule("agent-b")) as house:
        await house.ask_for()
        async with at(house) as hand:
            await opened(hand)
            await hand.until("nothing in 30 d")
            asked = house.line.counts["request"]
            for _ in range(3):
                await hand.passes(1)
            assert house.line.counts["request"] == asked
            await house.ask_for("agent-b")
            await hand.settle()
            assert "nothing in 30 d" in hand.screen.text
            assert "a approve" in hand.screen.keys


async def test_deny_takes_a_stock_reason(tmp_path: Path) -> None:
    """`d`, a stock reason, enter; the agent is told exactly that."""
    async with gateway(tmp_path) as house:
        await house.ask_for()
        async with at(house) as hand:
            await opened(hand)
            await hand.pilot.press("d", "2", "enter")
            await hand.settle()
            assert house.calls == [("deny", "r-1", "ask for less: a narrower scope or a shorter window")]
            assert "r-1 denied" in hand.screen.text
        assert str((await house.desk.request("r-1")).why) == "ask for less: a narrower scope or a shorter window"


async def test_an_empty_reason_denies_nothing(tmp_path: Path) -> None:
    """A denial goes on record with words."""
    async with gateway(tmp_path) as house:
        await house.ask_for()
        async with at(house) as hand:
            await opened(hand)
            await hand.pilot.press("d", "enter")
            assert "a reason is needed" in hand.screen.text
            assert house.calls == []


async def test_keys_arm_after_seven_tenths_of_a_second_and_again_when_the_card_changes(tmp_path: Path) -> None:
    """A key meant for another screen, or for the card as it was, decides nothing."""
    async with gateway(tmp_path) as house:
        await house.ask_for()
        async with at(house) as hand:
            await hand.press("enter")
            await hand.press("a", "d")
            assert house.calls == []
            assert "approve" not in hand.screen.keys
            await hand.passes(0.69)
            assert "approve" not in hand.screen.keys
            await hand.passes(0.02)
            assert "a approve" in hand.screen.keys
            await house.new_rules(rule(scope="read pods,pods/log in web"))
            await hand.settle()
            assert "approve" not in hand.screen.keys
            await hand.press("a")
            assert house.calls == []
            await hand.passes(0.8)
            await hand.press("a")
            assert [call[0] for call in house.calls] == ["approve"]


async def test_a_decision_about_something_else_is_refused_and_the_card_is_drawn_again(tmp_path: Path) -> None:
    """The digest travels with the key; the gateway refuses it when the request changed in between."""
    async with gateway(tmp_path) as house:
        view = await house.ask_for()
        async with at(house, beat_s=3600) as hand:
            await opened(hand)
            house.home.broker.requests.rules = {(BOT, "prod"): rule(scope="read pods,pods/log in web")}  # and no fact tells the screen
            await hand.press("a")
            assert "changed since you saw it" in hand.screen.text
            assert [call[2] for call in house.calls] == [view.digest]
            assert "approve" not in hand.screen.keys
            await hand.passes(1)
            now = await house.of(BO).request("r-1")
            await hand.press("a")
            assert [call[2] for call in house.calls] == [view.digest, now.digest]


async def test_what_is_not_read_only_wants_a_capital(tmp_path: Path) -> None:
    """`a` does nothing for EXEC; `A` does."""
    async with gateway(tmp_path) as house:
        await house.ask_for(scope="exec pods in web")
        async with at(house) as hand:
            await opened(hand)
            assert "A approve" in hand.screen.keys
            assert "a approve" not in hand.screen.keys
            await hand.press("a")
            assert house.calls == []
            await hand.press("A")
            assert [call[0] for call in house.calls] == ["approve"]


async def test_what_can_leave_its_window_wants_the_agents_name(tmp_path: Path) -> None:
    """SPAWN and ESCAPE: capital, then the name typed."""
    async with gateway(tmp_path) as house:
        await house.ask_for(scope="create pods in web")
        async with at(house) as hand:
            await opened(hand)
            await hand.pilot.press("A", *"agent", "enter")
            await hand.pilot.pause()
            assert "that is not its name" in hand.screen.text
            assert house.calls == []
            await hand.pilot.press(*"-deploybot", "enter")
            await hand.settle()
            assert [call[0] for call in house.calls] == ["approve"]


async def test_a_longer_window_than_asked_is_not_even_sent(tmp_path: Path) -> None:
    """Terms can only be tightened."""
    async with gateway(tmp_path) as house:
        await house.ask_for(duration_s=600)
        async with at(house) as hand:
            await opened(hand)
            await hand.press("tab", *"20m", "enter", "a")
            assert "can only be tightened" in hand.screen.text
            assert house.calls == []


async def test_keys_that_the_gateway_does_not_allow_are_not_shown_and_do_nothing(tmp_path: Path) -> None:
    """`you_may` decides, and the sentence why not is on the card: of an agent's owner who may only look on."""
    async with gateway(tmp_path, person=OWNER) as house:
        await house.ask_for()
        async with at(house) as hand:
            await opened(hand)
            assert "approve" not in hand.screen.keys
            assert "d deny" in hand.screen.keys
            assert "owner" in hand.screen.text
            await hand.press("a", "A", "n")
            assert house.calls == []
            assert isinstance(hand.app.screen, DecideScreen)


async def test_no_clause_hides_behind_harmless_ones(tmp_path: Path) -> None:
    """In the list the worst and how many more; on Decide the warning and the worst first, all of them counted, and that there is more below."""
    scope = "; ".join([*(f"get configmaps:settings-of-number-{at:03} in web" for at in range(40)), "delete pods in payments"])
    async with gateway(tmp_path, rule(scope="get configmaps in web; delete pods in payments")) as house:
        await house.ask_for(scope=scope, same_user=True)
        async with at(house, (80, 24)) as hand:
            line = hand.screen.line("r-1")
            assert "CHANGE" in line
            assert re.search(r"CHANGE del\S*.* \+40 READ", line)
            await opened(hand)
            text = hand.screen.text
            assert text.index("it can bypass jitui here") < text.index("41 clauses: 1 CHANGE, 40 READ; the worst first") < text.index("delete pods in payments")
            assert "more below: pagedown" in text
            await hand.press(*["pagedown"] * 8)
            assert "more below" not in hand.screen.text
            assert "its words, not checked" in hand.screen.text
        await house.of(BO).approve("r-1")
        async with at(house, (160, 40)) as hand:
            assert "delete pods in payments" in hand.screen.text
            await hand.press("2")
            assert re.search(r"CHANGE delete pods in payments.* \+\d+ READ", hand.screen.text)


async def test_a_request_decided_by_somebody_else_shows_by_whom(tmp_path: Path) -> None:
    """The card stays, the keys go."""
    async with gateway(tmp_path) as house:
        await house.ask_for()
        async with at(house) as hand:
            await opened(hand)
            await house.of(BO).deny("r-1", reason="not today")
            await hand.until("denied by bo")
            await hand.settle()
            assert "approve" not in hand.screen.keys


async def test_a_silent_gateway_dims_the_data_takes_the_keys_and_comes_back_by_itself(tmp_path: Path) -> None:
    """The header says since when, and that windows still end on time."""
    async with gateway(tmp_path) as house:
        await house.ask_for()
        async with at(house) as hand:
            await opened(hand)
            assert "a approve" in hand.screen.keys
            house.line.cut()
            await hand.settle()
            assert "GATEWAY SILENT since" in hand.screen.text
            assert "windows still end on time" in hand.screen.text
            assert "approve" not in hand.screen.keys
            assert hand.app.screen.has_class("-silent")
            await hand.press("a")
            assert house.calls == []
            house.line.mend()
            await hand.settle()
            await hand.settle()
            assert "GATEWAY SILENT" not in hand.screen.text
            assert "a approve" in hand.screen.keys
