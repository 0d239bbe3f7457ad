"""The kinds of streams: every conversation that is a session of its own, one row each. The one table of them.

A new kind is a row here and, where no codec speaks its protocol yet, a member of Codec, that codec (`protocol/`), and the line that makes it from a
request (`protocol/plan.py`). A channel that nobody recorded before is a member of `recording.frame.Channel`. The reader of request lines, the scope
grammar, hazards, RBAC, the recorder and the screens ask the rows.

An upgrade (exec, attach, port-forward) is one action whatever its method, as a WebSocket is a GET and SPDY a POST: `create` on the subresource
of a pod. In a scope its verb also stands for the `get` of the pod that kubectl does first. The other streams are answers that go on, or over a WebSocket
its messages: judged alike, recorded alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from jitui.policy.action import Action, Hazard

API: Final = "api"  # the kind of the session that all plain requests of one grant share; no stream
PROBE: Final = "probe"  # the kind of sessions in which the gateway itself looks into pods: no doing of an agent


class Codec(StrEnum):
    """The protocol that a stream speaks: who reads and writes it, and how it says its last words."""

    COMMAND = "command"  # protocol/speech.py, protocol/spdy_command.py: the channels of a remote command, and its exit status
    FORWARD = "forward"  # protocol/forward.py, protocol/forward_channels.py: a pair of SPDY streams, or of channels, for each forwarded connection
    LINES = "lines"  # text, line by line; the last words are one more line (over WebSocket protocol/oneway.py)
    EVENTS = "events"  # watch events; the last words are one of type ERROR (the same file)


@dataclass(frozen=True, slots=True)
class StreamKind:
    session: str  # the kind of its session: on record, in the API and on screens
    verb: str  # in the scope grammar
    subresource: str  # of pods; "": of any kind
    hazard: Hazard
    why: str  # of the hazard
    codec: Codec
    channels: tuple[str, ...]  # labels of recording.frame.Channel: everything that its two sides say to each other
    contained: bool = False  # a scope may name the container
    argv: bool = False  # its request line holds a command, which a scope may bound
    leaves_process: bool = False  # the end of the stream does not end the process that it started in the pod

    @property
    def upgrade(self) -> bool:
        """Whether only an upgrade begins it. The other streams may be answers, line by line or event by event."""
        return self.codec not in {Codec.LINES, Codec.EVENTS}

    @property
    def exits(self) -> bool:
        """Whether the cluster says at its end how the command ended."""
        return "error" in self.channels

    @property
    def prints(self) -> bool:
        """Whether it is the output of a program, as a terminal shows it."""
        return "stdout" in self.channels


def listed(words: Sequence[str], last: str = "and") -> str:
    """`exec and attach`, `exec, attach and port-forward`, for messages."""
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), words[-1])))


INTO_A_POD: Final = "commands, keystrokes or a tunnel"
COMMAND: Final = ("stdin", "stdout", "stderr", "error", "resize")
FORWARD: Final = ("forward-in", "forward-out", "forward-error")

EXEC: Final = StreamKind("exec", "exec", "exec", Hazard.EXEC, INTO_A_POD, Codec.COMMAND, COMMAND, contained=True, argv=True, leaves_process=True)
ATTACH: Final = StreamKind("attach", "attach", "attach", Hazard.EXEC, INTO_A_POD, Codec.COMMAND, COMMAND, contained=True)
PORT_FORWARD: Final = StreamKind("port-forward", "port-forward", "portforward", Hazard.EXEC, INTO_A_POD, Codec.FORWARD, FORWARD)
LOGS: Final = StreamKind("logs", "get", "log", Hazard.READ, "", Codec.LINES, ("stdout",), contained=True)
WATCH: Final = StreamKind("watch", "watch", "", Hazard.READ, "", Codec.EVENTS, ("response-body",))

ROWS: Final = (EXEC, ATTACH, PORT_FORWARD, LOGS, WATCH)

BY_SESSION: Final[Mapping[str, StreamKind]] = {kind.session: kind for kind in ROWS}
OF_PODS: Final[Mapping[str, StreamKind]] = {kind.subresource: kind for kind in ROWS if kind.subresource}
UPGRADES: Final[Mapping[str, StreamKind]] = {kind.subresource: kind for kind in ROWS if kind.upgrade}  # by subresource
UPGRADE_VERBS: Final[Mapping[str, StreamKind]] = {kind.verb: kind for kind in ROWS if kind.upgrade}
PRINT: Final = frozenset(kind.session for kind in ROWS if kind.prints)  # kinds of sessions
UPGRADED: Final = frozenset(kind.session for kind in ROWS if kind.upgrade)  # kinds of sessions

UPGRADES_LISTED: Final = listed(tuple(UPGRADE_VERBS))


def of_action(action: Action) -> StreamKind | None:
    """The kind of stream that an allowed action begins; None: it is a plain request."""
    if action.resource == "pods" and not action.group:
        kind = OF_PODS.get(action.subresource)
        if kind is not None and (kind.upgrade or action.follow):
            return kind
    return WATCH if action.verb == WATCH.verb else None


def upgrade_of(action: Action) -> StreamKind | None:
    """The kind of stream that the request may turn into: it is for the exec, attach or port-forward of one pod."""
    if action.resource == "pods" and action.subresource in UPGRADES and not action.group and action.name and action.namespace:
        return UPGRADES[action.subresource]
    return None
