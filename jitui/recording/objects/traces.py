"""Traces of what outlives a window in recorded bytes: tokens that crossed, the names in Secrets that were read, files that a command copied."""

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jitui.recording.objects.bodies import Body
from jitui.values import foreign

LONGEST: Final = 16 << 10  # bytes of a token that is found across pieces
TEXT: Final = 300  # characters of a claim
ACCOUNT: Final = "system:serviceaccount:"
_TOKEN: Final = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.(eyJ[A-Za-z0-9_-]{8,})\.[A-Za-z0-9_-]{8,}")
_TAR: Final = re.compile(r"(?:\A|[\s/'\"])tar\s+(?P<flags>-?[a-zA-Z]+)\s+-(?=\s|\Z)")


@dataclass(frozen=True, slots=True)
class Token:
    """A JSON Web Token as its claims tell of it (RFC 7519); the token itself is not kept."""

    issuer: str
    subject: str
    expires_s: int  # seconds since 1970; 0: it says none
    ident: str  # jti
    pod: str = ""  # namespace/name of the pod that it is bound to: it ends with that
    pod_uid: str = ""

    @property
    def account(self) -> str:
        """namespace/name of the service account; empty: it is somebody else's."""
        return self.subject.removeprefix(ACCOUNT).replace(":", "/") if self.subject.startswith(ACCOUNT) else ""


def tokens(pieces: Iterable[bytes]) -> Iterator[Token]:
    """The tokens in a stream of bytes, also those that two pieces share; one that comes again is told again."""
    tail = b""
    for piece in pieces:
        text, known = tail + piece, len(tail)
        for found in _TOKEN.finditer(text):
            if found.end() > known and (token := _read(found[1])) is not None:
                yield token
        tail = text[-LONGEST:]


def _read(payload: bytes) -> Token | None:
    try:
        claims = foreign.read(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    except ValueError:
        return None
    if not isinstance(claims, Mapping) or not (claims.get("iss") or claims.get("sub")):
        return None
    expires = claims.get("exp")
    bound = _tree(claims.get("kubernetes.io"))
    pod = _tree(bound.get("pod"))
    return Token(_text(claims.get("iss")), _text(claims.get("sub")), expires if type(expires) is int and 0 < expires < 1 << 40 else 0, _text(claims.get("jti")),
                 f"{_text(bound.get('namespace'))}/{_text(pod['name'])}" if pod.get("name") else "", _text(pod.get("uid")))  # fmt: skip


def secrets(body: Body) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Namespace, name and keys of each Secret in an answer whose values are in it."""
    for each in body.items if not body.partial else ():
        data, meta = _tree(each.get("data")), _tree(each.get("metadata"))
        if each.get("kind") == "Secret" and data:
            yield _text(meta.get("namespace")), _text(meta.get("name")), tuple(map(str, data))


def copied(argv: Sequence[str]) -> str:
    """`out` if a command writes files to its output, `in` if it takes them from its input, as `kubectl cp` does; else empty."""
    found = _TAR.search(" ".join(argv)[:4096])
    if found is None or "f" not in found["flags"]:
        return ""
    return "out" if "c" in found["flags"] else "in" if "x" in found["flags"] else ""


def _tree(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value[:TEXT] if isinstance(value, str) else ""
