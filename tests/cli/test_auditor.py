"""What was done, why it was decided so, and the proof."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from jitui.cli import auditor, follow
from jitui.desk import FactView, Proof
from jitui.errors import InvalidError, UnavailableError
from jitui.rules.action import Action
from jitui.said import Said
from tests.cli.conftest import Front, jitui
from tests.fakes.desk import FakeDesk, FakeGateway, action_view
from tests.fakes.gateway import ANA


def test_actions(front: Front) -> None:
    """Each with its verdict; names from the cluster are clean."""
    assert front("actions").out == "nothing was attempted yet\n"
    front.house.actions += [action_view(name=Said("web\x1b[2J")), action_view(grant="g-2", verdict="denied", code=403, clause="no window", session="")]
    said = front("actions").out
    assert "web\N{REPLACEMENT CHARACTER}[2J" in said
    assert [one["verdict"] for one in front("actions", "--grant", "g-2", "--json").jsons] == ["denied"]


def test_actions_from_files(state: Path) -> None:
    """Without a gateway, from the folder."""
    (found,) = jitui("--data-dir", str(state), "actions", "--json").jsons
    assert found["verb"] == "list"


def test_the_action_behind_an_audit_id(front: Front) -> None:
    """What the cluster's audit log names leads to the recorded action; an id that nobody knows is said."""
    front.house.actions += [action_view(audit_id="jitui-aa-1-0"), action_view(audit_id="jitui-aa-1-1", grant="g-2")]
    assert [one["grant"] for one in front("actions", "--audit-id", "jitui-aa-1-1", "--json").jsons] == ["g-2"]
    assert front("actions", "--audit-id", "jitui-aa-9-9").out == "no recorded action has the audit id jitui-aa-9-9\n"


@pytest.mark.parametrize(("text", "action"), [
    ("get pods:web in web", Action("get", resource="pods", name="web", namespace="web")),
    ("list deployments.apps in web", Action("list", group="apps", resource="deployments", namespace="web")),
    ("patch deployments.apps/scale:web in web", Action("patch", group="apps", resource="deployments", subresource="scale", name="web", namespace="web")),
    ("get nodes", Action("get", resource="nodes")),
    ("exec pods:web-7c in web", Action("create", resource="pods", subresource="exec", name="web-7c", namespace="web", argv=("id",))),
    ("get url:/metrics", Action("get", path="/metrics")),
])
def test_an_action_in_words(text: str, action: Action) -> None:
    """The words of the scope grammar, one verb and one thing; exec is the creation of its subresource."""
    assert auditor.read_action(text, action.argv) == action


@pytest.mark.parametrize("text", ["read pods in web", "get pods,services in web", "get pods:web-* in web", "@view in web", "get pods in web; get nodes", "fly"])
def test_more_than_one_action(text: str) -> None:
    """A pattern or a union is no action."""
    with pytest.raises(InvalidError):
        auditor.read_action(text, ())


def test_explain(front: Front) -> None:
    """Verdict, rule, and the command that asks; `-n` as in kubectl."""
    said = front("explain", "prod", "get", "pods", "-n", "web", "--identity", "agent-a", by="ana").out
    assert said == "denied (READ): no window for get pods; rule: read pods in web; ask with: jitui request prod\n"
    assert front("explain", "prod", "exec", "pods:x", "-n", "web", "--json", "--", "sh", "--json").json["why"] == "no window for create pods/exec"
    assert front("explain", "prod", by="ana").code == 2


def test_facts(front: Front) -> None:
    """All pages, oldest first, each one line."""
    for at in range(3):
        front.do(front.house.happen("viewed", "ana\x1b", f"s-{at}", how="live", empty=""))
    lines = front("facts").out.splitlines()
    assert lines[0] == '     1  2026-11-23T16:04:11.000000Z  viewed              ana\N{REPLACEMENT CHARACTER}  s-0  how="live"'
    assert [one["seq"] for one in front("facts", "--after", "1", "--json").jsons] == [2, 3]


