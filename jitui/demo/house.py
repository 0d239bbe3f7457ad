"""The demo's parts in one temporary folder: a cluster, a gateway in front of it, and an agent's identity. They all end together, however that happens."""

import contextlib
import getpass
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import yaml

from jitui.demo.cluster import nurse
from jitui.values import span
from jitui.values.errors import UnavailableError

AGENT: Final = "agent-deploybot"
CONNECTION: Final = "demo"
SCOPE: Final = ("@debug in web",)
START_S: Final = 60.0  # seconds that the cluster and the gateway may take to start
LONGEST: Final = 68  # characters of a folder for temporary files below which the gateway's socket still has a valid path (unix(7))
JITUI: Final = (sys.executable, "-m", "jitui")


@dataclass(frozen=True, slots=True)
class Answer:
    """The exit code and the output of a program."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode("utf-8", "replace")

    @property
    def jsons(self) -> list[Any]:
        """Its JSON objects, one a line."""
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]


class House:
    """The demo's cluster and gateway as processes; a context. Raises UnavailableError, with their output, if they don't start."""

    def __init__(self, window_s: float) -> None:
        self.window_s = window_s
        self.folder = Path()
        self.kubectl: tuple[str, ...] = find_kubectl()
        self._ready: dict[str, str] = {}
        self._mark = f"JITUI_DEMO={secrets.token_hex(8)}"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.folder = Path(tempfile.mkdtemp(prefix="jitui-demo-", dir="/tmp" if len(tempfile.gettempdir()) > LONGEST else None))  # noqa: S108
            self._nurse(stack)
            (self.folder / "home").mkdir()
            cluster, gateway = self.folder / "cluster", self.folder / "gateway"
            self._start(stack, "cluster", [sys.executable, "-m", "jitui.demo.cluster", str(cluster)], cluster / "kubeconfig")
            config, ready = self.folder / "jitui.yaml", self.folder / "ready.json"
            config.write_text(yaml.safe_dump(self._configuration(cluster / "kubeconfig"), sort_keys=False), encoding="utf-8")
            self._start(stack, "gateway", [*JITUI, "serve", "--config", str(config), "--data-dir", str(gateway), "--ready-file", str(ready)], ready)
            self._ready = json.loads(ready.read_text(encoding="utf-8"))
            self._agent()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    @property
    def socket(self) -> str:
        """The gateway's desk, as JITUI_GATEWAY names it."""
        return f"unix:{self._ready['socket']}"

    def environment(self, *, agent: bool) -> dict[str, str]:
        """The environment of the demo's programs, without this machine's own kubeconfigs, credentials and gateways."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("JITUI_", "KUBE", "AWS_", "XDG_"))}
        name, _, mark = self._mark.partition("=")
        kept |= {name: mark, "HOME": str(self.folder / "home"), "PATH": f"{Path(sys.executable).parent}:{kept.get('PATH', os.defpath)}",
                 "XDG_RUNTIME_DIR": str(self.folder), "TERM": "xterm", "PYTHONUNBUFFERED": "1"}
        if not self._ready:
            return kept
        if not agent:
            return kept | {"JITUI_GATEWAY": self.socket}
        return kept | {"JITUI_GATEWAY": self._ready["api"], "JITUI_CA": self._ready["ca"], "JITUI_TOKEN": str(self.folder / "agent.token"),
                       "KUBECONFIG": str(self.folder / "agent.kubeconfig")}

    def run(self, argv: Sequence[str], *, agent: bool = False, timeout: float = 60.0) -> Answer:
        """Runs a program of the demo to its end."""
        done = subprocess.run(argv, env=self.environment(agent=agent), stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=timeout)  # noqa: S603
        return Answer(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))

    def jitui(self, *args: str, agent: bool = False) -> Answer:
        """Runs the command line, as the person at this machine or as the agent."""
        return self.run([*JITUI, *args], agent=agent)

    def work(self) -> None:
        """Lets the agent work until the context ends."""
        self._spawn(self._stack, "agent", [sys.executable, "-m", "jitui.demo.agent", str(self.window_s)], agent=True)

    def _configuration(self, kubeconfig: Path) -> Mapping[str, Any]:
        rule = {"identity": AGENT, "connection": CONNECTION, "duration": span.show(max(1800, self.window_s)), "approval": "required", "scope": list(SCOPE)}
        return {"listen": {"kube": "127.0.0.1:0", "api": "127.0.0.1:0"},
                "connections": {CONNECTION: {"kind": "kubernetes", "kubeconfig": str(kubeconfig), "access": "just-in-time"}}, "rules": [rule]}

    def _agent(self) -> None:
        token, kubeconfig = self.folder / "agent.token", self.folder / "agent.kubeconfig"
        for done in (self.jitui("identity", "add", AGENT, "--role", "agent", "--owner", getpass.getuser(), "--output", str(token)),
                     self.jitui("kubeconfig", CONNECTION, "--embed-token", "--output", str(kubeconfig), agent=True)):
            if done.code:
                raise UnavailableError(f"the demo's gateway does not take its agent: {done.err.strip()}")

    def _nurse(self, stack: ExitStack) -> None:
        """Starts the nurse, which cleans up if this process is killed."""
        watching = subprocess.Popen([sys.executable, "-I", nurse.__file__, str(self.folder), self._mark], stdin=subprocess.PIPE,  # noqa: S603
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

        def dismiss() -> None:
            shutil.rmtree(self.folder, ignore_errors=True)
            if watching.stdin is not None:
                watching.stdin.close()
            watching.wait()

        stack.callback(dismiss)

    def _start(self, stack: ExitStack, name: str, argv: Sequence[str], sign: Path) -> None:
        """Starts a process, and waits for the file that it writes when it serves."""
        process = self._spawn(stack, name, argv)
        until = time.monotonic() + START_S
        while not (sign.exists() and sign.stat().st_size):
            if process.poll() is not None or time.monotonic() > until:
                words = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
                raise UnavailableError(f"the demo's {name} did not start: {words[-1] if words else 'it said nothing'}")
            time.sleep(0.02)

    def _spawn(self, stack: ExitStack, name: str, argv: Sequence[str], *, agent: bool = False) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(argv, env=self.environment(agent=agent), stdin=subprocess.DEVNULL, stdout=log, stderr=log,  # noqa: S603
                                       start_new_session=True)
        stack.callback(_end, process)
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
    """Sends SIGTERM, and after three seconds SIGKILL, to a process and its children."""
    for number, patience in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return


def find_kubectl() -> tuple[str, ...]:
    """The command of a real kubectl that speaks WebSocket (1.30 or newer), or else of the demo's own small one."""
    found = shutil.which("kubectl")
    beside = sorted(Path(found).resolve().parent.glob("kubectl.1.[3-9]*"), reverse=True) if found else []
    for candidate in filter(None, [found, *map(str, beside)]):
        try:
            answer = subprocess.run([candidate, "version", "--client", "--output", "json"], capture_output=True, check=True, timeout=20)  # noqa: S603
            version = json.loads(answer.stdout)["clientVersion"]
            if "dispatcher" not in version["gitVersion"] and int(version["minor"].rstrip("+")) >= 30:
                return (candidate,)
        except (OSError, subprocess.SubprocessError, ValueError, KeyError):
            continue
    return (sys.executable, "-m", "jitui.demo.client")
