"""The last part of a window and the time after it, for a kubectl that goes on asking (docs/cluster-behaviour.md, 4)."""

import time

import pytest

from tests.conftest import MakeGateway
from tests.support.clusters import Cluster
from tests.support.gateway import rule
from tests.support.kubectls import Kubectl

pytestmark = [pytest.mark.cluster, pytest.mark.kubectl]

WINDOW_S = 12
PATIENCE_S = 30
NEVER = ("wait", "--for=condition=Never", "deploy/shop", "-n", "web", f"--timeout={PATIENCE_S}s")


def test_it_is_warned_and_then_denied_on_one_row(make_gateway: MakeGateway, real_cluster: Cluster, one_kubectl: Kubectl) -> None:
    """`Warning: access ends in ...` while it still works; of the retries afterwards one denial is on record and among what the screens show of
    the window, with a count."""
    with make_gateway(real_cluster, rules=[rule("bot", scope=["read pods,deployments.apps in web"])]) as gateway:
        bot = gateway.agent("bot")
        gateway.kubectl(one_kubectl, bot, "get", "pods", "-n", "web")  # fills kubectl's cache, so that the rest is quick
        window = gateway.window(bot, duration=f"{WINDOW_S}s")
        waiting = gateway.spawn_kubectl(one_kubectl, bot, *NEVER)
        warned, over = "", time.monotonic() + WINDOW_S
        while not warned and time.monotonic() < over:
            result = gateway.kubectl(one_kubectl, bot, "get", "pods", "-n", "web")
            if result.code == 0:
                warned = result.said
        assert warned == "Warning: access ends in less than 10s\n"
        ended = waiting.end(PATIENCE_S * 2)
        assert (ended.code, "bot has no live window on test" in ended.said) == (1, True), ended
        found = gateway.desk(lambda remote: remote.actions(grant=window, limit=100))
        rows = [row for row in found if row.verdict == "denied" and "deployments" in row.resource]
        assert len(rows) == 1, rows
        assert rows[0].count > 1
