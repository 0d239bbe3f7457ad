"""A person with nothing but `ssh`: the screens, a request approved, an exec watched and killed, and commands; and the end of each."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jitui.api.client import Client
from tests.support.clusters import Cluster
from tests.support.gateway import Agent, Gateway, rule
from tests.support.kubectls import Kubectl
from tests.support.processes import Result, run, until
from tests.support.tmux import Tmux

SCOPE = ("read pods in web", "exec pods in web")


@dataclass(frozen=True, slots=True)
class Ana:
    """An approver and operator at a machine of her own: a home with a key and the gateway's host key, and no jitui."""

    gateway: Gateway
    home: Path

    def argv(self, *words: str) -> list[str]:
        host, _, port = self.gateway.ready["ssh"].rpartition(":")
        return ["ssh", "-F", "none", "-i", str(self.home / "id"), "-o", f"UserKnownHostsFile={self.home / 'known_hosts'}", "-o", "BatchMode=yes",
                "-o", "LogLevel=ERROR", "-o", "SendEnv=COLORTERM", "-p", port, f"ana@{host}", *words]  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLORTERM": "truecolor"}

    def ssh(self, *words: str) -> Result:
        return run(self.argv(*words), env=self.environment)

    def terminal(self, *words: str) -> Tmux:
        return Tmux(self.home, self.argv("-t", *words), env=self.environment)


@pytest.fixture(scope="module")
def gateway(embedded_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    listen = {"kube": "127.0.0.1:0", "api": "127.0.0.1:0", "ssh": "127.0.0.1:0"}
    with Gateway(tmp_path_factory.mktemp("gateway"), embedded_cluster, rules=[rule("bot", scope=SCOPE)], config={"listen": listen}) as made:
        yield made


@pytest.fixture(scope="module")
def bot(gateway: Gateway) -> Agent:
    return gateway.agent("bot", owner="pat")


@pytest.fixture(scope="module")
def ana(gateway: Gateway, bot: Agent) -> Ana:
    home = gateway.folder / "ana"
    home.mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / "id")], check=True)
    key = (home / "id.pub").read_text()
    gateway.desk(lambda remote: remote.identity_add("ana", roles=("approver", "operator"), ssh_keys=key))
    host = subprocess.run(["ssh-keygen", "-y", "-f", str(gateway.data / "keys" / "ssh_host_ed25519_key")], check=True, capture_output=True, text=True)
    place, _, port = gateway.ready["ssh"].rpartition(":")
    (home / "known_hosts").write_text(f"[{place}]:{port} {host.stdout}")
    return Ana(gateway, home)


def ask(gateway: Gateway, bot: Agent) -> str:
    """The agent asks; whatever it asked for or had before is gone."""

    async def again(remote: Client) -> str:
        for request in await remote.requests():
            await remote.withdraw(request.id)
        for grant in await remote.grants():
            await remote.release(grant.id)
        return (await remote.ask("test", duration_s=600, reason="pods restart, looking why")).id

    return gateway.desk(again, by=bot)


def children(gateway: Gateway) -> list[int]:
    """The processes of people that the gateway runs."""
    found = []
    for proc in Path("/proc").iterdir():
        if proc.name.isdigit():
            try:
                if b"jitui.cli.visit" in (proc / "cmdline").read_bytes() and f"PPid:\t{gateway.program.pid}\n" in (proc / "status").read_text():
                    found.append(int(proc.name))
            except OSError:
                pass
    return found


def test_a_request_is_approved_an_exec_watched_and_killed(gateway: Gateway, bot: Agent, ana: Ana, one_kubectl: Kubectl) -> None:
    """All of it on the screens that one ssh command opens; they follow the size of the terminal, and leave it as it was. It is on record as hers."""
    asked = ask(gateway, bot)
    with ana.terminal() as terminal:
        terminal.until("exec pods in web")
        terminal.press("Enter")
        terminal.until("edit terms")
        time.sleep(1)  # it is drawn before it takes keys
        terminal.press("A")
        terminal.until("approved")
        until(gateway.grants, "a grant")
        shell = gateway.spawn_kubectl(one_kubectl, bot, "-n", "web", "exec", "-it", "box", "--", "sh", tty=(24, 80))
        session = gateway.live("exec")["id"]
        terminal.press("2")
        terminal.until("box [sh] tty")
        for key in ("Enter", "End", "Enter"):
            terminal.press(key)
            time.sleep(1)
        shell.write(b"echo see''n by ana\r")
        terminal.until("seen by ana")
        terminal.resize(140, 40)
        until(lambda: max(map(len, terminal.shown().splitlines())) > 120, "wider screen")
        terminal.press("k")
        terminal.until("stock reasons")
        terminal.press("1")
        terminal.press("Enter")
        assert shell.end(20).code != 0
        terminal.press("q")
        assert terminal.ended() == 0
    (ended,) = [one for one in gateway.sessions("exec") if one["id"] == session]
    assert (ended["ended_why"], ended["ended_by"]) == ("killed", "ana")
    (fact,) = [fact for fact in gateway.desk(lambda remote: remote.facts()) if fact.kind == "request.approved"]
    assert (fact.who, fact.subject) == ("ana", asked)
    until(lambda: not children(gateway), "end of her process")


