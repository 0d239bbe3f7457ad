"""The files of a kubeconfig, typed and merged; test_corpus.py compares with client-go itself."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings, strategies as st

from jitui.clusters.kubeconfig.context import read_context
from jitui.clusters.kubeconfig.files import merge
from jitui.clusters.kubeconfig.upstream import Kubeconfig
from jitui.values.clock import ManualClock
from jitui.values.errors import ConfigurationError
from tests.support.soak import soak

KEYS = (
    "apiVersion", "kind", "clusters", "users", "contexts", "current-context", "name", "cluster", "user", "context", "server", "tls-server-name",
    "insecure-skip-tls-verify", "proxy-url",
    "certificate-authority", "certificate-authority-data", "client-certificate", "client-certificate-data", "client-key", "client-key-data", "token",
    "tokenFile", "as", "as-uid", "as-groups",
    "as-user-extra", "username", "password", "auth-provider", "exec", "command", "args", "env", "value", "interactiveMode", "provideClusterInfo", "installHint",
    "extensions", "extension", "<<", "x",
)  # fmt: skip
VALUES = (
    "", "a", "c", "u", "x", "https://h", "https://h/%zz", "https://[::1", "socks5://p", "http://:@p:0", "v1", "Config", "Never",
    "client.authentication.k8s.io/v1", "\0", "/dev/null/a", "ü\n", "-----BEGIN",
    "LS0=", "\ud83d", "..", "a" * 300, "//", "https://", "%",
)  # fmt: skip
NUMBERS = st.integers(-9, 1 << 70) | st.floats()
SCALARS = st.sampled_from(VALUES) | st.none() | st.booleans() | NUMBERS | st.binary(max_size=6) | st.dates() | st.text(max_size=6)
NAMES = st.sampled_from(KEYS) | st.text(max_size=3)
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12)


def fields(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), SCALARS | ANYTHING, max_size=5)


NAMED = st.fixed_dictionaries(
    {"current-context": st.just("x")},
    optional={
        "clusters": fields(*KEYS[10:16]).map(lambda it: [{"name": "c", "cluster": {"server": "https://h", **it}}]),
        "users": fields(*KEYS[16:30]).map(lambda it: [{"name": "u", "user": {"token": "t", **it}}]),
        "contexts": st.just([{"name": "x", "context": {"cluster": "c", "user": "u"}}]) | ANYTHING, "extensions": ANYTHING,
    },
)  # fmt: skip


def load(path: Path, text: bytes) -> None:
    """As a start does: read, checked, and made TLS of. Raises ConfigurationError."""
    path.write_bytes(text)
    upstream = Kubeconfig.load([path], "", ManualClock(), insecure=True)
    assert upstream.host
    assert repr(upstream)


def holds(path: Path, text: bytes) -> None:
    try:
        load(path, text)
    except ConfigurationError as error:
        said = str(error)
        assert said.startswith("kubeconfig ")
        assert said.isprintable()


@settings(max_examples=soak(50, 5000), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(document=ANYTHING | NAMED)
def test_any_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, document: Any) -> None:
    """Any YAML gives a loaded kubeconfig or one printable line of a ConfigurationError, nothing else."""
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    holds(tmp_path / "config", yaml.safe_dump(document, allow_unicode=False).encode("utf-8", "replace"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.binary(max_size=60) | st.text(alphabet="[]{}:,-? &*!|>'\"\n\t ab1~<", max_size=60).map(str.encode))
def test_any_bytes(tmp_path: Path, text: bytes) -> None:
    """So does any file."""
    holds(tmp_path / "config", text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("users:\n- name: u\n  user:\n    token: 123\n", ":4: users[0].user.token is not text; put it in quotes"),
        ("clusters: 7", ":1: clusters is not a list"),
        ("kind: Config\nclusters:\n- name: a\n- name: a\n", ":4: clusters has two entries named a; remove or rename one"),
        ("[]", ":1: the document is not a map"),
        ("kind: Pod\n", " is not a kubeconfig: it is a Pod of v1"),
        ("users: [{user: {client-key-data: '*'}}]", ":1: users[0].user.client-key-data is not base64"),
        ("clusters:\n- cluster:\n    insecure-skip-tls-verify: 'yes'", ":3: clusters[0].cluster.insecure-skip-tls-verify is neither true nor false"),
        ("users:\n- user: {as-user-extra: {a: b}}", ":2: users[0].user.as-user-extra.a is not a list"),
        ("users: [a]", ":1: users[0] is not a map with the fields"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    """File, line, field, the fault and the way out; never the value, which may be a secret."""
    (tmp_path / "config").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        merge([tmp_path / "config"])
    assert str(caught.value).startswith(f"kubeconfig {tmp_path}/config{says}")


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    """Neither by the entries nor by a context that was read from them."""
    user = {"username": "a", "password": "hushed-1", "client-certificate-data": "aHVzaGVkLTI=", "client-key-data": "aHVzaGVkLTI="}
    document = {"clusters": [{"name": "c", "cluster": {"server": "https://h", "proxy-url": "http://a:hushed-3@p"}}], "users": [{"name": "u", "user": user}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}]}  # fmt: skip
    (tmp_path / "config").write_text(yaml.safe_dump(document))
    shown = f"{merge([tmp_path / 'config'])}{read_context(tmp_path / 'config', 'x')}"
    assert "hushed" not in shown
