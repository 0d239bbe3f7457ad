"""The short way of a plain request gives what the long way gives: the same cases on both, compared byte for byte."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from jitui.clusters import pool
from jitui.policy.grant import Event
from jitui.proxy import entry
from jitui.proxy.brief import Brief
from jitui.proxy.ends import End, Why
from jitui.values.errors import UnrecordableError
from tests.fakes.house import AGENT, House, Kubectl, house
from tests.fakes.upstream import Asked, plainly

PODS = "/api/v1/namespaces/web/pods"
BODY = b'{"kind":"PodList"}'
Case: TypeAlias = Callable[[House, Kubectl], Awaitable[object]]
Seen: TypeAlias = dict[str, Any]


def says(*pieces: bytes, pause: float = 0.02, home: House | None = None) -> Callable[[Asked], Awaitable[None]]:
    """A cluster that answers with these bytes, one read each; AUDIT stands for the request's id, and b"" for the end of the connection.

    The connection ends once the gateway of `home` has passed on a part of the answer, if there is one.
    """

    def passed() -> int:
        return sum(session.handed_out for session in home.broker.windows.sessions.values()) if home is not None else 0

    async def answerer(asked: Asked) -> None:
        await asked.body()
        before = passed()
        for piece in pieces:
            if not piece:
                if home is not None and len(pieces) > 1:
                    await home.until(lambda: passed() > before)
                asked.line.hang_up()
            else:
                asked.line.say(piece.replace(b"AUDIT", asked.get("audit-id").encode()))
                await asked.line.writer.drain()
                await asyncio.sleep(pause)

    return answerer


def head(*lines: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join((b"HTTP/1.1 " + status, b"Audit-Id: AUDIT", b"Content-Type: application/json", *lines, b"", b""))


LENGTH = b"Content-Length: %d" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked"
ANSWERS: dict[str, tuple[bytes, ...]] = {
    "whole": (head(LENGTH) + BODY,),
    "whole again": (head(LENGTH) + BODY,),
    "of another length": (head(b"Content-Length: 2") + b"{}",),
    "an id of its own": (head(LENGTH).replace(b"AUDIT", b"of-the-cluster") + BODY,),
    "the same id of its own": (head(LENGTH).replace(b"AUDIT", b"of-the-cluster") + BODY,),
    "no id": (head(LENGTH).replace(b"Audit-Id: AUDIT\r\n", b"") + BODY,),
    "empty": (head(b"Content-Length: 0"),),
    "in chunks": (head(CHUNKED) + b"5\r\nabcde\r\n2\r\nfg\r\n0\r\n\r\n",),
    "in chunks with a trailer": (head(CHUNKED) + b"5\r\nabcde\r\n0\r\nX-Trailer: one\r\n\r\n",),
    "in chunks that end late": (head(CHUNKED) + b"5\r\nabcde\r\n", b"0\r\n\r\n"),
    "with an entity tag": (head(LENGTH, b'ETag: "a"') + BODY,),
    "not found": (head(LENGTH, status=b"404 Not Found") + BODY,),
    "not modified": (head(status=b"304 Not Modified"),),
    "a redirect": (head(b"Content-Length: 0", b"Location: https://cluster/api/v1/x", status=b"302 Found"),),
    "its body later": (head(LENGTH), BODY),
    "its head in two": (head(LENGTH)[:40], head(LENGTH)[40:] + BODY),
    "an interim answer first": (b"HTTP/1.1 103 Early Hints\r\n\r\n" + head(LENGTH) + BODY,),
    "with headers for this hop": (head(LENGTH, b"Connection: X-Own", b"X-Own: 1", b"Set-Cookie: a=b") + BODY,),
    "the id of another request": (head(LENGTH, b"X-Other: AUDIT") + BODY,),
    "until the end of the connection": (head() + BODY, b""),
    "the last on its connection": (head(LENGTH, b"Connection: close") + BODY,),
    "compressed": (head(b"Content-Encoding: gzip", b"Vary: Accept-Encoding", b"Content-Length: 4") + b"\x1f\x8b\0\xff",),
    "with warnings of its own": (head(LENGTH, b'Warning: 299 - "old"', b'Warning: 299 - "older"') + BODY,),
    "many ids": (head(LENGTH, b"X-Other: AUDIT0") + BODY,),
    "the id with more behind it": (head(LENGTH).replace(b"AUDIT", b"AUDIT0") + BODY,),
    "refused": (head(LENGTH, status=b"401 Unauthorized") + BODY,),
    "switched": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",),
    "of an older HTTP": (head(LENGTH).replace(b"HTTP/1.1", b"HTTP/1.0") + BODY,),
    "a body that is two answers": (2 * (head(LENGTH) + BODY),),
    "links": (head(LENGTH, b"Link: </api/x>; rel=next", b"Content-Location: /api/v1/AUDIT") + BODY,),
    "malformed": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",),
    "more than asked for": (head(LENGTH) + BODY + b"more",),
    "cut short": (head(LENGTH) + BODY[:4], b""),
    "none": (b"",),
    "with a NUL where the id stands": (head(LENGTH).replace(b"AUDIT", b"\0") + BODY,),
}
STAGES = ("asked", "sent", "answered")  # what is under way: the commit of the request, the answer, the commit of the answer


class Held:
    """Keeps what is put on record, and calls those who wait for it only when told."""

    def __init__(self, home: House) -> None:
        self._home, self._put = home, home.store.put_all
        self._waiting: list[tuple[Any, Any]] = []
        self.error: Exception | None = None  # of the commit, in place of its own
        home.store.put_all = self._keep

    def _keep(self, frames: Any, done: Any) -> None:
        self._put(frames, lambda error: self._waiting.append((done, error)))

    async def some(self) -> None:
        await self._home.until(lambda: self._waiting)

    def let_go(self) -> None:
        self._home.store.put_all = self._put
        while self._waiting:
            done, error = self._waiting.pop(0)
            done(self.error or error)


async def at(home: House, kubectl: Kubectl, stage: str) -> Callable[[], None]:
    """A request that has come to this stage; the returned function lets it go on."""
    going = asyncio.Event()

    async def wait(asked: Asked) -> None:
        await going.wait()
        await plainly(asked)

    home.cluster.answerer = plainly if stage == "asked" else wait
    held = Held(home) if stage == "asked" else None
    count = len(home.cluster.asked)
    kubectl.send(kubectl.head("GET", PODS))
    if held is not None:
        await held.some()
        return held.let_go
    await home.until(lambda: len(home.cluster.asked) > count)
    if stage == "sent":
        return going.set
    held = Held(home)
    going.set()
    await held.some()
    return held.let_go


async def said(kubectl: Kubectl) -> object:
    try:
        return await kubectl.answer()
    except asyncio.IncompleteReadError as error:
        return "cut", error.partial


async def thrice(kubectl: Kubectl) -> object:
    """The same request again and again, unless an answer was cut: all but the first have one object, which takes one after the other."""
    found = []
    for _ in range(3):
        kubectl.send(kubectl.head("GET", PODS))
        found.append(await said(kubectl))
        if found[-1][0] == "cut":  # type: ignore[index]
            break
    return found


def of_window(home: House) -> Any:
    (window,) = home.broker.windows.live.values()
    return window


async def goes_on(_: House, kubectl: Kubectl, on: Callable[[], None]) -> object:
    on()
    return await said(kubectl)


async def is_revoked(home: House, kubectl: Kubectl, on: Callable[[], None]) -> object:
    home.broker.windows.end(of_window(home), Event.REVOKE, by="ana", why="enough")
    on()
    return await said(kubectl)


async def is_late(home: House, kubectl: Kubectl, on: Callable[[], None]) -> object:
    home.clock.advance(600)
    on()
    return await said(kubectl)


async def is_frozen_and_thawed(home: House, kubectl: Kubectl, on: Callable[[], None]) -> object:
    home.broker.freezer.freeze(of_window(home), by="ana")
    on()
    await asyncio.sleep(0.05)
    home.broker.freezer.thaw(of_window(home), by="ana")
    return await said(kubectl)


async def is_frozen_and_revoked(home: House, kubectl: Kubectl, on: Callable[[], None]) -> object:
    home.broker.freezer.freeze(of_window(home), by="ana")
    on()
    await asyncio.sleep(0.05)
    home.broker.windows.end(of_window(home), Event.REVOKE, by="ana", why="enough")
    return await said(kubectl)


async def loses_its_rule(home: House, kubectl: Kubectl, on: Callable[[], None]) -> object:
    rules = home.broker.requests.rules
    await home.broker.reload({}, home.broker.roster.directory.people, "")
    on()
    answer = await said(kubectl)
    home.broker.requests.rules = rules
    return answer


async def is_killed(home: House, kubectl: Kubectl, on: Callable[[], None]) -> object:
    (session,) = of_window(home).sessions.values()
    home.broker.windows.kill(session, by="ana", reason="enough")
    on()
    return await said(kubectl)


async def is_frozen_alone(home: House, kubectl: Kubectl, on: Callable[[], None]) -> object:
    (session,) = of_window(home).sessions.values()
    for _ in range(2):
        home.broker.freezer.freeze_session(session, by="ana")
        on()
        await asyncio.sleep(0.05)
        home.broker.freezer.thaw_session(session, by="ana")
    return await said(kubectl)


async def is_frozen_and_loses_its_client(home: House, kubectl: Kubectl, on: Callable[[], None]) -> object:
    home.broker.freezer.freeze(of_window(home), by="ana")
    on()
    await asyncio.sleep(0.05)
    gone = await loses_its_client(home, kubectl, lambda: None)
    home.broker.freezer.thaw(of_window(home), by="ana")
    return gone


async def loses_its_token(home: House, kubectl: Kubectl, on: Callable[[], None]) -> object:
    home.broker.windows.keyless(AGENT, End(Why.DISABLED, "gateway", "jitui: its token was revoked", 401, "Unauthorized"))
    on()
    return await said(kubectl)


async def has_used_its_bytes(home: House, kubectl: Kubectl, on: Callable[[], None]) -> object:
    of_window(home).allowed = 1
    on()
    return await said(kubectl)


async def can_not_be_recorded(home: House, kubectl: Kubectl, on: Callable[[], None]) -> object:
    held = getattr(on, "__self__", None)
    if isinstance(held, Held):
        held.error = UnrecordableError("no room")
    on()
    return await said(kubectl)


async def has_another_behind_it_and_is_frozen(home: House, kubectl: Kubectl, on: Callable[[], None]) -> object:
    kubectl.send(kubectl.head("GET", PODS))
    await asyncio.sleep(0.05)
    first = await is_frozen_and_thawed(home, kubectl, on)
    return first, await said(kubectl)


async def has_little_time(home: House, kubectl: Kubectl, on: Callable[[], None]) -> object:
    answers = []
    for seconds in (540, 10, 10, 30):
        home.clock.advance(seconds)
        on()
        answers.append(await said(kubectl))
        kubectl.send(kubectl.head("GET", PODS))
    return answers, await said(kubectl)


async def loses_its_client(home: House, kubectl: Kubectl, on: Callable[[], None]) -> object:
    kubectl.close()
    await home.until(lambda: not home.listener.clients)
    on()
    return "gone"


MEANWHILE = (goes_on, is_revoked, is_late, is_frozen_and_thawed, is_frozen_and_revoked, loses_its_rule, loses_its_client, is_killed, is_frozen_alone,
             is_frozen_and_loses_its_client, loses_its_token, has_used_its_bytes, can_not_be_recorded,
             has_another_behind_it_and_is_frozen, has_little_time)


async def seen(home: House, answer: object) -> Seen:
    """Everything that can be seen of the last window from outside, once it has ended."""
    if home.broker.windows.live:
        home.broker.windows.end(of_window(home), Event.REVOKE, by="ana", why="over")
    await home.broker.windows.settled()
    frames = await asyncio.to_thread(lambda: [(frame.session, frame.conn, frame.channel.label, frame.body) for frame in home.files.all_frames(session)])\
        if (session := max((fact.number("s") for fact in await home.facts("session.ended")), default=0)) else []
    ended = (await home.facts("session.ended"))[-1:]
    found = {"answer": answer, "frames": frames, "ended": [fact.what for fact in ended], "got": home.cluster.got}
    for line in home.cluster.lines:
        line.got.clear()
    return found


async def story(folder: Path) -> dict[str, Seen]:
    """All cases, one after the other, in one gateway: each with a window of its own."""
    found: dict[str, Seen] = {}

    async def case(name: str, run: Case, before: int = 1) -> None:
        """`before`: equal requests on the same connection."""
        await home.window()
        home.cluster.answerer = plainly
        kubectl = await home.dial()
        for _ in range(before):
            assert (await kubectl.ask("GET", PODS))[0] == 200
        async with asyncio.timeout(30):
            found[name] = await seen(home, await run(home, kubectl))
        kubectl.close()

    async with house(folder) as home:
        for name, pieces in ANSWERS.items():

            async def ask(home: House, kubectl: Kubectl, pieces: tuple[bytes, ...] = pieces) -> object:
                home.cluster.answerer = says(*pieces, home=home)
                return await thrice(kubectl)

            await case(name, ask)
        for stage in STAGES:
            for happens in MEANWHILE:

                async def meet(home: House, kubectl: Kubectl, stage: str = stage, happens: Any = happens) -> object:
                    return await happens(home, kubectl, await at(home, kubectl, stage))

                await case(f"{stage}: {happens.__name__}", meet, before=3)
        assert (home.failed, home.troubles) == ([], [])
    return found


@pytest.mark.interpreted
async def test_both_ways_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer, the record, the closing fact and what the cluster got, for each kind of answer, and whatever happens at each step."""
    begun = 0
    begin = Brief._begin

    def count(self: Brief, *args: Any) -> None:
        nonlocal begun
        begun += 1
        begin(self, *args)

    monkeypatch.setattr(Brief, "_begin", count)
    short = await story(tmp_path / "short")
    assert begun > len(short)
    monkeypatch.setattr(entry, "is_brief", lambda *_: False)
    begun = 0
    long = await story(tmp_path / "long")
    assert begun == 0
    for name, expected in long.items():
        assert short[name] == expected, name


