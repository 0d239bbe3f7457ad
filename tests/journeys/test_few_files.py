"""A gateway that may open few files, with strangers and an agent that want them all."""

import json
import socket
import ssl
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.clusters import Cluster
from tests.support.gateway import Agent, Gateway, rule
from tests.support.processes import until

FILES = 256
PODS = "/api/v1/namespaces/web/pods"


def knock(url: str) -> socket.socket | None:
    there = urlsplit(url)
    try:
        return socket.create_connection((there.hostname, there.port or 443), 5)
    except OSError:
        return None


def watch(gateway: Gateway, agent: Agent) -> tuple[int, ssl.SSLSocket]:
    """One watch and the code of its answer."""
    there = urlsplit(f"{gateway.ready['kube']}/c/test")
    context = ssl.create_default_context(cafile=gateway.ready["ca"])
    sock = context.wrap_socket(socket.create_connection((there.hostname, there.port or 443), 10), server_hostname=there.hostname)
    sock.sendall(f"GET {there.path}{PODS}?watch=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {agent.token}\r\n\r\n".encode())
    return int(sock.recv(4096)[9:12]), sock


def alive(sock: ssl.SSLSocket) -> bool:
    sock.settimeout(0.01)
    try:
        while data := sock.recv(65536):
            if b"0\r\n\r\n" in data[-5:]:
                return False
    except TimeoutError:
        return True
    return False


def test_strangers_and_one_agent_shut_nobody_out(tmp_path: Path, embedded_cluster: Cluster) -> None:
    """600 connections of strangers and 113 watches of one agent at 256 open files: the person at the socket decides and revokes, another agent's watch goes
    on, everything is recorded, no open() fails, and the header says whose limits are at work."""
    with Gateway(tmp_path, embedded_cluster, rules=[rule("greedy"), rule("modest")], files=FILES) as gateway:
        greedy, modest = gateway.agent("greedy"), gateway.agent("modest")
        gateway.window(modest)
        _, quiet = watch(gateway, modest)
        gateway.window(greedy)
        taken = [watch(gateway, greedy) for _ in range(113)]
        strangers = [knock(gateway.ready[listener]) for listener in ("kube", "api") for _ in range(300)]
        codes = [code for code, _ in taken]
        assert {200, 429} == set(codes)
        assert codes.count(200) <= 64
        grant = gateway.window(modest)
        gateway.jitui("revoke", grant, "--reason", "enough").ok()
        assert alive(quiet)
        assert sum(alive(sock) for code, sock in taken if code == 200) == codes.count(200)
        assert len(list(Path(f"/proc/{gateway.program.pid}/fd").iterdir())) < FILES
        limits = {one.limit: one for one in gateway.desk(lambda remote: remote.status()).limits}
        assert {"strangers_per_address", "streams_per_agent"} <= set(limits)
        assert limits["streams_per_agent"].who == "greedy"
        assert limits["strangers_per_address"].who == "127.0.0.1"
        request = urllib.request.Request(f"{gateway.ready['api']}/v1/hello", headers={"Authorization": f"Bearer {modest.token}"})
        with urllib.request.urlopen(request, timeout=10, context=ssl.create_default_context(cafile=gateway.ready["ca"])) as answer:
            assert json.load(answer)["you"] == "modest"
        for sock in (quiet, *(sock for _, sock in taken), *filter(None, strangers)):
            sock.close()
        until(lambda: not [one for one in gateway.sessions(live=True) if one["kind"] == "watch"], "end of the watches")
        said = gateway.stop().said
        assert "Too many open files" not in said
        assert said.count("limit=limits.streams_per_agent") + said.count("limit='limits.streams_per_agent'") == 1


def test_one_file_too_few_is_said(tmp_path: Path, embedded_cluster: Cluster) -> None:
    """In one line at the start, with what to do."""
    with pytest.raises(AssertionError, match=rf"this process may open {FILES - 1} files, and a gateway needs {FILES}; raise the hard limit"):
        Gateway(tmp_path, embedded_cluster, rules=[rule("a")], files=FILES - 1)
