"""Nothing is left of the credentials of a window that has ended."""

import asyncio
import os
import sys
from pathlib import Path

from jitui.demo.cluster.embedded import EmbeddedCluster
from tests.clusters.eks.account import Account
from tests.support.processes import run

ROOT = Path(__file__).parents[3]


async def test_nothing_in_the_process_refers_to_what_was_forgotten(account: Account, cluster: EmbeddedCluster) -> None:
    """Key id, secret, session token, the token for the cluster and its signature: gone with the window; those of another window stay."""
    done = await asyncio.to_thread(run, [sys.executable, "-m", "tests.clusters.eks.forgets"], env=dict(os.environ), cwd=ROOT)
    kept = [True, True, True, True, False]  # the signature stands in the token only
    assert done.ok().json == {"before": kept + kept, "ended": [False] * 5, "lives": kept}
