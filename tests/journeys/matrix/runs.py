"""One kubectl against one gateway: for each cause all kinds at once, until each is live; then the cause; then what was printed and recorded."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import yaml

from jitui.api.client import Client
from jitui.recording.facts import Kind as FactKind, SessionEnded
from jitui.store import Files
from tests.journeys.matrix.cells import ENDED_WHY, TABLE, Cause, words_of
from tests.journeys.matrix.kinds import KINDS, CopyFrom, CopyTo, Kind, Place, PortForward, Tape
from tests.journeys.matrix.lab import Lab
from tests.journeys.matrix.wires import PATIENCE, Command, Relay, until
from tests.recording.test_delivery import delivered
from tests.support.clusters import Cluster
from tests.support.gateway import Agent, Gateway
from tests.support.kubectls import Kubectl

REASON: Final = "the incident is over"
DIRECT, RELAYED = "direct", "relayed"


@dataclass(slots=True)
class Outcome:
    """The outcome of one cell."""

    kind: Kind
    command: Command | None = None
    tape: Tape | None = None
    seen: dict[str, tuple[int, str]] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)  # what the words of this end name
    failure: str = ""  # it never was live, or never ended

    def judge(self) -> None:
        """Against the table, and the record against what the client sent and got and what the pod saw. Raises AssertionError."""
        assert not self.failure, self.failure
        command, tape = self.command, self.tape
        assert command is not None
        assert tape is not None, f"its stream is not on record once: {command}"
        cause = self.kind.place.cause
        words = words_of(self.kind.name, cause).format(**self.said)
        fields = {"words": words, "quoted": words.replace('"', '\\"'), "said": words.replace("jitui: ", "[jitui] ")}
        wrong = TABLE[self.kind.name].of(cause).wrong(
            command.code, bytes(command.out), bytes(command.err), {key: text.encode() for key, text in fields.items()} | self.kind.fields(tape, command)
        )
        assert not wrong, f"{wrong}\n{command}"
        assert tape.session.ended_why in ENDED_WHY[cause], tape.session
        self.kind.judge(tape, command, self.seen)


@dataclass(slots=True)
class Run:
    """A kubectl, a gateway before the real cluster, and a relay between the two."""

    name: str  # also of its pods
    kubectl: Kubectl
    env: Mapping[str, str]
    lab: Lab
    folder: Path
    agents: dict[Cause, Agent] = field(default_factory=dict)
    gateway: Gateway = field(init=False)
    remote: Client = field(init=False)
    relay: Relay = field(init=False)
    opening: float = 5.0  # seconds the slowest opening of all kinds took so far
    problems: list[str] = field(default_factory=list)  # that verify found in the record of the run

    async def go(self) -> dict[tuple[str, Cause], Outcome]:
        """All cells, by kind and cause."""
        url = urlsplit(self.lab.server)
        async with Relay(str(url.hostname), int(url.port or 443)) as self.relay:
            _, self.gateway = await asyncio.gather(self.lab.pods(self.name), asyncio.to_thread(self._gateway))
            self.remote = Client(f"unix:{self.gateway.ready['socket']}")
            with self.gateway:
                await self._prepare()
                found: dict[tuple[str, Cause], Outcome] = {}
                for cause in Cause:
                    found |= {(outcome.kind.name, cause): outcome for outcome in await self._cause(cause)}
                self.problems = await asyncio.to_thread(self._verify)
                await self.remote.aclose()
        return found

    # -- before ------------------------------------------------------------------------------------------------------------

    def _gateway(self) -> Gateway:
        """Two connections to the one cluster: straight, and through the relay."""
        relayed = self.folder / "relayed.kubeconfig"
        config = yaml.safe_load(self.lab.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.relay.port}"
        relayed.write_text(yaml.safe_dump(config))
        ways = {DIRECT: self.lab.kubeconfig, RELAYED: relayed}
        connections = {name: {"kind": "kubernetes", "kubeconfig": str(path), "access": "just-in-time"} for name, path in ways.items()}
        rules = [
            {"identity": _agent(cause), "connection": _connection(cause), "duration": "30m", "approval": "required", "scope": self._scope()} for cause in Cause
        ]
        return Gateway(self.folder / "gateway", Cluster(self.lab.kubeconfig, real=True), rules=rules, config={"connections": connections}, connection=DIRECT)

    def _scope(self) -> list[str]:
        """The clauses that the ten kinds need: debug is written out, and the logs of its container are not covered (docs/cluster-behaviour.md, 2)."""
        ns = self.lab.namespace
        return [
            f"read pods in {ns}", f"exec,attach,port-forward pods in {ns}", f"get pods/log:talk-* in {ns}", f"get,patch pods/ephemeralcontainers in {ns}"
        ]  # fmt: skip

    async def _prepare(self) -> None:
        """Agents with their kubeconfigs, and the folders that cp needs in the box."""
        home = self.folder / "home"
        home.mkdir()
        for cause in Cause:
            made = await self.remote.identity_add(_agent(cause), roles=["agent"], owner="olga")
            self.agents[cause] = Agent(_agent(cause), made.token, home, self.folder / f"{cause.value}.kubeconfig")
        await asyncio.gather(self._kubeconfigs(DIRECT), self._kubeconfigs(RELAYED), self._folders())

    async def _kubeconfigs(self, connection: str) -> None:
        """As `jitui kubeconfig` writes it for the first agent; for the others the same with their token."""
        first, *others = [agent for cause, agent in self.agents.items() if _connection(cause) == connection]
        await asyncio.to_thread(self.gateway.kubeconfig, first, connection=connection)
        for other in others:
            other.kubeconfig.write_text(first.kubeconfig.read_text().replace(first.token, other.token))
            other.kubeconfig.chmod(0o600)

    async def _folders(self) -> None:
        files = [CopyTo(self._place(cause)) for cause in Cause], [CopyFrom(self._place(cause)) for cause in Cause]
        lines = [f"mkdir -p {one.place.held}/{one.label}" for each in files for one in each]
        lines += [f"seq 1 300000 > {one.place.held}/{one.label}/file" for one in files[1]]
        await self.lab.sh(f"box-{self.name}/box", "; ".join(lines))

    def _place(self, cause: Cause) -> Place:
        return Place(self.name, cause, self.lab, self.folder, self._recorded)

    async def _recorded(self, kind: Kind) -> int:
        live = [one for one in await self.remote.sessions(live=True) if kind.mine(one.kind, one.target.raw, [word.raw for word in one.argv])]
        return max((one.bytes_in for one in live), default=0)

    # -- one cause ---------------------------------------------------------------------------------------------------------

    async def _cause(self, cause: Cause) -> list[Outcome]:
        agent = self.agents[cause]
        duration = int(self.opening * 2 + 4) if cause is Cause.DEADLINE else 1800
        asking = Client(self.gateway.ready["api"], token=agent.token, ca=Path(self.gateway.ready["ca"]))
        asked = await asking.ask(_connection(cause), duration_s=duration, reason="the matrix")
        await asking.aclose()
        grant = (await self.remote.approve(asked.id)).grant
        outcomes = [Outcome(kind(self._place(cause))) for kind in KINDS]
        began = time.monotonic()
        await asyncio.gather(*(self._open(outcome, agent) for outcome in outcomes))
        took = time.monotonic() - began
        self.opening = max(took, self.opening if cause is not Cause.WORKS else 0)
        said = await self._end(cause, grant, outcomes)
        await asyncio.gather(*(self._ended(outcome) for outcome in outcomes))
        await self._settled(grant)
        seen = await self.lab.seen(f"box-{self.name}", f"{self.name}-{cause.value}-")
        tapes = await asyncio.to_thread(self._tapes, grant)
        for outcome in outcomes:
            mine = [tape for tape in tapes if outcome.kind.mine(tape.session.kind, tape.session.target, tape.session.argv)]
            outcome.tape, outcome.seen, outcome.said = mine[0] if len(mine) == 1 else None, seen, said
        return outcomes

    async def _open(self, outcome: Outcome, agent: Agent) -> None:
        kind = outcome.kind
        argv = [*self.kubectl.argv, "--kubeconfig", str(agent.kubeconfig), "-n", self.lab.namespace, *kind.argv()]
        env = self.gateway.environment(agent.home, agent) | dict(self.env)
        try:
            outcome.command = await Command.start(argv, env, terminal=kind.terminal)
            await kind.live(outcome.command)
        except (AssertionError, EOFError, OSError) as error:
            outcome.failure = f"it was never live ({type(error).__name__}): {error}; {outcome.command}"

    async def _end(self, cause: Cause, grant: str, outcomes: list[Outcome]) -> dict[str, str]:
        """Make it happen; what the gateway's words for it name."""
        said = {"grant": grant, "you": (await self.remote.hello()).you, "reason": REASON, "connection": _connection(cause)}
        if cause is Cause.WORKS:
            await asyncio.gather(*(self._finish(outcome) for outcome in outcomes))
        elif cause is Cause.REVOKE:
            await self.remote.revoke(grant, reason=REASON)
        elif cause is Cause.KILL:
            live = [one.id for one in await self.remote.sessions(live=True, grant=grant) if one.kind != "api"]
            await asyncio.gather(*(self.remote.kill(one, reason=REASON) for one in live))
        elif cause is Cause.DEADLINE:
            view = await self.remote.grant(grant)
            said |= {"at": f"{view.deadline[11:19]}Z", "duration": f"{view.duration_s}s"}
        else:
            assert self.relay.cut(reset=cause is Cause.RESET) >= len(KINDS)
        return said

    async def _finish(self, outcome: Outcome) -> None:
        if outcome.failure or outcome.command is None:
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await outcome.kind.finish(outcome.command)
        except (AssertionError, EOFError, OSError) as error:
            outcome.failure = f"it did not end by itself ({type(error).__name__}): {error}; {outcome.command}"

    async def _ended(self, outcome: Outcome) -> None:
        if outcome.command is None:
            return
        if outcome.failure:
            outcome.command.kill()
            return
        try:
            await outcome.command.end()
        except AssertionError as error:
            outcome.failure = f"{error}"
        if isinstance(outcome.kind, PortForward):
            outcome.kind.close()

    async def _settled(self, grant: str) -> None:
        """Until the closing facts of its streams are written."""

        async def over() -> bool:
            return all(one.kind == "api" for one in await self.remote.sessions(live=True, grant=grant))

        await until(over, "all of them over", 10)

    def _verify(self) -> list[str]:
        with closing(Files(self.gateway.data)) as files:
            verdicts = files.verify()
        assert len(verdicts) > len(Cause) * len(KINDS), verdicts
        return [f"{verdict.subject}: {verdict.problem}" for verdict in verdicts if verdict.problem or not verdict.consistent]

    def _tapes(self, grant: str) -> list[Tape]:
        """Every stream of the grant, as it lies on disk."""
        tapes = []
        with closing(Files(self.gateway.data)) as files:
            for session in files.sessions(grant=int(grant.removeprefix("g-"))):
                if session.kind == "api":
                    continue
                ended = [fact for fact in files.facts(subject=f"s-{session.id}") if fact.kind is FactKind.SESSION_ENDED]
                lost = (SessionEnded.of(ended[-1]).conns or ()) if ended else ()
                tapes.append(Tape(session, list(delivered(files.all_frames(session.id), lost))))
        return tapes


def _agent(cause: Cause) -> str:
    return f"bot-{cause.value}"


def _connection(cause: Cause) -> str:
    return RELAYED if cause in {Cause.RESET, Cause.CLOSE} else DIRECT

