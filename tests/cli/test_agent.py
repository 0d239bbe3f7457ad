"""Agents: ask, wait, run, and a kubeconfig."""

import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from jitui.cli import agent
from jitui.values.errors import InvalidError, NotFoundError
from tests.cli.conftest import Front
from tests.fakes.desk import FakeDesk, grant_view
from tests.fakes.gateway import ANA

FILE = "# access request, not a standing binding\nidentity: agent-a\nconnection: prod\nduration: 30m   # session lapses automatically\napproval: required\n"


@contextmanager
def deciding(front: Front, word: str) -> Iterator[None]:
    """ana decides as soon as something is asked."""
    async def decide() -> None:
        async for fact in FakeDesk(front.house, ANA, "", "", False).events(since=0):
            if fact.kind == "request.asked":
                ana = FakeDesk(front.house, ANA, "", "", False)
                await (ana.approve(fact.subject) if word == "approve" else ana.deny(fact.subject, reason="ask bo\x1b first"))
                return

    thread = threading.Thread(target=lambda: front.do(decide()))
    thread.start()
    yield
    thread.join(10)


def test_asking(front: Front) -> None:
    """The request as JSON, or one line for people; nothing waits."""
    scope = ("--scope", "read pods in web", "--scope", "exec pods in web")
    asked = front("request", "prod", "--duration", "20m", "--reason", "why", *scope, "--json", by="agent").json
    assert (asked["id"], asked["state"], asked["duration_s"], asked["scope"]) == ("r-1", "pending", 1200, "read pods in web; exec pods in web")
    assert front("request", "prod", by="agent").out.startswith("r-2  pending  CAN BYPASS JITUI HERE (same Unix user)  agent-a  prod  30m")
    long = front("request", "prod", "--duration", "2h", by="agent")
    assert (long.code, long.err) == (1, "jitui: window too long, rule allows 30m\n")


def test_the_file_of_the_reference_document(front: Front, tmp_path: Path) -> None:
    """It works verbatim; identity and approval are assertions."""
    file = tmp_path / "request.yaml"
    file.write_text(FILE)
    assert front("request", "-f", str(file), "--json", by="agent").json["duration_s"] == 1800
    file.write_text(FILE.replace("agent-a", "agent-b"))
    wrong = front("request", "-f", str(file), by="agent")
    assert (wrong.code, "agent-b" in wrong.err) == (1, True)
    assert front("request", "-f", str(file), "staging", by="agent").code == 2
    assert front("request", by="agent").code == 2


@pytest.mark.parametrize(("text", "says"), [
    (FILE + "durations: 3m\n", "r.yaml:6: durations: unknown key; a request has identity,"),
    (FILE.replace("30m", "soon"), "r.yaml:4: duration: a duration is"),
    (FILE.replace("30m", "1800"), "r.yaml:4: duration: text is expected"),
    (FILE.replace("prod", "[prod]"), "r.yaml:3: connection: text is expected"),
    ("- a", "r.yaml:1: a request is keys and values"),
    ("a: b: c", "r.yaml:1: not YAML"),
])
def test_a_wrong_file(tmp_path: Path, text: str, says: str) -> None:
    """File, line and key."""
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(InvalidError) as caught:
        agent.read_file(tmp_path / "r.yaml")
    assert says in str(caught.value)
    with pytest.raises(NotFoundError, match=r"no such request file"):
        agent.read_file(tmp_path / "none.yaml")


def test_scope_of_a_file(tmp_path: Path) -> None:
    """A list of clauses is their union."""
    (tmp_path / "r.yaml").write_text("connection: prod\nscope:\n  - read pods in web\n  - exec pods in web\n")
    assert agent.read_file(tmp_path / "r.yaml") == {"connection": "prod", "scope": "read pods in web; exec pods in web"}


def test_waiting_for_yes(front: Front) -> None:
    """`--wait` prints what was decided; one line on stderr says that it waits."""
    with deciding(front, "approve"):
        done = front("request", "prod", "--wait", "--json", by="agent")
    assert (done.json["state"], done.json["grant"], done.json["deadline"][-1]) == ("approved", "g-1", "Z")
    assert done.err.count("\n") == 1
    assert done.err.startswith("jitui: r-1 waits for a person to decide")
    assert [call[0] for call in front.house.calls].count("request") <= 2  # the gateway holds the answer: nobody asks again and again


def test_waiting_for_no(front: Front) -> None:
    """A denial is exit code 1, with who and why in one clean line."""
    with deciding(front, "deny"):
        done = front("request", "prod", "--wait", by="agent")
    assert done.code == 1
    assert done.err.splitlines()[-1] == "jitui: r-1 is denied by ana: ask bo\N{REPLACEMENT CHARACTER} first"


def test_a_window_around_a_command(front: Front, capfd: pytest.CaptureFixture[str]) -> None:
    """Ask, wait, run it, give the window back, pass its exit code on; the command's own options are its own."""
    with deciding(front, "approve"):
        done = front("request", "prod", "--reason", "x", "--", "sh", "-c", "echo ran --json; exit 7", by="agent")
    assert (done.code, capfd.readouterr().out) == (7, "ran --json\n")
    assert front.house.grants["g-1"].state == "released"


