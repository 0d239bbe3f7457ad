"""Descriptors and their shares."""

import resource
import subprocess
import sys
from dataclasses import replace

import pytest

from jitui.values import descriptors
from jitui.values.errors import ConfigurationError


@pytest.mark.parametrize("limit", [256, 300, 512, 1024, 4096, 65536, 1 << 20, 1 << 30])
def test_shares_are_no_more_than_there_are(limit: int) -> None:
    """Nobody's share is empty, and the record's readers have theirs whatever comes from outside."""
    shares = descriptors.share(limit, 256)
    parts = (shares.own, shares.desk, shares.api, shares.strangers, shares.agents, shares.clusters, shares.kept)
    assert sum(parts) <= min(limit, descriptors.MOST)
    assert min(parts) >= 8
    assert shares.strangers <= min(256, limit // 10)
    assert shares.clusters == shares.agents
    assert shares.threads * descriptors.READERS <= shares.own // 2


def test_ports_of_connections_are_taken_off_first() -> None:
    """What is left is shared as before."""
    assert descriptors.share(1100, 256, 100) == replace(descriptors.share(1000, 256), ports=100)
    assert min(getattr(descriptors.share(256, 256, 56), part) for part in ("own", "desk", "api", "strangers", "agents", "clusters", "kept")) >= 8
    with pytest.raises(ConfigurationError, match="may open 299 files, and a gateway needs 300"):
        descriptors.share(299, 256, 100)


def test_too_few_descriptors_are_said_at_the_start() -> None:
    """With the figure, and how to raise it."""
    with pytest.raises(ConfigurationError, match=r"may open 255 files, and a gateway needs 256; raise the hard limit \(ulimit -Hn"):
        descriptors.share(255, 256)


@pytest.mark.parametrize(("soft", "hard"), [(200, 300), (300, 300)])
def test_the_soft_limit_is_raised_to_the_hard_one(soft: int, hard: int) -> None:
    """A process that was given few may take all it is allowed."""
    code = "import resource; from jitui.values.descriptors import raise_limit; print(raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))).stdout
    assert said.split() == [str(hard)] * 3
