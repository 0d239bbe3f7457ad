"""The effect of one exchange on the objects of a cluster, as the recorded answer tells it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from jitui.policy.action import Action
from jitui.policy.streams import UPGRADES
from jitui.recording.objects import bodies
from jitui.recording.objects.bodies import Body, Object
from jitui.recording.objects.exchange import Exchange
from jitui.recording.objects.kinds import Kinds

VERBS: Final = ("create", "update", "patch", "delete", "deletecollection")
QUESTIONS: Final = frozenset({"authentication.k8s.io", "authorization.k8s.io"})  # a POST there asks, and changes nothing
DOUBTFUL: Final = frozenset({500, 502, 504})  # the API server gave up; it may have written before
UNNAMED: Final = "the answer names no object: which ones matched is not on record"
DELETES: Final = frozenset({"foregroundDeletion", "orphan"})  # finalizers that the API server adds to what it is asked to delete
LINGERS: Final = "it is marked for deletion, and goes once its finalizers are done: "


class Effect(StrEnum):
    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    ISSUED = "issued"  # a credential; no object changed
    UNKNOWN = "unknown"  # whether it was carried out
    INSIDE = "inside"  # in pods, or behind the API server's proxy: not visible as objects


@dataclass(frozen=True, slots=True)
class Ref:
    """One object."""

    group: str
    resource: str
    namespace: str
    name: str
    uid: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.group, self.resource, self.namespace, self.name

    @property
    def kind(self) -> str:
        """`deployments.apps`."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


@dataclass(frozen=True, slots=True)
class Write:
    """One effect on one object."""

    ref: Ref
    effect: Effect
    exchange: Exchange
    part: str = ""  # the subresource whose document `after` is; "": the object itself
    after: Object | None = None  # None: it is gone, or not known
    last: Object | None = None  # of a deletion: the object as the answer has it
    asked: Any = None  # the document that was sent
    why: str = ""  # a gap in what the record tells

    @property
    def verb(self) -> str:
        """As in the scope grammar, and apply for a server-side apply."""
        return "apply" if self.exchange.action.apply else self.exchange.action.verb


def is_write(action: Action) -> bool:
    """Whether an action may change objects; those inside pods apart."""
    return action.verb in VERBS and bool(action.resource) and not action.dry_run and action.group not in QUESTIONS and not is_inside(action)


def is_inside(action: Action) -> bool:
    """Whether its effects are none on objects: in a pod, or behind a proxy."""
    return (action.resource == "pods" and not action.group and action.subresource in UPGRADES) or (
        action.subresource == "proxy" and not action.group and action.verb in {*VERBS, "connect"})


def writes(found: Exchange, kinds: Kinds) -> Iterator[Write]:
    """Each effect of an exchange, if it succeeded or nobody knows whether it did."""
    action = found.action
    if not is_write(action):
        return
    known = found.code is not None and not found.unknown
    if known and found.code not in DOUBTFUL:
        if found.code is not None and 200 <= found.code < 300:
            yield from _done(found, bodies.read(found.answer.body, found.answer.media, kinds), kinds)
        return
    if not known and found.own and not found.unknown:
        return  # the gateway refused it: it did not get to the cluster
    sent = bodies.read(found.request.body, found.request.media, kinds) if found.request.body else Body()
    meta = _meta(sent.items[0]) if sent.items else {}
    ref = Ref(action.group, action.resource, action.namespace, action.name or str(meta.get("name") or meta.get("generateName") or ""))
    why = "whether it was carried out is not known" if not known else f"the cluster answered {found.code}: whether it was carried out is not known"
    yield Write(ref, Effect.UNKNOWN, found, action.subresource, asked=None if action.verb.startswith("delete") else sent.value, why=why)


def _done(found: Exchange, answer: Body, kinds: Kinds) -> Iterator[Write]:
    action, why = found.action, answer.why or found.answer.why
    asked = bodies.read(found.request.body, found.request.media, kinds).value if found.request.body else None
    first = answer.items[0] if answer.items and not answer.partial else None
    if action.verb == "deletecollection":
        for each in answer.items:
            yield Write(_ref(action, each), Effect.DELETED, found, last=None if answer.partial else _unmarked(each), why=_lingers(each))
        if not answer.items:
            yield Write(_ref(action, {}), Effect.DELETED, found, why=why if answer.kind != "Status" and why else UNNAMED)
        return
    if action.verb == "delete":
        status = answer.kind == "Status"
        details = answer.value.get("details") if status and isinstance(answer.value, Mapping) else None
        told = {"metadata": {"uid": details.get("uid")}} if isinstance(details, Mapping) else {}
        last = None if status else first
        yield Write(_ref(action, last or told), Effect.DELETED, found, last=_unmarked(last), why=_lingers(last) if last else "" if status else why)
    elif action.subresource == "eviction":
        yield Write(_ref(action, {}), Effect.DELETED, found, asked=asked, why="" if answer.kind == "Status" else why)
    elif action.subresource == "token":
        yield Write(_ref(action, {}), Effect.ISSUED, found, "token", after=first, asked=asked, why=why)
    elif action.verb == "create" and not action.subresource:
        yield Write(_ref(action, first or _items(answer) or _sent(asked)), Effect.CREATED, found, after=first, asked=asked, why=why)
    else:
        part = action.subresource if action.subresource and _is_part(action, answer) else ""
        effect = Effect.CREATED if found.code == 201 and not action.subresource else Effect.CHANGED
        uid = first or _items(answer) or {}
        yield Write(_ref(action, uid), effect, found, part, after=first, asked=asked, why=why)


def _is_part(action: Action, answer: Body) -> bool:
    """Whether the answer of a subresource is a document of its own, not the object."""
    return answer.kind in {"Scale", "Status", "Binding", ""} or action.subresource == "scale"


def _items(answer: Body) -> Object | None:
    return answer.items[0] if answer.items else None


def _sent(asked: Any) -> Object:
    return dict(asked) if isinstance(asked, Mapping) else {}


def _meta(each: Object) -> Mapping[str, Any]:
    meta = each.get("metadata")
    return meta if isinstance(meta, Mapping) else {}


def _ref(action: Action, each: Object) -> Ref:
    """The object that an action names, or the one in its answer."""
    meta = _meta(each)
    name = action.name or str(meta.get("name") or "")
    namespace = action.namespace or (str(meta.get("namespace") or "") if action.verb == "deletecollection" else "")
    return Ref(action.group, action.resource, namespace, name, str(meta.get("uid") or ""))


def _unmarked(each: Object | None) -> Object | None:
    """An object that is marked for deletion as it stood before."""
    meta = _meta(each or {})
    holds = meta.get("finalizers")
    if each is None or not isinstance(holds, list) or not meta.get("deletionTimestamp") or not (kept := [hold for hold in holds if hold in DELETES]):
        return each
    return {**each, "metadata": {**meta, "finalizers": [hold for hold in holds if hold not in kept]}}


def _lingers(each: Object) -> str:
    meta = _meta(each)
    holds = meta.get("finalizers")
    return LINGERS + ", ".join(map(str, holds)) if isinstance(holds, list) and holds and meta.get("deletionTimestamp") else ""
