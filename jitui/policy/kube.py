"""Reads a request line of Kubernetes as the API server reads it, and refuses it where two readings are possible.

Sources: kubernetes apiserver/pkg/endpoints/request/requestinfo.go (attributes), Go's net/url (how the target is taken apart),
apimachinery/pkg/runtime/conversion.go (how a query value becomes a boolean), apimachinery/pkg/fields/selector.go.
The gateway forwards exactly the target that was read here, so nothing is normalised: a target that is not in its plain form is refused.
"""

import re
from binascii import a2b_qp
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NoReturn

from jitui.policy.action import Action
from jitui.policy.clause import READS
from jitui.policy.streams import OF_PODS, upgrade_of
from jitui.values.errors import InvalidError

METHODS: Final[Mapping[bytes, str]] = {
    b"GET": "get", b"HEAD": "get", b"POST": "create", b"PUT": "update", b"PATCH": "patch", b"DELETE": "delete",
    b"OPTIONS": "options",
}  # fmt: skip
PROXIED: Final = frozenset({b"nodes", b"pods", b"services"})

PATH: Final = re.compile(rb"/[A-Za-z0-9._~!$&'()*+,=:@/%-]*")  # RFC 3986, 3.3, without the semicolon
TAIL: Final = re.compile(rb"[!\"$->@-\[\]-~]*")  # of a proxy's path: printable ASCII without # ? and \
QUERY: Final = re.compile(rb"[!\"$-~]*")  # printable ASCII without #, as Go takes it
ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})?")
NO_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}")
PARAMETERS: Final = 10_000  # of one query: of a longer one Go reads none since 1.24.12 and 1.25.6 (net/url: defaultMaxParams), before it read all

# number parameters of a list: if one of them does not parse, the API server drops the field selector, and with it the name
NUMBERS: Final = ("limit", "timeoutSeconds")


def refuse(what: str, hint: str) -> NoReturn:
    raise InvalidError(f"request refused: {what}; {hint}")


