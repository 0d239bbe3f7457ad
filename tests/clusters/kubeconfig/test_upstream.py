"""Kubeconfigs as people have them, against real TLS servers and a real API server."""

import asyncio
import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jitui.clusters.call import call
from jitui.clusters.kubeconfig.plugin import API_VERSIONS
from jitui.clusters.kubeconfig.upstream import Kubeconfig
from jitui.clusters.pool import Pool
from jitui.policy.scope import Scope
from jitui.policy.terms import Grant
from jitui.values.clock import ManualClock, SystemClock
from jitui.values.errors import ConfigurationError, UpstreamError
from tests.clusters.authority import Authority, Pair
from tests.clusters.conftest import Write
from tests.clusters.peer import Asked, listen, ok
from tests.support.clusters import Cluster

EXEC = {"apiVersion": API_VERSIONS[0], "command": "./plugin", "interactiveMode": "Never"}
GRANT = Grant(17, 1, "agent-deploybot", "staging", Scope.parse("read pods in web"), 1800, ManualClock().now())


def plugin(folder: Path, **status: Any) -> Path:
    """An executable that prints this credential, and appends a line to `runs`."""
    document = {"kind": "ExecCredential", "apiVersion": API_VERSIONS[0], "status": status}
    (folder / "answer").write_text(json.dumps(document))
    path = folder / "plugin"
    path.write_text(f'#!/bin/sh\necho "$KUBERNETES_EXEC_INFO" >> {folder}/runs\ncat {folder}/answer\n')
    path.chmod(0o755)
    return path


def echo(asked: Asked) -> bytes:
    """The caller's identity as the server sees it."""
    return ok(json.dumps({"auth": asked.headers.get("authorization", ""), "client": asked.client, "target": asked.target}).encode())


async def seen(upstream: Kubeconfig, pool: Pool | None = None) -> Any:
    pool = pool or Pool(upstream)
    try:
        return json.loads((await call(pool, upstream, b"GET", b"/version")).body)
    finally:
        pool.close()


async def test_a_token_and_a_path(authority: Authority, server: Pair, kubeconfig: Write, clock: ManualClock, tmp_path: Path) -> None:
    """The token of the user is sent, to the server URL's path."""
    async with listen(echo, server, tmp_path / "peer") as peer:
        upstream = Kubeconfig.load(kubeconfig(f"{peer.url}/k8s/clusters/c-1/", {"token": "token-of-1"}), "test", clock)
        assert await seen(upstream) == {"auth": "Bearer token-of-1", "client": "", "target": "/k8s/clusters/c-1/version"}
        assert upstream.host == f"127.0.0.1:{peer.port}".encode()
        assert "token-of-1" not in repr(upstream)


async def test_a_token_file_that_moves_on(authority: Authority, server: Pair, kubeconfig: Write, clock: ManualClock, tmp_path: Path) -> None:
    """It wins over `token`, is relative to the kubeconfig, and a 401 reads it at once: the call goes through with the new one."""
    (tmp_path / "token").write_text("old")
    valid = ["old"]

    def respond(asked: Asked) -> bytes:
        return echo(asked) if asked.headers["authorization"] == f"Bearer {valid[0]}" else ok(status="401 Unauthorized")

    async with listen(respond, server, tmp_path / "peer") as peer:
        upstream = Kubeconfig.load(kubeconfig(peer.url, {"token": "x", "tokenFile": "token"}), "", clock)
        assert (await seen(upstream))["auth"] == "Bearer old"
        valid[0] = "new"
        with pytest.raises(UpstreamError, match="does not accept"):
            await seen(upstream)
        (tmp_path / "token").write_text("new")
        assert (await seen(upstream))["auth"] == "Bearer new"


@pytest.mark.parametrize("embedded", [True, False])
async def test_a_client_certificate(
    authority: Authority, server: Pair, kubeconfig: Write, clock: ManualClock, tmp_path: Path, embedded: bool
) -> None:
    """From data or from files."""
    client = authority.issue("gateway")
    if embedded:
        user = {"client-certificate-data": base64.b64encode(client.certificate).decode(), "client-key-data": base64.b64encode(client.key).decode()}
    else:
        client.save(tmp_path / "pki", "client")
        user = {"client-certificate": "pki/client.crt", "client-key": str(tmp_path / "pki" / "client.key")}
    async with listen(echo, server, tmp_path / "peer", clients=authority.pem) as peer:
        upstream = Kubeconfig.load(kubeconfig(peer.url, user), "", clock)
        assert (await seen(upstream))["client"] == "gateway"


