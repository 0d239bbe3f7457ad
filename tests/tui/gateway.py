"""A real gateway in a test's own process, with a fake cluster behind it, and the desk of a person at the screens."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

from jitui.api.operations import Operations
from jitui.api.views import GrantView, RequestView, SessionView
from jitui.policy.scope import Scope
from jitui.policy.terms import Identity, Role, Rule
from jitui.values.errors import UnavailableError, UnknownCallerError
from tests.fakes.desk import Somebody
from tests.fakes.house import House, Kubectl, house
from tests.fakes.upstream import plainly
from tests.proxy.test_relay import Pod, connected

BOT: Final = "agent-deploybot"
WIDE: Final = "@debug in web; read pods,pods/log in web; create,delete,patch pods,deployments.apps in web"
PERSON: Final = Identity("ana", frozenset({Role.APPROVER, Role.OPERATOR, Role.AUDITOR, Role.ADMIN}))
OWNER: Final = Identity("owner", frozenset({Role.APPROVER}))  # of every agent here
BO: Final = Identity("bo", frozenset({Role.APPROVER, Role.OPERATOR}))
ACTS: Final = frozenset({"approve", "deny", "revoke", "kill", "freeze", "thaw", "lockdown"})
STREAMS: Final = frozenset({"watch", "events"})


def rule(identity: str = BOT, scope: str = WIDE, **more: Any) -> Rule:
    return Rule(identity, "prod", more.pop("duration_s", 1800), Scope.parse(scope), **more)


class Person(Somebody):
    """Who sits at the screens. `gone` says why they are nobody at the gateway any more; empty while they are somebody."""

    gone: str = ""
    now: Identity = PERSON

    def __init__(self, who: Identity) -> None:
        self.now = who

    @property
    def who(self) -> Identity:  # type: ignore[override]
        if self.gone:
            raise UnknownCallerError(self.gone)
        return self.now


class Line:
    """A desk as the screens hold it: it counts the calls, keeps what was decided or ended, and can be cut."""

    def __init__(self, desk: Operations) -> None:
        self.calls: list[tuple[str, ...]] = []  # the acts, with their arguments as text
        self.counts: Counter[str] = Counter()  # of all calls, by name
        self.deaf = False  # no event comes through
        self._desk = desk
        self._cut = asyncio.Event()

    def cut(self) -> None:
        """The gateway does not answer any more, and its streams end."""
        self._cut.set()

    def mend(self) -> None:
        self._cut.clear()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._desk, name)
        return partial(self._stream, name, method) if name in STREAMS else partial(self._call, name, method)

    def _answering(self, name: str) -> None:
        self.counts[name] += 1
        if self._cut.is_set():
            raise UnavailableError("the gateway does not answer")

    async def _call(self, name: str, method: Callable[..., Any], *args: Any, **more: Any) -> Any:
        self._answering(name)
        if name in ACTS:
            self.calls.append((name, *map(str, args), *map(str, more.values())))
        return await method(*args, **more)

    async def _stream(self, name: str, method: Callable[..., Any], *args: Any, **more: Any) -> AsyncIterator[Any]:
        self._answering(name)
        stream = method(*args, **more)
        cut = asyncio.ensure_future(self._cut.wait())
        try:
            while True:
                coming = asyncio.ensure_future(anext(stream))
                await asyncio.wait({cut, coming}, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    coming.cancel()
                    raise UnavailableError("the gateway does not answer")
                try:
                    item = await coming
                except StopAsyncIteration:
                    return
                if not (self.deaf and name == "events"):
                    yield item
        finally:
            cut.cancel()


class Shell:
    """An exec that runs: the client's end, the pod's end, and the session between them."""

    def __init__(self, home: House, kubectl: Kubectl, pod: Pod, ident: str) -> None:
        self.home, self.kubectl, self.pod, self.id = home, kubectl, pod, ident

    async def prints(self, body: bytes, channel: int = 1) -> None:
        """The program prints; until that is on record."""
        session = self.home.broker.windows.sessions[int(self.id[2:])]
        before = session.bytes_out
        self.pod.line.message(channel, body)
        await self.home.until(lambda: session.bytes_out >= before + len(body) and self.home.store.recorded(session.id) == session.frames)

    async def holds(self, body: bytes) -> None:
        """The program prints while the stream is frozen; until that is held."""
        session = self.home.broker.windows.sessions[int(self.id[2:])]
        before = session.held
        self.pod.line.message(1, body)
        await self.home.until(lambda: session.held >= before + len(body))


class Gateway:
    """The gateway, its agents, and the person at the screens."""

    def __init__(self, home: House, person: Identity = PERSON) -> None:
        self.home, self.person = home, Person(person)
        self.seat = home.service.bind(self.person, "here", same_user=False)
        self.line = Line(self.seat)
        self.tokens: dict[str, str] = {}
        self._shells: list[Shell] = []  # a client that nobody holds would hang up

    @property
    def desk(self) -> Operations:
        return cast("Operations", self.line)

    @property
    def calls(self) -> list[tuple[str, ...]]:
        return self.line.calls

    @property
    def now_s(self) -> float:
        return self.home.clock.boot_us / 1e6

    def advance(self, seconds: float) -> None:
        """Time passes; what is due ends."""
        self.home.clock.advance(seconds)
        self.home.tick()

    def of(self, who: Identity) -> Operations:
        """Another person's desk."""
        return self.home.desk(who)

    async def _known(self, name: str) -> Identity:
        if name not in self.tokens:
            self.tokens[name] = await self.home.agent(name)
        return self.home.broker.roster.agent(name)

    async def ask_for(self, identity: str = BOT, scope: str = "read pods,pods/log in web", *, duration_s: int = 1800,
                      reason: str = "roll web back to 1.4, OPS-1182", same_user: bool = False) -> RequestView:  # fmt: skip
        """An agent asks."""
        agent = self.home.service.bind(Somebody(await self._known(identity), token="7f31"), "10.0.4.12", same_user)
        return await agent.ask("prod", duration_s=duration_s, reason=reason, scope=scope)

    async def open_window(self, identity: str = BOT, *, scope: str = "@debug in web", duration_s: int = 1800) -> GrantView:
        """An agent asks and bo approves."""
        asked = await self.ask_for(identity, scope, duration_s=duration_s)
        return await self.of(BO).grant((await self.of(BO).approve(asked.id)).grant)

    async def get(self, path: str = "/api/v1/namespaces/web/pods", identity: str = BOT, method: str = "GET", body: bytes = b"") -> int:
        """A plain request of an agent; its status, once it is a row."""
        kubectl = await self._dial(identity)
        code, _, _ = await kubectl.ask(method, path, *(("Content-Type: application/strategic-merge-patch+json",) if body else ()), body=body)
        kubectl.close()
        await self.home.store.commit([])
        return code

    async def _dial(self, identity: str) -> Kubectl:
        await self._known(identity)
        return await self.home.dial(self.tokens[identity])

    async def shell(self, *argv: str, identity: str = BOT, query: str = "&stdin=true&tty=true") -> Shell:
        """An agent runs a program in web/web-1."""
        before = set(self.home.broker.windows.sessions)
        await self._known(identity)
        self.home.token = self.tokens[identity]
        kubectl, pod = await connected(self.home, *map(quote, argv), query=query)
        self.home.cluster.answerer = plainly  # plain requests go on beside it
        (ident,) = set(self.home.broker.windows.sessions) - before
        self._shells.append(Shell(self.home, kubectl, pod, f"s-{ident}"))
        return self._shells[-1]

    def hang_up(self) -> None:
        """Every client goes away; the gateway would give those that stay some time to hear its last words."""
        for shell in self._shells:
            shell.kubectl.close()

    async def session(self, ident: str) -> SessionView:
        return await self.seat.session(ident)

    async def new_rules(self, *rules: Rule) -> None:
        """The gateway reads other rules."""
        await self.home.broker.reload({(each.identity, each.connection): each for each in rules}, self.home.broker.roster.people, "abcdef")

    def give(self, *roles: Role) -> None:
        """The person has other roles from now on."""
        self.person.now = replace(self.person.now, roles=frozenset(roles))


