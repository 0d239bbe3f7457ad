"""Kubeconfigs of every kind: our reading is client-go's, but for what is refused on purpose."""

import asyncio
import base64
import json
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

import idna
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from jitui.clusters.dial import Identification, _chain
from jitui.clusters.kubeconfig.upstream import Kubeconfig
from jitui.values.clock import ManualClock
from jitui.values.errors import JituiError
from tests.clusters.kubeconfig.corpus import HERE, Case, answers, cases

PORTS: Final = {"http": 80, "https": 443, "socks5": 1080}
ANONYMOUS: Final = "a user that proves nothing is anonymous to client-go; of a gateway, whose credential is all that it adds, it is a mistake"
PLAIN: Final = "a credential, and what agents ask, never go over plain http"
HEADER: Final = "such a token reads in two ways: an API server takes the first word, a proxy may take all or refuse it"
REFUSED: Final[Mapping[str, Iterable[str]]] = {
    ANONYMOUS: (
        "same-key-then-null", "same-section-twice", "other-case", "token-null", "token-tilde", "token-nothing", "token-empty", "users-null", "user-null",
        "user-missing",
        "context-of-no-user", "context-of-empty-user", "context-of-unknown-user", "entries-are-whole", "client-key-alone", "basic-no-name", "none", "as-alone",
    ),
    PLAIN: (
        "server-http", "server-http-port", "server-http-and-ca", "server-no-scheme", "server-no-scheme-port", "server-no-scheme-address",
        "server-no-scheme-slash", "server-no-scheme-user",
        "server-no-scheme-no-tls", "server-no-scheme-skip", "server-no-scheme-client", "server-other-scheme", "exec-info-no-scheme",
    ),
    HEADER: (
        "token-tag-binary-bytes", "token-folded-lines", "token-space", "token-trailing-space", "token-non-ascii", "token-escape", "file-non-ascii", "file-bom",
        "file-nbsp",
    ),
    "a name that people read in logs and lists is printable": ("as-tab", "as-nbsp"),
    "an empty file would silently trust the system's roots": ("ca-empty",),
    "a credential in an address stands in logs": ("server-user", "server-user-alone", "server-at"),
    "client-go drops a fragment, or takes it for a part of the path": ("server-fragment", "server-path-fragment"),
    "no connection to it is possible, which client-go says only when it tries": (
        "server-ipv6-bare", "server-port-zero", "server-port-big", "proxy-no-host", "proxy-port-big",
    ),
    "a user name ends at its colon (RFC 7617)": ("basic-colon",),
    "a variable's name ends at its equals sign": ("exec-env-equals",),
    "nobody writes a kubeconfig that deep": ("deeper",),
}  # fmt: skip
TAKEN: Final[Mapping[str, Iterable[str]]] = {
    "libyaml reads a document of YAML 1.2 that is one of 1.1 as well": ("yaml-1.2",),
    "libyaml knows JSON's escaped slash": ("json-escapes",),
    "a list of maps is merged, be it written there or by its alias": ("merge-alias-of-list",),
}  # fmt: skip
CASES: Final = dict(cases())
ANSWERS: Final = answers()


def test_the_answers_are_to_these_cases() -> None:
    """Each case as it is now was read by client-go."""
    assert {name: case.digest for name, case in CASES.items()} == {name: answer["digest"] for name, answer in ANSWERS.items()}


