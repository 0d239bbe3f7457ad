"""Real exec plugins, good and bad."""

import asyncio
import base64
import json
import os
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from jitui.clusters.kubeconfig.plugin import API_VERSIONS, OUTPUT_LIMIT, PASSED, Command, Credential, read_credential, run
from jitui.values.errors import UpstreamError

V1 = API_VERSIONS[0]
Script = Callable[[str], Command]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A shell script as a plugin."""

    def write(text: str) -> Command:
        path = tmp_path / "plugin"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return Command((str(path),), V1)

    return write


def printed(**status: object) -> str:
    return json.dumps({"kind": "ExecCredential", "apiVersion": V1, "status": status})


async def test_a_token_with_its_expiry(script: Script) -> None:
    """Token and expirationTimestamp are read; the token is not in the repr."""
    made = await run(script(f"echo '{printed(token='t-1', expirationTimestamp='2026-11-23T16:00:00Z')}'"))
    assert made == Credential("t-1", None, 1_795_449_600_000_000)
    assert "t-1" not in repr(made)


async def test_what_a_plugin_is_told(script: Script, tmp_path: Path) -> None:
    """KUBERNETES_EXEC_INFO carries version, interactive: false and the cluster; env and args of the kubeconfig arrive; stdin is empty."""
    seen = tmp_path / "seen"
    text = f'cat > {seen}.in; echo "$KUBERNETES_EXEC_INFO" > {seen}; echo "$1 $COLOUR $PATH" > {seen}.rest; echo \'{printed(token="t")}\''
    command = script(text)
    await run(replace(command, argv=(*command.argv, "two words"), env={"COLOUR": "blue"}, cluster={"server": "https://c", "config": {"a": 1}}))
    assert json.loads(seen.read_text()) == {
        "kind": "ExecCredential", "apiVersion": V1, "spec": {"interactive": False, "cluster": {"server": "https://c", "config": {"a": 1}}},
    }  # fmt: skip
    assert (tmp_path / "seen.rest").read_text() == f"two words blue {os.environ['PATH']}\n"
    assert (tmp_path / "seen.in").read_text() == ""


async def test_a_plugin_sees_nothing_of_the_gateway_but_what_is_named(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a token, nor the keys of another cloud: PATH, HOME and the like, and the variables that the connection's settings name."""
    for name in ("JITUI_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "SSLKEYLOGFILE"):
        monkeypatch.setenv(name, "x")
    command = script(f"env > {tmp_path}/seen; echo '{printed(token='t')}'")
    await run(replace(command, passed=("AWS_PROFILE", "AZURE_*")))
    seen = {line.partition("=")[0] for line in (tmp_path / "seen").read_text().splitlines()}
    assert seen - PASSED - {"PWD", "OLDPWD", "SHLVL", "_"} == {"KUBERNETES_EXEC_INFO", "AWS_PROFILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"}
    assert {"PATH", "HOME"} <= seen


async def test_a_relative_command_is_beside_the_kubeconfig(script: Script, tmp_path: Path) -> None:
    """./plugin is relative to the kubeconfig's folder, not to where the gateway was started."""
    script(f"echo '{printed(token='t')}'")
    assert (await run(Command(("./plugin",), V1, folder=tmp_path))).token == "t"


async def test_a_failure_in_the_plugins_own_words(script: Script) -> None:
    """Exit code and stderr are in the sentence, on one line and without control characters."""
    with pytest.raises(UpstreamError) as error:
        await run(script(r"printf 'login expired\n\033[31mrun: aws sso login\n' >&2; exit 3"))
    assert str(error.value).endswith("plugin failed with exit code 3: login expired / \N{REPLACEMENT CHARACTER}[31mrun: aws sso login")


async def test_a_plugin_that_is_not_installed() -> None:
    """The kubeconfig's install hint is repeated."""
    with pytest.raises(UpstreamError, match=r"plugin no-such-plugin can't be started: No such file or directory; pip install it"):
        await run(Command(("no-such-plugin",), V1, install_hint="pip install it"))


async def test_a_plugin_that_hangs_is_killed_with_its_children(script: Script, tmp_path: Path) -> None:
    """After the timeout nothing of it runs on."""
    with pytest.raises(UpstreamError, match=r"did not end within 0\.3 s"):
        await run(script(f"sleep 60 & echo $! > {tmp_path}/pid; wait"), timeout=0.3)
    await _gone(int((tmp_path / "pid").read_text()))


async def test_a_cancelled_run_is_killed(script: Script, tmp_path: Path) -> None:
    """Whoever waited is gone: so is the plugin."""
    task = asyncio.ensure_future(run(script(f"echo $$ > {tmp_path}/pid.part; mv {tmp_path}/pid.part {tmp_path}/pid; sleep 60")))
    await _there(tmp_path / "pid")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _gone(int((tmp_path / "pid").read_text()))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second: it went between the opening and the reading
        return False


async def _gone(pid: int) -> None:
    for _ in range(3000):
        if not _runs(pid):
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"process {pid} still runs")


