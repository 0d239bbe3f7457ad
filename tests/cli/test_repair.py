"""`jitui repair`, before and after a real gateway's start."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import yaml

from tests.cli.conftest import jitui
from tests.support.processes import until


def serve(folder: Path) -> subprocess.Popen[str]:
    """`jitui serve` on a folder; its cluster is away, which is no reason not to start."""
    kubeconfig = {"apiVersion": "v1", "kind": "Config", "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
                  "users": [{"name": "u", "user": {"token": "t"}}], "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                  "current-context": "c"}  # fmt: skip
    settings = {"listen": {"kube": "127.0.0.1:0", "api": "127.0.0.1:0"},
                "connections": {"test": {"kind": "kubernetes", "kubeconfig": str(folder / "kubeconfig")}}}
    for name, content in (("kubeconfig", kubeconfig), ("jitui.yaml", settings)):
        folder.joinpath(name).write_text(yaml.safe_dump(content))
        folder.joinpath(name).chmod(0o600)
    return subprocess.Popen([sys.executable, "-m", "jitui", "serve", "--config", str(folder / "jitui.yaml"), "--data-dir", str(folder / "data"),
                             "--socket", str(folder / "sock"), "--ready-file", str(folder / "ready.json")], stderr=subprocess.PIPE, text=True)


def run_once(folder: Path) -> str:
    """Start it, add an agent if there is none, and stop it; what it said."""
    with serve(folder) as gateway:
        until(lambda: folder.joinpath("ready.json").exists() or gateway.poll() is not None, "ready file, nor an end")
        if gateway.poll() is None:
            jitui("--gateway", f"unix:{folder}/sock", "identity", "add", "agent-x", "--role", "agent", "--owner", "ana")
            jitui("--gateway", f"unix:{folder}/sock", "stop")
        return gateway.communicate(timeout=30)[1]


def test_a_gateway_stops_repair_tells_and_it_starts_again(tmp_path: Path) -> None:
    """A planted token and an agent with another owner: the start says the first, the repair lists both row by row, and then there is nothing more to say."""
    assert "agents knock at" in run_once(tmp_path)
    ledger = tmp_path / "data/ledger.db"
    with closing(sqlite3.connect(ledger)) as db, db:
        db.execute("insert into tokens values('deadbeef', 'agent-x', 'root', 0, zeroblob(32), 9e15, 0)")
        db.execute("update identities set owner = 'mallory'")
    said = run_once(tmp_path)
    assert said == (f"jitui: {ledger} does not say what its signed facts say: identities, row agent-x: owner is mallory, the facts say ana (and more); "
                    "nothing was started; make its tables again from the facts, and see all that differs, with: jitui repair\n")
    found = jitui("--data-dir", str(tmp_path / "data"), "repair", "--json")
    assert [(each["table"], each["row"], each["column"], each["told"]) for each in found.jsons] == [
        ("identities", "agent-x", "owner", "ana"), ("tokens", "jt_deadbeef", "", "")]
    assert "2 differences; the tables were made again from the facts, the file as it was is" in found.err
    assert "agents knock at" in (again := run_once(tmp_path))
    assert "the newest fact found" in again
    nothing = jitui("--data-dir", str(tmp_path / "data"), "repair")
    assert (nothing.code, nothing.out) == (0, "")
    assert "the tables in" in nothing.err


def test_a_broken_chain_is_left_as_it_is(state: Path) -> None:
    """One line, exit 1; a new ledger begins only with a reason."""
    with closing(sqlite3.connect(state / "ledger.db")) as db, db:
        db.execute("update facts set who = 'mallory' where seq = 2")
    at = ("--data-dir", str(state), "repair")
    broken = jitui(*at)
    assert (broken.code, broken.err.count("\n")) == (1, 1)
    assert "is broken: altered: fact 2 is not what was recorded" in broken.err
    assert jitui(*at, "--new-ledger").code == 2
    begun = jitui(*at, "--new-ledger", "--reason", "fact 2 was altered")
    assert (begun.code, "Every token is void" in begun.out) == (0, True)
    assert [fact["kind"] for fact in jitui("--data-dir", str(state), "facts", "--json").jsons] == ["ledger.repaired"]


def test_a_folder_without_a_ledger(tmp_path: Path) -> None:
    """It is named, and nothing is made there."""
    said = jitui("--data-dir", str(tmp_path), "repair")
    assert (said.code, said.err) == (1, f"jitui: no ledger in {tmp_path}; name the gateway's state folder: jitui --data-dir DIR repair\n")
    assert list(tmp_path.iterdir()) == []


def test_keys_without_their_ledger_begin_a_new_one_only_knowingly(state: Path) -> None:
    """Everything but `keys/` is gone: without a reason nothing is made; with one the old key is moved aside, and nobody's token counts."""
    shutil.rmtree(state / "tapes")
    for path in state.glob("ledger.db*"):
        path.unlink()
    at = ("--data-dir", str(state), "repair")
    assert "no ledger in" in jitui(*at).err
    begun = jitui(*at, "--new-ledger", "--reason", "the disk was lost")
    assert (begun.code, "Every token is void" in begun.out) == (0, True)
    (fact,) = jitui("--data-dir", str(state), "facts", "--json").jsons
    assert (fact["kind"], fact["what"]["why"], fact["what"]["sha256"]) == ("ledger.repaired", "the disk was lost", "")
    assert state.joinpath(fact["what"]["beside"], "keys/ledger.ed25519").is_file()
