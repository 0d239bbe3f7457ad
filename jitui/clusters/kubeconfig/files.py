"""The files of a kubeconfig, as client-go types and merges them (k8s.io/client-go/tools/clientcmd: api/v1/types.go, loader.go).

A field that is missing or null is empty; one of another type is an error, wherever in the file it stands; unknown fields are none of our business.
The first file that has an entry gives all of it, and the first that names a current context gives that.
"""

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from jitui.clusters.dial import reason
from jitui.clusters.kubeconfig.document import line, read
from jitui.values.errors import ConfigurationError, InvalidError
from jitui.values.said import clean


def _text(value: object) -> object:
    return "" if value is None else value


def _list(value: object) -> object:
    return [] if value is None else value


def _data(value: object) -> object:
    """The bytes of a `-data` field, whose base64 may have line breaks (Go's encoding/base64)."""
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64") from None


Text = Annotated[str, BeforeValidator(_text)]
Data = Annotated[bytes, BeforeValidator(_data)]


class _Part(BaseModel):
    """A structure of the file. Null is an empty one, and a null field is as if it were missing."""

    model_config = ConfigDict(strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _present(cls, value: object) -> object:
        if isinstance(value, dict):
            return {key: part for key, part in value.items() if part is not None}
        return {} if value is None else value


class Extension(_Part):
    name: str = ""
    extension: Any = None


class Cluster(_Part):
    server: str = ""
    tls_server_name: str = Field(default="", alias="tls-server-name")
    insecure: bool = Field(default=False, alias="insecure-skip-tls-verify")
    authority: str = Field(default="", alias="certificate-authority")
    authority_data: Data = Field(default=b"", alias="certificate-authority-data", repr=False)
    proxy_url: str = Field(default="", alias="proxy-url", repr=False)
    disable_compression: bool = Field(default=False, alias="disable-compression")
    extensions: list[Extension] = Field(default_factory=list)


class Variable(_Part):
    name: str = ""
    value: str = Field(default="", repr=False)


class Exec(_Part):
    command: str = ""
    args: list[Text] = Field(default_factory=list)
    env: list[Variable] = Field(default_factory=list)
    api_version: str = Field(default="", alias="apiVersion")
    install_hint: str = Field(default="", alias="installHint")
    provide_cluster_info: bool = Field(default=False, alias="provideClusterInfo")
    interactive_mode: str = Field(default="", alias="interactiveMode")


class AuthProvider(_Part):
    name: str = ""
    config: dict[str, Text] = Field(default_factory=dict, repr=False)


class User(_Part):
    certificate: str = Field(default="", alias="client-certificate")
    certificate_data: Data = Field(default=b"", alias="client-certificate-data", repr=False)
    key: str = Field(default="", alias="client-key")
    key_data: Data = Field(default=b"", alias="client-key-data", repr=False)
    token: str = Field(default="", repr=False)
    token_file: str = Field(default="", alias="tokenFile")
    act_as: str = Field(default="", alias="as")
    act_as_uid: str = Field(default="", alias="as-uid")
    act_as_groups: list[Text] = Field(default_factory=list, alias="as-groups")
    act_as_extra: dict[str, Annotated[list[Text], BeforeValidator(_list)]] = Field(default_factory=dict, alias="as-user-extra")
    username: str = ""
    password: str = Field(default="", repr=False)
    auth_provider: AuthProvider | None = Field(default=None, alias="auth-provider")
    plugin: Exec | None = Field(default=None, alias="exec")
    extensions: list[Extension] = Field(default_factory=list)


class Context(_Part):
    cluster: str = ""
    user: str = ""
    namespace: str = ""
    extensions: list[Extension] = Field(default_factory=list)


class _NamedCluster(_Part):
    name: str = ""
    cluster: Cluster = Cluster()


class _NamedUser(_Part):
    name: str = ""
    user: User = User()


class _NamedContext(_Part):
    name: str = ""
    context: Context = Context()


class _Preferences(_Part):
    colors: bool = False
    extensions: list[Extension] = Field(default_factory=list)


class _File(_Part):
    kind: str = ""
    api_version: str = Field(default="", alias="apiVersion")
    preferences: _Preferences = _Preferences()
    clusters: list[_NamedCluster] = Field(default_factory=list)
    users: list[_NamedUser] = Field(default_factory=list)
    contexts: list[_NamedContext] = Field(default_factory=list)
    current_context: str = Field(default="", alias="current-context")
    extensions: list[Extension] = Field(default_factory=list)


E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Entry(Generic[E]):
    """An entry and the file that it stands in, whose folder its relative paths start at."""

    value: E
    file: Path

    def path(self, written: str) -> Path | None:
        """A path as written, absolute; None if there is none. `~` and `$HOME` are names of folders like any other. Raises ConfigurationError."""
        if "\0" in written:
            raise ConfigurationError(f"kubeconfig {self.file}: the path {clean(written, 60)} has a zero byte, and no file has; correct it")
        return Path(os.path.normpath(self.file.parent / written)) if written else None


@dataclass(slots=True)
class Merged:
    """The entries of all files, by name."""

    source: str  # the files, for messages
    current: str = ""
    clusters: dict[str, Entry[Cluster]] = field(default_factory=dict)
    users: dict[str, Entry[User]] = field(default_factory=dict)
    contexts: dict[str, Entry[Context]] = field(default_factory=dict)


def merge(paths: Sequence[Path]) -> Merged:
    """The files, merged; those that don't exist are left out. Raises ConfigurationError in one line."""
    merged = Merged(f"kubeconfig {':'.join(str(path) for path in paths)}")
    missing = 0
    for path in dict.fromkeys(paths):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            missing += 1
            continue
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"kubeconfig {path} can't be read: {reason(error)}") from error
        _add(merged, path.absolute(), _read(data, path))
    if missing == len(set(paths)):
        raise ConfigurationError(f"{merged.source} does not exist")
    return merged


