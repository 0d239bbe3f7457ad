"""One run of an exec credential plugin (client.authentication.k8s.io v1 and v1beta1, KEP-541).

The kubeconfig's owner named the command, so it is trusted as much as the kubeconfig; what it prints is checked nevertheless.
"""

import asyncio
import contextlib
import json
import os
import selectors
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from jitui.clusters.dial import Identification, reason
from jitui.values import foreign
from jitui.values.errors import UpstreamError
from jitui.values.instant import from_rfc3339
from jitui.values.said import clean

API_VERSIONS: Final = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
TIMEOUT_S: Final = 30.0
OUTPUT_LIMIT: Final = 1 << 20  # bytes of stdout; a credential is a few KiB
POLL_S: Final = 0.1  # how soon a run that nobody waits for any more is killed
# Of the gateway's own environment: where programs are found, whose they are, how they speak, and how they reach the network. Nothing that names a credential.
PASSED: Final = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
})  # fmt: skip
ERROR_TAIL: Final = 4096  # bytes of stderr kept, the last ones


@dataclass(frozen=True, slots=True)
class Command:
    """The command of a plugin, from the `exec` of a kubeconfig user."""

    argv: tuple[str, ...]
    api_version: str
    env: Mapping[str, str] = field(default_factory=dict, repr=False)  # the variables that the kubeconfig sets for it
    passed: tuple[str, ...] = ()  # names of the gateway's own variables it gets beside PASSED; one that ends in `*` names all that begin so
    cluster: Mapping[str, Any] | None = None  # spec.cluster, when provideClusterInfo asks for it
    install_hint: str = ""
    folder: Path | None = None  # a command with a slash is relative to the kubeconfig

    @property
    def name(self) -> str:
        return clean(self.argv[0], 80)


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential that a plugin printed: a token, a certificate, or both."""

    token: str = field(repr=False)  # "" if none
    identification: Identification | None
    expires_us: int | None  # UTC; None: good until the cluster says 401


async def run(command: Command, *, timeout: float = TIMEOUT_S) -> Credential:
    """Run it once, without a terminal, and read what it printed. Raises UpstreamError with its stderr in it.

    Cancelled or too slow, it is killed with everything it started.
    """
    spec: dict[str, Any] = {"interactive": False}
    if command.cluster is not None:
        spec["cluster"] = dict(command.cluster)
    info = json.dumps({"kind": "ExecCredential", "apiVersion": command.api_version, "spec": spec})
    program = command.argv[0]
    if "/" in program and not os.path.isabs(program) and command.folder is not None:  # noqa: PTH117 - a str as the system takes it
        program = str(command.folder / program)
    env = {**environment(os.environ, command.passed), **command.env, "KUBERNETES_EXEC_INFO": info}
    stop = threading.Event()
    try:
        async with asyncio.timeout(timeout):
            code, printed, complaint = await asyncio.to_thread(_execute, (program, *command.argv[1:]), env, stop)
    except TimeoutError as error:
        raise UpstreamError(f"credential plugin {command.name} did not end within {timeout:g} s") from error
    except (OSError, ValueError) as error:
        hint = f"; {clean(command.install_hint)}" if command.install_hint else ""
        raise UpstreamError(f"credential plugin {command.name} can't be started: {reason(error)}{hint}") from error
    finally:
        stop.set()
    if len(printed) > OUTPUT_LIMIT:
        raise UpstreamError(f"credential plugin {command.name} printed more than {OUTPUT_LIMIT >> 20} MiB")
    if code != 0:
        raise UpstreamError(f"credential plugin {command.name} failed with exit code {code}: {_last_words(complaint)}")
    return read_credential(printed, command)


def environment(own: Mapping[str, str], passed: Sequence[str]) -> dict[str, str]:
    """The part of the gateway's own environment that a plugin sees: PASSED, and the variables that the configuration names for it."""
    begins = tuple(name[:-1] for name in passed if name.endswith("*"))
    return {name: value for name, value in own.items() if name in PASSED or name in passed or (begins and name.startswith(begins))}


def read_credential(printed: bytes, command: Command) -> Credential:
    """The credential in an ExecCredential on stdout. Raises UpstreamError, which never quotes the output, as that is a secret."""
    try:
        document = foreign.read(printed)
    except ValueError as error:
        raise UpstreamError(f"credential plugin {command.name} did not print one JSON object ({len(printed)} bytes)") from error
    if not isinstance(document, dict) or document.get("kind") != "ExecCredential" or not isinstance(document.get("status"), dict):
        raise UpstreamError(f"credential plugin {command.name} did not print an ExecCredential with a status")
    if document.get("apiVersion") != command.api_version:
        said = clean(str(document.get("apiVersion")), 60)
        raise UpstreamError(f"credential plugin {command.name} answered in {said}, the kubeconfig says {command.api_version}")
    status = document["status"]
    token, certificate, key = (status.get(name) or "" for name in ("token", "clientCertificateData", "clientKeyData"))
    if not all(isinstance(value, str) for value in (token, certificate, key)):
        raise UpstreamError(f"credential plugin {command.name} printed a credential that is not text")
    if bool(certificate) != bool(key):
        raise UpstreamError(f"credential plugin {command.name} printed a certificate without its key, or a key without its certificate")
    if not token and not certificate:
        raise UpstreamError(f"credential plugin {command.name} printed neither a token nor a certificate")
    if token and not is_token(token):
        raise UpstreamError(f"credential plugin {command.name} printed a token with spaces or characters that no header may carry")
    expires = status.get("expirationTimestamp")
    try:
        expires_us = None if expires is None else from_rfc3339(expires)
    except (TypeError, ValueError) as error:
        raise UpstreamError(f"credential plugin {command.name}: expirationTimestamp {clean(str(expires), 40)} is not an RFC 3339 time") from error
    identification = Identification(certificate.encode(), key.encode()) if certificate else None
    return Credential(token, identification, expires_us)


def is_token(token: str) -> bool:
    """Whether it can stand in an Authorization header: visible ASCII only (RFC 6750, section 2.1, is narrower still)."""
    return bool(token) and all("!" <= char <= "~" for char in token)


def _execute(argv: tuple[str, ...], env: Mapping[str, str], stop: threading.Event) -> tuple[int, bytes, bytes]:
    """Exit code, stdout and the end of stderr. In a thread: uvloop would let the child inherit the gateway's ends of its pipes.

    When `stop` is set, or more than OUTPUT_LIMIT is printed, it is killed with everything it started.
    """
    printed, complaint = bytearray(), b""
    with subprocess.Popen(  # noqa: S603 - the kubeconfig's own command
        argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process, selectors.DefaultSelector() as pipes:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        pipes.register(process.stdout, selectors.EVENT_READ)
        pipes.register(process.stderr, selectors.EVENT_READ)
        while pipes.get_map() and not stop.is_set() and len(printed) <= OUTPUT_LIMIT:
            for key, _ in pipes.select(POLL_S):
                data = os.read(key.fd, 1 << 16)
                if not data:
                    pipes.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    printed += data
                else:
                    complaint = (complaint + data)[-ERROR_TAIL:]
        while not pipes.get_map() and not stop.is_set():
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(POLL_S), bytes(printed), complaint
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait(), bytes(printed), complaint


def _last_words(complaint: bytes) -> str:
    lines = [line.strip() for line in complaint.decode("utf-8", "replace").splitlines() if line.strip()]
    return clean(" / ".join(lines[-3:]), 400) if lines else "it printed no reason"