PIECES = {"of a length": (head(LENGTH) + BODY[:5], BODY[5:]), "in chunks": (head(CHUNKED) + b"5\r\nabcde\r\n", b"2\r\nfg\r\n", b"0\r\n\r\n")}


@pytest.mark.interpreted
@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
async def test_an_answer_in_pieces_that_come_soon_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: tuple[bytes, ...]) -> None:
    """It is recorded and passed on as a whole, by one object; if the rest is late, what came is passed on without it."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", PODS))[0] == 200
        monkeypatch.setattr(pool, "TOGETHER_S", 5.0)
        home.cluster.answerer = says(*pieces)
        answers = [await kubectl.ask("GET", PODS) for _ in range(3)]
        assert {body for _, _, body in answers} in ({BODY}, {b"abcdefg"})
        assert [frame.channel.label for frame in (await home.frames(1))[3:]] == ["request", "response", "response-body"] * 3
        monkeypatch.setattr(pool, "TOGETHER_S", 0.01)
        late = asyncio.Event()

        async def slow(asked: Asked) -> None:
            await says(pieces[0])(asked)
            await late.wait()
            await says(*pieces[1:])(asked)

        home.cluster.answerer = slow
        kubectl.send(kubectl.head("GET", PODS))
        assert b"abcde" in await kubectl.reader.readuntil(b"abcde") if len(pieces) > 2 else await kubectl.reader.readuntil(BODY[:5])
        late.set()
        await kubectl.reader.readuntil(b"0\r\n\r\n" if len(pieces) > 2 else BODY[5:])
        assert (await home.frames(1))[-1].body == pieces[-1] or len(pieces) > 2


@pytest.mark.interpreted
async def test_whatever_happens_while_an_answer_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of it came: the client gets all of the answer or words in its place, the same as before its first byte, and no byte behind an end."""
    monkeypatch.setattr(pool, "TOGETHER_S", 5.0)
    async with house(tmp_path) as home:
        for happens in MEANWHILE:
            await home.window()
            home.cluster.answerer = plainly
            kubectl = await home.dial()
            for _ in range(3):
                assert (await kubectl.ask("GET", PODS))[0] == 200
            going, part = asyncio.Event(), asyncio.Event()

            async def begin(asked: Asked, going: asyncio.Event = going, part: asyncio.Event = part) -> None:
                await says(PIECES["of a length"][0])(asked)
                part.set()
                await going.wait()
                home.cluster.answerer = plainly
                await says(PIECES["of a length"][1])(asked)

            home.cluster.answerer = begin
            kubectl.send(kubectl.head("GET", PODS))
            await part.wait()
            async with asyncio.timeout(30):
                found = await seen(home, await happens(home, kubectl, going.set))
            kubectl.close()
            going.set()
            assert b"".join(body for _, conn, channel, body in found["frames"] if (conn, channel) == (3, "response-body")) in {b"", BODY}, happens
            if happens in {is_revoked, is_late, is_killed, loses_its_rule, has_used_its_bytes, loses_its_token}:
                assert found["answer"][0] in {401, 403, 503}, happens
            elif happens in {goes_on, is_frozen_and_thawed, is_frozen_alone}:
                assert (found["answer"][0], found["answer"][2]) == (200, BODY), happens
        assert (home.failed, home.troubles) == ([], [])