async def test_a_client_certificate_that_is_rotated(authority: Authority, server: Pair, kubeconfig: Write, clock: ManualClock, tmp_path: Path) -> None:
    """New files are used for new connections, and the pool's old ones are dropped; a half-done rotation changes nothing."""
    old, new = authority.issue("old"), authority.issue("new")
    certificate, key = old.save(tmp_path, "client")
    async with listen(echo, server, tmp_path / "peer", clients=authority.pem) as peer:
        upstream = Kubeconfig.load(kubeconfig(peer.url, {"client-certificate": "client.crt", "client-key": "client.key"}), "", clock)
        pool = Pool(upstream)
        assert json.loads((await call(pool, upstream, b"GET", b"/")).body)["client"] == "old"
        certificate.write_bytes(new.certificate)
        assert (await seen(upstream))["client"] == "old"
        assert upstream.epoch == 0
        key.write_bytes(new.key)
        assert await upstream.renew(None, ())
        assert not await upstream.renew(None, ())
        assert upstream.epoch == 1
        assert json.loads((await call(pool, upstream, b"GET", b"/")).body)["client"] == "new"
        pool.close()


async def test_a_plugins_token(authority: Authority, server: Pair, kubeconfig: Write, clock: ManualClock, tmp_path: Path) -> None:
    """Run once for all calls, told of the cluster if the kubeconfig says so, and again after a 401."""
    plugin(tmp_path, token="p-1")
    valid = ["p-1"]

    def respond(asked: Asked) -> bytes:
        return echo(asked) if asked.headers["authorization"] == f"Bearer {valid[0]}" else ok(status="401 Unauthorized")

    async with listen(respond, server, tmp_path / "peer") as peer:
        extensions = [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}]
        path = kubeconfig(peer.url, {"exec": {**EXEC, "provideClusterInfo": True}}, extensions=extensions)
        upstream = Kubeconfig.load(path, "", clock)
        assert upstream.ready(None) is None
        assert [(await seen(upstream))["auth"] for _ in range(3)] == ["Bearer p-1"] * 3
        assert upstream.ready(None) == ((b"authorization", b"Bearer p-1"),)
        clock.advance(60)
        plugin(tmp_path, token="p-2")
        valid[0] = "p-2"
        assert (await seen(upstream))["auth"] == "Bearer p-2"
        runs = [json.loads(line) for line in (tmp_path / "runs").read_text().splitlines()]
        told = {"server": peer.url, "certificate-authority-data": base64.b64encode(authority.pem).decode(), "config": {"audience": "x"}}
        assert [run["spec"] for run in runs] == [{"interactive": False, "cluster": told}] * 2


async def test_a_plugins_certificate(authority: Authority, server: Pair, kubeconfig: Write, clock: ManualClock, tmp_path: Path) -> None:
    """It proves the caller in the TLS handshake, with no header at all."""
    client = authority.issue("from-plugin")
    plugin(tmp_path, clientCertificateData=client.certificate.decode(), clientKeyData=client.key.decode())
    async with listen(echo, server, tmp_path / "peer", clients=authority.pem) as peer:
        upstream = Kubeconfig.load(kubeconfig(peer.url, {"exec": EXEC}), "", clock)
        assert await seen(upstream) == {"auth": "", "client": "from-plugin", "target": "/version"}


async def test_a_plugins_certificate_that_is_garbage(kubeconfig: Write, clock: ManualClock, tmp_path: Path) -> None:
    """One sentence, not a traceback of ssl."""
    plugin(tmp_path, clientCertificateData="x", clientKeyData="y")
    upstream = Kubeconfig.load(kubeconfig("https://127.0.0.1:1", {"exec": EXEC}), "", clock)
    with pytest.raises(UpstreamError, match="client certificate or its key can't be used"):
        await upstream.open(asyncio.Protocol)


