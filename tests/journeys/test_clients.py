"""Other clients than kubectl, unchanged: each does its table of operations against the real cluster and through a gateway, with the same results."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import kubernetes.client
import kubernetes.config
import kubernetes.stream
import kubernetes.watch
import pytest

from tests.clients.table import ABSENT, BOTH, COPIES, COUNTER, ECHO, ELSEWHERE, ENDS, GET, HTTPD, NOT_FOUND, SAID, SIZED, TOLD
from tests.journeys.yard import Yard, pod, yard
from tests.support.clusters import Cluster
from tests.support.kubectls import Kubectl
from tests.support.processes import Result, run
from tests.support.soak import SOAKING, soak

pytestmark = [pytest.mark.cluster, pytest.mark.kubectl]

ROOT: Final = Path(__file__).parents[2]
PROGRAMS: Final = ROOT / "tests" / "clients"
NS: Final = f"clients-{os.getpid()}"
SCOPE: Final = (f"@debug in {NS}", f"attach,port-forward pods in {NS}", f"create,patch,delete configmaps in {NS}")
PODS: Final = [COUNTER, ECHO, TOLD, HTTPD]
EVENTS: Final = ["ADDED", "MODIFIED", "DELETED"]
RIGHT: Final[dict[str, Any]] = {
    "version": "34", "list": PODS, "pages": PODS, "missing": f"404 {NOT_FOUND}", "watch": EVENTS, "informer": EVENTS, "exec": ["out\n", "err\n", 5],
    "stdin": ["".join(SAID), 3], "resize": "resized", "refused": NOT_FOUND, "attach": "echoed",
    "forward": "hello from the pod\n", "log": "one\ntwo\nthree\n", "follow": [f"line {number}" for number in range(5)],
}  # fmt: skip
MUDDLED: Final = "WRONG_VERSION_NUMBER"  # of a client that reads and writes one TLS connection from two threads: now and then, without a gateway too
PLAIN: Final = ("list", "missing", "watch", "exec", "refused", "log", "follow")  # every client has them


@dataclass(frozen=True, slots=True)
class Client:
    """A program of tests/clients: how it is installed and started, the operations that it has beside PLAIN, and where its right value is another."""

    name: str
    argv: tuple[str, ...]
    more: tuple[str, ...]
    right: dict[str, Any] = field(default_factory=dict)
    install: tuple[str, ...] = ()
    folder: Path = ROOT

    @property
    def operations(self) -> tuple[str, ...]:
        """`exec, SPDY` is `exec` in another dialect."""
        return PLAIN + self.more

    def expected(self, operation: str) -> Any:
        return self.right.get(operation, RIGHT[operation.partition(",")[0]])


def _python(module: str, *more: str, **right: Any) -> Client:
    return Client(module, (sys.executable, "-m", f"tests.clients.{module}"), more, right)


ALL: Final = ("version", "pages", "informer", "stdin", "resize", "attach", "forward", "plugin")
TWICE: Final = ("exec, SPDY", "stdin, SPDY", "resize, SPDY", "forward, SPDY")
NPM: Final = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund")
MAVEN: Final = ("mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib")
GO: Final = ("env", "CGO_ENABLED=0", "go", "build", "-o", "table", ".")
QUICK: Final = [
    _python("official", *ALL, "stdin, binary"),
    _python("asynchronous", "version", "stdin", "resize", "attach", "forward", "plugin", refused="404"),
    _python("light", "pages", "stdin", refused="404"),
    _python("krates", "version", "forward", "plugin", refused="404", missing="NotFoundError"),
]
SLOW: Final = [  # to install
    Client("javascript", ("node", "main.mjs"), ALL, {"refused": "404"}, NPM, PROGRAMS / "javascript"),
    Client("java", ("java", "-cp", "lib/*", "Table.java"), ALL, {"missing": "null"}, MAVEN, PROGRAMS / "java"),
    Client("go", ("./table",), ALL + TWICE, {}, GO, PROGRAMS / "go"),
]
CLIENTS: Final = QUICK + SLOW * SOAKING
NAMES: Final = [client.name for client in CLIENTS]
CELLS: Final = [pytest.param(one, name, id=f"{one.name}-{name}") for one in CLIENTS for name in one.operations if name != "plugin"]


def having(operation: str) -> list[Any]:
    """The clients that can do it, as parameters."""
    return [pytest.param(client, id=client.name) for client in CLIENTS if operation in client.operations]


each_client = pytest.mark.parametrize("client", CLIENTS, ids=NAMES)


@pytest.fixture(scope="module")
def house(real_cluster: Cluster, all_kubectls: dict[str, Kubectl], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """Four pods with what the programs need, and an agent with a window for each of them."""
    agents = dict.fromkeys((*NAMES, *(f"{name}-{number}" for name in NAMES for number in (2, 3)), "ended"), SCOPE)
    manifest = "".join((
        pod(HTTPD, "httpd -f -p 8080 -h /var/www"), pod(TOLD, "echo one; echo two; echo three; sleep 2147483647"), pod(ECHO, "cat", stdin=True),
        pod(COUNTER, "i=0; while true; do echo line $i; i=$((i+1)); usleep 100000; done"),
    ))
    with yard(tmp_path_factory.mktemp("clients"), real_cluster, all_kubectls["1.34"], NS, agents=agents, manifest=manifest) as house:
        house.as_admin("-n", NS, "label", "pods", "--all", "kind=clients")
        house.as_admin("-n", NS, "wait", "pods", "--all", "--for=condition=Ready", "--timeout=60s")
        yield house


@dataclass
class Runs:
    """Each program runs once, when its first result is asked for."""

    house: Yard
    kubeconfig: str = ""
    done: dict[str, Any] = field(default_factory=dict)

    def __call__(self, client: Client) -> Any:
        if client.name not in self.done:
            if client.install:
                run(client.install, env=os.environ, cwd=client.folder, timeout=1200).ok()
            for number in range(3):
                self.done[client.name] = found = self._run(client, number).ok().json
                if MUDDLED not in str(found):
                    break
        return self.done[client.name]

    def _run(self, client: Client, number: int) -> Result:
        self.kubeconfig = self.kubeconfig or self.house.template()
        gateway, name = self.house.gateway, client.name if not number else f"{client.name}-{number + 1}"
        agent = self.house.agent(name, scope=SCOPE, kubeconfig=self.kubeconfig)
        token, plugin = agent.home / "token", agent.home / "plugin"
        token.write_text(agent.token)
        token.chmod(0o600)
        gateway.jitui("kubeconfig", gateway.connection, "--token-file", str(token), "--output", str(plugin), by=agent).ok()
        argv = (*client.argv, NS, str(self.house.cluster.kubeconfig), str(plugin))
        return run(argv, env=gateway.environment(agent.home) | {"KUBECONFIG": str(agent.kubeconfig)}, cwd=client.folder, timeout=soak(120, 300))


@pytest.fixture(scope="module")
def ran(house: Yard) -> Runs:
    return Runs(house)


@pytest.mark.parametrize(("client", "operation"), CELLS)
def test_operation(ran: Runs, client: Client, operation: str) -> None:
    """The result is right without a gateway, and the same through it."""
    found = ran(client)
    assert found["direct"][operation] == client.expected(operation)
    assert found["gateway"][operation] == client.expected(operation)


@each_client
def test_nothing_is_left_out(ran: Runs, client: Client) -> None:
    """Each operation of the program is a test."""
    assert set(ran(client)["gateway"]) == {*client.operations, "denied"} - {"plugin"}


@each_client
def test_a_denial_is_an_error_with_the_reason(ran: Runs, client: Client) -> None:
    """The client shows the words that say what is missing."""
    found = ran(client)
    assert found["direct"]["denied"] == "0 config maps"
    assert f"list configmaps in {ELSEWHERE}: no rule allows it" in found["gateway"]["denied"]


@pytest.mark.parametrize("client", having("plugin"))
def test_the_credential_plugin(ran: Runs, client: Client) -> None:
    """The other form of kubeconfig that `jitui kubeconfig` writes. lightkube knows no version of the plugin protocol after v1beta1."""
    assert ran(client)["plugin"] == PODS


# -- the record ----------------------------------------------------------------------------------------------------------------


def recorded(house: Yard, client: Client, kind: str, argv: Sequence[str] = ()) -> list[str]:
    """The sessions of that client in pods that exist, by what they ran."""
    found = [one for one in house.gateway.sessions(kind) if one["identity"] == client.name and ABSENT not in one["target"]]
    return [one["id"] for one in found if not argv or list(one["argv"]) == list(argv)]


@each_client
def test_an_exec_is_on_record(ran: Runs, house: Yard, client: Client) -> None:
    """stdout, stderr, and what was typed."""
    ran(client)
    sessions = recorded(house, client, "exec", BOTH)
    assert {(house.gateway.raw(one, "stdout"), house.gateway.raw(one, "stderr")) for one in sessions} == {(b"out\n", b"err\n")}
    if "stdin" in client.operations:
        typed = recorded(house, client, "exec", COPIES) or recorded(house, client, "exec", ENDS)
        assert {house.gateway.raw(one, "stdin") for one in typed} == {house.gateway.raw(one, "stdout") for one in typed} == {"".join(SAID).encode()}


@pytest.mark.parametrize("client", having("resize"))
def test_a_resize_is_on_record(ran: Runs, house: Yard, client: Client) -> None:
    """Whatever the letter case of its keys."""
    ran(client)
    said = [house.gateway.raw(one, "resize").lower().split() for one in recorded(house, client, "exec", SIZED)]
    sizes = [[(size["height"], size["width"]) for size in map(json.loads, lines)] for lines in said]
    assert sizes
    assert all((37, 111) in of_one for of_one in sizes)


@pytest.mark.parametrize("client", having("attach"))
def test_an_attach_is_on_record(ran: Runs, house: Yard, client: Client) -> None:
    """Of both directions."""
    ran(client)
    (session,) = recorded(house, client, "attach")
    said = house.gateway.raw(session, "stdin")
    assert said.startswith(client.name.encode())
    assert said in house.gateway.raw(session, "stdout")


@pytest.mark.parametrize("client", having("forward"))
def test_a_port_forward_is_on_record(ran: Runs, house: Yard, client: Client) -> None:
    """Both directions of the connection."""
    ran(client)
    sessions = recorded(house, client, "port-forward")
    assert {house.gateway.raw(one, "forward-in") for one in sessions} == {GET}
    assert all(house.gateway.raw(one, "forward-out").endswith(b"hello from the pod\n") for one in sessions)


@each_client
def test_a_watch_is_on_record(ran: Runs, house: Yard, client: Client) -> None:
    """Each of its events."""
    ran(client)
    seen = [house.gateway.raw(session, "response-body") for session in recorded(house, client, "watch")]
    assert any(all(event.encode() in one for event in EVENTS) for one in seen)


@each_client
def test_a_followed_log_is_on_record(ran: Runs, house: Yard, client: Client) -> None:
    """From its first line."""
    ran(client)
    (session,) = recorded(house, client, "logs")
    assert house.gateway.raw(session, "stdout").startswith(b"line 0\nline 1\n")


# -- the end of a window -------------------------------------------------------------------------------------------------------

Configured: Any = kubernetes.config.new_client_from_config  # it has no annotations
Watch: Any = kubernetes.watch.Watch


@pytest.fixture
def core(house: Yard, ran: Runs) -> Iterator[Any]:
    """The official client, of an agent whose window will end."""
    agent = house.agent("ended", scope=SCOPE, kubeconfig=ran.kubeconfig or house.template())
    with Configured(str(agent.kubeconfig)) as client:
        yield kubernetes.client.CoreV1Api(client)


def test_streams_end_with_the_window(core: Any, house: Yard) -> None:
    """Of an exec, the Status that says why is on the error channel, and it is closed; a watch gets the reason as an error that it does not retry."""
    events = Watch().stream(core.list_namespaced_pod, NS)
    assert next(events)["type"] == "ADDED"
    shown = {"stderr": True, "stdout": True, "stdin": True, "_preload_content": False}
    process = kubernetes.stream.stream(core.connect_get_namespaced_pod_exec, TOLD, NS, command=COPIES, **shown)
    process.write_stdin("here\n")
    assert process.readline_stdout(timeout=20) == "here"
    (grant,) = [one["id"] for one in house.gateway.grants() if one["identity"] == "ended"]
    house.gateway.jitui("revoke", grant, "--reason", "it is late").ok()
    process.run_forever(timeout=20)
    assert not process.is_open()
    assert "it is late" in process.read_channel(3)
    with pytest.raises(kubernetes.client.ApiException) as ended:
        list(events)
    assert ended.value.status == 403
    assert "it is late" in str(ended.value)