def test_a_command_gets_a_kubeconfig_if_it_has_none(front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """For the connection, with the token, private, and gone with the command."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    look = "import os, sys; path = os.environ['KUBECONFIG']; print(path, oct(os.stat(path).st_mode & 0o777)); print(open(path).read())"
    with deciding(front, "approve"):
        assert front("request", "prod", "--", sys.executable, "-c", look, by="agent").code == 0
    first, _, text = capfd.readouterr().out.partition("\n")
    path, mode = first.split(" ")
    made = yaml.safe_load(text)
    assert (made["clusters"][0]["cluster"]["server"], made["users"][0]["user"]) == ("https://127.0.0.1:8445", {"token": front.address.agent})
    assert (mode, Path(path).parent.exists()) == ("0o600", False)


def test_a_command_keeps_the_kubeconfig_that_it_has(front: Front, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The one that the environment names."""
    with deciding(front, "approve"):
        assert front("request", "prod", "--", "sh", "-c", 'echo "$KUBECONFIG"', by="agent", env={"KUBECONFIG": str(tmp_path / "own")}).code == 0
    assert capfd.readouterr().out == f"{tmp_path}/own\n"


def test_a_command_that_is_not_there(front: Front) -> None:
    """One line; the window is given back all the same."""
    with deciding(front, "approve"):
        done = front("request", "prod", "--", "no-such-command-here", by="agent")
    assert (done.code, done.err.splitlines()[-1]) == (1, "jitui: no-such-command-here: no such command")
    assert front.house.grants["g-1"].state == "released"


def test_a_denied_command_does_not_run(front: Front, tmp_path: Path) -> None:
    """No yes, no command."""
    with deciding(front, "deny"):
        assert front("request", "prod", "--", "touch", str(tmp_path / "ran"), by="agent").code == 1
    assert not (tmp_path / "ran").exists()


def test_kubeconfig_with_a_plugin(front: Front, tmp_path: Path) -> None:
    """Names the plugin and a token file of mode 0600; no token in it, nor in anything others can read."""
    file = tmp_path / "kube" / "config"
    assert front("kubeconfig", "prod", "--output", str(file), by="agent").code == 0
    made = yaml.safe_load(file.read_text())
    assert made["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:8445"
    exec_ = made["users"][0]["user"]["exec"]
    assert (exec_["apiVersion"], exec_["interactiveMode"], exec_["provideClusterInfo"]) == ("client.authentication.k8s.io/v1", "Never", True)
    assert exec_["args"] == ["credential", "--token-file", f"{file}.token"]
    assert Path(f"{file}.token").read_text().strip() == front.address.agent
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, Path(f"{file}.token"))] == [0o600, 0o600]
    assert front.address.agent not in file.read_text()


def test_kubeconfig_that_asks(front: Front, tmp_path: Path) -> None:
    """The plugin is told where to ask, for what; the token stays where it is."""
    token = tmp_path / "token"
    token.write_text(front.address.agent + "\n")
    done = front("kubeconfig", "prod", "--ask", "--duration", "10m", "--reason", "nightly", "--token-file", str(token), by="agent")
    args = yaml.safe_load(done.out)["users"][0]["user"]["exec"]["args"]
    assert args == ["credential", "--ask", "prod", "--gateway", front.address.url, "--token-file", str(token), "--duration", "600s", "--reason", "nightly"]


def test_kubeconfig_with_the_token(front: Front, tmp_path: Path) -> None:
    """`--embed-token` for where no plugin can run; as JSON it is one line."""
    made = front("kubeconfig", "prod", "--embed-token", "--json", by="agent").json
    assert made["users"][0]["user"] == {"token": front.address.agent}
    assert front("kubeconfig", "prod", "--embed-token", "--ask", by="agent").code == 2
    assert "no connection staging here; known: prod" in front("kubeconfig", "staging", "--embed-token", by="agent").err
    assert "no token" in front("kubeconfig", "prod", "--embed-token").err
    assert "is in JITUI_TOKEN" in front("kubeconfig", "prod", by="agent").err


def test_kubeconfig_spares_your_own(front: Front, tmp_path: Path) -> None:
    """A file with other clusters in it is never overwritten; one of ours is."""
    file = tmp_path / "config"
    file.write_text("contexts: [{name: minikube}]\n")
    done = front("kubeconfig", "prod", "--embed-token", "--output", str(file), by="agent")
    assert (done.code, "holds other clusters too" in done.err) == (1, True)
    file.write_text("notes")
    assert front("kubeconfig", "prod", "--embed-token", "--output", str(file), by="agent").code == 1
    assert file.read_text() == "notes"
    file.unlink()
    for _ in range(2):
        assert front("kubeconfig", "prod", "--embed-token", "--output", str(file), by="agent").code == 0


def test_the_plugin_asks_and_waits(front: Front) -> None:
    """Without a window: ask, wait with one line on stderr, then the token; with one: the token at once."""
    args = ("credential", "--ask", "prod", "--reason", "nightly")
    with deciding(front, "approve"):
        done = front(*args, by="agent")
    assert done.json["status"] == {"token": front.address.agent}
    assert done.err.count("\n") == 1
    again = front(*args, by="agent")
    assert (again.json["status"], again.err, len(front.house.requests)) == ({"token": front.address.agent}, "", 1)


def test_the_plugin_is_told_no(front: Front) -> None:
    """kubectl prints the plugin's stderr; nothing is on stdout."""
    front.house.grants["g-9"] = grant_view("g-9", "agent-a", "elsewhere")
    with deciding(front, "deny"):
        done = front("credential", "--ask", "prod", by="agent")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1].startswith("jitui: r-1 is denied by ana")
