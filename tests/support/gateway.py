"""A real gateway as a process of its own, driven from outside: `jitui serve`, the command line, and kubectl."""

import asyncio
import json
import os
import signal
import sys
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import yaml

from jitui.api.client import Client
from jitui.cli.tapes import every_frame
from jitui.recording.frame import NAMES
from jitui.values import plain, span
from tests.support.clusters import Cluster
from tests.support.kubectls import Kubectl
from tests.support.processes import PATIENCE, Program, Result, run, until

T = TypeVar("T")

JITUI: Final = (sys.executable, "-m", "jitui")
WIDE: Final = ("@debug in web", "read namespaces,nodes")


@dataclass(frozen=True, slots=True)
class Agent:
    """An identity with its token, its home folder and the kubeconfig that `jitui kubeconfig` wrote for it."""

    name: str
    token: str = field(repr=False)
    home: Path
    kubeconfig: Path


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with roles and a token of their own, not the gateway's own user."""

    name: str
    token: str = field(repr=False)


Caller = Agent | Person | None  # None: the gateway's own user on the socket


def rule(identity: str, *, connection: str = "test", duration: str = "30m", scope: Sequence[str] = WIDE, **more: object) -> dict[str, object]:
    """A rule as the configuration has it."""
    return {"identity": identity, "connection": connection, "duration": duration, "approval": "required", "scope": list(scope), **more}


