"""The gateway's own copy of discovery, and what it does when somebody asks for what it has never seen."""

from pathlib import Path

from tests.clusters.documents import SERVED, aggregated
from tests.fakes.house import house
from tests.fakes.upstream import Asked
from tests.listeners.kube.test_client import TEXT

WIDGETS = "/apis/x.io/v1/namespaces/web/widgets"


async def test_a_window_makes_an_old_copy_new(tmp_path: Path) -> None:
    """kubectl looks once when it does not know a kind. Without a window the copy goes out as it is, whatever its age."""
    async with house(tmp_path) as home:
        kubectl = await home.dial()
        assert await home.way.discovery.fetch("/apis", b"") is not None
        home.clock.advance(10)
        assert (await kubectl.ask("GET", "/apis"))[0] == 200
        assert len(home.cluster.asked) == 1
        await home.window()
        assert (await kubectl.ask("GET", "/apis"))[0] == 200
        assert len(home.cluster.asked) == 2
        assert (await kubectl.ask("GET", "/apis"))[0] == 200
        assert len(home.cluster.asked) == 2, "it is new"


async def test_an_old_copy_is_better_than_none(tmp_path: Path) -> None:
    """A cluster that fails, with a live window: what was copied goes on being served."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        known = await kubectl.ask("GET", "/apis")

        async def fail(asked: Asked) -> None:
            asked.line.hang_up()

        home.cluster.answerer = fail
        home.clock.advance(10)
        assert (await kubectl.ask("GET", "/apis"))[::2] == known[::2]


async def test_an_unknown_kind_is_looked_for_once(tmp_path: Path) -> None:
    """Before it is denied, and for an agent with a window only; nothing of the request itself goes to the cluster."""
    async with house(tmp_path) as home:
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", WIDGETS))[0] == 403
        assert home.cluster.got == b""
        await home.window()
        home.cluster.answerer = serves
        code, _, body = await kubectl.ask("GET", WIDGETS)
        assert (code, b"has no kind widgets in the group x.io" in body) == (403, True)
        assert {asked.target for asked in home.cluster.asked} <= {"/api", "/apis"}
        assert home.cluster.asked


async def test_a_cluster_that_was_never_reached_is_not_a_denial(tmp_path: Path) -> None:
    """Nothing is known of what it serves, so nothing can be judged: the agent is told what is wrong, and no denial is on record. Then it is back."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()

        async def fail(asked: Asked) -> None:
            asked.line.hang_up()

        home.cluster.answerer = fail
        code, _, body = await kubectl.ask("GET", WIDGETS)
        assert (code, b"the cluster closed the connection" in body) == (502, True)
        assert home.files.actions() == []
        home.cluster.answerer = serves
        home.clock.advance(3)
        assert (await kubectl.ask("GET", WIDGETS))[0] == 403


async def serves(asked: Asked) -> None:
    asked.line.answer(aggregated({group: kinds for group, kinds in SERVED.items() if (group == "") == (asked.target == "/api")}))


async def test_a_denied_watch_is_told_as_text(tmp_path: Path) -> None:
    """kubectl before 1.32 shows "unknown" of a Status there."""
    async with house(tmp_path) as home:
        await home.window()
        code, headers, body = await (await home.dial()).ask("GET", "/api/v1/namespaces/payments/pods?watch=1")
        assert (code, headers["content-type"]) == (403, TEXT)
        assert body.startswith(b"watch pods in payments: no rule allows it")
