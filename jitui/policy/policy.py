"""May this action pass? Yes only if a live grant covers it and the rule as it is now covers it too.

The listener answers discovery from the gateway's own copy, so that never comes here (`is_discovery`). The requests that kubectl makes around
every other (its own rights, OpenAPI, health) pass under any live grant.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from shlex import quote
from typing import Any, Final

from jitui.policy.action import Action, Hazard
from jitui.policy.brief import brief
from jitui.policy.clause import APPLIES, READS, Clause, Target
from jitui.policy.escape import gives, is_written_out
from jitui.policy.grant import due
from jitui.policy.hazard import Guards, clause_hazard, hazard_of, is_everywhere, may_create
from jitui.policy.kube import describe
from jitui.policy.pattern import EVERY
from jitui.policy.scope import Kinds, Scope, narrower
from jitui.policy.streams import upgrade_of
from jitui.policy.table import PEEKS
from jitui.policy.terms import Grant, GrantState, Rule
from jitui.values import span
from jitui.values.errors import InvalidError
from jitui.values.instant import Instant

DISCOVERY: Final = re.compile(r"/(?:version|api(?:/[^/]+)?|apis(?:/[^/]+){0,2})/?")
OPENAPI: Final = re.compile(r"/openapi/v[23]/?|/openapi/v3/(?:version|api(?:/v1)?|apis(?:/[^/]+){0,2})/?")
HEALTH: Final = ("/healthz", "/livez", "/readyz")
SELF_REVIEWS: Final = frozenset({
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
    ("authentication.k8s.io", "selfsubjectreviews"),
})
AROUND: Final = "around a request"
SHOWN: Final = 160  # characters of a scope in a denial
PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;/*@_=+-")  # characters that sh takes literally in double quotes


@dataclass(frozen=True, slots=True)
class Allow:
    grant: Grant  # the one it passes under; if waiting, this action starts its window
    clause: str  # the clause that covers it, or "around a request"
    hazard: Hazard
    rule: Rule | None = field(default=None, compare=False, repr=False)  # the one it was decided by


@dataclass(frozen=True, slots=True)
class Deny:
    why: str  # the missing permission, in words
    how: str = ""  # the next step, with the exact command; empty if a request would not help
    code: int = 403

    @property
    def sentence(self) -> str:
        """`why` and `how` in one line."""
        return f"{self.why}; {self.how}" if self.how else self.why


def is_discovery(action: Action) -> bool:
    """Whether it is about a document of discovery, with any method: every client reads them first, and they are the same for all.

    They are /version, /api, /apis, /api/VERSION, /apis/GROUP and /apis/GROUP/VERSION, with or without a slash at the end.
    """
    return not action.resource and DISCOVERY.fullmatch(action.path) is not None


def is_around(action: Action) -> bool:
    """Whether kubectl makes this request around others, and it shows no object of the cluster: a SelfSubject review, OpenAPI, health."""
    if action.resource:
        return (
            action.verb == "create" and (action.group, action.resource) in SELF_REVIEWS and not action.subresource and not action.namespace
            and not action.name
        )  # fmt: skip
    path = action.path
    return action.verb in PEEKS and (
        OPENAPI.fullmatch(path) is not None or any(path == top or path.startswith(top + "/") for top in HEALTH)
    )


def decide(
    action: Action, *, agent: str, connection: str, rule: Rule | None, grants: Sequence[Grant], now: Instant, kinds: Kinds
) -> Allow | Deny:
    """Allow with the grant it passes under, or Deny with what is missing and how to ask for it.

    `grants` are the live ones of this agent and connection; one whose time has passed at `now` covers nothing. Of several that cover
    the action it is the one that ends last, and one that has not started only if no other does.
    """
    if rule is None:
        return Deny(f"no rule lets {agent} on {connection}", "an admin adds one under rules: in the configuration")
    live = [grant for grant in grants if grant.live and due(grant, now) is None]
    if len(live) > 1:
        live.sort(key=lambda grant: _ends(grant, now), reverse=True)
    if live and is_around(action):
        return Allow(live[0], AROUND, hazard_of(action), rule)
    ruled = rule.allows(action, kinds) if live else None
    if ruled is not None:
        for grant in live:
            clause = ruled if grant.scope is rule.scope else grant.scope.allows(action, kinds, rule.guarded)
            if clause is not None:
                return Allow(grant, clause.text, hazard_of(action, rule.guarded), rule)
    return _deny(action, agent, connection, rule, live, kinds)


def rests_on_default(action: Action) -> bool:
    """Whether the decision may depend on the named container being the pod's default one, which a command clause without a container covers."""
    if not action.container or action.default:
        return False
    stream = upgrade_of(action)
    return stream is not None and stream.argv


