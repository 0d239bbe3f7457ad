"""The Accept header of discovery, brought down to a few forms, so that nobody can fill the memory with copies."""

from functools import lru_cache
from itertools import combinations
from typing import Final

GROUPS: Final = ("/api", "/apis")  # the documents that have aggregated forms
AGGREGATED: Final = frozenset({"/api", "/api/", "/apis"})  # the spellings of them under which they do; /apis/ is the plain list
VERSION: Final = frozenset({"/version", "/version/"})  # JSON only
JSON: Final = b"application/json"
YAML: Final = b"application/yaml"
PROTOBUF: Final = b"application/vnd.kubernetes.protobuf"
PLAIN: Final = {JSON: JSON, b"*/*": JSON, b"application/*": JSON, YAML: b",".join((YAML, JSON)), PROTOBUF: b",".join((PROTOBUF, JSON))}  # the form of each
REMEMBERED: Final = 512  # bytes of a path and an Accept header, up to which their form is kept
LISTS: Final = {  # the forms beside a plain list, by version and profile, in the order in which we ask for them
    (b"v2", b"nopeer"): JSON + b";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList;profile=nopeer",
    (b"v2", b""): JSON + b";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    (b"v2beta1", b""): JSON + b";g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
}
FORMS: Final = (*(b",".join((*lists, JSON)) for number in (1, 2, 3) for lists in combinations(LISTS.values(), number)), JSON, PLAIN[PROTOBUF])
OURS: Final = b",".join((LISTS[b"v2", b""], LISTS[b"v2beta1", b""], JSON))  # also what kubectl since 1.30 asks for


def form_of(path: str, accept: bytes) -> bytes:
    """The Accept header we send upstream for a client's: one of ten at /api and /apis, one of three elsewhere; empty if the server has nothing to offer (406).

    A form names what the client would take in the order of its preference, then plain JSON, which the server falls back to. Source: apiserver,
    pkg/endpoints/handlers/negotiation/negotiate.go; a weight of 0 excludes nothing there.
    """
    return _remembered(path, accept) if len(path) + len(accept) <= REMEMBERED else _form_of(path, accept)


def _form_of(path: str, accept: bytes) -> bytes:
    lists: set[bytes] = set()
    plain = b""
    for media, parameters in _clauses(accept.strip() or JSON):
        transformed = b"as" in parameters
        if path in VERSION:
            plain = JSON if PLAIN.get(media) == JSON else b""
        elif transformed and path in AGGREGATED and media == JSON and parameters[b"as"] == b"APIGroupDiscoveryList":
            wanted = LISTS.get((parameters.get(b"v", b""), parameters.get(b"profile", b"")))
            if wanted is not None and parameters.get(b"g") == b"apidiscovery.k8s.io":
                lists.add(wanted)
        elif not transformed:
            plain = PLAIN.get(media, b"")
        if plain:
            break  # forms behind a plain one are never reached
    if lists:
        return b",".join((*(form for form in LISTS.values() if form in lists), JSON))
    return plain


_remembered = lru_cache(maxsize=256)(_form_of)  # every client asks with one of a handful


def _clauses(accept: bytes) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Media types with parameters, the most wanted first and those with a `*` last (RFC 9110, section 12.5.1); reads 2 KiB of it."""
    clauses: list[tuple[tuple[float, bool, bool], bytes, dict[bytes, bytes]]] = []
    for clause in accept[:2048].split(b","):
        media, *rest = clause.split(b";")
        media = media.strip().lower()
        parameters = {name.strip(): value.strip() for name, _, value in (part.partition(b"=") for part in rest)}
        try:
            weight = float(parameters.pop(b"q", b"1"))
        except ValueError:
            weight = 0.0
        clauses.append(((-weight if weight <= 1 else 0.0, media.startswith(b"*/"), media.endswith(b"/*")), media, parameters))
    clauses.sort(key=lambda clause: clause[0])
    return [(media, parameters) for _, media, parameters in clauses]