async def test_a_plugin_is_the_last_resort(kubeconfig: Write, clock: ManualClock, tmp_path: Path) -> None:
    """As with kubectl: beside a token it is not run."""
    plugin(tmp_path, token="p")
    upstream = Kubeconfig.load(kubeconfig("https://127.0.0.1:1", {"token": "t", "exec": EXEC}), "", clock)
    assert await upstream.authorization(None) == ((b"authorization", b"Bearer t"),)
    assert not (tmp_path / "runs").exists()


async def test_the_calls_name_the_agent_and_the_grant(kubeconfig: Write, clock: ManualClock) -> None:
    """With `impersonate`, for grants only; forgotten with the grant."""
    upstream = Kubeconfig.load(kubeconfig("https://h", {"token": "t"}), "", clock, impersonate=True)
    expected = (
        (b"authorization", b"Bearer t"), (b"impersonate-user", b"jitui:agent-deploybot"), (b"impersonate-group", b"jitui:agents"),
        (b"impersonate-extra-jitui-grant", b"g-17"),
    )  # fmt: skip
    assert upstream.ready(GRANT) == await upstream.authorization(GRANT) == expected
    assert upstream.ready(None) == expected[:1]
    assert not await upstream.renew(GRANT, expected)
    await upstream.forget(GRANT)
    assert upstream.ready(GRANT) == expected


async def test_as_in_the_kubeconfig(kubeconfig: Write, clock: ManualClock) -> None:
    """Leaving it out would act as the wider user behind it; both kinds at once are refused."""
    user = {"token": "t", "as": "narrow", "as-uid": "7", "as-groups": ["a", "b"], "as-user-extra": {"Example.org/Team": ["é"]}}
    path = kubeconfig("https://h", user)
    assert Kubeconfig.load(path, "", clock).ready(GRANT) == (
        (b"authorization", b"Bearer t"), (b"impersonate-user", b"narrow"), (b"impersonate-uid", b"7"), (b"impersonate-group", b"a"),
        (b"impersonate-group", b"b"), (b"impersonate-extra-example.org%2Fteam", "é".encode()),
    )  # fmt: skip
    with pytest.raises(ConfigurationError, match="impersonate: true, but its user has `as` already"):
        Kubeconfig.load(path, "", clock, impersonate=True)


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ({}, "its user has no credential"),
        ({"auth-provider": {"name": "gcp"}}, "auth-provider is not supported"),
        ({"username": "u", "token": "t"}, "both a token and a username"),
        ({"username": "u:v"}, "its username has a colon"),
        ({"token": "a b"}, "no header may carry"),
        ({"tokenFile": "none"}, "token file .*none can't be read: No such file"),
        ({"client-certificate-data": "eA=="}, "go together"),
        ({"client-certificate-data": "eA==", "client-key-data": "eA=="}, "client certificate or its key can't be used"),
        ({"client-certificate": "a.crt", "client-key": "a.key"}, "client-certificate .*a.crt can't be read: No such file"),
        ({"exec": {**EXEC, "interactiveMode": "Always"}}, "needs a terminal"),
        ({"exec": {**EXEC, "apiVersion": "client.authentication.k8s.io/v1alpha1"}}, "v1alpha1; supported are "),
        ({"exec": {"apiVersion": API_VERSIONS[0]}}, "exec names no command"),
        ({"token": "t", "as-groups": ["x"]}, "need `as`"),
        ({"token": "t", "as": "a\nb"}, "must be printable"),
        ({"exec": {**EXEC, "env": [{"value": "x"}]}}, "a variable under env without a name"),
        ({"exec": {**EXEC, "interactiveMode": "never"}}, "interactiveMode never; it is one of Never, IfAvailable, Always"),
    ],
)
def test_users_that_can_not_be(kubeconfig: Write, clock: ManualClock, user: dict[str, Any], why: str) -> None:
    """Each with one line that names file, context and cause; no secret in it."""
    path = kubeconfig("https://h", user)
    with pytest.raises(ConfigurationError, match=rf"^kubeconfig {path}, context test: .*{why}") as error:
        Kubeconfig.load(path, "", clock)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("cluster", "why"),
    [
        ({"proxy-url": "http://a:secret@p:x"}, "proxy-url is not of the form"),
        ({"insecure-skip-tls-verify": True}, "only if the connection says insecure_skip_tls_verify: true too"),
        ({"insecure-skip-tls-verify": True, "certificate-authority": "ca.crt"}, "only if the connection says insecure_skip_tls_verify: true too"),
        ({"certificate-authority-data": "", "certificate-authority": "ca.crt"}, "certificate-authority .*ca.crt can't be read: No such file"),
        ({"certificate-authority-data": "eA=="}, "the certificate authority can't be read"),
        ({"certificate-authority-data": "IA=="}, "the certificate authority is empty"),
    ],
)
def test_clusters_that_can_not_be(kubeconfig: Write, clock: ManualClock, cluster: dict[str, Any], why: str) -> None:
    """Each with one line that names file, context and cause."""
    path = kubeconfig("https://h", {"token": "t"}, **cluster)
    with pytest.raises(ConfigurationError, match=rf"^kubeconfig {path}, context test: .*{why}"):
        Kubeconfig.load(path, "", clock)


