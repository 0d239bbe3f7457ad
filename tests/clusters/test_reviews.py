"""The gateway asks a cluster for its own user and rights there."""

import json
from pathlib import Path

import pytest

from jitui.clusters import reviews
from jitui.clusters.kubeconfig.upstream import Kubeconfig
from jitui.clusters.pool import Pool
from jitui.values.clock import ManualClock
from jitui.values.errors import UpstreamError
from tests.clusters.authority import Pair
from tests.clusters.conftest import Write
from tests.clusters.peer import listen, ok

RULE = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
ANSWERS = {
    "/apis/authentication.k8s.io/v1/selfsubjectreviews": {"userInfo": {"username": "jitui:x", "groups": ["g", "system:authenticated"]}},
    "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews": {"resourceRules": [RULE], "incomplete": False},
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": {"allowed": True},
}


async def test_the_three_reviews(kubeconfig: Write, server: Pair, tmp_path: Path) -> None:
    """Each a POST of its kind; the answers as values."""
    async with listen(lambda asked: ok(json.dumps({"status": ANSWERS[asked.target]}).encode(), status="201 Created"), server, tmp_path) as peer:
        upstream = Kubeconfig.load(kubeconfig(peer.url, {"token": "t"}), "", ManualClock())
        pool = Pool(upstream)
        assert await reviews.whoami(pool, upstream) == reviews.Subject("jitui:x", ("g", "system:authenticated"))
        assert await reviews.rules(pool, upstream, "web") == ([RULE], True)
        assert await reviews.may(pool, upstream, {"verb": "get", "resource": "pods", "namespace": "web"})
        assert await reviews.may(pool, upstream, {"verb": "get", "path": "/metrics"})
        pool.close()
        specs = [json.loads(asked.body)["spec"] for asked in peer.asked]
    assert specs == [{}, {"namespace": "web"}, {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "web"}},
                     {"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}]  # fmt: skip


@pytest.mark.parametrize(("answer", "status", "says"), [
    (b'{"message":"no reviews today"}', "403 Forbidden", "the cluster answered 403 to a SelfSubjectReview: no reviews today"),
    (b"<html>", "201 Created", "answer to a SelfSubjectReview can't be read"), (b'{"status":5}', "201 Created", "can't be read"),
])
async def test_what_is_no_review(kubeconfig: Write, server: Pair, tmp_path: Path, answer: bytes, status: str, says: str) -> None:
    """Said with the cluster's own words."""
    async with listen(lambda _: ok(answer, status=status), server, tmp_path) as peer:
        upstream = Kubeconfig.load(kubeconfig(peer.url, {"token": "t"}), "", ManualClock())
        pool = Pool(upstream)
        with pytest.raises(UpstreamError, match=says):
            await reviews.whoami(pool, upstream)
        pool.close()