def _exists(path: Path) -> bool:
    return path.exists()


async def _there(path: Path) -> None:
    for _ in range(3000):
        if _exists(path):
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"{path} never came")


async def test_endless_output_is_cut_off(script: Script) -> None:
    """A plugin that prints without end is stopped, not read into memory."""
    with pytest.raises(UpstreamError, match=f"more than {OUTPUT_LIMIT >> 20} MiB"):
        await run(script("exec cat /dev/zero"))


async def test_a_plugin_that_leaves_a_helper_behind(script: Script) -> None:
    """Some start an agent that caches the login: a run that went well kills nobody."""
    made = await run(script(f"sleep 5 >/dev/null 2>&1 & echo '{printed(token='t')}' | sed \"s/\\\"t\\\"/\\\"$!\\\"/\""))
    os.kill(int(made.token), 9)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "did not print one JSON object"),
        ("[]", "did not print an ExecCredential"),
        ('{"kind": "Status", "status": {}}', "did not print an ExecCredential"),
        (printed(token="t").replace("/v1", "/v1beta1"), "answered in client.authentication.k8s.io/v1beta1, the kubeconfig says"),
        (printed(), "neither a token nor a certificate"),
        (printed(token=""), "neither a token nor a certificate"),
        (printed(token=7), "not text"),
        (printed(token="a b"), "characters that no header may carry"),
        (printed(token="a\r\nImpersonate-User: admin"), "characters that no header may carry"),
        (printed(clientCertificateData="c"), "certificate without its key"),
        (printed(token="t", expirationTimestamp="soon"), "soon is not an RFC 3339 time"),
        (printed(token="t", expirationTimestamp="2026-11-23T16:00:00"), "not an RFC 3339 time"),
    ],
)
def test_what_is_no_credential(text: str, why: str) -> None:
    """Each fault has its own sentence."""
    with pytest.raises(UpstreamError, match=f"credential plugin p.*{why}"):
        read_credential(text.encode(), Command(("p",), V1))


def test_a_certificate_beside_or_instead_of_a_token() -> None:
    """Certificate and key come as PEM text."""
    made = read_credential(printed(clientCertificateData="CERT", clientKeyData="KEY").encode(), Command(("p",), V1))
    assert made.identification is not None
    assert (made.token, made.identification.certificate, made.identification.key, made.expires_us) == ("", b"CERT", b"KEY", None)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)


@given(st.fixed_dictionaries({"token": JSON, "expirationTimestamp": JSON, "clientCertificateData": JSON, "clientKeyData": JSON}) | JSON)
def test_any_json_is_a_credential_or_a_sentence(status: object) -> None:
    """Nothing a plugin can print raises anything else, and a token taken can stand in a header."""
    text = json.dumps({"kind": "ExecCredential", "apiVersion": V1, "status": status}).encode()
    try:
        made = read_credential(text, Command(("p",), V1))
    except UpstreamError:
        return
    assert made.token.isascii()
    assert made.token == "".join(made.token.split())


@given(st.binary(min_size=12))
def test_what_was_printed_is_never_quoted(secret: bytes) -> None:
    """It may be half of a credential."""
    text = base64.b64encode(secret)
    with pytest.raises(UpstreamError) as error:
        read_credential(b'{"token": "' + text, Command(("p",), V1))
    assert text.decode() not in str(error.value)


def test_the_environment_is_not_in_the_repr() -> None:
    """A kubeconfig's exec env may hold secrets."""
    assert "s3cret" not in repr(Command(("p",), V1, env={"PASSWORD": "s3cret"}))
    assert shlex.join(Command(("p", "-x"), V1).argv) == "p -x"
