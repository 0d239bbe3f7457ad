"""The settings: one YAML file, strict. Only serve and cli read it.

Every error is `file:line: key: what is wrong`. A rule becomes a `policy.terms.Rule` here; the settings of a connection are its kind's own
(`clusters/registry.py`). No other module knows the file's form.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import ErrorDetails

from jitui import marked
from jitui.auth.certificates import Trust
from jitui.auth.people import RESERVED, Person
from jitui.auth.settings import Ssh, SshKeys, clashes
from jitui.clusters.kind import ConnectionSettings
from jitui.clusters.registry import BY_NAME, Connection, kind_of
from jitui.export.settings import ExportSettings
from jitui.listeners.address import ListenAddress
from jitui.listeners.kube.names import HostNames
from jitui.policy.action import Hazard
from jitui.policy.scope import Scope
from jitui.policy.terms import BUDGET, Role, Rule
from jitui.values.errors import ConfigurationError, InvalidError
from jitui.values.fields import Bytes, FilePath, HostPort, Seconds, Strict
from jitui.values.keeping import Retention
from jitui.values.limits import Limits
from jitui.values.private_file import writable_by_all
from jitui.values.said import clean
from jitui.witness.settings import WitnessSettings

PRESETS: Final = '@view, @debug or @deploy, as in "@view in web"'


def _clause(value: str) -> str:
    try:
        Scope.parse(value)
    except InvalidError as error:
        raise ValueError(str(error)) from None
    return value


def _clauses(value: object) -> object:
    return [value] if isinstance(value, str) else value


ScopeText = Annotated[
    list[Annotated[str, AfterValidator(_clause)]], BeforeValidator(_clauses),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}], "examples": ["@view in web"]})]
NamespacePattern = Annotated[str, StringConstraints(pattern=r"^[a-z0-9*]([a-z0-9*-]{0,62})$")]
Image = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,499}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9._@-]{0,61}[a-z0-9])?$")]
ConnectionName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$")]
PersonRole = Literal["approver", "operator", "auditor", "unmask"]  # unmask counts beside auditor
HazardName = Literal["READ", "SECRET", "EXEC", "CHANGE", "SPAWN", "ESCAPE"]


class Listen(Strict):
    """The addresses, names and sockets of the listeners."""

    kube: HostPort = "127.0.0.1:8443"
    """The address for kubectl that all connections share, TLS."""
    kube_names: str = Field(default="", pattern=r"^(?:\*(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+)?$", examples=["*.gw.example.com"])
    """Gives each connection a host name of its own there, its name in place of the asterisk; DNS has to lead them all to the gateway."""
    api: HostPort = "127.0.0.1:8444"
    """HTTP and JSON for agents and people elsewhere, TLS and a token."""
    ssh: HostPort | Literal[""] = ""
    """SSH for agents and people, with keys; empty: there is no such listener."""
    names: list[str] = Field(default_factory=lambda: ["localhost", "127.0.0.1", "::1"])
    """Host names and addresses in the server's certificate."""
    socket_group: str = Field(default="", pattern=r"^(?:[A-Za-z_][A-Za-z0-9_.-]{0,31})?$")
    """The Unix group whose people may use the desk's socket; who of them is who, people says by uid. Empty: the gateway's user alone."""


class Certificate(Strict):
    """A server certificate of your own, instead of one by the gateway's authority."""

    cert: FilePath
    key: FilePath


class PersonEntry(Strict):
    uid: int = Field(ge=0)
    """The Unix user they are on the local socket."""
    roles: list[PersonRole] = Field(min_length=1)
    ssh_keys: SshKeys = ()
    """Their public keys for SSH: lines as in id_ed25519.pub, or files with such lines."""


