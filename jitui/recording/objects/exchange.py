"""Puts one request and its answer together from recorded frames: heads read, bodies opened, and whether its outcome is known."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from jitui.policy import kube
from jitui.policy.action import Action
from jitui.recording.frame import Channel, Frame
from jitui.recording.gunzip import GZIP, Gunzip, Unreadable
from jitui.recording.masking.requests import media_of
from jitui.recording.objects.bodies import LARGEST
from jitui.values.errors import InvalidError

UNKNOWN: Final = b'"outcome":"unknown"'
CHANNELS: Final = frozenset({Channel.REQUEST, Channel.REQUEST_BODY, Channel.RESPONSE, Channel.RESPONSE_BODY, Channel.GATEWAY, Channel.MARK})


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer."""

    media: bytes = b""  # Content-Type, lower case
    body: bytes = b""  # opened, if it crossed compressed
    why: str = ""  # why the body is not here, or not whole


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request of a session and its answer."""

    session: int
    conn: int
    at_us: int  # since the session's start
    action: Action
    query: kube.Query
    request: Message
    answer: Message
    code: int | None  # of the cluster's answer; None: none is on record
    unknown: bool  # it was sent, and no answer came
    own: bool  # the gateway answered, or said last words

    @property
    def manager(self) -> str:
        """The field manager that the request names."""
        return self.query.text("fieldManager")


def exchange(frames: Iterable[Frame]) -> Exchange | None:
    """The exchange of one connection of a session, from its frames in order; None without a request that can be read."""
    first: Frame | None = None
    answered = b""
    parts: dict[Channel, list[bytes]] = {Channel.REQUEST_BODY: [], Channel.RESPONSE_BODY: []}
    unknown = own = False
    for frame in frames:
        if frame.channel is Channel.REQUEST:
            first = first or frame
        elif frame.channel is Channel.RESPONSE:
            answered = frame.body
        elif frame.channel in parts:
            parts[frame.channel].append(frame.body)
        elif frame.channel is Channel.MARK:
            unknown = unknown or UNKNOWN in frame.body
        elif frame.channel is Channel.GATEWAY:
            own = True
    if first is None:
        return None
    line = first.body.partition(b"\r\n")[0].split(b" ")
    if len(line) != 3:
        return None
    media, _ = media_of(first.body)
    try:
        action, query = kube.read(line[0], line[1], content_type=media), kube.query_of(line[1])
    except InvalidError:
        return None
    return Exchange(first.session, first.conn, first.at_us, action, query, _message(first.body, parts[Channel.REQUEST_BODY]),
                    _message(answered, parts[Channel.RESPONSE_BODY], cut=own), code_of(answered), unknown, own)  # fmt: skip


def code_of(head: bytes) -> int | None:
    """The status code in a recorded response head."""
    parts = head.split(b" ", 2)
    return int(parts[1]) if len(parts) > 1 and len(parts[1]) == 3 and parts[1].isdigit() else None


def _message(head: bytes, pieces: list[bytes], *, cut: bool = False) -> Message:
    media, coding = media_of(head)
    if not head:
        return Message(why="it is not on record")
    if sum(map(len, pieces)) > LARGEST:
        return Message(media, why=f"it has more than {LARGEST >> 20} MiB")
    if coding and coding not in GZIP:
        return Message(media, why=f"it crossed in the coding {coding.decode('ascii', 'replace')[:40]}")
    if not coding:
        return Message(media, b"".join(pieces), "the gateway's last words stand in it" if cut else "")
    gunzip, opened, size = Gunzip(), list[bytes](), 0
    try:
        for piece in pieces:
            opened.append(gunzip.feed(piece))
            size += len(opened[-1])
            if size > LARGEST:
                return Message(media, why=f"it opens to more than {LARGEST >> 20} MiB")
    except Unreadable as error:
        return Message(media, why=f"it crossed compressed and can't be opened: {error}")
    return Message(media, b"".join(opened), "the gateway's last words stand in it" if cut else "")
