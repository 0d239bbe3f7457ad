"""The warnings that kubectl prints before a window ends."""

from pathlib import Path

from tests.fakes.house import house
from tests.fakes.upstream import Asked

PODS = "/api/v1/namespaces/web/pods"
DENIED = "/api/v1/namespaces/web/secrets/db"


async def test_answers_say_when_access_ends(tmp_path: Path) -> None:
    """Those of the cluster and the gateway's own, in the last quarter of ten minutes; what is on record is what was handed."""
    async with house(tmp_path) as home:
        await home.window(duration_s=600)
        kubectl = await home.dial()
        assert "warning" not in (await kubectl.ask("GET", PODS))[1]
        assert "warning" not in (await kubectl.ask("GET", DENIED))[1]
        home.clock.advance(460)
        for path in (PODS, DENIED):
            assert (await kubectl.ask("GET", path))[1]["warning"] == '299 jitui "access ends in 2m"'
        home.clock.advance(100)
        assert (await kubectl.ask("GET", PODS))[1]["warning"] == '299 jitui "access ends in 30s"'
        assert b'Warning: 299 jitui "access ends in 30s"' in b"".join(frame.body for frame in await home.frames(1))


async def test_a_second_window_counts(tmp_path: Path) -> None:
    """Access ends when the last window does."""
    async with house(tmp_path) as home:
        await home.window(duration_s=600)
        home.clock.advance(500)
        await home.window(duration_s=600)
        kubectl = await home.dial()
        for path in (PODS, DENIED):
            assert "warning" not in (await kubectl.ask("GET", path))[1]


async def test_the_clusters_own_warnings_stay(tmp_path: Path) -> None:
    """Beside ours; and what a client keeps in its cache (it has an ETag) gets none."""
    async with house(tmp_path) as home:
        await home.window(duration_s=600)
        home.clock.advance(590)

        async def answer(asked: Asked) -> None:
            asked.line.answer(b"{}", "200 OK", 'Warning: 299 - "v1 is old"', *(('ETag: "x"',) if "events" in asked.target else ()))

        home.cluster.answerer = answer
        kubectl = await home.dial()
        kubectl.send(kubectl.head("GET", PODS))
        raw = await kubectl.reader.readuntil(b"\r\n\r\n")
        assert raw.count(b"Warning: 299") == 2
        await kubectl.reader.readexactly(2)
        assert (await kubectl.ask("GET", "/api/v1/namespaces/web/events"))[1]["warning"] == '299 - "v1 is old"'


async def test_an_upgrade_says_nothing(tmp_path: Path) -> None:
    """A Warning on a 101 is never shown."""
    async with house(tmp_path) as home:
        await home.window(duration_s=600)
        home.clock.advance(590)

        async def switch(asked: Asked) -> None:
            asked.line.switch(asked)
            await asked.line.reader.read()

        home.cluster.answerer = switch
        kubectl = await home.dial()
        assert await kubectl.exec() == 101
        assert b"Warning" not in b"".join(frame.body for frame in await home.frames(1))
        kubectl.close()


async def test_the_list_of_rights_says_what_the_window_covers(tmp_path: Path) -> None:
    """`kubectl auth can-i --list`: the cluster lists what it allows jitui."""
    async with house(tmp_path) as home:
        await home.window("read pods in web")
        answer = await (await home.dial()).ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", body=b"{}")
        assert answer[1]["warning"] == '299 jitui "that is what the cluster allows jitui; of it g-1 covers: read pods in web"'