class RuleEntry(Strict):
    identity: Name
    connection: ConnectionName
    duration: Seconds
    """The longest window it may ask for."""
    approval: Literal["required", "automatic"] = "required"
    automatic_for: list[HazardName] | None = None
    """Hazards that pass without a person when approval is automatic; READ alone unless given."""
    approvals: int = Field(default=1, ge=1, le=16)
    """Persons who must say yes."""
    starts: Literal["on-approval", "on-first-use"] = "on-approval"
    use_within: Seconds | None = None
    """Of on-first-use: how long an approved window waits; 15m unless given."""
    pending: Seconds = 3600
    """The longest time that a request waits for a decision; then it lapses."""
    bytes: Bytes = BUDGET
    """So much may a window move towards the cluster, and as much towards the client; it ends when either is used up."""
    scope: ScopeText = Field(default_factory=list)
    guarded_namespaces: list[NamespacePattern] = Field(default_factory=list, max_length=100)
    """Where, as in kube-system, kube-node-lease and kube-public, only a clause that writes out verb, kind and namespace lets anything be written."""
    processes: Literal["end", "leave"] = "end"
    """Processes that a window's commands started are ended in their containers when it ends, or only listed."""
    unexplained: Literal["report", "delete-pod"] = "report"
    """Where something may run on that can't be tied to a command, or was not seen to end: it is listed, or its pod is deleted. That needs `delete` on pods."""
    probe: Literal["exec", "ephemeral-container"] = "exec"
    """The look at a container's processes: by a command in it; or, where it has no shell, from an ephemeral container beside it of `probe_image`. That needs
    `get` on pods and `patch` on pods/ephemeralcontainers, and the container stays listed in the pod."""
    probe_image: Image | None = None
    owner_may_approve: bool | None = None
    """Lets the agent's owner decide for it; only where no people are configured is that so by itself."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.scope:
            raise ValueError(f"scope: a rule without a scope never means everything; write clauses, or a preset: {PRESETS}")
        if self.automatic_for is not None and self.approval != "automatic":
            raise ValueError("automatic_for: only with approval: automatic")
        if self.approvals > 1 and self.approval == "automatic":
            raise ValueError(f"approvals: {self.approvals} persons can't be counted when approval is automatic")
        if self.unexplained == "delete-pod" and self.processes == "leave":
            raise ValueError("unexplained: delete-pod only with processes: end")
        if (self.probe == "ephemeral-container") != (self.probe_image is not None):
            raise ValueError("probe_image: an image with sh, cat and sleep, if and only if probe is ephemeral-container")
        if self.use_within is not None and self.starts != "on-first-use":
            raise ValueError("use_within: only with starts: on-first-use")
        return self

    def rule(self, *, solo: bool) -> Rule:
        return Rule(
            identity=self.identity, connection=self.connection, duration_s=self.duration, scope=Scope.parse("; ".join(self.scope)), approvals=self.approvals,
            automatic=self.approval == "automatic", automatic_for=frozenset(self.automatic_for or [Hazard.READ.value]),
            on_first_use=self.starts == "on-first-use", use_within_s=self.use_within or 900, pending_s=self.pending,
            owner_may_approve=solo if self.owner_may_approve is None else self.owner_may_approve, budget=self.bytes,
            guarded=tuple(dict.fromkeys(self.guarded_namespaces)), ends_processes=self.processes == "end", deletes_pods=self.unexplained == "delete-pod",
            probe_image=self.probe_image or "")


class Settings(Strict):
    """The file's form."""

    listen: Listen = Listen()
    certificate: Certificate | None = None
    ssh: Ssh = Ssh()
    people: dict[Name, PersonEntry] = Field(default_factory=dict)
    connections: dict[ConnectionName, Connection]
    rules: list[RuleEntry] = Field(default_factory=list)
    limits: Limits = Limits()
    witness: dict[Name, WitnessSettings] = Field(default_factory=dict)
    """Witnesses that are sent the checkpoints of the transparency log."""
    retention: Retention | None = None
    export: ExportSettings | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    """The content of one settings file, ready for use."""

    path: Path
    digest: str  # sha256 of the text, hex
    listen: Listen
    certificate: Certificate | None
    trust: Trust
    people: Mapping[str, Person]
    connections: Mapping[str, ConnectionSettings]
    rules: tuple[Rule, ...]
    limits: Limits
    witness: Mapping[str, WitnessSettings]
    retention: Retention | None = None  # None: nothing recorded ever goes
    export: ExportSettings | None = None
    unsupported: str = ""  # why a gateway can't start with it, naming file and line; empty if it can

    @property
    def solo(self) -> bool:
        """Whether the file names no people: the user who runs the gateway is then approver, operator and auditor, too."""
        return not self.people

    @property
    def own_ports(self) -> Mapping[str, str]:
        """The connections with a port of their own, and the address of those that set it; the others have a host name."""
        return {name: one.listen or "" for name, one in self.connections.items() if one.listen or not self.listen.kube_names}

    def rule(self, identity: str, connection: str) -> Rule | None:
        """The one rule of an identity and connection."""
        return next((rule for rule in self.rules if (rule.identity, rule.connection) == (identity, connection)), None)

    def must_start(self) -> None:
        """Raises ConfigurationError if the file is valid but needs something that is missing."""
        if self.unsupported:
            raise ConfigurationError(self.unsupported)


