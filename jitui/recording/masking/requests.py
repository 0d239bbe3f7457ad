"""Reads the recorded heads of an exchange: whether the kind of its bodies holds secrets, and how the bodies are encoded."""

import re
from dataclasses import dataclass
from typing import Final

from jitui.policy import kube
from jitui.recording.masking.spans import Span, merged
from jitui.recording.masking.text import Text
from jitui.values.errors import InvalidError

_LINE: Final = re.compile(rb"[A-Z]+ (?P<target>[^ \r\n]*)")
_CODED: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
REVIEWS: Final = frozenset({b"tokenreviews"})


@dataclass(frozen=True, slots=True)
class About:
    """One exchange, according to the head of its request."""

    secret: bool  # its bodies are of a kind that holds secrets
    watch: bool
    media: bytes  # Content-Type of the request's body, lower case
    coding: bytes  # Content-Encoding of the request's body, lower case; b"" if it has none


def about(head: bytes) -> About:
    """Reads a recorded request head. An unreadable one counts as a request for secrets."""
    match = _LINE.match(head)
    target = match["target"] if match else b""
    path = target.partition(b"?")[0]
    media, coding = media_of(head)
    path = _CODED.sub(lambda found: bytes.fromhex(found[1].decode()), path)
    return About(match is None or holds_secrets(path), _watches(target), media, coding)


def _watches(target: bytes) -> bool:
    try:
        return kube.query_of(target).flag("watch")
    except InvalidError:  # nothing that can't be judged was ever sent
        return False


def in_head(head: bytes) -> list[Span]:
    """The spans to mask in a head: in its text, and in its target after percent-decoding."""
    line = head.find(b"\r\n")
    target = head[: line if line >= 0 else len(head)]
    found = Text().feed(head + b"\n")
    if b"%" not in target and b"+" not in target:
        return found
    edges: list[int] = []  # the offset in the head of each byte of the decoded target, then its end
    read = bytearray()
    at = 0
    while at < len(target):
        coded = _CODED.match(target, at)
        edges.append(at)
        read += bytes.fromhex(coded[1].decode()) if coded else b" " if target[at] == 0x2B else target[at : at + 1]
        at = coded.end() if coded else at + 1
    edges.append(len(target))
    spoken = Text().feed(bytes(read) + b"\n")
    return merged(found, [Span(edges[span.offset], edges[span.end] - edges[span.offset], span.kind) for span in spoken if span.end < len(edges)])


def media_of(head: bytes) -> tuple[bytes, bytes]:
    """Content-Type and Content-Encoding, in lower case; the latter is b"" if the body is as it is."""
    media = coding = b""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        low = name.strip().lower()
        if low == b"content-type":
            media = value.strip().lower()
        elif low == b"content-encoding":
            value = value.strip().lower()
            coding = b",".join(filter(None, (coding, value))) if value != b"identity" else coding
    return media, coding


def holds_secrets(path: bytes) -> bool:
    """Whether a path names Secrets, tokens of service accounts or their reviews, also behind a proxy."""
    parts = [part.lower() for part in path.split(b"/") if part]
    while parts:
        if parts[0] == b"api":
            rest = parts[2:]
        elif parts[0] == b"apis":
            rest = parts[3:]
        else:
            parts = parts[1:]
            continue
        if rest[:1] in ([b"watch"], [b"proxy"]):
            rest = rest[1:]
        if rest[:1] == [b"namespaces"] and len(rest) > 2 and rest[2] not in {b"status", b"finalize"}:
            rest = rest[2:]
        if rest[:1] == [b"secrets"] or (rest[:1] and rest[0] in REVIEWS):
            return True
        if rest[:1] == [b"serviceaccounts"] and rest[2:3] == [b"token"]:
            return True
        if b"proxy" not in rest:
            return False
        parts = rest[rest.index(b"proxy") + 1 :]
    return False
