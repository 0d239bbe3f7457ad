"""Scopes and actions as hypothesis makes them: from a small world, so that they meet."""

from dataclasses import replace

from hypothesis import strategies as st

from jitui.policy.action import Action
from jitui.policy.clause import RBAC_VERBS, VERBS, Clause, Target
from jitui.policy.grammar import ORDER
from jitui.policy.pattern import Wild, Word
from jitui.policy.scope import Scope
from jitui.policy.streams import UPGRADE_VERBS
from tests.policy.world import NAMESPACED

NAMES = ("web", "web-1", "web-1-a", "db-0", "x", "kube-system")
PATTERNS = (*NAMES, "*", "web-*", "*-1", "w*-*", "*b*", "kube-*")
CONTAINERS = ("app", "side", "app-2")
WORDS = ("sh", "-c", "ls", "*", "...", "it's", "a b", "", "-h", "$(x)", ";")
SUBRESOURCES = ("", "", "", "log", "exec", "attach", "portforward", "scale", "status", "proxy", "token", "ephemeralcontainers")
KINDS = sorted(NAMESPACED)
PATHS = ("/metrics", "/logs/a", "/logs/a/b", "/version/", "/m")

ordered = st.sets(st.sampled_from(VERBS + RBAC_VERBS), min_size=1, max_size=5).map(lambda some: tuple(verb for verb in ORDER if verb in some))
verbs = ordered | st.just(("*",))
names = st.just("") | st.sampled_from(PATTERNS)
containers = st.just("") | st.sampled_from((*CONTAINERS, "*", "app*"))
guards = st.just(()) | st.sampled_from((("web",), ("web-*",), ("db-0", "x*"), ("*",)))
namespaces = st.just(()) | st.just(("*",)) | st.lists(st.sampled_from([p for p in PATTERNS if p != "*"]), min_size=1, max_size=3, unique=True).map(tuple)
argv = st.none() | st.builds(
    lambda words, rest: (*words, *rest),
    st.lists(st.sampled_from(WORDS) | st.just(Wild.ONE), min_size=1, max_size=3),
    st.just(()) | st.just((Wild.REST,)),
).map(tuple[Word, ...])


@st.composite
def targets(draw: st.DrawFn) -> Target:
    if draw(st.integers(0, 3)) == 0:
        return Target("*", draw(st.sampled_from(("", "", "apps", "argoproj.io", "rbac.authorization.k8s.io"))), "", draw(names))
    group, plural = draw(st.sampled_from(KINDS) | st.sampled_from([("", "pods"), ("apps", "deployments")]))
    subresource = draw(st.sampled_from(SUBRESOURCES))
    if (group, plural) == ("", "pods") and subresource in {"scale", "token"}:
        subresource = "log"
    name = draw(names)
    contained = name and (group, plural) == ("", "pods") and subresource in {"log", "exec", "attach"}
    return Target(plural, group, subresource, name, draw(containers) if contained else "")


def _many(item: st.SearchStrategy[Target]) -> st.SearchStrategy[tuple[Target, ...]]:
    return st.lists(item, min_size=1, max_size=3, unique=True).map(tuple)


