"""One context of a kubeconfig, read and checked: where the cluster is, whom it trusts, and how the user proves who they are.

The `kubernetes` package merges the files and does nothing else; it takes 0.4 s to import, so that is done late.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jitui.clusters.dial import Address, read, reason
from jitui.clusters.kubeconfig import plugin
from jitui.clusters.port import Headers
from jitui.values.errors import ConfigurationError
from jitui.values.private_file import readers
from jitui.values.said import clean

HEADER_NAME_SAFE: Final = "!#$&'*+-.^_`|~"  # RFC 9110, section 5.6.2, but for the percent sign, which escapes
EXTENSION: Final = "client.authentication.k8s.io/exec"


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
    ca: Pem | None  # None: the system's roots
    insecure: bool
    certificate: Pem | None
    key: Pem | None
    token: str = field(repr=False)
    token_file: Path | None
    command: plugin.Command | None
    act_as: Headers  # `as`, `as-groups` ... of the user
    exposed: tuple[str, ...] = ()  # a sentence for each file of the credential that other users may read


def read_context(path: str | Path, name: str, *, insecure: bool = False, passed: Sequence[str] = ()) -> Context:
    """One context of a kubeconfig (or several, joined by `:` as in KUBECONFIG). Raises ConfigurationError in one line."""
    config = _merged(str(path))
    name = name or config.get("current-context") or ""
    if not name:
        raise ConfigurationError(f"kubeconfig {path} has no current-context; name one with context:")
    context = _entry(config, "contexts", name, "context", f"kubeconfig {path}")
    source = f"kubeconfig {path}, context {clean(name)}"
    cluster = _entry(config, "clusters", str(context.get("cluster") or ""), "cluster", source)
    user = _entry(config, "users", str(context.get("user") or ""), "user", source)
    try:
        return _checked(cluster, user, source, insecure=insecure, passed=tuple(passed))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{source}: a field of its cluster or user has the wrong shape: {reason(error)}") from error


def _merged(path: str) -> dict[str, Any]:
    """The merged files; each entry knows its own file, under the key "" ."""
    from kubernetes.config import ConfigException  # noqa: PLC0415 - slow to import
    from kubernetes.config.kube_config import KubeConfigMerger  # noqa: PLC0415
    from yaml import YAMLError  # noqa: PLC0415

    files = [Path(part).expanduser() for part in path.split(":") if part]
    missing = [file for file in files if not file.exists()]
    if not files or len(missing) == len(files):
        raise ConfigurationError(f"kubeconfig {path} does not exist")
    for file in files:
        if file.exists():
            read(file, "kubeconfig")
    try:
        merged = KubeConfigMerger(path).config  # type: ignore[no-untyped-call]
        config: dict[str, Any] = dict(merged.value)
        for section, key in (("contexts", "context"), ("clusters", "cluster"), ("users", "user")):
            config[section] = {node.value["name"]: {**(node.value.get(key) or {}), "": Path(node.path).resolve()} for node in config[section]}
    except YAMLError as error:
        raise ConfigurationError(f"kubeconfig {path} is not YAML: {clean(str(error))}") from error
    except (ConfigException, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"kubeconfig {path} is not a kubeconfig: it needs lists of named clusters, contexts and users") from error
    return config


def _entry(config: Mapping[str, Any], section: str, name: str, noun: str, source: str) -> dict[str, Any]:
    entries = config[section]
    if name not in entries:
        known = ", ".join(clean(str(known), 60) for known in entries) or "none"
        raise ConfigurationError(f"{source} has no {noun} {clean(name) or 'at all'}; it has: {known}")
    entry: dict[str, Any] = entries[name]
    return entry


def _checked(cluster: Mapping[str, Any], user: Mapping[str, Any], source: str, *, insecure: bool, passed: tuple[str, ...]) -> Context:
    skip = bool(cluster.get("insecure-skip-tls-verify"))
    if cluster.get("proxy-url"):
        raise ConfigurationError(f"{source}: proxy-url is not supported; the gateway needs a direct way to the cluster")
    if skip and not insecure:
        raise ConfigurationError(
            f"{source}: insecure-skip-tls-verify is honoured only if the connection says insecure_skip_tls_verify: true too; better give certificate-authority"
        )
    ca = _pem(cluster, "certificate-authority", source)
    if skip and ca is not None:
        raise ConfigurationError(f"{source}: both certificate-authority and insecure-skip-tls-verify; use one of the two")
    if user.get("auth-provider"):
        raise ConfigurationError(f"{source}: auth-provider is not supported (Kubernetes took it out in 1.26); use an exec plugin")
    if user.get("username") or user.get("password"):
        raise ConfigurationError(f"{source}: username and password are not supported (Kubernetes took them out in 1.19); use a token")
    certificate, key = _pem(user, "client-certificate", source), _pem(user, "client-key", source)
    if (certificate is None) != (key is None):
        raise ConfigurationError(f"{source}: client-certificate and client-key go together; one of them is missing")
    token = str(user.get("token") or "").strip()
    if token and not plugin.is_token(token):
        raise ConfigurationError(f"{source}: its token has spaces or characters that no header may carry")
    token_file = _path(user, "tokenFile")
    if token_file is not None:
        read(token_file, f"{source}: token file")
    command = None
    if not token and token_file is None and certificate is None and user.get("exec"):  # as client-go: a plugin is the last resort
        command = _command(user["exec"], cluster, user, ca, source, passed)
    if not token and token_file is None and certificate is None and command is None:
        raise ConfigurationError(f"{source}: its user has no credential: no token, tokenFile, client-certificate or exec")
    return Context(
        source=source, address=Address.parse(str(cluster.get("server") or ""), str(cluster.get("tls-server-name") or "")), ca=ca, insecure=skip,
        certificate=certificate, key=key, token=token, token_file=token_file, command=command, act_as=_acting_as(user, source),
        exposed=tuple(_exposed(user, token_file, key)),
    )  # fmt: skip


def _exposed(user: Mapping[str, Any], token_file: Path | None, key: Pem | None) -> Iterator[str]:
    """Whoever reads such a file reaches the cluster without a window, at any time."""
    holders = [user[""]] if user.get("token") or user.get("client-key-data") or (user.get("exec") or {}).get("env") else []
    holders += [path for path in (token_file, key.path if key is not None else None) if path is not None]
    for path in dict.fromkeys(holders):
        if who := readers(path):
            yield f"{path} may be read or changed by {who} (mode {path.stat().st_mode & 0o777:04o}), who then needs no window; mend it with: chmod 600 {path}"


def _path(entry: Mapping[str, Any], key: str) -> Path | None:
    """A path, relative to the kubeconfig it stands in."""
    file: Path = entry[""]
    return file.parent / Path(str(entry[key])).expanduser() if entry.get(key) else None


def _pem(entry: Mapping[str, Any], key: str, source: str) -> Pem | None:
    """KEY-data before KEY, as client-go does."""
    data = entry.get(f"{key}-data")
    if data:
        try:
            return Pem(base64.b64decode(str(data), validate=True), what=key)
        except binascii.Error as error:
            raise ConfigurationError(f"{source}: {key}-data is not base64: {reason(error)}") from error
    path = _path(entry, key)
    return Pem(path=path, what=f"{source}: {key}") if path is not None else None


def _command(settings: Any, cluster: Mapping[str, Any], user: Mapping[str, Any], ca: Pem | None, source: str, passed: tuple[str, ...]) -> plugin.Command:
    if not isinstance(settings, Mapping) or not settings.get("command"):
        raise ConfigurationError(f"{source}: exec names no command")
    version = str(settings.get("apiVersion") or "")
    if version not in plugin.API_VERSIONS:
        raise ConfigurationError(f"{source}: exec apiVersion {clean(version) or 'is missing'}; supported are {' and '.join(plugin.API_VERSIONS)}")
    if settings.get("interactiveMode") == "Always":
        raise ConfigurationError(f"{source}: its exec plugin needs a terminal (interactiveMode: Always), and the gateway has none")
    info: dict[str, Any] | None = None
    if settings.get("provideClusterInfo"):
        info = {key: cluster[key] for key in ("server", "tls-server-name", "insecure-skip-tls-verify") if cluster.get(key)}
        if ca is not None:
            info["certificate-authority-data"] = base64.b64encode(ca.load()).decode("ascii")
        for extension in cluster.get("extensions") or ():
            if extension.get("name") == EXTENSION:
                info["config"] = extension.get("extension")
        json.dumps(info)
    return plugin.Command(
        argv=(str(settings["command"]), *(str(word) for word in settings.get("args") or ())),
        api_version=version,
        env={str(pair["name"]): str(pair["value"]) for pair in settings.get("env") or ()},
        cluster=info,
        install_hint=str(settings.get("installHint") or ""),
        folder=user[""].parent,
        passed=passed,
    )


def _acting_as(user: Mapping[str, Any], source: str) -> Headers:
    """`as`, `as-uid`, `as-groups`, `as-user-extra`: leaving them out would act as the wider user behind them."""
    headers = [("impersonate-user", user.get("as")), ("impersonate-uid", user.get("as-uid"))]
    headers += [("impersonate-group", group) for group in user.get("as-groups") or ()]
    for key, values in (user.get("as-user-extra") or {}).items():
        headers += [(f"impersonate-extra-{quote(str(key).lower(), safe=HEADER_NAME_SAFE)}", value) for value in values]
    kept = [(name, str(value)) for name, value in headers if value]
    if kept and not user.get("as"):
        raise ConfigurationError(f"{source}: as-uid, as-groups and as-user-extra need `as`")
    if any(not value.isprintable() for _, value in kept):
        raise ConfigurationError(f"{source}: `as` and its companions must be printable")
    return tuple((name.encode("ascii"), value.encode()) for name, value in kept)