def test_each_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Address, proxy, TLS and headers are those of client-go; where it sees an error, so do we, in one line. Each difference has its reason here."""
    monkeypatch.setenv("SSL_CERT_FILE", str(HERE / "one.pem"))  # as the system's roots, which take 0.1 s to read
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    ours = asyncio.run(_all(tmp_path))
    differ = {name: (ours[name], wanted) for name in CASES if ours[name] != (wanted := _wanted(ANSWERS[name]))}
    refused = {name for names in REFUSED.values() for name in names}
    taken = {name for names in TAKEN.values() for name in names}
    assert {name: pair for name, pair in differ.items() if name not in refused | taken} == {}
    assert {name for name in differ if ours[name] == "error"} == refused
    assert {name for name in differ if ours[name] != "error"} == taken


async def _all(folder: Path) -> dict[str, Any]:
    """Our reading of each case. Plugins run side by side, as each is a process."""
    found: dict[str, Any] = {}
    limit = asyncio.Semaphore(4)

    async def one(name: str, case: Case) -> None:
        async with limit:
            place = folder / name
            case.write(place)
            try:
                found[name] = await _ours([place / part for part in case.value.split(":") if part], case.context)
            except JituiError as error:
                found[name] = "error" if "\n" not in str(error) else "an error of several lines"

    async with asyncio.TaskGroup() as group:
        for name, case in CASES.items():
            group.create_task(one(name, case))
    return found


async def _ours(paths: list[Path], context: str) -> dict[str, Any]:
    upstream = Kubeconfig.load(paths, context, ManualClock(), insecure=True)
    headers = await upstream.authorization(None)
    it, address = upstream._context, upstream._context.address
    return {
        "at": (address.host, address.port, address.prefix), "server_name": address.server_name, "insecure": it.insecure,
        "authorities": _trusted(upstream._trust(None)) if it.ca is not None else [],
        "proxy": (it.proxy.scheme, it.proxy.host, it.proxy.port, it.proxy.user, it.proxy.password) if it.proxy is not None else None,
        "certificate": _client(it.certificate.load(), it.key.load()) if it.certificate is not None and it.key is not None else [],
        "headers": sorted(_header(name.decode(), value.decode()) for name, value in headers),
    }  # fmt: skip


def _wanted(answer: Mapping[str, Any]) -> Any:
    """client-go's reading in the form of ours."""
    if "error" in answer:
        return "error"
    url = urlsplit(answer["url"].replace("//::1/", "//nowhere/"))
    proxy = urlsplit(answer.get("proxy", ""))
    return {
        "at": (_host(url.hostname), _port(url), url.path.removesuffix("/version")), "server_name": answer.get("server_name", ""),
        "insecure": answer.get("insecure", False), "authorities": ["leaf" if name == "client" else name for name in answer.get("authorities", [])],
        "proxy": _proxy(proxy) if proxy.scheme else None, "certificate": answer.get("certificate", []),
        "headers": sorted(_header(name, value) for name, value in answer.get("headers", [])),
    }  # fmt: skip


def _trusted(tls: ssl.SSLContext) -> list[str]:
    """The common names of the authorities; of another certificate that is trusted, Python does not tell the name."""
    authorities = [_name(x509.load_der_x509_certificate(der)) for der in tls.get_ca_certs(binary_form=True)]
    return sorted([*authorities, *["leaf"] * (tls.cert_store_stats()["x509"] - len(authorities))])


def _client(certificate: bytes, key: bytes) -> list[str]:
    """The common names of the chain that the gateway would show."""
    return [_name(one) for one in x509.load_pem_x509_certificates(_chain(Identification(certificate, key)))]


def _name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _host(host: str | None) -> str:
    """Upper case, escapes and names beyond ASCII are forms of one host."""
    name = unquote(host or "")
    return name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")


def _proxy(url: SplitResult) -> tuple[Any, ...]:
    user = unquote(url.username) if url.username is not None else None
    return url.scheme, _host(url.hostname), _port(url), user, unquote(url.password or "")


def _port(url: SplitResult) -> int | None:
    try:
        return url.port or PORTS.get(url.scheme)
    except ValueError:
        return None  # too big


def _header(name: str, value: str) -> tuple[str, str]:
    """Names have no case. A token of the plugin of the cases is shown as that which the plugin was given."""
    if not value.startswith("Bearer ey"):
        return name.lower(), value
    info, arguments, given = base64.b64decode(value.removeprefix("Bearer ")).decode().split("\n", 2)
    return name, json.dumps([json.loads(info), arguments, given], sort_keys=True)
