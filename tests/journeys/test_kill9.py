"""`kill -9` of the gateway, at random instants of a flood: no byte that kubectl printed is missing on record."""

import random
import time
from pathlib import Path

import pytest

from tests.support.clusters import Cluster
from tests.support.gateway import Agent, Gateway, rule
from tests.support.kubectls import Kubectl
from tests.support.soak import soak

TIMES = soak(6, 50)
FLOOD = ("exec", "-n", "web", "box", "--", "sh", "-c", "while true; do seq 1 4000; sleep 0.005; done")
ROUND = b"".join(b"%d\n" % number for number in range(1, 4001))


@pytest.mark.timeout(60 + 12 * TIMES)
def test_every_printed_byte_is_on_record(cluster: Cluster, tmp_path: Path, one_kubectl: Kubectl) -> None:
    """After each restart the newest session has all that kubectl printed, in the same window; at the end everything verifies."""
    times = TIMES // 2 if cluster.real else TIMES
    chance = random.Random("9")
    with Gateway(tmp_path / "gateway", cluster, rules=[rule("bot")]) as gateway:
        agent = gateway.agent("bot")
        grant = gateway.window(agent)
        printed = [_flood_and_kill(gateway, agent, one_kubectl, chance.uniform(0.0, 0.5)) for _ in range(times)]
        sessions = sorted(gateway.sessions("exec"), key=lambda one: one["started"])
        assert [(one["grant"], one["ended_why"]) for one in sessions] == [(grant, "gateway-lost")] * times
        assert sum(map(len, printed)) > times * len(ROUND)
        for session, bytes_printed in zip(sessions, printed, strict=True):
            recorded = gateway.raw(session["id"], "stdout")
            assert recorded.startswith(bytes_printed), (session, len(recorded), len(bytes_printed))
        gateway.jitui("verify", timeout=300).ok()


def _flood_and_kill(gateway: Gateway, agent: Agent, kubectl: Kubectl, seconds: float) -> bytes:
    """The output of kubectl until the gateway was killed, checked against the record of the gateway that came after it."""
    program = gateway.spawn_kubectl(kubectl, agent, *FLOOD)
    program.expect("1\n")
    time.sleep(seconds)
    gateway.kill9()
    result = program.end(15)
    assert result.code != 0, result.said
    assert (ROUND * (len(result.out) // len(ROUND) + 1)).startswith(result.out)
    gateway.restart()
    newest = max(gateway.sessions("exec"), key=lambda one: one["started"])
    assert newest["state"] == "ended"
    assert newest["bytes_out"] >= len(result.out)
    return result.out
