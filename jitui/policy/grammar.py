"""The scope grammar, read from text. The same text stands in YAML, in --scope, in the API, on screens and in denials.

    scope      = clause *( ";" clause )
    clause     = verbs SP resources [ SP "in" SP namespaces ] [ SP "--" SP argv ] | "get" SP paths | preset [ SP "in" SP namespaces ]
    verbs      = verb *( "," verb ) | "*"      get list watch create update patch delete deletecollection
                 read = get,list,watch   apply = get,create,patch   exec|attach|port-forward = create on that subresource + get of the pod
    resources  = plural [ "." group ] [ "/" subresource ] [ ":" name [ "/" container ] ] , comma-separated
    paths      = "url:" path [ "*" at the end ] , comma-separated
    preset     = "@view" | "@debug" | "@deploy"

A name, container or namespace is literal with `*` for any run within one segment. argv is quoted as in sh: exact words, `*` one word, `...` the rest.
A container is for exec, attach and pods/log. Without one, a clause with an argv is for the pod's default container alone, any other for every container.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, NoReturn

from jitui.policy.clause import APPLIES, PRESETS, RBAC_VERBS, READS, VERBS, Clause, Target
from jitui.policy.pattern import EVERY, Wild, Word
from jitui.policy.streams import LOGS, OF_PODS, ROWS, UPGRADE_VERBS, UPGRADES, listed
from jitui.values.errors import InvalidError

MACROS: Final[Mapping[str, tuple[str, ...]]] = {"read": READS, "apply": APPLIES}
ORDER: Final = (*VERBS, *UPGRADE_VERBS, *RBAC_VERBS)
KNOWN: Final = (*VERBS, *MACROS, *UPGRADE_VERBS)
PRESET_WORDS: Final = "@view (read, logs; no secrets), @debug (and exec), @deploy (and apply)"

PLURAL: Final = re.compile(r"\*|[a-z][a-z0-9-]{0,62}")
GROUP: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
SUBRESOURCE: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
NAME: Final = re.compile(r"[A-Za-z0-9._:@*-]{1,253}")
CONTAINER: Final = re.compile(r"[a-z0-9*]([a-z0-9*-]{0,62})")
NAMESPACE: Final = re.compile(r"[a-z0-9*]([a-z0-9*-]{0,62})")
PATH: Final = re.compile(r"(/[A-Za-z0-9._~:@!$&'()+=-]+)*/?\*?")

SPACE: Final = " \t\r\n"
META: Final = "|&<>()$`#!~{}[]?"  # characters that mean something to sh, so they stand in quotes
LIMIT: Final = 8192  # characters of a scope
PIECES: Final = 2000  # verbs times resources times namespaces: scopes come from agents, and comparing them takes time

# Plurals that live outside the core group: the commonest slip, and one that would silently match nothing.
GROUPS: Final[Mapping[str, str]] = (
    dict.fromkeys(("deployments", "statefulsets", "daemonsets", "replicasets", "controllerrevisions"), "apps")
    | dict.fromkeys(("jobs", "cronjobs"), "batch")
    | dict.fromkeys(("ingresses", "networkpolicies", "ingressclasses"), "networking.k8s.io")
    | dict.fromkeys(("roles", "rolebindings", "clusterroles", "clusterrolebindings"), "rbac.authorization.k8s.io")
    | {"horizontalpodautoscalers": "autoscaling", "poddisruptionbudgets": "policy", "storageclasses": "storage.k8s.io",
       "customresourcedefinitions": "apiextensions.k8s.io"}
)  # fmt: skip
SHORT: Final[Mapping[str, str]] = {
    "po": "pods", "pod": "pods", "svc": "services", "service": "services", "ns": "namespaces", "namespace": "namespaces", "no": "nodes",
    "node": "nodes", "cm": "configmaps", "configmap": "configmaps", "secret": "secrets", "ev": "events", "event": "events",
    "sa": "serviceaccounts", "deploy": "deployments.apps", "deployment": "deployments.apps", "sts": "statefulsets.apps",
    "ds": "daemonsets.apps", "rs": "replicasets.apps", "job": "jobs.batch", "cj": "cronjobs.batch", "ing": "ingresses.networking.k8s.io",
    "logs": "pods/log", "all": "*",
}  # fmt: skip
CONTAINED: Final = tuple(f"pods/{kind.subresource}" for kind in ROWS if kind.contained)
CONTAINED_VERBS: Final = tuple(verb for verb, kind in UPGRADE_VERBS.items() if kind.contained)
POD_SUBRESOURCES: Final = frozenset({*OF_PODS, "proxy", "status", "eviction", "binding", "resize", "ephemeralcontainers"})


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    at: int  # position of its first character, from 0
    wild: Wild | None = None  # in an argv: an unquoted `*` or `...`


@dataclass(frozen=True, slots=True)
class Source:
    """The text being read, for messages that name the position in it."""

    text: str
    label: str = "scope"

    def fail(self, at: int, what: str, hint: str) -> NoReturn:
        shown = self.text if len(self.text) <= 80 else self.text[:77] + "..."
        raise InvalidError(f'{self.label} "{shown}", position {at + 1}: {what}; {hint}')


def parse(text: str, label: str = "scope") -> tuple[Clause, ...]:
    """The clauses of a text. Raises InvalidError with the position, from 1, and a hint."""
    source = Source(text, label)
    if len(text) > LIMIT:
        raise InvalidError(f"{label} of {len(text)} characters, {LIMIT} at most; use wildcards or a preset")
    if "\0" in text:
        source.fail(text.index("\0"), "a NUL character", "no name and no argument can hold one")
    clauses = []
    position = 0
    while True:
        words, argv, end = _lex(source, position)
        clauses.append(_clause(source, words, argv, end))
        if end >= len(text):
            break
        position = end + 1
    pieces = sum(len(atom.verbs) * max(1, len(atom.namespaces)) for clause in clauses for atom in clause.atoms)
    if pieces > PIECES:
        raise InvalidError(f"{label} with {pieces} combinations of verb, resource and namespace, {PIECES} at most; use wildcards")
    return tuple(dict.fromkeys(clauses))


def _lex(source: Source, start: int) -> tuple[list[Token], list[Token] | None, int]:
    """Words of one clause, its argv if it has a `--`, and where it ends: at a `;` or the end of the text."""
    text, at = source.text, start
    words: list[Token] = []
    while at < len(text) and text[at] != ";":
        if text[at] in SPACE:
            at += 1
            continue
        begin = at
        while at < len(text) and text[at] not in SPACE and text[at] != ";":
            at += 1
        token = Token(text[begin:at], begin)
        if token.text == "--":
            argv, at = _lex_argv(source, at)
            return words, argv, at
        words.append(token)
    return words, None, at


def _lex_argv(source: Source, start: int) -> tuple[list[Token], int]:
    """The words after `--`, quoted as in sh, up to an unquoted `;`."""
    text, at = source.text, start
    found: list[Token] = []
    while at < len(text) and text[at] != ";":
        if text[at] in SPACE:
            at += 1
            continue
        begin, parts, quoted = at, [], False
        while at < len(text) and text[at] not in SPACE and text[at] != ";":
            if text[at] in "'\"\\":
                piece, at = _quoted(source, at)
                quoted = True
            else:
                if text[at] in META:
                    source.fail(at, f"an unquoted {text[at]}", "put the word in single quotes")
                piece, at = text[at], at + 1
            parts.append(piece)
        word = "".join(parts)
        wild = None if quoted else {"*": Wild.ONE, "...": Wild.REST}.get(word)
        if "*" in word and not quoted and wild is None:
            source.fail(begin, f"{word}: a * is one whole word of a command", "quote the word if the * is meant as itself")
        found.append(Token(word, begin, wild))
    return found, at


def _quoted(source: Source, at: int) -> tuple[str, int]:
    """One quoted piece of a word and the position after it."""
    text, quote = source.text, source.text[at]
    if quote == "\\":
        if at + 1 >= len(text):
            source.fail(at, "a backslash at the end", "it quotes the character after it")
        return text[at + 1], at + 2
    if quote == "'":
        end = text.find("'", at + 1)
        if end < 0:
            source.fail(at, "a quote that is not closed", "close it with '")
        return text[at + 1 : end], end + 1
    parts, position = [], at + 1
    while position < len(text) and text[position] != '"':
        char = text[position]
        if char in "$`":
            source.fail(position, f"{char} in double quotes", "jitui runs no shell: use single quotes")
        if char == "\\" and position + 1 < len(text) and text[position + 1] in '$`"\\':
            position += 1
            char = text[position]
        parts.append(char)
        position += 1
    if position >= len(text):
        source.fail(at, "a quote that is not closed", 'close it with "')
    return "".join(parts), position + 1


def _listed(words: Sequence[Token]) -> list[Token]:
    """Words joined where a comma has spaces around it: `pods, pods/log` is one list."""
    joined: list[Token] = []
    for word in words:
        if joined and (joined[-1].text.endswith(",") or word.text.startswith(",")):
            joined[-1] = Token(joined[-1].text + word.text, joined[-1].at)
        else:
            joined.append(word)
    return joined


def _clause(source: Source, words: list[Token], argv: list[Token] | None, end: int) -> Clause:
    words = _listed(words)
    if not words:
        source.fail(min(end, len(source.text)), "a clause is missing", f"write for instance: read pods in web, or a preset: {PRESET_WORDS}")
    head = words[0]
    if head.text.startswith("@"):
        if head.text not in PRESETS:
            source.fail(head.at, f"{head.text} is no preset", f"there are {PRESET_WORDS}")
        if argv is not None:
            source.fail(end, "a preset takes no command", "write for instance: exec pods in web -- CMD")
        return Clause(preset=head.text, namespaces=_namespaces(source, words, 1, end))
    verbs = _verbs(source, head)
    if len(words) == 1 or words[1].text == "in":
        source.fail(words[1].at if len(words) > 1 else end, f"what {head.text} may be done to is missing", "name resources, for instance: read pods in web")
    if words[1].text.startswith("url:"):
        return _url_clause(source, words, verbs, argv)
    targets = tuple(dict.fromkeys(_target(source, token, verbs) for token in _split(source, words[1])))
    namespaces = _namespaces(source, words, 2, end, writes=verbs != (EVERY,) and not set(verbs) <= set(READS))
    return Clause(verbs, targets, namespaces, _argv(source, verbs, argv, end))


def _split(source: Source, token: Token) -> Iterator[Token]:
    at = token.at
    for part in token.text.split(","):
        if not part:
            source.fail(token.at, "a comma with nothing beside it", "name something on both sides of it")
        yield Token(part, at)
        at += len(part) + 1


def _verbs(source: Source, token: Token) -> tuple[str, ...]:
    if token.text == EVERY:
        return (EVERY,)
    found: set[str] = set()
    for part in _split(source, token):
        if part.text == EVERY:
            source.fail(part.at, "* beside other verbs", "* alone is get,list,watch,create,update,patch,delete,deletecollection")
        if part.text not in ORDER and part.text not in MACROS:
            near = get_close_matches(part.text[:20].lower(), KNOWN, 1)
            if part.text in UPGRADES:
                near = [UPGRADES[part.text].verb]
            elif part.text in {LOGS.subresource, LOGS.session}:
                near = [f"{LOGS.verb} pods/{LOGS.subresource}"]
            hint = f"did you mean {near[0]}?" if near else f"verbs are {' '.join(KNOWN)} or *"
            source.fail(part.at, f"{part.text} is no verb", hint)
        found.update(MACROS.get(part.text, (part.text,)))
    return tuple(verb for verb in ORDER if verb in found)


def _target(source: Source, token: Token, verbs: tuple[str, ...]) -> Target:
    kind, colon, rest = token.text.partition(":")
    name, cut, container = rest.partition("/")
    base, slash, subresource = kind.partition("/")
    plural, dot, group = base.partition(".")
    if not PLURAL.fullmatch(plural):
        source.fail(token.at, f"{plural or token.text} is no plural of a kind", "write it as kubectl api-resources lists it: pods, deployments.apps, or *")
    if dot and not GROUP.fullmatch(group):
        source.fail(token.at + len(plural), f".{group} is no API group", "a group is literal, for instance .apps or .argoproj.io")
    if slash and not SUBRESOURCE.fullmatch(subresource):
        source.fail(token.at + len(base), f"/{subresource} is no subresource", "it is literal, one word; * never reaches subresources")
    if colon and not NAME.fullmatch(name):
        source.fail(token.at + len(kind), f":{rest} is no name", "letters, digits and . _ : @ - with * for any run; a subresource comes first: pods/log:web-0")
    if cut:
        _contained(source, Token(rest, token.at + len(kind)), container, kind, verbs)
    if plural == EVERY and slash:
        source.fail(token.at, "* never reaches subresources", f"write the kinds out, for instance pods/{subresource}")
    if not group and not slash and (meant := SHORT.get(plural)):
        source.fail(token.at, f"{plural} is not the plural of a kind", f"write {meant}")
    if not group and plural in GROUPS:
        source.fail(token.at, f"{plural} is in no core group", f"write {plural}.{GROUPS[plural]}")
    if not group and plural == "pods" and slash and subresource not in POD_SUBRESOURCES:
        source.fail(token.at + len(base), f"pods have no subresource {subresource}", f"a name is written pods:{subresource}")
    if any(verb in UPGRADE_VERBS for verb in verbs) and (plural, group, subresource) != ("pods", "", ""):
        word = next(verb for verb in verbs if verb in UPGRADE_VERBS)
        source.fail(token.at, f"{word} is for pods, not for {kind}", f"write {word} pods")
    return Target(plural, group, subresource, re.sub(r"\*+", "*", name), re.sub(r"\*+", "*", container))


def _contained(source: Source, rest: Token, container: str, kind: str, verbs: tuple[str, ...]) -> None:
    """Whether a container may stand behind the name, and is one."""
    if kind not in CONTAINED and not (kind == "pods" and set(verbs) <= set(CONTAINED_VERBS)):
        hint = f"a subresource comes first: pods/log:web-0; a container is for {listed(CONTAINED_VERBS)} pods, {listed(CONTAINED)}, alone in their clause"
        source.fail(rest.at, f":{rest.text} is no name", hint)
    if not CONTAINER.fullmatch(container):
        source.fail(rest.at, f"/{container} is no container", "small letters, digits and - with * for any run: exec pods:web-0/app")


def _namespaces(source: Source, words: list[Token], index: int, end: int, *, writes: bool = False) -> tuple[str, ...]:
    """Beside a `*` names stay only where something may be written: a guarded namespace is then meant by its name alone."""
    if len(words) <= index:
        return ()
    if words[index].text != "in":
        what = f"{words[index].text} where in or the end was expected"
        source.fail(words[index].at, what, "write for instance: read pods in web; lists have commas between their words")
    if len(words) <= index + 1:
        source.fail(end, "a namespace is missing after in", "name one, several with commas, or * for all")
    if len(words) > index + 2:
        source.fail(words[index + 2].at, f"{words[index + 2].text} after the namespaces", "clauses are separated by ; and a command stands after --")
    found = []
    for part in _split(source, words[index + 1]):
        if not NAMESPACE.fullmatch(part.text):
            source.fail(part.at, f"{part.text} is no namespace", "small letters, digits and - with * for any run")
        found.append(re.sub(r"\*+", "*", part.text))
    if EVERY in found:
        found = [EVERY, *(name for name in found if writes and "*" not in name)]
    return tuple(dict.fromkeys(found))


def _argv(source: Source, verbs: tuple[str, ...], argv: list[Token] | None, end: int) -> tuple[Word, ...] | None:
    if argv is None:
        return None
    with_argv = [verb for verb, kind in UPGRADE_VERBS.items() if kind.argv]
    if len(verbs) != 1 or verbs[0] not in with_argv:
        source.fail(end, f"a command after -- is for {listed(with_argv)} alone", "write for instance: exec pods:db-0 in data -- pg_isready -h *")
    if not argv:
        source.fail(end, "a command is missing after --", "write its words, * for any one word, ... for the rest")
    for token in argv[:-1]:
        if token.wild is Wild.REST:
            source.fail(token.at, "... before the end of a command", "it stands for the rest, so it is the last word")
    return tuple(token.wild or token.text for token in argv)


def _url_clause(source: Source, words: list[Token], verbs: tuple[str, ...], argv: list[Token] | None) -> Clause:
    if verbs != ("get",):
        source.fail(words[0].at, f"{words[0].text} on a path", "only get is possible there: get url:/metrics")
    if len(words) > 2 or argv is not None:
        source.fail(words[2].at if len(words) > 2 else words[1].at, "a path takes nothing after it", "write for instance: get url:/metrics")
    paths = []
    for part in _split(source, words[1]):
        path = part.text.removeprefix("url:")
        if path == part.text or not path.startswith("/") or not PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
            source.fail(part.at, f"{part.text} is no path", "write url:/ and the path, with * at its end at most: url:/logs/*")
        paths.append(path)
    return Clause(("get",), paths=tuple(dict.fromkeys(paths)))
