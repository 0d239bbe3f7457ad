"""Everything that outlives a window, as views: the record's findings joined with one look at the cluster."""

import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from jitui.api.findings import LeftView, ResidueView
from jitui.api.outcome import FINISHED
from jitui.api.service.changes import object_view
from jitui.api.service.views import when
from jitui.clusters.look import Found, Looked, Target
from jitui.policy.terms import Grant
from jitui.recording.facts.processes import ProcessTold
from jitui.recording.masking.text import masked_text, masked_words
from jitui.recording.objects.writes import Effect, Ref
from jitui.store.residue import Copy, Residue, Seen, Touched, Typed
from jitui.values import size
from jitui.values.said import Said

MOST: Final = 200  # objects that one look asks for
MAKERS: Final = frozenset({"deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs", "replicationcontrollers"})
UNLOOKED: Final = Found(why="the cluster was not asked")
TOO_MANY: Final = Found(why=f"not asked: the window wrote more than {MOST} objects")
ROTATE: Final = "rotate"


def targets(found: Residue) -> tuple[list[Target], list[str]]:
    """The objects to look at, and the namespaces in which controllers may have made others of them."""
    uids = _uids(found)
    pods = [*(each.pod for each in found.processes), *(each.token.pod for each in found.seen if each.token and _bound_here(each, uids)),
            *(_in(each) for each in found.copies if each.way == "in"), *map(_in, found.typed)]  # fmt: skip
    wanted = list(dict.fromkeys([*(_target(each) for each in found.touched if not _over(each)), *map(_pod, pods)]))
    makers = dict.fromkeys(each.ref.namespace for each in found.touched if each.effect is Effect.CREATED and each.ref.resource in MAKERS)
    return wanted[:MOST], [namespace for namespace in makers if namespace]


def view(found: Residue, looked: Looked | None, grant: Grant, now_us: int) -> ResidueView:
    """All of one window, now (UTC)."""
    notes = list(found.gaps)
    if looked is None and any(not _over(each) for each in found.touched):
        notes.append("the cluster was not asked: which of the objects still exist is not known")
    elif looked is not None and looked.unlisted:
        notes.append(f"the objects that controllers made are not, or not all, counted: {looked.unlisted}")
    return ResidueView(grant=grant.label, identity=grant.identity, connection=grant.connection, looked=when(now_us) if looked is not None else "",
                       left=tuple(lines(found, looked, grant.label, now_us)), notes=tuple(notes))


def lines(found: Residue, looked: Looked | None, grant: str, now_us: int) -> list[LeftView]:
    """Each thing; without a look nobody knows which objects still exist."""
    uids = _uids(found)
    good = [each for each in found.seen if not _ended(each, uids, looked, now_us)]
    running = [each for each in found.processes if not _gone(each.pod, each.pod_uid, looked)]
    typed = [each for each in found.typed if not _gone(_in(each), "", looked)]
    return [*_objects(found, looked, grant), *_ephemeral(found, looked), *map(_process, running), *map(_typed, typed), *map(_credential, good),
            *(_copy(each, looked) for each in found.copies)]  # fmt: skip


def _target(each: Touched) -> Target:
    ref = each.ref
    return Target(ref.group, each.version, ref.resource, ref.namespace, ref.name)


def _in(each: Copy | Typed | Seen) -> str:
    """The pod in whose stream it was, namespace/name."""
    return f"{each.spot.namespace}/{each.spot.name}"


def _pod(pod: str) -> Target:
    """`pod`: namespace/name."""
    return Target("", "v1", "pods", *pod.split("/", 1))


def _gone(pod: str, uid: str, looked: Looked | None) -> bool:
    """Whether a look saw that a pod (namespace/name) is not there any more, or that another one has its name: whatever was in it has ended."""
    state = looked.found.get(_pod(pod)) if looked is not None else None
    return state is not None and (state.gone or bool(state.uid and uid and state.uid != uid))


def _uids(found: Residue) -> Collection[str]:
    """Of pods that are known to be this cluster's."""
    return {each.pod_uid for each in found.processes} - {""}


def _bound_here(seen: Seen, uids: Collection[str]) -> bool:
    """Whether a token is bound to a pod that is known to be this cluster's: it was issued here, seen in a stream of that very pod, or names a known uid.

    Another cluster's token would seem to be gone here, as its pod never was.
    """
    token = seen.token
    return token is not None and bool(token.pod) and (bool(seen.issued) or _in(seen) == token.pod or token.pod_uid in uids)


