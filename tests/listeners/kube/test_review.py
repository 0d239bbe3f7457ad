"""`kubectl auth can-i` answers for the window as well as for the cluster."""

import json
from pathlib import Path

import pytest

from jitui.policy.grant import Event
from jitui.protocol import review
from jitui.proxy import own
from jitui.recording.frame import Channel
from tests.fakes.house import ANA, House, Kubectl, house
from tests.fakes.upstream import Asked
from tests.protocol.test_review import as_json, as_protobuf, attributes

PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
COVERED = {"verb": "list", "resource": "pods", "namespace": "web"}
DENIED = {"verb": "get", "resource": "secrets", "namespace": "web", "name": "db"}


async def ask(kubectl: Kubectl, asked: dict[str, str], *, protobuf: bool = False) -> tuple[int, dict[str, str], bytes]:
    if protobuf:
        return await kubectl.ask("POST", PATH, "Content-Type: application/vnd.kubernetes.protobuf", body=as_protobuf(attributes(asked)))
    return await kubectl.ask("POST", PATH, "Content-Type: application/json", body=as_json(asked))


@pytest.mark.parametrize("protobuf", [False, True])
async def test_what_the_window_does_not_cover_is_answered_here(tmp_path: Path, protobuf: bool) -> None:
    """No, with the denial as its reason; the cluster is not asked. Question and answer are on record, and one row."""
    async with house(tmp_path) as home:
        await home.window()
        code, headers, body = await ask(await home.dial(), DENIED, protobuf=protobuf)
        answer = json.loads(body)
        assert (code, headers["content-type"]) == (201, "application/json")
        assert (answer["kind"], answer["status"]["allowed"], answer["status"]["denied"]) == (review.KIND, False, False)
        assert answer["status"]["reason"].startswith("get secrets/db in web gives passwords")
        assert home.cluster.got == b""
        frames = await home.frames(1)
        assert [frame.channel for frame in frames] == [Channel.REQUEST, Channel.REQUEST_BODY, Channel.GATEWAY]
        assert b"POST " + PATH.encode() in frames[0].body
        assert (frames[1].body, frames[2].body) == (as_protobuf(attributes(DENIED)) if protobuf else as_json(DENIED), body)
        await home.until(home.files.actions)
        (row,) = home.files.actions()
        assert (row.action.resource, row.verdict, row.code, row.session, row.bytes_out) == ("selfsubjectaccessreviews", "allowed", 201, 1, len(body))


@pytest.mark.parametrize("protobuf", [False, True])
async def test_what_it_covers_is_the_clusters_to_answer(tmp_path: Path, protobuf: bool) -> None:
    """With the very bytes that the client sent."""
    async with house(tmp_path) as home:
        await home.window()
        bodies = []

        async def answer(asked: Asked) -> None:
            bodies.append(await asked.body())
            asked.line.answer(b'{"status":{"allowed":true}}', "201 Created")

        home.cluster.answerer = answer
        assert (await ask(await home.dial(), COVERED, protobuf=protobuf))[::2] == (201, b'{"status":{"allowed":true}}')
        assert bodies == [as_protobuf(attributes(COVERED)) if protobuf else as_json(COVERED)]


async def test_one_connection_asks_many(tmp_path: Path) -> None:
    """Questions answered here, there and not at all, in one write; each gets its answer, in order, and nothing is left behind."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        plan = [DENIED, COVERED, {"verb": "get"}] * 20
        for asked in plan:
            body = as_json(asked)
            kubectl.send(kubectl.head("POST", PATH, "Content-Type: application/json", f"Content-Length: {len(body)}") + body)
        assert [(await kubectl.answer())[0] for _ in plan] == [201, 200, 400] * 20
        (session,) = home.broker.windows.sessions.values()
        assert session._legs == set()
        assert session.deliveries.flows == {}
        assert home.failed == []
        assert home.troubles == []


async def test_what_can_not_be_read_is_a_status(tmp_path: Path) -> None:
    """400, and on record; too much of it is 413 and the end of the connection."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        code, _, body = await kubectl.ask("POST", PATH, "Content-Type: application/json", body=b"[]")
        assert (code, json.loads(body)["reason"]) == (400, "BadRequest")
        assert (await home.frames(1))[-1].body == body
        code, headers, body = await kubectl.ask("POST", PATH, "Content-Type: application/json", body=b" " * (review.LIMIT + 1))
        assert (code, headers["connection"], json.loads(body)["reason"]) == (413, "close", "RequestEntityTooLarge")
        assert home.cluster.got == b""