@asynccontextmanager
async def gateway(folder: Path, *rules: Rule, person: Identity = PERSON) -> AsyncIterator[Gateway]:
    """One that ends with the block. Without rules: one agent, whose rule allows WIDE for 30 minutes."""
    async with house(folder, rules=rules or (rule(),), agent=False) as home:
        made = Gateway(home, person)
        yield made
        made.hang_up()


@asynccontextmanager
async def working_day(folder: Path, reason: str = "roll web back to 1.4, OPS-1182") -> AsyncIterator[Gateway]:
    """Three agents ask, four windows are live, one of them frozen, and one has ended with two streams in it."""
    names = ("agent-sre", BOT, "agent-triage", "ci-nightly", "agent-a", "agent-b", "agent-c")
    async with gateway(folder, *(rule(name, approvals=2 if name == "agent-c" else 1) for name in names)) as house:
        await house.open_window("agent-sre", duration_s=600, scope="exec pods in web")
        for argv in (("sh",), ("sleep", "900")):
            await house.shell(*argv, identity="agent-sre")
        house.advance(600)
        await house.home.until(lambda: not house.home.broker.windows.sessions)
        await house.open_window("agent-sre", duration_s=900, scope="exec pods in web")
        house.advance(800)
        await house.open_window(scope="@debug in web")
        house.advance(50)
        await house.of(PERSON).freeze((await house.open_window("agent-triage", duration_s=1200)).id)
        await house.open_window("ci-nightly", scope="read pods,pods/log in web")
        await house.shell("psql", "-c", "select * from orders", identity="agent-sre")
        shell = await house.shell("sh")
        assert (await house.get(), await house.get("/api/v1/namespaces/payments/secrets/db")) == (200, 403)
        house.advance(6)
        await shell.prints(b"total 64\r\ndrwxr-xr-x    1 root     root          4096 Nov 23 16:01 \x1b[1;34metc\x1b[0m\r\n/ $ ")
        await house.ask_for("agent-a", "patch deployments.apps:web in web; read pods,pods/log in web", reason=reason)
        house.advance(40)
        await house.ask_for("agent-b", "exec pods:web-* in web", duration_s=900, reason="the queue worker hangs, I want to look at its open files")
        house.advance(40)
        await house.ask_for("agent-c", "read pods,pods/log in web", reason="nightly report")
        yield house