def _add(merged: Merged, path: Path, file: _File) -> None:
    merged.current = merged.current or file.current_context
    for cluster in file.clusters:
        merged.clusters.setdefault(cluster.name, Entry(cluster.cluster, path))
    for user in file.users:
        merged.users.setdefault(user.name, Entry(user.user, path))
    for context in file.contexts:
        merged.contexts.setdefault(context.name, Entry(context.context, path))


def _read(data: bytes, path: Path) -> _File:
    try:
        document, root = read(data)
    except InvalidError as error:
        raise ConfigurationError(f"kubeconfig {path}:{error}") from None
    try:
        file = _File.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{clean(str(part), 60)}" for part in first["loc"]).removeprefix(".")
        what = _SAID.get(first["type"]) or first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"kubeconfig {path}:{line(root, first['loc'])}: {where or 'the document'} {what}") from None
    if file.kind not in {"", "Config"} or file.api_version not in {"", "v1"}:
        said = f"{clean(file.kind, 60) or 'Config'} of {clean(file.api_version, 60) or 'v1'}"
        raise ConfigurationError(f"kubeconfig {path} is not a kubeconfig: it is a {said}, and a kubeconfig is kind: Config, apiVersion: v1")
    named: Mapping[str, Sequence[_NamedCluster | _NamedUser | _NamedContext]]
    named = {"clusters": file.clusters, "users": file.users, "contexts": file.contexts}
    for section, entries in named.items():
        seen: set[str] = set()
        for at, entry in enumerate(entries):
            if entry.name in seen:
                number = line(root, (section, at))
                said = clean(entry.name, 60) or "nothing"
                raise ConfigurationError(f"kubeconfig {path}:{number}: {section} has two entries named {said}; remove or rename one")
            seen.add(entry.name)
    return file


_SAID: Final = {
    "string_type": "is not text; put it in quotes", "bool_type": "is neither true nor false, without quotes", "list_type": "is not a list",
    "model_type": "is not a map with the fields of a kubeconfig", "dict_type": "is not a map", "bytes_type": "is not base64 text",
}  # fmt: skip