class WrongError(ConfigurationError):
    """A file has faults: the message gives the first and the number of the others; all are kept."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        more = f" (and {len(problems) - 1} more: jitui check --config names them)" if len(problems) > 1 else ""
        super().__init__(self.problems[0] + more)


def load(path: Path) -> Configuration:
    """The configuration of a file. Raises ConfigurationError if it is unreadable, or wrong (with key and line)."""
    if writable_by_all(path):
        raise ConfigurationError(f"{path}: everybody may change it or its folder, and could grant themselves anything; mend it with: chmod o-w "
                                 f"{path} {path.parent}")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such configuration file; what it holds: jitui check --schema") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: can't be read: {error}") from None
    return read(text, path)


def read(text: str, path: Path) -> Configuration:
    """The configuration of `text`, whose relative paths start at `path`'s folder. Raises ConfigurationError."""
    try:
        document = marked.load(text)
    except InvalidError as error:
        raise WrongError([f"{path}:{error}"]) from None
    data = {key: value for key, value in document.data.items() if value is not None} if isinstance(document.data, dict) else document.data
    try:
        settings = Settings.model_validate({} if data is None else data, context=path.parent)
    except ValidationError as error:
        found = sorted({_complaint(document, detail) for detail in error.errors(include_url=False)})
        raise WrongError([f"{path}:{line}: {clean(what, 1000)}" for line, what in found]) from None
    problems = _across(settings, document)
    if problems:
        raise WrongError([f"{path}:{line}: {what}" for line, what in problems])
    solo = not settings.people
    return Configuration(
        path=path, digest=sha256(text.encode()).hexdigest(), listen=settings.listen, certificate=settings.certificate,
        trust=Trust.of(settings.ssh.user_ca, passwords=settings.ssh.password_tokens),
        people=MappingProxyType({
            name: Person(entry.uid, frozenset(Role(role) for role in entry.roles), entry.ssh_keys) for name, entry in settings.people.items()
        }),
        connections=MappingProxyType(settings.connections), rules=tuple(entry.rule(solo=solo) for entry in settings.rules),
        limits=settings.limits, witness=MappingProxyType(settings.witness), retention=settings.retention, export=settings.export,
        unsupported=next(_lacking(settings, document, path), ""))


def _lacking(settings: Settings, document: marked.Marked, path: Path) -> Iterator[str]:
    """The errors of connections that count on something outside the file which is not there now, as a role that the environment names."""
    for name, connection in settings.connections.items():
        try:
            kind_of(connection).must_be_whole(connection)
        except ConfigurationError as error:
            yield f"{path}:{document.line(('connections', name))}: connections.{name}: {error}"


def schema() -> str:
    """The JSON Schema of the file, for editors."""
    made = Settings.model_json_schema()
    made |= {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "jitui configuration"}
    return json.dumps(made, indent=2, sort_keys=True)


def _across(settings: Settings, document: marked.Marked) -> list[tuple[int, str]]:
    """The errors that span several entries: names that must exist, pairs that must be unique."""
    found: list[tuple[int, str]] = []
    seen: dict[tuple[str, str], int] = {}
    for at, entry in enumerate(settings.rules):
        line = document.line(("rules", at))
        if entry.connection not in settings.connections:
            known = ", ".join(settings.connections) or "none"
            found.append((document.line(("rules", at, "connection")), f"rules[{at}].connection: no connection {entry.connection} here; known: {known}"))
        if entry.identity in settings.people:
            found.append((document.line(("rules", at, "identity")), f"rules[{at}].identity: {entry.identity} is a person; rules are for agents"))
        pair = (entry.identity, entry.connection)
        if pair in seen:
            found.append((line, f"rules[{at}]: a second rule for {entry.identity} on {entry.connection}, first on line {seen[pair]}; put both in one"))
        seen.setdefault(pair, line)
    if settings.listen.socket_group and not settings.people:
        found.append((document.line(("listen", "socket_group")),
                      f"listen.socket_group: nobody is named under people, so nobody of {settings.listen.socket_group} could do anything; name them by uid"))
    found += [(document.line(("people", name)), f"people.{name}: the record calls a part of the gateway so; give this person another name")
              for name in RESERVED & settings.people.keys()]  # fmt: skip
    found += [*_addresses(settings, document), *_keys(settings, document)]
    for uid, count in Counter(person.uid for person in settings.people.values()).items():
        if count > 1:
            names = [name for name, person in settings.people.items() if person.uid == uid]
            found.append((document.line(("people", names[1], "uid")), f"people.{names[1]}.uid: {uid} is {names[0]} already; one user is one person"))
    return sorted(found)