def suggest(action: Action, kinds: Kinds | None = None) -> str:
    """The clause that would cover the action, canonical; empty if none can. Without `kinds`, no namespace is taken as cluster-scoped."""
    return next(_suggestions(action, kinds), "")


def ask_line(connection: str, rule: Rule, scope: str = "") -> str:
    """The command that asks for the rule's longest window, to be copied as it is."""
    words = f'jitui request {quote(connection)} --duration {span.show(rule.duration_s)} --reason "..."'
    if not scope:
        return words
    return f'{words} --scope "{scope}"' if PLAIN.issuperset(scope) else f"{words} --scope {quote(scope)}"


def _ends(grant: Grant, now: Instant) -> tuple[bool, int]:
    """A sort key: active grants before waiting ones, then by the time that remains."""
    clock = grant.deadline if grant.state is GrantState.ACTIVE else grant.use_by
    return grant.state is GrantState.ACTIVE, clock.remaining_us(now) if clock else 0


def _suggestions(action: Action, kinds: Kinds | None) -> Iterator[str]:
    """Clauses that cover the action, the most useful first. There is none for a name that the grammar would not read back as that name."""
    if "*" in action.name + action.namespace + action.path:
        return
    if not action.resource:
        candidates = [Clause(("get",), paths=(action.path,))] if action.verb == "get" else []
    else:
        verbs: tuple[tuple[str, ...], ...] = ((action.verb,),)
        subresource = action.subresource
        if (stream := upgrade_of(action)) is not None:
            verbs, subresource = ((stream.verb,),), ""
        elif action.apply:
            verbs = (APPLIES,)
        elif may_create(action):
            verbs = (("create", "update"),)
        elif action.verb in READS and not subresource:
            verbs = (READS, (action.verb,))
        namespaces = (action.namespace,) if action.namespace and (action.group, action.resource) != ("", "namespaces") else ()
        if not action.namespace and kinds is not None and kinds.namespaced(action.group, action.resource):
            if is_everywhere(action):
                return
            namespaces = (EVERY,)
        targets = [Target(action.resource, action.group, subresource, action.name)]
        if action.container and action.name and "*" not in action.container:  # narrower, so it comes last
            targets.append(replace(targets[0], container=action.container))
        candidates = [Clause(each, (target,), namespaces) for target in targets for each in verbs]
    for clause in candidates:
        try:
            if Scope.parse(clause.text).clauses == (clause,):
                yield clause.text
        except InvalidError:
            continue