@pytest.mark.interpreted
@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
async def test_a_connection_that_is_lost_while_its_answer_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: tuple[bytes, ...]) -> None:
    """No byte of it was passed on, so the client is told in words; once the rest is late, what came is passed on, and the client's connection is cut."""
    async with house(tmp_path) as home:
        await home.window()
        home.cluster.answerer = plainly
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", PODS))[0] == 200
        home.cluster.answerer = says(pieces[0], b"")
        monkeypatch.setattr(pool, "TOGETHER_S", 5.0)
        code, _, words = await kubectl.ask("GET", PODS)
        assert (code, b"the connection to the cluster was lost" in words or b"the cluster closed the connection" in words) == (502, True)
        monkeypatch.setattr(pool, "TOGETHER_S", 0.001)
        kubectl.send(kubectl.head("GET", PODS))
        assert pieces[0].rpartition(b"\r\n\r\n")[2] in await kubectl.gone()
        assert (home.failed, home.troubles) == ([], [])


async def test_what_came_is_judged_in_its_turn_of_the_loop(tmp_path: Path) -> None:
    """The window ends between the read and the turn: a request goes nowhere, and of an answer not a byte passes."""
    async with house(tmp_path) as home:
        for came in ("request", "answer"):
            await home.window()
            home.cluster.answerer = plainly
            kubectl = await home.dial()
            assert [(await kubectl.ask("GET", PODS))[0] for _ in range(3)] == [200] * 3
            (client,), count = home.listener.clients, len(home.cluster.asked)
            if came == "request":
                client.data_received(kubectl.head("GET", PODS))
            else:
                home.cluster.answerer = says()
                kubectl.send(kubectl.head("GET", PODS))
                while len(home.cluster.asked) == count:  # noqa: ASYNC110 - what changes has no event
                    await asyncio.sleep(0.005)
                brief = client.current
                assert isinstance(brief, Brief)
                assert brief._connection is not None
                brief._connection.data_received(head(LENGTH) + BODY)
            home.broker.windows.end(of_window(home), Event.REVOKE, by="ana", why="enough")
            code, _, words = await kubectl.answer()
            assert (code, BODY in words, len(home.cluster.asked) - count) == (403, False, int(came == "answer"))
            kubectl.close()
            await home.until(lambda: not home.listener.clients)
        assert (home.failed, home.troubles) == ([], [])
