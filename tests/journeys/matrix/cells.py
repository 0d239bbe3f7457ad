"""The table: what kubectl prints and its exit code, for each kind of stream and each way it ends.

docs/protocol.md says why: 2.3 (exec, attach, cp), 3.1 (port-forward), 3.3 (logs), 3.4 (watch), 3.5 (debug).

The texts are regular expressions, matched against all that was printed. In them {out} and {err} are what the cluster wrote to stdout and
stderr and the gateway handed on, as recorded; {rows} the rows of the watch's events as recorded; {port} the local port; {words} what the
gateway says at this end, and {said} the same as a line of its own, `[jitui] ...`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Cause(Enum):
    """How a stream ends. The deadline comes last: how long its window must be is known by then."""

    WORKS = "works"
    REVOKE = "revoke"
    KILL = "kill"
    RESET = "reset"  # upstream lost: RST
    CLOSE = "close"  # upstream lost: FIN
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Printed:
    """One cell: exit code, stdout, stderr. On a terminal both are `out`."""

    code: int
    out: str
    err: str = ""

    def wrong(self, code: int | None, out: bytes, err: bytes, fields: Mapping[str, bytes]) -> str:
        """The differences from the cell, a line each; empty if there are none."""
        complaints = [] if code == self.code else [f"exit code {code}, expected {self.code}"]
        for name, text, printed in (("stdout", self.out, out), ("stderr", self.err, err)):
            pattern = re.sub(rb"\{([a-z]+)\}", lambda found: re.escape(fields[found[1].decode()]), text.encode())
            if not re.fullmatch(pattern, printed, re.DOTALL):
                complaints.append(f"{name} is {_end(printed)}, expected {_end(pattern)}")
        return "\n".join(complaints)


def _end(text: bytes) -> str:
    return repr(text) if len(text) < 1500 else f"... {text[-1200:]!r}"


KLOG: Final = r"[EIW]\d{4} [\d:.]+ +\d+ \w+\.go:\d+\] "
EARLY: Final = rf"({KLOG}Unknown stream id 1, discarding message\r?\n)?"  # kubectl 1.30 to 1.33, at the empty first message (docs/protocol.md, 1.2)
HINT: Final = (
    r"(All commands and output from this session will be recorded in container logs[^\n]*\n)?"  # kubectl 1.34
    r"(If you don't see a command prompt, try pressing enter\.\n)?"
)
PROFILE: Final = r"(--profile=legacy is deprecated [^\n]*\n)?"  # kubectl 1.31 to 1.33
FORWARDING: Final = r"Forwarding from 127\.0\.0\.1:{port} -> 7000\n(Handling connection for {port}\n){3}"
FORWARD_ERROR: Final = (
    KLOG + r'("Unhandled Error" err="an error occurred forwarding {port} -> 7000: {quoted}"( logger="[^"]*")?|'
    r"an error occurred forwarding {port} -> 7000: {words})\n"
)
WATCHED: Final = r"NAME +READY +STATUS +RESTARTS +AGE\n{rows}"
FALLS_BACK: Final = (
    r"warning: couldn't attach to pod/[\w-]+, falling back to streaming logs: {words}\n"
    r"Error from server \(Forbidden\): get pods/[\w-]+/log in [\w-]+: no rule allows it[^\n]*\n"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of stream."""

    works: Printed  # it ended by itself
    ended: Printed  # the gateway ended it: deadline, revoke, kill
    lost: Printed  # the cluster's connection went away

    def of(self, cause: Cause) -> Printed:
        if cause is Cause.WORKS:
            return self.works
        return self.lost if cause in LOST else self.ended


LOST: Final = frozenset({Cause.RESET, Cause.CLOSE})