def test_plain_http_is_refused(kubeconfig: Write, clock: ManualClock) -> None:
    """As kubectl does, but aloud."""
    with pytest.raises(ConfigurationError, match="server http://h:8080 is not https"):
        Kubeconfig.load(kubeconfig("http://h:8080", {"token": "t"}), "", clock)


async def test_insecure_needs_both_sides(authority: Authority, kubeconfig: Write, clock: ManualClock, tmp_path: Path) -> None:
    """The kubeconfig and the connection must both say so; then even a wrong name and an ended certificate pass."""
    bad = Authority("unknown").issue("x", "elsewhere", life=timedelta(hours=-1))
    async with listen(echo, bad, tmp_path / "peer") as peer:
        careless = kubeconfig(peer.url, {"token": "t"}, **{"insecure-skip-tls-verify": True})
        assert (await seen(Kubeconfig.load(careless, "", clock, insecure=True)))["auth"] == "Bearer t"
        careful = Kubeconfig.load(kubeconfig(peer.url, {"token": "t"}, name="careful"), "", clock, insecure=True)
        with pytest.raises(UpstreamError, match="not trusted"):
            await seen(careful)
        both = kubeconfig(peer.url, {"token": "t"}, name="both", **{"insecure-skip-tls-verify": True, "certificate-authority-data": "eA=="})
        with pytest.raises(ConfigurationError, match="both certificate-authority and insecure"):
            Kubeconfig.load(both, "", clock, insecure=True)


async def test_the_name_in_the_certificate(authority: Authority, server: Pair, kubeconfig: Write, clock: ManualClock, tmp_path: Path) -> None:
    """tls-server-name is what is checked, in place of the URL's host."""
    async with listen(echo, server, tmp_path / "peer") as peer:
        named = kubeconfig(peer.url, {"token": "t"}, **{"tls-server-name": "kubernetes.default.svc"})
        assert (await seen(Kubeconfig.load(named, "", clock)))["auth"] == "Bearer t"
        other = kubeconfig(peer.url, {"token": "t"}, name="other", **{"tls-server-name": "other.svc"})
        with pytest.raises(UpstreamError, match=r"not trusted: .*other\.svc"):
            await seen(Kubeconfig.load(other, "", clock))


@pytest.mark.cluster
async def test_a_real_cluster(real_cluster: Cluster) -> None:
    """The admin kubeconfig of a real API server: version, who we are, and no 401."""
    upstream = await asyncio.to_thread(Kubeconfig.load, real_cluster.kubeconfig, "", SystemClock())
    pool = Pool(upstream)
    version = await call(pool, upstream, b"GET", b"/version")
    assert json.loads(version.body)["major"] == "1"
    review = b'{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
    target = b"/apis/authentication.k8s.io/v1/selfsubjectreviews"
    reply = await call(pool, upstream, b"POST", target, headers=((b"content-type", b"application/json"),), body=review)
    assert (reply.status, "system:masters" in json.loads(reply.body)["status"]["userInfo"]["groups"], len(pool)) == (201, True, 1)
    pool.close()