class Gateway:
    """One gateway: its folder, its process, and how everybody reaches it."""

    def __init__(self, folder: Path, cluster: Cluster, *, rules: Sequence[Mapping[str, object]], data: Path | None = None,
                 config: Mapping[str, object] | None = None, connection: str = "test", settings: Mapping[str, object] | None = None,
                 env: Mapping[str, str] | None = None, files: int = 0, program: Sequence[str] = JITUI) -> None:
        """Write the configuration and start. `config`: more top-level keys of it. `data`: another data folder. `settings`: of the connection, if it is not
        the cluster's kubeconfig. `env`: more of what the gateway's own user sees, as AWS credentials. `files`: the hard limit of open files it starts with.
        `program`: another jitui."""
        self.files, self.executable = files, program
        self.folder, self.cluster, self.env = folder, cluster, dict(env or {})
        self.data = data or folder / "data"
        self.config, self.ready_file = folder / "jitui.yaml", folder / "ready.json"
        folder.mkdir(parents=True, exist_ok=True)
        self.connection = connection
        plain = {"kind": "kubernetes", "kubeconfig": str(cluster.kubeconfig), "access": "just-in-time"}
        self.connections: dict[str, Any] = {connection: dict(settings or plain)}
        self.configure(rules, config or {})
        self.ready: dict[str, Any] = {}
        self.program: Program
        self._programs: list[Program] = []
        self._kubeconfig = ""  # as `jitui kubeconfig` wrote it for the first agent, with TOKEN in place of the token
        self.start()

    def configure(self, rules: Sequence[Mapping[str, object]], more: Mapping[str, object] | None = None) -> None:
        """Write the configuration file; a running gateway reads it at `jitui reload` or its next start."""
        self.config.write_text(yaml.safe_dump({
            "listen": {"kube": "127.0.0.1:0", "api": "127.0.0.1:0"}, "connections": self.connections, "rules": [dict(one) for one in rules], **(more or {}),
        }))

    def start(self) -> None:
        """Start it and wait until it listens. After the first time it listens where it listened before, as kubeconfigs name the place."""
        self.ready_file.unlink(missing_ok=True)
        if self.ready:
            config = yaml.safe_load(self.config.read_text())
            config["listen"] = {listener: self.ready[listener].removeprefix("https://") for listener in ("kube", "api")}
            self.config.write_text(yaml.safe_dump(config))
        limited = ("sh", "-c", 'ulimit -n "$0" && exec "$@"', str(self.files)) if self.files else ()
        argv = [*limited, *self.executable, "serve", "--config", str(self.config), "--data-dir", str(self.data), "--ready-file", str(self.ready_file)]
        self.program = Program(argv, env=self.environment(self.folder))
        self._programs.append(self.program)
        self.ready = until(self._read_ready, f"ready gateway; it said: {self.program.snapshot()}")

    def _read_ready(self) -> dict[str, Any]:
        if not self.program.running:
            raise AssertionError(f"the gateway did not start: {self.program.end()}")
        try:
            found: dict[str, Any] = json.loads(self.ready_file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return found

    def environment(self, home: Path, caller: Caller = None) -> dict[str, str]:
        """The environment of the caller's processes, without this machine's own kubeconfigs, credentials or gateways."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("JITUI_", "KUBE", "AWS_", "XDG_"))}
        kept |= {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "TERM": "xterm-256color", "NO_COLOR": "1"}
        kept |= {"XDG_RUNTIME_DIR": str(self.folder), "XDG_STATE_HOME": str(self.folder / "state")}
        kept |= self.env if caller is None else {}
        if not getattr(self, "ready", None):
            return kept
        if caller is None:
            return kept | {"JITUI_GATEWAY": f"unix:{self.ready['socket']}"}
        return kept | {"JITUI_GATEWAY": self.ready["api"], "JITUI_CA": self.ready["ca"], "JITUI_TOKEN": caller.token}

    def argv(self, *args: str, as_json: bool = False) -> list[str]:
        """`--json` goes before a `--`: what follows that is a command."""
        if not as_json:
            return [*JITUI, *args]
        cut = args.index("--") if "--" in args else len(args)
        return [*JITUI, *args[:cut], "--json", *args[cut:]]

    def jitui(self, *args: str, by: Caller = None, as_json: bool = False, timeout: float = PATIENCE) -> Result:
        """The command line to its end; by default as the gateway's own user, on the socket."""
        return run(self.argv(*args, as_json=as_json), env=self.environment(self._home(by), by), timeout=timeout)

    def ask_json(self, *args: str, by: Caller = None) -> Any:
        """The answer of a command with --json; it must succeed."""
        return self.jitui(*args, by=by, as_json=True).ok().json

    def spawn(self, *args: str, by: Caller = None, as_json: bool = False, tty: tuple[int, int] | None = None) -> Program:
        """The command line in the background."""
        return self._keep(Program(self.argv(*args, as_json=as_json), env=self.environment(self._home(by), by), tty=tty))

    def agent(self, name: str, *, owner: str = "olga", plugin: bool = False) -> Agent:
        """Add the identity and write its kubeconfig. With `plugin` that names the credential plugin and a token file."""
        made = self.desk(lambda remote: remote.identity_add(name, roles=("agent",), owner=owner))
        home = self.folder / name
        home.mkdir()
        agent = Agent(name, made.token, home, home / "kubeconfig")
        if plugin or not self._kubeconfig:
            self.kubeconfig(agent, plugin=plugin)
        else:  # the same with its own token
            agent.kubeconfig.touch(0o600)
            agent.kubeconfig.write_text(self._kubeconfig.replace("TOKEN", agent.token))
        if not plugin:
            self._kubeconfig = agent.kubeconfig.read_text().replace(agent.token, "TOKEN")
        return agent

    def kubeconfig(self, agent: Agent, *args: str, plugin: bool = False, connection: str = "") -> None:
        """Write the agent's kubeconfig, as the agent."""
        how = () if plugin else ("--embed-token",)
        self.jitui("kubeconfig", connection or self.connection, *how, *args, "--output", str(agent.kubeconfig), by=agent).ok()

    def person(self, name: str, *roles: str) -> Person:
        flags = [part for role in roles for part in ("--role", role)]
        return Person(name, self.ask_json("identity", "add", name, *flags)["token"])

    def desk(self, call: Callable[[Client], Awaitable[T]], *, by: Caller = None) -> T:
        """Ask the API as the command line does, without its half second of starting: for what a test prepares or waits for."""

        async def ask() -> T:
            remote = Client(f"unix:{self.ready['socket']}") if by is None else Client(self.ready["api"], token=by.token, ca=Path(self.ready["ca"]))
            try:
                return await call(remote)
            finally:
                await remote.aclose()

        return asyncio.run(ask())

    def window(self, agent: Agent, *, duration: str = "30m", scope: str = "") -> str:
        """Ask as the agent and approve; the grant's id."""
        asked = self.desk(lambda remote: remote.ask(self.connection, duration_s=span.parse(duration), reason="a test", scope=scope), by=agent)
        return self.desk(lambda remote: remote.approve(asked.id)).grant

    def _kubectl_argv(self, kubectl: Kubectl, agent: Agent, args: Sequence[str]) -> list[str]:
        return [*kubectl.argv, "--kubeconfig", str(agent.kubeconfig), *args]

    def kubectl(self, kubectl: Kubectl, agent: Agent, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None,
                timeout: float = PATIENCE) -> Result:
        """kubectl to its end, as the agent."""
        return run(self._kubectl_argv(kubectl, agent, args), env=self.environment(agent.home, agent) | dict(env or {}), stdin=stdin, timeout=timeout)

    def spawn_kubectl(self, kubectl: Kubectl, agent: Agent, *args: str, tty: tuple[int, int] | None = None) -> Program:
        """kubectl in the background, as the agent."""
        return self._keep(Program(self._kubectl_argv(kubectl, agent, args), env=self.environment(agent.home, agent), tty=tty))

    def grants(self) -> list[Any]:
        """The live ones, as `jitui grants --json` has them."""
        return [plain.of(grant) for grant in self.desk(lambda remote: remote.grants())]

    def pending(self, agent: Agent) -> str:
        """The id of the agent's one pending request; waits for it."""
        def look() -> list[str]:
            return [one.id for one in self.desk(lambda remote: remote.requests()) if one.identity == agent.name]

        return until(look, f"pending request of {agent.name}")[0]

    def sessions(self, kind: str = "", *, live: bool = False) -> list[Any]:
        """As `jitui sessions --json` has them."""
        found = self.desk(lambda remote: remote.sessions(live=live))
        return [plain.of(session) for session in found if not kind or session.kind == kind]

    def live(self, kind: str, grant: str = "") -> Any:
        """The newest live session of a kind; waits for it."""
        return until(lambda: [one for one in self.sessions(kind, live=True) if one["grant"] == grant or not grant], f"live {kind} session")[-1]

    def raw(self, session: str, channel: str) -> bytes:
        """The bytes of one channel, as recorded: what `jitui frames --raw` writes."""
        labels = {one.label for one in NAMES[channel]}

        async def read(remote: Client) -> bytes:
            return b"".join([b64decode(frame.data_b64) async for frame in every_frame(remote, session) if frame.channel in labels])

        return self.desk(read)

    def stop(self) -> Result:
        """`jitui stop`, and wait for the end of the process."""
        self.jitui("stop").ok()
        return self.program.end()

    def kill9(self) -> None:
        """The end without warning."""
        self.program.signal(signal.SIGKILL)
        self.program.end()

    def restart(self) -> None:
        """Start again on the same data folder and the same ports, after stop or kill9."""
        self.start()

    def _home(self, caller: Caller) -> Path:
        return caller.home if isinstance(caller, Agent) else self.folder

    def _keep(self, program: Program) -> Program:
        self._programs.append(program)
        return program

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End everything that was started through it."""
        for program in reversed(self._programs):
            program.__exit__(None, None, None)