def _ended(seen: Seen, uids: Collection[str], looked: Looked | None, now_us: int) -> bool:
    """Whether a credential is a token that expired, or that went with the pod that it is bound to."""
    token = seen.token
    return token is not None and (0 < token.expires_s * 1_000_000 <= now_us or (_bound_here(seen, uids) and _gone(token.pod, token.pod_uid, looked)))


def _over(each: Touched) -> bool:
    """Created and deleted again: nothing of it is left."""
    return each.effect is Effect.DELETED and each.first.write.effect is Effect.CREATED and not each.last.notes


# -- objects -----------------------------------------------------------------------------------------------------------------


def _state(each: Touched, looked: Looked | None) -> Found:
    return UNLOOKED if looked is None else looked.found.get(_target(each), TOO_MANY)


def _objects(found: Residue, looked: Looked | None, grant: str) -> Iterator[LeftView]:
    here = {state.uid: each for each in found.touched if (state := _state(each, looked)).uid and _same(each, state)}
    owned = {each.uid: each.owners for each in looked.owned} if looked is not None else {}
    owns: dict[str, Counter[str]] = {}
    for item in looked.owned if looked is not None else ():
        if item.uid not in here and (owner := _owner(item.owners, here, owned)) is not None:
            owns.setdefault(owner, Counter())[item.resource] += 1
    for each in found.touched:
        state = _state(each, looked)
        if _over(each) or each.only_beside:  # an edit takes no ephemeral container out again; these have lines of their own
            continue
        gone = state.gone or (bool(state.uid) and not _same(each, state))
        if each.effect is Effect.DELETED or (gone and each.effect is Effect.UNKNOWN and each.last.write.verb.startswith("delete")):
            yield _deleted(each, state, grant)
        elif not gone:
            uid = _owner(state.owners, here, owned)
            yield _object(each, state, here.get(uid) if uid else None, owns.get(state.uid, {}))


def _same(each: Touched, state: Found) -> bool:
    """Whether the object that is there is the one that the window wrote."""
    return not each.uids or state.uid in each.uids


def _owner(owners: tuple[str, ...], here: Mapping[str, Touched], owned: Mapping[str, tuple[str, ...]]) -> str | None:
    """The uid of an object of the window that these owners lead to."""
    waiting, seen = list(owners), set[str]()
    while waiting:
        uid = waiting.pop()
        if uid in here:
            return uid
        if uid not in seen:
            seen.add(uid)
            waiting += owned.get(uid, ())
    return None


def _object(each: Touched, state: Found, owner: Touched | None, owns: Mapping[str, int]) -> LeftView:
    effect, last = each.effect, each.last
    made = f", {', '.join(f'{count} {resource} of it' for resource, count in owns.items())}" if owns else ""
    going = ", marked for deletion" if state.going else ""
    doubt = "" if state.uid else f", {state.why}"
    ends = "" if owner is not None else _kubectl("delete" if effect is Effect.CREATED else "edit" if effect is Effect.CHANGED else "get", each.ref)
    before = last.before.document if last.before is not None else None
    if effect is Effect.CHANGED and each.first is last and last.write.part == "scale" and before is not None:
        was = next((field.before for field in last.fields if field.path == "spec.replicas"), None)
        ends = f"{_kubectl('scale', each.ref)} --replicas={was}" if isinstance(was, int) else ends
    return LeftView(kind="object", said=Said(f"{_name(each.ref)} {effect}{made}{going}{doubt}"), ends=Said(ends), session=f"s-{last.spot.session}",
                    at=when(last.spot.at_us), object=object_view(each.ref), effect=effect.value, exists=True if state.uid else None, why=state.why,
                    owner=Said(_name(owner.ref) if owner is not None else ""), owns=dict(owns))  # fmt: skip


def _deleted(each: Touched, state: Found, grant: str) -> LeftView:
    exists = None if state.why else bool(state.uid)
    again = "" if not exists else " and still there, marked for deletion" if _same(each, state) else ", another one of its name is there"
    known = each.last.write.last is not None or (each.last.before is not None and each.last.before.document is not None)
    said = f"{_name(each.ref)} deleted{again}{'' if known else ', its body is not on record'}"
    ends = f"jitui changes {grant}" if known else ""  # it has the object as it stood last
    return LeftView(kind="deleted", said=Said(said), ends=Said(ends), session=f"s-{each.last.spot.session}", at=when(each.last.spot.at_us),
                    object=object_view(each.ref), exists=exists, why=state.why)  # fmt: skip