async def test_without_a_window_it_is_denied_like_anything_else(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        assert (await ask(await home.dial(), COVERED))[0] == 403
        assert home.cluster.got == b""


async def test_everything_at_once_is_never_covered(tmp_path: Path) -> None:
    """`kubectl auth can-i '*' '*'`."""
    async with house(tmp_path, rules=()) as home:
        await home.window()
        _, _, body = await ask(await home.dial(), {"verb": "*", "resource": "*", "group": "*"})
        assert json.loads(body)["status"]["reason"].startswith("no window covers everything; g-1 covers ")


async def ended(home: House) -> None:
    (window,) = home.broker.windows.live.values()
    home.broker.windows.end(window, Event.REVOKE, by="ana", why="no")


async def test_a_window_that_ends_before_the_question_is_whole(tmp_path: Path) -> None:
    """The denial of anything without a window; nothing is answered for one that is over."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        await ask(kubectl, DENIED)
        body = as_json(DENIED)
        kubectl.send(kubectl.head("POST", PATH, "Content-Type: application/json", f"Content-Length: {len(body)}"))
        await home.until(lambda: any(type(client.current).__name__ == "Review" for client in home.listener.clients))
        await ended(home)
        kubectl.send(body)
        code, _, said = await kubectl.answer()
        assert code == 403
        assert b"no live window on prod" in said


async def test_the_cluster_hears_nothing_of_a_question_that_is_whole_too_late(tmp_path: Path) -> None:
    """Not even what it serves is asked, though the question is about a kind that nobody has seen."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        body = as_json({"verb": "get", "resource": "rockets", "group": "acme.io"})
        kubectl.send(kubectl.head("POST", PATH, "Content-Type: application/json", f"Content-Length: {len(body)}") + body[:5])
        await home.until(lambda: any(type(client.current).__name__ == "Review" for client in home.listener.clients))
        await ended(home)
        kubectl.send(body[5:])
        assert (await kubectl.answer())[0] == 403
        assert (home.cluster.asked, home.cluster.lines) == ([], [])


async def test_a_frozen_window_answers_no_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits as any request does, and is then told by whom it is frozen; the connection goes on."""
    monkeypatch.setattr(own, "THAWS_WITHIN", 0.3)
    monkeypatch.setattr("jitui.listeners.kube.review.BODY_WITHIN", 0.1)
    async with house(tmp_path) as home:
        grant = await home.window()
        kubectl = await home.dial()
        assert (await ask(kubectl, DENIED))[0] == 201
        await home.desk(ANA).freeze(grant.label)
        code, _, body = await ask(kubectl, DENIED)
        assert (code, f"{grant.label} is frozen by ana" in body.decode()) == (503, True)
        await home.desk(ANA).thaw(grant.label)
        assert (await ask(kubectl, DENIED))[0] == 201


@pytest.mark.parametrize("kind", [[], {}, 7])
async def test_a_kind_that_is_no_word_is_refused(tmp_path: Path, kind: object) -> None:
    """With a Status, at once."""
    async with house(tmp_path) as home:
        await home.window()
        body = json.dumps({"kind": kind, "spec": {"resourceAttributes": COVERED}}).encode()
        code, _, said = await (await home.dial()).ask("POST", PATH, "Content-Type: application/json", body=body)
        assert (code, b"was posted where" in said) == (400, True)