@dataclass(frozen=True, slots=True)
class Query:
    """Keys and values as Go's ParseQuery returns them, in order. Of a parameter that has one value the API server reads the first."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def text(self, key: str) -> str:
        return self.values.get(key, ("",))[0]

    def flag(self, key: str) -> bool:
        """A boolean parameter: true if present and neither `0` nor `false`; an empty value counts as true."""
        values = self.values.get(key)
        if not values:
            return False
        if not values[0].isascii():
            refuse(f"{key} is neither true nor false", "send true or leave it out")
        return values[0].lower() not in {"0", "false"}


NO_QUERY: Final = Query()
REMEMBERED: Final = 512  # bytes of a request line and its content type, up to which the action that was read is kept


def read(method: bytes, target: bytes, *, content_type: bytes = b"") -> Action:
    """The action of one request: method, and origin-form target (path and query as they came). Raises InvalidError when refused."""
    if len(target) + len(content_type) <= REMEMBERED:
        return _remembered(method, target, content_type)
    return _read(method, target, content_type)


def _read(method: bytes, target: bytes, content_type: bytes) -> Action:
    verb = METHODS.get(method)
    if verb is None:
        refuse(f"method {method.decode('ascii', 'replace')[:20]}", "GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS pass")
    raw_path, question, raw_query = target.partition(b"?")
    path = _path(raw_path)
    parts = path.strip("/").split("/")
    query = _query(raw_query) if question else NO_QUERY
    if parts[0] not in {"api", "apis"} or len(parts) < (4 if parts[0] == "apis" else 3):
        return Action(method.decode("ascii").lower(), path=path)
    return _resource(verb, path, parts, query, apply=method == b"PATCH" and b"apply-patch" in content_type.lower())


_remembered = lru_cache(maxsize=2048)(_read)  # clients ask the same again and again; 4 MB at most


def query_of(target: bytes) -> Query:
    """The query of a request target, without reading its path. Raises InvalidError."""
    _, question, raw = target.partition(b"?")
    return _query(raw) if question else NO_QUERY


def describe(action: Action, *, everywhere: bool = False) -> str:
    """The action in words, as in `exec pods/web-7c in web`, for denials and screens. It holds text of the request, so callers `clean` it.

    `everywhere`: an action without a namespace is `in all namespaces`; otherwise its kind is taken as cluster-scoped.
    """
    if not action.resource:
        return f"{action.verb} {action.path}"
    verb, what = action.verb, f"{action.resource}.{action.group}" if action.group else action.resource
    stream = upgrade_of(action)
    if stream is not None:
        verb = stream.verb
    elif action.apply:
        verb = "apply"
    what += f"/{action.name}" if action.name else ""
    if action.subresource and stream is None:
        what += f"/{action.subresource}"
    if action.namespace and action.kind.partition("/")[0] != "namespaces":
        return f"{verb} {what} in {action.namespace}"
    return f"{verb} {what} in all namespaces" if everywhere and not action.namespace else f"{verb} {what}"


def _path(raw: bytes) -> str:
    """The decoded path, as in Go's URL.Path. Raises InvalidError where two readings are possible."""
    plain = PATH.fullmatch(raw) is not None
    if plain and b"%" not in raw and b"//" not in raw and b"/." not in raw:
        return raw.decode("ascii")
    tail = _proxy_tail(raw)
    strict, free = raw[: len(raw) - tail], raw[len(raw) - tail :]
    if not plain and not (tail and PATH.fullmatch(strict) and TAIL.fullmatch(free)):
        if not raw.startswith(b"/"):
            refuse("the target is not a path", "send origin-form, as in GET /api/v1/pods")
        refuse("a character in the path that must be percent-encoded, or a fragment", "send the plain path, as kubectl does")
    path = _unescape(raw, "path")
    for found in ESCAPE.findall(strict):
        if found.upper() in {b"2F", b"5C", b"25"}:
            refuse(f"%{found.decode()} in the path", "names hold no / \\ or %; send the plain path")
    if b"//" in strict:
        refuse("an empty segment (//) in the path", "send single slashes")
    if b"%5c" in free.lower():
        refuse("%5C in the path", "send / between segments")
    if CONTROL.search(path):
        refuse("a control character in the path", "names hold none")
    if not {".", ".."}.isdisjoint(path.split("/")):
        refuse("a dot segment in the path", "send the path it leads to")
    return path


def _proxy_tail(raw: bytes) -> int:
    """The number of bytes at the end of the path that a proxy subresource hands on, and that neither gateway nor API server interprets.

    It is 0 unless the path has the form /api/v1/[namespaces/NS/]KIND/NAME/proxy/..., where each segment before that part may be percent-encoded.
    """
    parts = raw.split(b"/", 8)
    names = [ESCAPE.sub(_byte, part) for part in parts[:8]]
    at = 5 if len(parts) > 4 and names[3] == b"namespaces" else 3
    if names[:3] != [b"", b"api", b"v1"] or len(parts) < at + 4 or names[at] not in PROXIED or names[at + 2] != b"proxy" or b"" in parts[1 : at + 3]:
        return 0
    return len(raw) - sum(len(part) + 1 for part in parts[: at + 3])


def _byte(escape: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escape[1].decode()) if escape[1] else escape[0]


def _unescape(raw: bytes, where: str) -> str:
    if NO_ESCAPE.search(raw):
        refuse(f"a % in the {where} that starts no escape", "write %25 for it")
    data = a2b_qp(raw.replace(b"=", b"=3D").replace(b"%", b"="))  # quoted-printable with another sign; decoded in C, as there may be 300,000 escapes
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        refuse(f"the {where} is not UTF-8 once decoded", "encode it as UTF-8")
    if "\0" in text:
        refuse(f"%00 in the {where}", "nothing in Kubernetes holds one")
    return text