def _deny(action: Action, agent: str, connection: str, rule: Rule, live: Sequence[Grant], kinds: Kinds) -> Deny:
    namespaced = kinds.namespaced(action.group, action.resource) if action.resource else False
    everywhere = bool(namespaced) and not action.namespace
    what = f"{action.kind} in all namespaces" if everywhere and action.verb in READS else describe(action, everywhere=everywhere)
    allowed = namespaced is not None and rule.allows(action, kinds) is not None
    ruled = f"the rule for {agent} on {connection}"
    if not live:
        command = ask_line(connection, rule)
        if allowed or namespaced is None or is_around(action):
            return Deny(f"{agent} has no live window on {connection}", f"ask: {command}")
        if is_written_out(action, rule.guarded):
            return _unwritten(action, what, rule, kinds, f", and {agent} has no live window on {connection}")
        hint = _hint(action, rule.scope, kinds, rule.guarded)
        why = f"{what}: no rule allows it, and {agent} has no live window on {connection}; {ruled} allows {_shown(rule.scope)}"
        return Deny(why, f"{hint}, and ask: {command}" if hint else "")
    if namespaced is None:
        return Deny(f"{what}: {connection} has no kind {action.resource} in the group {action.group or 'core'}", "look at: kubectl api-resources")
    hint = _hint(action, live[0].scope, kinds, rule.guarded)
    if not allowed:
        covering = next((grant for grant in live if grant.scope.allows(action, kinds, rule.guarded)), None)
        if covering is not None:
            return Deny(f"{what}: window {covering.label} covers it, but {ruled} now allows only {_shown(rule.scope)}")
        if is_written_out(action, rule.guarded):
            return _unwritten(action, what, rule, kinds)
        if everywhere and is_everywhere(action):
            hint = hint or "name a namespace: a write across all of them would reach the cluster's own programs too"
        return Deny(f"{what}: no rule allows it; {ruled} allows {_shown(rule.scope)}", hint)
    command = ask_line(connection, rule, _askable(action, rule, kinds))
    return Deny(f"{what}: window {live[0].label} covers {_shown(live[0].scope)}", f"{hint}, or: {command}" if hint else f"ask: {command}")


def _unwritten(action: Action, what: str, rule: Rule, kinds: Kinds, more: str = "") -> Deny:
    """The denial of an escape: it says what the escape would give, and which clause a rule would have to write out."""
    given = gives(action, rule.guarded)
    why = f"{what} gives {given}" if given else what
    clause = suggest(action, kinds)
    how = f"to allow it, whoever writes the rule adds: {clause}" if clause else ""
    return Deny(f"{why}: no * and no preset reaches it, and the rule for {rule.identity} on {rule.connection} does not write it out{more}", how)


def _askable(action: Action, rule: Rule, kinds: Kinds) -> str:
    """A scope that covers the action and that the rule allows."""
    for candidate in _suggestions(action, kinds):
        scope = Scope.parse(candidate)
        if narrower(scope, rule.scope, rule.guarded) and scope.allows(action, kinds, rule.guarded):
            return candidate
    clause = rule.allows(action, kinds)
    return clause.text if clause is not None and not may_create(action) else ""


def _hint(action: Action, scope: Scope, kinds: Kinds, more: Guards) -> str:
    """Advice on how to change the request so that the scope, as it is, covers it; empty if there is none."""

    def would(**other: Any) -> bool:
        return scope.allows(replace(action, **other), kinds, more) is not None

    if not action.namespace and action.resource and kinds.namespaced(action.group, action.resource):
        for clause in scope.clauses:
            for namespace in clause.namespaces:
                if "*" not in namespace and would(namespace=namespace):
                    return f"use -n {namespace}"
    if (action.stdin or action.tty) and would(stdin=False, tty=False):
        return "leave out -i and -t"
    if action.container and not action.default and would(default=True):
        return "a command clause that names no container is for the pod's default one alone: leave -c out"
    for container in dict.fromkeys(atom.target.container for clause in scope.clauses for atom in clause.atoms if atom.target.container):
        if "*" not in container and would(container=container):
            return f"use -c {container}"
    if action.verb == "create" and not action.name:
        for name in {atom.target.name.replace(EVERY, "x") for clause in scope.clauses for atom in clause.atoms if atom.target.name}:
            if would(name=name):
                return "use kubectl apply --server-side, which names the object in its request line"
    return ""


def _shown(scope: Scope) -> str:
    text = str(scope)
    return text if len(text) <= SHOWN else brief([(clause.text, clause_hazard(clause).value) for clause in scope.clauses], SHOWN)