TABLE: Final[Mapping[str, Row]] = {
    # the exit code of the command (docs/protocol.md, 1.3); the Status, then the end of the stream (2.3)
    "exec": Row(
        works=Printed(7, "{out}", f"{EARLY}{{err}}command terminated with exit code 7\n"),
        ended=Printed(1, "{out}", f"{EARLY}{{err}}error: {{words}}\n"),
        lost=Printed(1, "{out}", f"{EARLY}{{err}}error: {{words}}\n"),
    ),
    "exec -i": Row(
        works=Printed(3, "{out}", f"{EARLY}command terminated with exit code 3\n"),
        ended=Printed(1, "{out}", f"{EARLY}error: {{words}}\n"),
        lost=Printed(1, "{out}", f"{EARLY}error: {{words}}\n"),
    ),
    # a note in the terminal's own output first: the screen says why it stands still
    "exec -it": Row(
        works=Printed(3, f"{EARLY}{{out}}command terminated with exit code 3\r\n"),
        ended=Printed(1, f"{EARLY}{{out}}\r\n{{said}}\r\nerror: {{words}}\r\n"),
        lost=Printed(1, f"{EARLY}{{out}}\r\n{{said}}\r\nerror: {{words}}\r\n"),
    ),
    "attach": Row(
        works=Printed(0, "{out}", f"{HINT}{EARLY}"),
        ended=Printed(1, "{out}", f"{HINT}{EARLY}error: {{words}}\n"),
        lost=Printed(1, "{out}", f"{HINT}{EARLY}error: {{words}}\n"),
    ),
    # in full flight one line of klog may come before it (docs/cluster-behaviour.md, 2)
    "cp to": Row(
        works=Printed(0, "", EARLY),
        ended=Printed(1, "", f"{EARLY}({KLOG}[^\n]*\n)?error: {{words}}\n"),
        lost=Printed(1, "", f"{EARLY}({KLOG}[^\n]*\n)?error: {{words}}\n"),
    ),
    # tar's stderr lands on kubectl's stdout (docs/protocol.md, 3.2)
    "cp from": Row(
        works=Printed(0, "{err}", EARLY),
        ended=Printed(1, "{err}", f"{EARLY}error: {{words}}\n"),
        lost=Printed(1, "{err}", f"{EARLY}error: {{words}}\n"),
    ),
    # klog prints the text once for each connection that hears it before the first of them closes all (docs/protocol.md, 3.1); ^C is no error
    "port-forward": Row(
        works=Printed(0, FORWARDING),
        ended=Printed(1, FORWARDING, f"({FORWARD_ERROR}){{1,3}}error: lost connection to pod\n"),
        lost=Printed(1, FORWARDING, f"({FORWARD_ERROR}){{1,3}}error: lost connection to pod\n"),
    ),
    # the words are a line of the log; a cut alone is only an EOF (docs/protocol.md, 3.3)
    "logs -f": Row(
        works=Printed(0, "{out}"),
        ended=Printed(1, "{out}{said}\n", "error: unexpected EOF\n"),
        lost=Printed(1, "{out}{said}\n", "error: unexpected EOF\n"),
    ),
    # no end of a watch is an error to kubectl, except ^C (docs/protocol.md, 3.4)
    "get -w": Row(
        works=Printed(1, WATCHED),
        ended=Printed(0, f"{WATCHED}STATUS +REASON +MESSAGE\nFailure +Forbidden +{{words}}\n"),
        lost=Printed(0, f"{WATCHED}STATUS +REASON +MESSAGE\nFailure +ServiceUnavailable +{{words}}\n"),
    ),
    # after a lost attach kubectl reads the container's log instead, which this window does not cover (docs/protocol.md, 3.5)
    "debug": Row(
        works=Printed(0, "{out}", f"{PROFILE}{HINT}{EARLY}"),
        ended=Printed(1, "{out}", f"{PROFILE}{HINT}{EARLY}{FALLS_BACK}"),
        lost=Printed(1, "{out}", f"{PROFILE}{HINT}{EARLY}{FALLS_BACK}"),
    ),
}

WORDS: Final[Mapping[Cause, str]] = {
    Cause.REVOKE: "jitui: access window {grant} was revoked by {you}: {reason}",
    Cause.KILL: "jitui: killed by {you}: {reason}",
    Cause.DEADLINE: 'jitui: access window {grant} ended at {at}; ask again: jitui request {connection} --duration {duration} --reason "..."',
    Cause.RESET: "jitui: the cluster closed the connection ([Errno 104] Connection reset by peer)",
    Cause.CLOSE: "jitui: the cluster closed the connection without saying how the command ended",
}

ENDED_WHY: Final[Mapping[Cause, frozenset[str]]] = {
    Cause.WORKS: frozenset({"exit", "client-closed", "cluster-closed"}),  # by the command, by ^C, or by the end of the log
    Cause.REVOKE: frozenset({"revoked"}),
    Cause.KILL: frozenset({"killed"}),
    Cause.DEADLINE: frozenset({"expired"}),
    Cause.RESET: frozenset({"upstream-lost"}),
    Cause.CLOSE: frozenset({"upstream-lost"}),
}


def words_of(kind: str, cause: Cause) -> str:
    """The gateway's words as they stand in the stream."""
    words = WORDS.get(cause, "")
    if cause in LOST and kind in {"logs -f", "get -w"}:
        return "jitui: the cluster closed the connection"
    return words.removesuffix(" without saying how the command ended") if kind == "port-forward" else words