def _query(raw: bytes) -> Query:
    if not QUERY.fullmatch(raw):
        refuse("a character in the query that must be percent-encoded, or a fragment", "encode it, as kubectl does")
    if raw.count(b"&") >= PARAMETERS:  # as Go counts them: empty ones too, and those that it drops
        refuse(f"more than {PARAMETERS} parameters in the query", "some API servers read none of them then; send fewer")
    if b";" in raw:  # Go drops a pair that has one
        raw = b"&".join(pair for pair in raw.split(b"&") if b";" not in pair)
    values: dict[str, list[str]] = {}
    if b"%" not in raw and b"+" not in raw:  # an argv may have a hundred thousand words
        for word in raw.decode("ascii").split("&"):
            if word:
                name, _, text = word.partition("=")
                values.setdefault(name, []).append(text)
        return Query(values)
    for pair in raw.split(b"&"):
        if pair:
            key, _, value = pair.partition(b"=")
            values.setdefault(_value(key), []).append(_value(value))
    return Query(values)


def _value(raw: bytes) -> str:
    """One key or value; + is a space (application/x-www-form-urlencoded, as Go's QueryUnescape)."""
    raw = raw.replace(b"+", b" ")
    return _unescape(raw, "query") if b"%" in raw else raw.decode("ascii")


def _resource(verb: str, path: str, parts: list[str], query: Query, *, apply: bool) -> Action:
    """The action of a resource request: its path, then its query, read in the order of RequestInfo."""
    group, at = ("", 1) if parts[0] == "api" else (parts[1], 2)
    version, rest = parts[at], parts[at + 1 :]
    if rest[0] in {"watch", "proxy"}:
        hint = "list with ?watch=true" if rest[0] == "watch" else "use the proxy subresource, if it is granted"
        refuse(f"the old /{rest[0]}/ prefix form", hint)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in {"status", "finalize"}:
            rest = rest[2:]
    resource, name, subresource = (*rest, "", "")[:3]
    if subresource == "proxy" and verb == "options":  # RequestInfo has no verb for it; to the server behind it, it is a read
        verb = "get"
    if resource == "pods" and not group and (kind := OF_PODS.get(subresource)) is not None:
        # an upgrade is one action for both methods: a WebSocket is a GET, SPDY a POST, and both start the same command
        return Action(
            "create" if kind.upgrade else verb, group, version, resource, subresource, namespace, name, path,
            argv=tuple(query.values.get("command", ())) if kind.argv else (), container=query.text("container"),
            stdin=kind.upgrade and query.flag("stdin"), tty=kind.upgrade and query.flag("tty"), follow=not kind.upgrade and query.flag("follow"),
        )  # fmt: skip
    if not name:
        if verb == "get":
            verb, name = "watch" if query.flag("watch") else "list", _selected(query)
        elif verb == "delete":
            verb = "deletecollection"
    dry_run = verb not in READS and bool(query.text("dryRun"))
    return Action(verb, group, version, resource, subresource, namespace, name, path, dry_run=dry_run, apply=apply)


def _selected(query: Query) -> str:
    """The X of the term metadata.name=X in the field selector, else "". kubectl waits for one object with such a list or watch."""
    selector = query.text("fieldSelector")
    if not selector:
        return ""
    if "\\" in selector:
        refuse("a backslash in fieldSelector", "leave the escaped term out and select among the answer")
    names = set()
    for term in filter(None, selector.split(",")):
        field_name, sign, value = term.partition("=")
        if not sign:
            refuse(f"fieldSelector has a term without = or !=: {term[:40]}", "write field=value")
        value = value.removeprefix("=")
        if "=" in value:
            refuse("a second = in a term of fieldSelector", "write field=value")
        if field_name == "metadata.name":
            names.add(value)
    if len(names) > 1:
        refuse("fieldSelector names two objects", "name one")
    name = names.pop() if names else ""
    if not name or name in {".", ".."} or "/" in name or "%" in name:
        return ""
    for key in NUMBERS:
        if key in query.values and not NUMBER.fullmatch(query.text(key)):
            refuse(f"{key} is not a number", "leave it out or send a whole number")
    return name