async def test_following(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """When a gateway goes and comes back it goes on where it was: nothing twice, nothing missed; each is said once."""
    monkeypatch.setattr(follow, "RETRY_S", 0.01)
    house, asked = FakeGateway(), []

    class Lame(FakeDesk):
        async def events(self, *, since: int = -1) -> AsyncIterator[FactView]:
            """The stream ends after each fact, and every second time nobody answers."""
            asked.append(since)
            if len(asked) % 2 == 0:
                raise UnavailableError("no gateway running")
            async for fact in super().events(since=since):
                yield fact
                return

    for _ in range(3):
        await house.happen("viewed", "ana", "s-1")
    found = follow.facts(Lame(house, ANA, "", "", False), 0)
    assert [(await anext(found)).seq for _ in range(3)] == [1, 2, 3]
    assert asked == [0, 1, 1, 2, 2]
    assert capsys.readouterr().err == "jitui: no gateway running\njitui: the gateway answers again\n" * 2


def test_verify_whole(state: Path) -> None:
    """From the files alone, with what it proved; a session, or all of it; a key kept elsewhere makes it more."""
    said = jitui("--data-dir", str(state), "verify")
    assert (said.code, said.err) == (0, "")
    assert "s-1 consistent: 6 links; signed by the key in this folder (self-attested)" in said.out
    assert jitui("verify", str(state)).out == said.out
    one = jitui("verify", "s-1", "--data-dir", str(state), "--json").jsons
    assert [(proof["subject"], proof["consistent"]) for proof in one] == [("facts", True), ("s-1", True)]
    key = state.parent / "key"
    key.write_text(public(state).hex())
    assert "matched by a key or head from elsewhere" in jitui("verify", str(state), "--key", str(key)).out
    key.write_text("x")
    assert "holds no Ed25519 public key" in jitui("verify", str(state), "--key", str(key)).err


def public(state: Path) -> bytes:
    with closing(sqlite3.connect(state / "ledger.db")) as db:
        return bytes(db.execute("select public from keys").fetchone()[0])


def test_verify_altered(state: Path) -> None:
    """Exit code 1, and one line that names session and offset."""
    with closing(sqlite3.connect(state / "tapes" / "000001.db")) as db:
        db.execute("update frames set body = x'414c' where session = 1 and seq = 3")
        db.commit()
    done = jitui("verify", str(state))
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert done.err.startswith("jitui: s-1 NOT consistent at s-1 3: ")
    wrong = [proof for proof in jitui("verify", str(state), "--json").jsons if not proof["consistent"]]
    assert [(proof["session"], proof["seq"]) for proof in wrong] == [("s-1", 3)]


def test_verify_as_the_gateway_says(front: Front) -> None:
    """Where its files can't be read from here, the gateway is asked; what is wrong is exit code 1 all the same."""
    good = Proof(subject="s-1", consistent=True, signed="self-attested", frames=6, unsigned_tail=0, problem="")
    front.house.proofs += [good, replace(good, subject="s-2", consistent=False, problem="frame altered", session="s-2", seq=4)]
    assert front("verify", "s-1", by="ana").code == 0
    done = front("verify", by="ana")
    assert (done.code, done.err) == (1, "jitui: s-2 NOT consistent at s-2 4: frame altered\n")
    assert front("verify", "--key", str(front.address.ca), by="ana").code == 1


def test_nothing_to_verify(tmp_path: Path) -> None:
    """A folder without a record, a file that is none, an id nowhere: one line each."""
    (tmp_path / "notes").write_text("x" * 100)
    for args in (("verify", str(tmp_path)), ("verify", str(tmp_path / "notes")), ("verify", str(tmp_path / "gone")), ("verify", "s-1"), ("verify",)):
        done = jitui(*args)
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)

