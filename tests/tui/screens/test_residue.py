"""Everything that outlives a window, over a real gateway."""

from pathlib import Path

from jitui.tui.screens.changes import ChangesScreen
from jitui.tui.screens.residue import ResidueScreen
from tests.fakes.objects import CM, SCOPE, WEB, Talk, cm, deployment, scale
from tests.tui.gateway import BOT, PERSON, gateway, rule
from tests.tui.hand import at


async def test_what_an_ended_window_left(tmp_path: Path) -> None:
    """`R` on it: counts, a line each, and how the chosen one ends; the cluster was asked once, and that is a fact."""
    async with gateway(tmp_path, rule(scope=SCOPE)) as house:
        grant = await house.open_window(scope=SCOPE)
        talk = Talk(house.home, house.tokens[BOT])
        await talk.ask("POST", CM, cm("tmp", "u-tmp"), cm("tmp"), status="201 Created")
        await talk.ask("GET", f"{WEB}/web", deployment("web:1", 3))
        await talk.merge(f"{WEB}/web/scale", scale(0), {"spec": {"replicas": 0}})
        await talk.ask("DELETE", f"{CM}/old", cm("old", "u-old", k="v"))
        talk.answers = {f"GET {CM}/tmp": ("200 OK", {"metadata": {"name": "tmp", "uid": "u-tmp"}}), f"GET {WEB}/web": ("403 Forbidden", {})}
        async with at(house, (140, 40)) as hand:
            assert "R residue" not in hand.screen.keys
            await house.of(PERSON).revoke(grant.id, reason="enough")
            await hand.until("Ended in the last hour (1)")
            assert "R residue" in hand.screen.keys
            await hand.press("R")
            assert isinstance(hand.app.screen, ResidueScreen)
            await hand.until("2 objects, 1 deleted")
            assert "cluster asked" in hand.screen.lines[1]
            assert "kubectl delete configmaps tmp -n web" in hand.screen.text
            await hand.tap("down")
            assert "may not look at it (403)" in hand.screen.text
            assert "kubectl scale deployments.apps web -n web --replicas=3" in hand.screen.text
            await hand.press("c")
            opened: object = hand.app.screen
            assert isinstance(opened, ChangesScreen)
        assert len(await house.home.facts("cluster.looked")) == 1


async def test_a_window_that_left_nothing(tmp_path: Path) -> None:
    """Says so."""
    async with gateway(tmp_path) as house:
        grant = await house.open_window()
        await house.of(PERSON).revoke(grant.id, reason="enough")
        async with at(house) as hand:
            await hand.press("R")
            await hand.until("Nothing that is on record outlives it.")
            assert "nothing left" in hand.screen.lines[1]
            await hand.press("escape")
            assert not isinstance(hand.app.screen, ResidueScreen)


async def test_the_desk_counts_and_decide_says_what_is_still_there(tmp_path: Path) -> None:
    """An ended row has its writes and the Secrets that were read; the next request of the same agent says what its last window left."""
    async with gateway(tmp_path, rule(scope=SCOPE)) as house:
        grant = await house.open_window(scope=SCOPE)
        talk = Talk(house.home, house.tokens[BOT])
        await talk.ask("POST", CM, cm("tmp", "u-tmp"), cm("tmp"), status="201 Created")
        await talk.merge(f"{WEB}/web", deployment("web:2"), {})
        await talk.merge(f"{CM}/x", {"kind": "Status"}, {}, status="409 Conflict")
        secret = {"kind": "Secret", "metadata": {"name": "db", "namespace": "web"}, "data": {"password": "eA=="}}
        await talk.ask("GET", "/api/v1/namespaces/web/secrets/db", secret)
        await house.of(PERSON).revoke(grant.id, reason="enough")
        await house.ask_for(scope="read configmaps in web")
        async with at(house, (140, 40)) as hand:
            await hand.until("Ended in the last hour (1)")
            assert "2 writes  1 secret" in hand.screen.line(grant.id)
            await hand.press("home", "enter")
            await hand.until("still")
            assert f"{grant.id} left 2 objects (configmaps web/tmp, deployments.apps web/web), 1 credential seen" in hand.screen.text
            assert "c shows what it changed" in hand.screen.text
