"""The gateway stops, dies and comes back; a deadline does not move for it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.clusters import Cluster
from tests.support.gateway import Agent, Gateway, rule
from tests.support.kubectls import Kubectl
from tests.support.processes import until

FLOOD = ("exec", "-n", "web", "box", "--", "sh", "-c", "i=0; while [ $i -lt 900 ]; do echo tick; sleep 0.05; i=$((i+1)); done")


@pytest.fixture
def own(cluster: Cluster, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway for one test alone."""
    with Gateway(tmp_path / "gateway", cluster, rules=[rule("bot")]) as gateway:
        yield gateway


@pytest.fixture
def bot(own: Gateway) -> Agent:
    return own.agent("bot")


def test_a_stop_is_told_and_the_window_outlives_it(own: Gateway, bot: Agent, one_kubectl: Kubectl) -> None:
    """`jitui stop` ends streams with words and exit code 1; after the restart the same window has the same deadline and works."""
    grant = own.window(bot)
    deadline = _deadline(own, grant)
    program = own.spawn_kubectl(one_kubectl, bot, *FLOOD)
    program.expect("tick")
    assert own.stop().code == 0
    result = program.end(10)
    assert result.code == 1, result
    assert "stop" in result.said
    own.restart()
    assert _deadline(own, grant) == deadline
    own.kubectl(one_kubectl, bot, "get", "pods", "-n", "web").ok()
    assert [one["ended_why"] for one in own.sessions("exec")] == ["gateway-stopped"]


def test_a_revoke_that_the_ledger_did_not_take_outlives_a_kill(own: Gateway, bot: Agent, one_kubectl: Kubectl) -> None:
    """Somebody holds the ledger, a person revokes and is answered, the gateway is killed: the next one knows, and says by whom."""
    grant = own.window(bot)
    own.kubectl(one_kubectl, bot, "get", "pods", "-n", "web").ok()
    with closing(sqlite3.connect(own.data / "ledger.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        own.jitui("revoke", grant, "--reason", "enough").ok()
        own.kill9()
        other.execute("rollback")
    own.restart()
    assert own.grants() == []
    refused = own.kubectl(one_kubectl, bot, "get", "pods", "-n", "web")
    assert (refused.code, refused.out) == (1, b"")
    (ended,) = [one for one in own.jitui("grants", "--all", as_json=True).ok().jsons if one["id"] == grant]
    assert (ended["state"], ended["why"]) == ("revoked", "enough")
    own.jitui("verify").ok()


def test_a_window_that_ran_out_meanwhile_is_over(own: Gateway, bot: Agent, one_kubectl: Kubectl) -> None:
    """Killed within a window of 5 s and back after it: nothing passes, the grant is expired, the cut stream is `gateway-lost`."""
    grant = own.window(bot, duration="5s")
    program = own.spawn_kubectl(one_kubectl, bot, *FLOOD)
    program.expect("tick")
    deadline = datetime.fromisoformat(_deadline(own, grant))
    own.kill9()
    assert program.end(15).code != 0
    until(lambda: datetime.now(deadline.tzinfo) >= deadline, "deadline")
    own.restart()
    assert own.grants() == []
    assert own.kubectl(one_kubectl, bot, "get", "pods", "-n", "web").code == 1
    assert [one["ended_why"] for one in own.sessions("exec")] == ["gateway-lost"]
    own.jitui("verify").ok()


def test_a_pending_request_waits_through_a_restart(own: Gateway, bot: Agent, one_kubectl: Kubectl) -> None:
    """Asked before, approved after."""
    asked = own.ask_json("request", "test", "--duration", "1m", "--reason", "patience", by=bot)["id"]
    own.stop()
    own.restart()
    own.jitui("approve", asked).ok()
    own.kubectl(one_kubectl, bot, "get", "pods", "-n", "web").ok()


def test_a_second_gateway_on_the_same_folder_refuses(own: Gateway, tmp_path: Path) -> None:
    """One line, naming the folder; the first goes on."""
    with pytest.raises(AssertionError, match="did not start"):
        Gateway(tmp_path / "second", own.cluster, rules=[rule("bot")], data=own.data)
    own.jitui("grants").ok()


def test_a_rule_taken_away_ends_its_window(own: Gateway, bot: Agent, one_kubectl: Kubectl) -> None:
    """After `jitui reload` an action must fit the rule as loaded now; without a rule the window ends."""
    own.window(bot)
    program = own.spawn_kubectl(one_kubectl, bot, *FLOOD)
    program.expect("tick")
    own.configure([rule("somebody-else")])
    own.jitui("reload").ok()
    result = program.end(10)
    assert result.code == 1, result
    denied = own.kubectl(one_kubectl, bot, "get", "pods", "-n", "web")
    assert denied.code == 1
    assert "no rule" in denied.said


def _deadline(gateway: Gateway, grant: str) -> str:
    (found,) = [one["deadline"] for one in gateway.grants() if one["id"] == grant]
    return str(found)