def test_the_same_as_commands(gateway: Gateway, bot: Agent, ana: Ana, one_kubectl: Kubectl) -> None:
    """With exit codes, JSON, and recorded bytes as lines of text; without a terminal, and no way to a file of the gateway."""
    asked = ask(gateway, bot)
    approved = ana.ssh("approve", asked, "--duration", "5m", "--json")
    assert (approved.ok().json["state"], approved.json["decided_by"], approved.json["duration_s"]) == ("approved", "ana", 300)
    said = gateway.kubectl(one_kubectl, bot, "-n", "web", "exec", "box", "--", "sh", "-c", "printf '\\033]52;c;aGk=\\007red\\033[31m'").ok()
    assert b"\x1b]52" in said.out
    session = gateway.sessions("exec")[-1]["id"]
    for words in (("replay", session, "--text"), ("frames", session), ("export", session, "--format", "cast")):
        printed = ana.ssh(*words).ok()
        assert b"red" in printed.out
        assert b"\x1b" not in printed.out
    refusals: list[tuple[tuple[str, ...], str]] = [
        (("frames", session, "--channel", "stdout", "--raw"), "--raw gives recorded bytes as they were"),
        (("replay", str(gateway.data / "ledger.db"), "--text"), "is no session, and no file of this machine is yours"),
        (("requests", "--gateway", f"unix:{gateway.ready['socket']}"), "--gateway chooses a gateway"),
        (("identity", "list"), "ana may not"), (("stop",), "ana may not"), (("lockdown", "off", "--reason", "x"), "ana may not"),
    ]
    for given, says in refusals:
        refused = ana.ssh(*given)
        assert (refused.code, refused.out) == (1, b"")
        assert says in refused.said
    live = gateway.grants()[-1]["id"]
    ana.ssh("revoke", live, "--reason", "'done, thanks'").ok()
    assert not gateway.grants()


def test_a_dropped_connection_ends_the_process_and_decides_nothing(gateway: Gateway, bot: Agent, ana: Ana) -> None:
    """Also when its machine vanishes in the middle of the question."""
    asked = ask(gateway, bot)
    with ana.terminal("approve", asked) as terminal:
        terminal.until("grant 10m?")
        (pid,) = children(gateway)
        terminal.press("y")
    until(lambda: not Path("/proc", str(pid)).exists(), "end of the process")
    assert gateway.desk(lambda remote: remote.request(asked)).state == "pending"


def test_who_is_disabled_is_cut_at_once(gateway: Gateway, ana: Ana) -> None:
    """The screens end with a sentence, and nothing of them goes on; the gateway's crash would end them, too."""
    with ana.terminal() as terminal:
        terminal.until("gateway ok")
        (pid,) = children(gateway)
        began = time.monotonic()
        gateway.desk(lambda remote: remote.identity_disable("ana", reason="left"))
        until(lambda: not Path("/proc", str(pid)).exists(), "end of the process")
        assert time.monotonic() - began < 8
        assert terminal.ended() == 255
        assert "disabled" in terminal.shown()
    assert ana.ssh("requests").code == 255


def test_a_crash_of_the_gateway_leaves_no_process(gateway: Gateway) -> None:
    """Whoever was there: their process ends with the gateway's."""
    home = gateway.folder / "pat"
    home.mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / "id")], check=True)
    key = (home / "id.pub").read_text()
    gateway.desk(lambda remote: remote.identity_add("ida", roles=("auditor",), ssh_keys=key))
    argv = [word.replace("ana@", "ida@").replace("/ana/", "/pat/") for word in Ana(gateway, home).argv("-t")]
    (home / "known_hosts").write_text((gateway.folder / "ana" / "known_hosts").read_text())
    with Tmux(home, argv, env=Ana(gateway, home).environment) as terminal:
        terminal.until("gateway ok")
        (pid,) = children(gateway)
        gateway.program.signal(signal.SIGKILL)
        until(lambda: not Path("/proc", str(pid)).exists(), "end of the process", 20)
