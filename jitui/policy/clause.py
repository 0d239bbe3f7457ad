"""One clause of a scope as values. It stands for a list of atoms, each without macros or presets.

`grammar.py` reads clauses from text, `scope.py` matches atoms, `hazard.py` says how much they can hurt.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from jitui.policy.pattern import EVERY, Word, argv_text
from jitui.policy.streams import EXEC, LOGS, UPGRADE_VERBS

VERBS: Final = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
READS: Final = ("get", "list", "watch")
APPLIES: Final = ("get", "create", "patch")
# verbs that RBAC checks beside a request; no request bears them, and no `*` means them
RBAC_VERBS: Final = ("bind", "escalate", "impersonate")


@dataclass(frozen=True, slots=True)
class Target:
    """One entry of a clause's resources: plural[.group][/subresource][:name[/container]]."""

    plural: str  # "*": every kind of the group, without subresources
    group: str = ""  # "" is core, but with the plural "*" every group
    subresource: str = ""
    name: str = ""  # "": any, and the collection; else a pattern
    container: str = ""  # a pattern, for exec, attach and logs; "": not written

    def __str__(self) -> str:
        kind = f"{self.plural}.{self.group}" if self.group else self.plural
        kind = f"{kind}/{self.subresource}" if self.subresource else kind
        if not self.name:
            return kind
        return f"{kind}:{self.name}/{self.container}" if self.container else f"{kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Atom:
    """One part of a clause without macros: these verbs on this kind, with these names, in these namespaces."""

    verbs: frozenset[str]
    starred: bool  # the verbs were written as "*"
    target: Target
    namespaces: tuple[str, ...]  # (): cluster-scoped kinds; ("*",): every one, and across them
    argv: tuple[Word, ...] | None = None  # None: any command, with stdin and tty

    @property
    def container(self) -> str:
        """The pattern of containers: `*` is any, "" the pod's default one, which is the only one that a command without a container covers."""
        return self.target.container or (EVERY if self.argv is None else "")


# The clauses that each preset stands for. Their kinds are written out, so that no preset ever reaches a hazard by a `*`.
VIEW: Final = ((READS, (Target("*"),)), (("get",), (Target("pods", "", LOGS.subresource),)))
WORKLOADS: Final = tuple(
    Target(plural, group)
    for plural, group in (
        ("deployments", "apps"), ("statefulsets", "apps"), ("daemonsets", "apps"), ("jobs", "batch"), ("cronjobs", "batch"),
        ("services", ""), ("configmaps", ""), ("persistentvolumeclaims", ""), ("ingresses", "networking.k8s.io"),
        ("horizontalpodautoscalers", "autoscaling"), ("poddisruptionbudgets", "policy"),
    )
)
SCALES: Final = (Target("deployments", "apps", "scale"), Target("statefulsets", "apps", "scale"))
PRESETS: Final[Mapping[str, tuple[tuple[tuple[str, ...], tuple[Target, ...]], ...]]] = {
    "@view": VIEW,
    "@debug": (*VIEW, ((EXEC.verb,), (Target("pods"),))),
    "@deploy": (*VIEW, (APPLIES, WORKLOADS), (("get", "patch"), SCALES)),
}


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause, canonical: verbs on targets in namespaces, or `get` on paths, or a preset in namespaces."""

    verbs: tuple[str, ...] = ()  # in the order of VERBS, then UPGRADE_VERBS, then RBAC_VERBS; ("*",): all of VERBS
    targets: tuple[Target, ...] = ()
    namespaces: tuple[str, ...] = ()
    argv: tuple[Word, ...] | None = None
    paths: tuple[str, ...] = ()
    preset: str = ""
    atoms: tuple[Atom, ...] = field(init=False, repr=False, compare=False)
    text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "atoms", tuple(self._atoms()))
        object.__setattr__(self, "text", self._text())

    def __str__(self) -> str:
        return self.text

    def _atoms(self) -> Iterator[Atom]:
        groups = PRESETS[self.preset] if self.preset else ((self.verbs, self.targets),)
        for verbs, targets in groups:
            for target in targets:
                plain = VERBS if verbs == (EVERY,) else tuple(verb for verb in verbs if verb not in UPGRADE_VERBS)
                if plain:
                    yield Atom(frozenset(plain), verbs == (EVERY,), target, self.namespaces)
                for verb in verbs:
                    if verb in UPGRADE_VERBS:
                        yield Atom(frozenset({"get"}), False, Target(target.plural, target.group, "", target.name), self.namespaces)
                        stream = Target(target.plural, target.group, UPGRADE_VERBS[verb].subresource, target.name, target.container)
                        yield Atom(frozenset({"create"}), False, stream, self.namespaces, self.argv)

    def _text(self) -> str:
        if self.paths:
            return "get " + ",".join(f"url:{path}" for path in self.paths)
        words = self.preset or f"{verbs_text(self.verbs)} {','.join(map(str, self.targets))}"
        if self.namespaces:
            words += " in " + ",".join(self.namespaces)
        if self.argv is not None:
            words += " -- " + argv_text(self.argv)
        return words


def verbs_text(verbs: Sequence[str]) -> str:
    """The verbs as text: `read` and `apply` where all verbs of the macro are there, then the others."""
    left = list(verbs)
    folded = []
    for word, macro in (("read", READS), ("apply", APPLIES)):
        if all(verb in verbs for verb in macro):
            folded.append(word)
            left = [verb for verb in left if verb not in macro]
    return ",".join(folded + left)