plain = st.builds(Clause, verbs, _many(targets()), namespaces)
pods = st.builds(lambda name: Target("pods", name=name), names)
contained = st.builds(lambda name, container: Target("pods", name=name, container=container if name else ""), names, containers)
streams = st.builds(
    Clause, st.sets(st.sampled_from((*UPGRADE_VERBS, "get", "delete")), min_size=1, max_size=3).map(lambda some: tuple(v for v in ORDER if v in some)),
    _many(pods), namespaces,
)  # fmt: skip
commands = st.builds(Clause, st.just(("exec",)), _many(contained), namespaces, argv) | st.builds(
    Clause, st.sampled_from((("exec",), ("attach",), ("exec", "attach"))), _many(contained), namespaces,
)  # fmt: skip
presets = st.builds(lambda preset, where: Clause(preset=preset, namespaces=where), st.sampled_from(("@view", "@debug", "@deploy")), namespaces)
paths = st.builds(
    lambda some: Clause(("get",), paths=some),
    st.lists(st.sampled_from((*PATHS, "/logs/*", "/m*", "/*")), min_size=1, max_size=2, unique=True).map(tuple),
)
clauses = plain | streams | commands | presets | paths
scopes = st.lists(clauses, min_size=1, max_size=3, unique=True).map(lambda some: Scope(tuple(some)))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Scope, Scope]:
    """Two scopes of one clause each that differ in a field or two, so that one often lies inside the other."""
    base = draw(plain | commands)

    def varied() -> Clause:
        some, where, command = base.verbs, base.namespaces, base.argv
        kinds: tuple[Target, ...] = base.targets
        what = draw(st.integers(0, 4))
        if what == 0 and not set(some) <= {"exec", "attach"}:
            some = draw(verbs)
        elif what == 1:
            where = draw(namespaces)
        elif what == 2:
            kinds = tuple(dict.fromkeys(replace(target, name=draw(names), container="") for target in kinds))
        elif what == 3 and some == ("exec",):
            command = draw(argv)
        elif what == 4 and set(some) <= {"exec", "attach"}:
            kinds = tuple(dict.fromkeys(replace(target, container=draw(containers) if target.name else "") for target in kinds))
        elif what == 4:
            kinds = draw(_many(targets()))
        return Clause(some, kinds, where, command)

    return Scope((varied(),)), Scope((varied(),))


@st.composite
def actions(draw: st.DrawFn) -> Action:
    if draw(st.integers(0, 9)) == 0:
        return Action(draw(st.sampled_from(("get", "post", "head"))), path=draw(st.sampled_from(PATHS)))
    group, resource = draw(st.sampled_from([*KINDS, ("", "widgets"), ("", "pods"), ("", "pods"), ("apps", "deployments")]))
    verb = draw(st.sampled_from(VERBS + RBAC_VERBS))
    subresource = draw(st.sampled_from(SUBRESOURCES))
    exec_ = (group, resource, subresource) == ("", "pods", "exec")
    attach = (group, resource, subresource) == ("", "pods", "attach")
    container = draw(st.just("") | st.sampled_from(CONTAINERS)) if resource == "pods" and subresource in {"exec", "attach", "log"} else ""
    return Action(
        "create" if exec_ or attach else verb, group, "v1", resource, subresource, draw(st.just("") | st.sampled_from(NAMES)),
        draw(st.just("") | st.sampled_from(NAMES)), argv=tuple(draw(st.lists(st.sampled_from(WORDS), max_size=4))) if exec_ else (),
        container=container, default=bool(container) and exec_ and draw(st.booleans()), stdin=exec_ and draw(st.booleans()), tty=exec_ and draw(st.booleans()),
        apply=verb == "patch" and not exec_ and draw(st.booleans()),
    )  # fmt: skip


@st.composite
def actions_of(draw: st.DrawFn, scope: Scope) -> Action:
    """Actions close to what a scope allows: each part from one of its atoms, or from anywhere."""
    atoms = [atom for clause in scope.clauses for atom in clause.atoms]
    other = draw(actions())
    if not atoms or not other.resource:
        return other
    atom = draw(st.sampled_from(atoms))
    target = atom.target
    group, resource = (target.group, target.plural) if target.plural != "*" else (other.group, other.resource)
    namespaced = NAMESPACED.get((group, resource))
    verb = draw(st.sampled_from(sorted(atom.verbs)))
    return replace(
        other, verb=verb, group=group, resource=resource, subresource=target.subresource,
        namespace=draw(st.sampled_from(NAMES)) if namespaced else "", apply=verb == "patch" and other.apply,
        argv=tuple(word if isinstance(word, str) else draw(st.sampled_from(WORDS)) for word in atom.argv or other.argv),
    )  # fmt: skip