def _ephemeral(found: Residue, looked: Looked | None) -> Iterator[LeftView]:
    for each, name in found.ephemeral:
        state = _state(each, looked)
        if state.gone or (state.uid and not _same(each, state)):
            continue
        yield LeftView(
            kind="ephemeral-container", said=Said(f"{name} in {_name(each.ref)}{f', {state.why}' if state.why else ''}; it stays for the pod's life"),
            ends=Said(_kubectl("delete", each.ref)), session=f"s-{each.last.spot.session}", at=when(each.last.spot.at_us), object=object_view(each.ref),
            exists=True if state.uid else None, why=state.why, container=Said(name),
        )  # fmt: skip


# -- processes, credentials, copies ------------------------------------------------------------------------------------------


def _process(told: ProcessTold) -> LeftView:
    namespace, _, name = told.pod.partition("/")
    ref, words = Ref("", "pods", namespace, name, told.pod_uid), masked_words(told.argv)
    pid = f"pid {told.pid}" if told.pid else "its pid is not known"
    named = f"{' '.join(words)} ({pid})" if words or told.pid else FINISHED
    return LeftView(
        kind="process", said=Said(f"{told.state}: {named} in {told.pod}/{told.container}{f': {told.why}' if told.why else ''}"),
        ends=Said(_kubectl("delete", ref)), session=f"s-{told.session}" if told.session else "", at="", object=object_view(ref), container=Said(told.container),
        pid=told.pid, argv=tuple(map(Said, words)), state=told.state, why=told.why,
    )  # fmt: skip


def _typed(each: Typed) -> LeftView:
    ref, why = Ref("", "pods", each.spot.namespace, each.spot.name), "they look like the container's own"
    return LeftView(
        kind="process", said=Said(f"not-proved: processes that {size.show(each.size)} typed through attach may have started in {_in(each)}: {why}"),
        ends=Said(_kubectl("delete", ref)), session=f"s-{each.spot.session}", at=when(each.spot.at_us), object=object_view(ref), state="not-proved", why=why,
    )  # fmt: skip


def _credential(seen: Seen) -> LeftView:
    spot, token = seen.spot, seen.token
    if token is None and not seen.issued:
        namespace, name, keys = seen.secret
        ref = Ref("", "secrets", namespace, name)
        return LeftView(kind="credential", said=Said(f"{_name(ref)} read: {', '.join(keys)}"), ends=Said(ROTATE), session=f"s-{spot.session}",
                        at=when(spot.at_us), object=object_view(ref), keys=tuple(map(Said, keys)))  # fmt: skip
    account = seen.issued or (token.account if token is not None else "")
    namespace, _, name = account.partition("/")
    ref = Ref("", "serviceaccounts", namespace, name)
    whose = f"token of {_name(ref)}" if account else f"token of {token.subject or 'an unknown subject'}" if token is not None else "token"
    expires = when(token.expires_s * 1_000_000) if token is not None else ""
    pod, _, pod_name = token.pod.partition("/") if token is not None else ("", "", "")
    bound = f", or until pod {pod}/{pod_name} is deleted" if pod_name else ""
    said = f"{whose} {'issued' if seen.issued else 'seen'}, good {f'until {expires}' if expires else 'without an end that it names'}{bound}"
    return LeftView(
        kind="credential", said=Said(masked_text(said)), ends=Said(_kubectl("delete", Ref("", "pods", pod, pod_name)) if pod_name else ROTATE),
        session=f"s-{spot.session}", at=when(spot.at_us), object=object_view(ref) if account else None, issuer=Said(token.issuer if token else ""),
        subject=Said(token.subject if token else ""), expires=expires, jti=Said(token.ident if token else ""),
    )  # fmt: skip


def _copy(copy: Copy, looked: Looked | None) -> LeftView:
    spot, ref = copy.spot, Ref("", "pods", copy.spot.namespace, copy.spot.name)
    gone = copy.way == "in" and _gone(_in(copy), "", looked)
    count = f"{size.show(copy.size)}" if copy.size is not None else "bytes of an unknown number"
    way = "copied out of" if copy.way == "out" else "copied into"
    return LeftView(
        kind="copy", said=Said(f"{count} {way} {_name(ref)}: {' '.join(masked_words(spot.argv))}{'; the pod is gone, a volume may hold it' if gone else ''}"),
        session=f"s-{spot.session}", at=when(spot.at_us), ends=Said(ROTATE if copy.way == "out" else "" if gone else _kubectl("delete", ref)),
        object=object_view(ref), argv=tuple(map(Said, masked_words(spot.argv))),
        way=copy.way, bytes=-1 if copy.size is None else copy.size,
    )  # fmt: skip


def _name(ref: Ref) -> str:
    return f"{ref.kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{ref.kind} {ref.name}"


def _kubectl(verb: str, ref: Ref) -> str:
    words = ["kubectl", verb, ref.kind, ref.name, *(["-n", ref.namespace] if ref.namespace else [])]
    return shlex.join(words)
