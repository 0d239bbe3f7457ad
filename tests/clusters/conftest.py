"""Peers and kubeconfigs. Everything here runs on both loops: asyncio's, and uvloop, which the gateway uses."""

import asyncio
import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvloop
import yaml

from jitui.values.clock import ManualClock
from tests.clusters.authority import Authority, Pair

Write = Callable[..., Path]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Each test of this room on both."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def server(authority: Authority) -> Pair:
    """A certificate for 127.0.0.1 and for the name in it."""
    return authority.issue("kube-apiserver", "127.0.0.1", "kubernetes.default.svc")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def kubeconfig(tmp_path: Path, authority: Authority) -> Write:
    """Write a kubeconfig with one context, `test`, trusting the test's authority."""

    def write(server: str, user: dict[str, Any], *, name: str = "config", **cluster: Any) -> Path:
        trust = {} if "insecure-skip-tls-verify" in cluster else {"certificate-authority-data": base64.b64encode(authority.pem).decode()}
        settings = {key: value for key, value in {"server": server, **trust, **cluster}.items() if value}
        document = {
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "c", "cluster": settings}],
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": user}],
        }  # fmt: skip
        path = tmp_path / name
        path.write_text(yaml.safe_dump(document))
        return path

    return write
