"""One context of a kubeconfig, read and checked: where the cluster is, whom it trusts, and how the user proves who they are.

The checks are client-go's (tools/clientcmd/validation.go, client_config.go), and a few more: what would send a credential where nobody means it
to go, or none at all, is refused.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from jitui.clusters.dial import Address, read
from jitui.clusters.kubeconfig import plugin
from jitui.clusters.kubeconfig.files import Cluster, Entry, Exec, User, merge
from jitui.clusters.port import Headers
from jitui.clusters.tunnel import Proxy
from jitui.values.errors import ConfigurationError
from jitui.values.private_file import readers
from jitui.values.said import clean

HEADER_NAME_SAFE: Final = "!#$&'*+-.^_`|~"  # RFC 9110, section 5.6.2, but for the percent sign, which escapes
EXTENSION: Final = "client.authentication.k8s.io/exec"
MODES: Final = ("Never", "IfAvailable", "Always")
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Pem:
    """A PEM in the kubeconfig itself, or in a file beside it that may be rewritten while the gateway runs."""

    data: bytes = field(default=b"", repr=False)
    path: Path | None = None
    what: str = ""

    def load(self) -> bytes:
        return read(self.path, self.what) if self.path is not None else self.data

    def mark(self) -> tuple[int, ...]:
        """Changes when the file does."""
        if self.path is None:
            return ()
        try:
            stat = self.path.stat()
        except OSError:
            return (0,)
        return (stat.st_mtime_ns, stat.st_size, stat.st_ino)


@dataclass(frozen=True, slots=True)
class Context:
    """One context of a kubeconfig, read and checked."""

    source: str  # file and context, for messages
    address: Address
    proxy: Proxy | None
    ca: Pem | None  # None: the system's roots
    insecure: bool
    certificate: Pem | None
    key: Pem | None
    token: str = field(repr=False)  # beside a token file it serves while that one can't be read
    token_file: Path | None
    basic: str = field(repr=False)  # user and password as base64, or ""
    command: plugin.Command | None
    act_as: Headers  # `as`, `as-groups` ... of the user
    exposed: tuple[str, ...] = ()  # a sentence for each file of the credential that other users may read


def read_context(paths: Path | Sequence[Path], name: str, *, insecure: bool = False, passed: Sequence[str] = ()) -> Context:
    """One context of one or several files, which are merged as those in KUBECONFIG; empty: the current one. Raises ConfigurationError in one line."""
    config = merge([paths] if isinstance(paths, Path) else paths)
    name = name or config.current
    if not name:
        raise ConfigurationError(f"{config.source} has no current-context; name one with context:")
    context = _entry(config.contexts, name, "context", config.source).value
    source = f"{config.source}, context {clean(name)}"
    cluster = _entry(config.clusters, context.cluster, "cluster", source)
    user = _entry(config.users, context.user, "user", source)
    _refuse(cluster.value, user.value, source, insecure=insecure)
    ca = _pem(cluster, cluster.value.authority, cluster.value.authority_data, "certificate-authority", source)
    skip = cluster.value.insecure
    if skip and ca is not None:
        raise ConfigurationError(f"{source}: both certificate-authority and insecure-skip-tls-verify; use one of the two")
    address, proxy = _addresses(cluster.value, source)
    certificate, key = _identification(user, source)
    token_file = user.path(user.value.token_file)
    if token_file is not None and not user.value.token:
        read(token_file, f"{source}: token file")
    basic = _basic(user.value, source)
    plugged = user.value.plugin
    command = _command(plugged, cluster.value, user.file, ca, source, tuple(passed)) if plugged is not None else None
    if user.value.token or token_file is not None or certificate is not None or basic:
        command = None  # as client-go: a plugin is the last resort
    elif command is None:
        raise ConfigurationError(f"{source}: its user has no credential: no token, tokenFile, client-certificate, username or exec")
    return Context(
        source=source, address=address, proxy=proxy, ca=ca, insecure=skip, certificate=certificate, key=key, token=user.value.token, token_file=token_file,
        basic=basic, command=command, act_as=_acting_as(user.value, source), exposed=tuple(_exposed(user, token_file, key)),
    )  # fmt: skip


def _entry(entries: Mapping[str, Entry[E]], name: str, noun: str, source: str) -> Entry[E]:
    if name not in entries:
        known = ", ".join(clean(known, 60) for known in entries) or "none"
        raise ConfigurationError(f"{source} has no {noun} {clean(name) or 'at all'}; it has: {known}")
    return entries[name]


def _refuse(cluster: Cluster, user: User, source: str, *, insecure: bool) -> None:
    if cluster.insecure and not insecure:
        raise ConfigurationError(
            f"{source}: insecure-skip-tls-verify is honoured only if the connection says insecure_skip_tls_verify: true too; better give certificate-authority"
        )
    if user.auth_provider is not None:
        raise ConfigurationError(f"{source}: auth-provider is not supported (Kubernetes took it out in 1.26); use an exec plugin")
    if user.token and not plugin.is_token(user.token):
        raise ConfigurationError(f"{source}: its token has spaces or characters that no header may carry")


def _addresses(cluster: Cluster, source: str) -> tuple[Address, Proxy | None]:
    if not cluster.server:
        raise ConfigurationError(f"{source}: its cluster has no server; give its https:// address")
    try:
        return Address.parse(cluster.server, cluster.tls_server_name), Proxy.parse(cluster.proxy_url) if cluster.proxy_url else None
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error}") from None


def _pem(entry: Entry[Cluster] | Entry[User], written: str, data: bytes, key: str, source: str) -> Pem | None:
    """A PEM of either form. Raises ConfigurationError for both: one of the two is an old one."""
    if written and data:
        raise ConfigurationError(f"{source}: both {key} and {key}-data; remove one of the two")
    if data:
        return Pem(data, what=key)
    path = entry.path(written)
    return Pem(path=path, what=f"{source}: {key}") if path is not None else None


def _identification(user: Entry[User], source: str) -> tuple[Pem | None, Pem | None]:
    """A client certificate and its key. A key alone proves nothing and is left out, as by client-go."""
    certificate = _pem(user, user.value.certificate, user.value.certificate_data, "client-certificate", source)
    if certificate is None:
        return None, None
    key = _pem(user, user.value.key, user.value.key_data, "client-key", source)
    if key is None:
        raise ConfigurationError(f"{source}: client-certificate and client-key go together; client-key is missing")
    return certificate, key


def _basic(user: User, source: str) -> str:
    """User and password (RFC 7617), as authenticating proxies in front of clusters take them; Kubernetes itself does not since 1.19."""
    if not user.username:
        return ""
    if user.token or user.token_file:
        raise ConfigurationError(f"{source}: its user has both a token and a username; remove one of the two")
    if ":" in user.username:
        raise ConfigurationError(f"{source}: its username has a colon, which would end it (RFC 7617); give one without")
    return base64.b64encode(f"{user.username}:{user.password}".encode()).decode("ascii")


def _exposed(user: Entry[User], token_file: Path | None, key: Pem | None) -> Iterator[str]:
    """Whoever reads such a file reaches the cluster without a window, at any time."""
    it = user.value
    inside = it.token or it.password or (key is not None and key.path is None) or (it.plugin is not None and it.plugin.env)
    holders = [user.file] if inside else []
    holders += [path for path in (token_file, key.path if key is not None else None) if path is not None]
    for path in dict.fromkeys(holders):
        if who := readers(path):
            yield f"{path} may be read or changed by {who} (mode {path.stat().st_mode & 0o777:04o}), who then needs no window; mend it with: chmod 600 {path}"


def _command(settings: Exec, cluster: Cluster, file: Path, ca: Pem | None, source: str, passed: tuple[str, ...]) -> plugin.Command:
    if not settings.command:
        raise ConfigurationError(f"{source}: exec names no command")
    if settings.api_version not in plugin.API_VERSIONS:
        said = clean(settings.api_version) or "is missing"
        raise ConfigurationError(f"{source}: exec apiVersion {said}; supported are {' and '.join(plugin.API_VERSIONS)}")
    mode = settings.interactive_mode or ("" if settings.api_version == plugin.API_VERSIONS[0] else "IfAvailable")
    if mode not in MODES:
        raise ConfigurationError(f"{source}: exec interactiveMode {clean(mode) or 'is missing'}; it is one of {', '.join(MODES)}")
    if mode == "Always":
        raise ConfigurationError(f"{source}: its exec plugin needs a terminal (interactiveMode: Always), and the gateway has none")
    if any(not pair.name or "=" in pair.name for pair in settings.env):
        raise ConfigurationError(f"{source}: exec has a variable under env without a name, or with an equals sign in it; correct its name")
    return plugin.Command(
        argv=(settings.command, *settings.args), api_version=settings.api_version, env={pair.name: pair.value for pair in settings.env},
        cluster=_cluster_info(cluster, ca) if settings.provide_cluster_info else None, install_hint=settings.install_hint, folder=file.parent, passed=passed,
    )  # fmt: skip


def _cluster_info(cluster: Cluster, ca: Pem | None) -> dict[str, Any]:
    """The cluster as a plugin is told of it (ExecCredential, spec.cluster; rest/exec.go)."""
    info: dict[str, Any] = {
        "server": _shown(cluster.server), "tls-server-name": cluster.tls_server_name, "insecure-skip-tls-verify": cluster.insecure,
        "proxy-url": cluster.proxy_url,
        "certificate-authority-data": base64.b64encode(ca.load()).decode("ascii") if ca is not None else "", "disable-compression": cluster.disable_compression,
    }  # fmt: skip
    info = {key: value for key, value in info.items() if value}
    config = next((extension.extension for extension in cluster.extensions if extension.name == EXTENSION), None)
    return {**info, "config": config}


def _shown(server: str) -> str:
    """The server as a plugin is told it: without a query if it has a path."""
    parts = urlsplit(server)
    return urlunsplit(parts._replace(query="")) if len(parts.path) > 1 else server


def _acting_as(user: User, source: str) -> Headers:
    """`as`, `as-uid`, `as-groups`, `as-user-extra`: leaving them out would act as the wider user behind them."""
    if not user.act_as:
        if user.act_as_uid or user.act_as_groups or user.act_as_extra:
            raise ConfigurationError(f"{source}: as-uid, as-groups and as-user-extra need `as`")
        return ()
    headers = [("impersonate-user", user.act_as)]
    headers += [("impersonate-uid", user.act_as_uid)] if user.act_as_uid else []
    headers += [("impersonate-group", group) for group in user.act_as_groups]
    for key, values in user.act_as_extra.items():
        headers += [(f"impersonate-extra-{quote(key.lower(), safe=HEADER_NAME_SAFE)}", value) for value in values]
    if any(not value.isprintable() for _, value in headers):
        raise ConfigurationError(f"{source}: `as` and its companions must be printable")
    return tuple((name.encode("ascii"), value.encode()) for name, value in headers)