def _keys(settings: Settings, document: marked.Marked) -> Iterator[tuple[int, str]]:
    """The errors of SSH keys that two would have, and of authorities that can't be asked."""
    for where, what in clashes(settings.ssh, {name: one.ssh_keys for name, one in settings.people.items()}):
        yield document.line(where), f"{'.'.join(where)}: {what}"


def _addresses(settings: Settings, document: marked.Marked) -> Iterator[tuple[int, str]]:
    """The errors of addresses that two parts of the file claim, and of connections that can't have a host name."""
    listen, names = settings.listen, HostNames(settings.listen.kube_names) if settings.listen.kube_names else None
    taken = {ListenAddress.parse(listen.api): "listen.api", ListenAddress.parse(listen.kube): "listen.kube"}
    if listen.ssh:
        mine = ListenAddress.parse(listen.ssh)
        if mine.port and mine in taken:
            yield document.line(("listen", "ssh")), f"listen.ssh: {mine} is {taken[mine]} already; set another port"
        taken[mine] = "listen.ssh"
    for name, connection in settings.connections.items():
        where = ("connections", name)
        if connection.listen:
            mine = ListenAddress.parse(connection.listen)
            if mine.port and mine in taken:
                yield document.line((*where, "listen")), f"connections.{name}.listen: {mine} is {taken[mine]} already; set another port"
            taken[mine] = f"connections.{name}.listen"
        elif names is not None:
            try:
                host = names.of(name)
            except ValueError as error:
                yield document.line(where), f"connections.{name}: {error}, so listen.kube_names has none for it; rename it, or set its listen"
            else:
                if host in {one.lower() for one in listen.names} | {one.host.lower() for one in taken}:
                    yield document.line(("listen", "kube_names")), f"listen.kube_names: {host} is the gateway's own name; rename the connection {name}"


_KINDS: Final = " or ".join(sorted(BY_NAME))
_SAID: Final = {"missing": "is missing", "union_tag_not_found": f"is missing; it is {_KINDS}", "union_tag_invalid": f"is {_KINDS}"}


def _complaint(document: marked.Marked, detail: ErrorDetails) -> tuple[int, str]:
    """Line and words of one of pydantic's errors."""
    kind, where = detail["type"], _place(document, detail["loc"])
    if kind.startswith("union_tag"):
        where = (*where, "kind")
    label = _label(where)
    if kind == "extra_forbidden":
        near = get_close_matches(str(where[-1]), _keys_near(detail["loc"]), n=1)
        return document.line(where), f"{label}: unknown key" + (f"; did you mean {near[0]}?" if near else "")
    what = _SAID.get(kind) or detail["msg"].removeprefix("Value error, ")
    if kind == "string_pattern_mismatch":
        what = f"{detail['input']!r} does not fit {detail.get('ctx', {}).get('pattern', '')}"
    elif kind.endswith(("_type", "_error")) and kind != "value_error":
        what = f"{what[0].lower()}{what[1:]}, not {json.dumps(detail['input'], default=str)[:60]}"
    inner, colon, rest = what.partition(": ")
    if kind == "value_error" and colon and inner in {*RuleEntry.model_fields, *Limits.model_fields, *Retention.model_fields} and where[-1] != inner:
        where, label, what = (*where, inner), f"{label}.{inner}", rest
    return document.line(where), f"{label}: {what}" if label else what


def _place(document: marked.Marked, loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The place in the file for pydantic's location, without pydantic's additions: the tag of a union's member, `[key]`, a name's own check."""
    place: tuple[int | str, ...] = ()
    for at, part in enumerate(loc):
        last = at == len(loc) - 1
        if (*place, part) in document.lines or (last and part != "[key]" and part not in BY_NAME):
            place = (*place, part)
    return place


def _label(where: tuple[int | str, ...]) -> str:
    """connections.prod.kind, rules[0].scope."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).removeprefix(".")


def _keys_near(loc: tuple[int | str, ...]) -> list[str]:
    """The keys that may stand where an unknown one does."""
    models: dict[str, type[BaseModel]] = {"listen": Listen, "certificate": Certificate, "people": PersonEntry, "rules": RuleEntry, "ssh": Ssh, "limits": Limits,
                                          "witness": WitnessSettings, "retention": Retention, "export": ExportSettings}
    if len(loc) == 1:
        return list(Settings.model_fields)
    if loc[0] == "connections":  # loc: connections, its name, its kind, the key
        return list(BY_NAME[str(loc[2])].settings.model_fields)
    return list(models[str(loc[0])].model_fields) if loc[0] in models else []
