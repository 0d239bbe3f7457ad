"""The Accept header of discovery, brought down to a few forms, so that nobody can fill the memory with copies."""

from itertools import combinations
from typing import Final

GROUPS: Final = ("/api", "/apis")  # the paths that have aggregated forms
JSON: Final = b"application/json"
PROTOBUF: Final = b"application/vnd.kubernetes.protobuf"
LISTS: Final = {  # the forms beside a plain list, by version and profile, in the order in which we ask for them
    (b"v2", b"nopeer"): JSON + b";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList;profile=nopeer",
    (b"v2", b""): JSON + b";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    (b"v2beta1", b""): JSON + b";g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
}
FORMS: Final = (*(b",".join((*lists, JSON)) for number in (1, 2, 3) for lists in combinations(LISTS.values(), number)), JSON, b",".join((PROTOBUF, JSON)))
OURS: Final = b",".join((LISTS[b"v2", b""], LISTS[b"v2beta1", b""], JSON))  # also what kubectl since 1.30 asks for


def form_of(path: str, accept: bytes) -> bytes:
    """The Accept header we send upstream for a client's: one of nine at /api and /apis, one of two elsewhere.

    A form names what the client would take in the order of its preference, then plain JSON, which the server falls back to.
    """
    if path == "/version":
        return JSON
    lists: set[bytes] = set()
    plain = b""
    for media, parameters in _clauses(accept):
        if path in GROUPS and media == JSON and parameters.get(b"as") == b"APIGroupDiscoveryList":
            wanted = LISTS.get((parameters.get(b"v", b""), parameters.get(b"profile", b"")))
            if wanted is not None and parameters.get(b"g") == b"apidiscovery.k8s.io":
                lists.add(wanted)
        elif b"as" not in parameters and media in {JSON, PROTOBUF, b"*/*", b"application/*"}:
            plain = PROTOBUF if media == PROTOBUF else JSON
            break  # forms behind plain JSON are never reached
    if lists:
        return b",".join((*(form for form in LISTS.values() if form in lists), JSON))
    return b",".join((PROTOBUF, JSON)) if plain == PROTOBUF else JSON


def _clauses(accept: bytes) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Media types with parameters, the most wanted first (RFC 9110, section 12.5.1); reads 2 KiB of it."""
    clauses: list[tuple[float, bytes, dict[bytes, bytes]]] = []
    for clause in accept[:2048].split(b","):
        media, *rest = clause.split(b";")
        parameters = {name.strip(): value.strip() for name, _, value in (part.partition(b"=") for part in rest)}
        try:
            weight = float(parameters.pop(b"q", b"1"))
        except ValueError:
            weight = 0.0
        if 0 < weight <= 1:
            clauses.append((-weight, media.strip().lower(), parameters))
    clauses.sort(key=lambda clause: clause[0])
    return [(media, parameters) for _, media, parameters in clauses]
