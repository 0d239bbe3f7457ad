"""Residue on record, with a fake cluster whose every answer the test knows."""

import asyncio
from pathlib import Path

from jitui.recording.facts import ProcessLeft
from jitui.recording.objects.writes import Effect
from jitui.store.residue import Residue, residue
from tests.fakes.house import House, house, rule
from tests.fakes.objects import CM, SCOPE, WEB, Talk, cm, deployment
from tests.proxy.test_relay import connected
from tests.recording.objects.test_traces import MINE, token

POD = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "namespace": "web", "uid": "u-p"}, "spec": {"containers": [{"name": "a"}]}}


async def of(home: House) -> Residue:
    return await asyncio.to_thread(residue, home.files, 1)


async def test_objects_are_told_once_with_all_their_writes(tmp_path: Path) -> None:
    """Created and changed is created; created and deleted is deleted, with both; an unknown outcome stays one."""
    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        await home.window()
        talk = Talk(home)
        await talk.ask("POST", CM, cm("a", "u-a"), cm("a"), status="201 Created")
        await talk.merge(f"{CM}/a", cm("a", "u-a", x="1"), {})
        await talk.ask("POST", CM, cm("b", "u-b"), cm("b"), status="201 Created")
        await talk.ask("DELETE", f"{CM}/b", {"kind": "Status", "details": {"uid": "u-b"}})
        await talk.merge(f"{WEB}/web", deployment("x"), {})
        await talk.ask("DELETE", f"{CM}/c", None)
        found = await of(home)
        assert [(each.ref.name, each.effect, each.first.write.effect, each.uids) for each in found.touched] == [
            ("a", Effect.CREATED, Effect.CREATED, {"u-a"}), ("b", Effect.DELETED, Effect.CREATED, {"u-b"}), ("web", Effect.CHANGED, Effect.CHANGED, {"u-web"}),
            ("c", Effect.UNKNOWN, Effect.UNKNOWN, frozenset())]  # fmt: skip
        assert found.touched[2].version == "v1"


async def test_ephemeral_containers(tmp_path: Path) -> None:
    """By their names, as the difference of the pod shows them."""
    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        await home.window()
        talk = Talk(home)
        await talk.ask("GET", "/api/v1/namespaces/web/pods/p", POD)
        after = {**POD, "spec": {**POD["spec"], "ephemeralContainers": [{"name": "debugger-1", "image": "x"}]}}  # type: ignore[dict-item]
        await talk.merge("/api/v1/namespaces/web/pods/p/ephemeralcontainers", after, {})
        ((pod, name),) = (await of(home)).ephemeral
        assert pod.only_beside
        assert (pod.ref.name, name) == ("p", "debugger-1")


async def test_credentials_that_it_has_seen(tmp_path: Path) -> None:
    """Secrets by their keys, tokens in answers and in the output of a command by their claims, and tokens it had made; each once, none as it is."""
    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        await home.window()
        talk = Talk(home)
        db = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "db", "namespace": "web"}, "data": {"user": "eA==", "password": "aHVudGVyMg=="}}
        await talk.ask("GET", "/api/v1/namespaces/web/secrets/db", db)
        await talk.ask("GET", "/api/v1/namespaces/web/secrets/db", db)
        await talk.ask("POST", "/api/v1/namespaces/web/serviceaccounts/app/token", {
            "kind": "TokenRequest", "metadata": {"name": "app"}, "status": {"token": "x"}}, {}, status="201 Created")
        await talk.ask("GET", f"{CM}/c", cm(kube=MINE.decode()))
        kubectl, pod = await connected(home, "cat", "token")
        pod.line.message(1, MINE[:50])
        pod.line.message(1, MINE[50:] + b"\r\n")
        await home.until(lambda: home.broker.windows.sessions[2].bytes_out >= len(MINE))
        await home.store.commit([])
        found = await of(home)
        assert [each.secret for each in found.seen if not each.token and not each.issued] == [("web", "db", ("user", "password"))]
        assert [each.issued for each in found.seen if each.issued] == ["web/app"]
        (token,) = [each for each in found.seen if each.token]
        assert token.token is not None
        assert (token.token.account, token.token.ident, token.spot.session) == ("web/app", "j-1", 1)
        assert "aHVudGVy" not in repr(found.seen)
        assert MINE.decode() not in repr(found.seen)
        kubectl.close()


async def test_the_list_of_credentials_is_bounded(tmp_path: Path) -> None:
    """A program that prints tokens without end makes it no longer; that there are more is said."""
    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        await home.window()
        many = " ".join(token(iss="https://k", sub="x", jti=f"j-{number}").decode() for number in range(501))
        await Talk(home).ask("GET", f"{CM}/c", cm(kube=many))
        found = await of(home)
        assert len(found.seen) == 500
        assert "it has seen more" in found.gaps[0]


async def test_copies_and_processes(tmp_path: Path) -> None:
    """A tar over the output of a command, with its bytes; processes as the facts tell of them, but for those that ended."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home, "tar", "cf", "-", "etc")
        pod.line.message(1, b"x" * 3000)
        session = home.broker.windows.sessions[1]
        await home.until(lambda: session.bytes_out >= 3000)
        left = ProcessLeft(grant=1, session=1, pod="web/web-1", container="app", pid=7, start=70, argv=("sleep", "9"), state="unexplained", why="it stays")
        await home.store.commit([left.draft("g-1", "gateway")])
        await home.desk(home.broker.roster.agent("agent-x")).release("g-1")
        await home.broker.windows.settled()
        found = await of(home)
        ((copy,), (process,)) = found.copies, [each for each in found.processes if each.pid == 7]
        assert (copy.way, copy.size is not None and copy.size >= 3000) == ("out", True)
        assert (process.state, process.argv) == ("unexplained", ("sleep", "9"))
        kubectl.close()
