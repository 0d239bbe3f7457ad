"""What was attempted, as rows: allowed actions when their answer is known, denials at once, collapsed by the store."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from jitui.clock import Clock
from jitui.rules.action import Action
from jitui.rules.hazard import hazard_of
from jitui.session.ends import End, Why
from jitui.session.exchange import Exchange
from jitui.session.live import Session
from jitui.store import ActionRow, Store

NATURAL: Final = End(Why.CLUSTER_CLOSED, "cluster", "")
ARGV: Final = 4096  # characters of a denied command on record
TEXT: Final = 300  # and of each of its other words; names have 253 at most


@dataclass(frozen=True, slots=True)
class Note:
    """What goes upstream with an exchange so that both logs can be joined, and what is called when it is over."""

    extra: tuple[tuple[bytes, bytes], ...]  # Audit-ID
    over: Callable[[Exchange, int | None, End | None], None]


class Notes:
    """Writes action rows; remembers the newest of each grant for the screens."""

    def __init__(self, store: Store, clock: Clock, gateway: str, over: Callable[[Session, End], None]) -> None:
        self.last: dict[int, str] = {}  # by grant: its newest action in one line
        self._store, self._clock, self._gateway, self._session_over = store, clock, gateway, over

    def audit_id(self, session: Session, conn: int) -> str:
        """Our action's name, sent upstream: the API server takes it as the id of its audit event (cluster facts, 0.8)."""
        return f"jitui-{self._gateway}-{session.id}-{conn}"

    def noting(self, session: Session, identity: str, connection: str, action: Action, clause: str) -> Note:
        """For one exchange of a session."""
        at_us = self._clock.now().wall_us
        audit_id = self.audit_id(session, session.next_conn)
        hazard = str(hazard_of(action))
        self.last[session.window.grant.id] = line(action)

        def over(exchange: Exchange, code: int | None, end: End | None) -> None:
            self._store.note(ActionRow(
                at_us=at_us, identity=identity, connection=connection, action=action, hazard=hazard, verdict="allowed", clause=clause,
                session=session.id, conn=exchange.conn, code=code, bytes_in=exchange.bytes_in, bytes_out=exchange.bytes_out, audit_id=audit_id,
                grant=session.window.grant.id,
            ))  # fmt: skip
            if session.kind != "api":
                self._session_over(session, end or NATURAL)

        return Note(((b"Audit-ID", audit_id.encode()),), over)

    def upgraded(self, session: Session, identity: str, connection: str, action: Action, clause: str, code: int | None) -> None:
        """An exec or attach, once the cluster has answered the upgrade."""
        self.last[session.window.grant.id] = line(action)
        self._store.note(ActionRow(
            at_us=self._clock.now().wall_us, identity=identity, connection=connection, action=action, hazard=str(hazard_of(action)), verdict="allowed",
            clause=clause, session=session.id, conn=0, code=code, audit_id=self.audit_id(session, 0), grant=session.window.grant.id,
        ))  # fmt: skip

    def answered(
        self, session: Session, conn: int, identity: str, connection: str, action: Action, clause: str, code: int, asked: int, said: int
    ) -> None:
        """An answer of the gateway's own to something that a window covers; `asked` and `said` are bytes of bodies."""
        self.last[session.window.grant.id] = line(action)
        self._store.note(ActionRow(
            at_us=self._clock.now().wall_us, identity=identity, connection=connection, action=action, hazard=str(hazard_of(action)), verdict="allowed",
            clause=clause, session=session.id, conn=conn, code=code, bytes_in=asked, bytes_out=said, grant=session.window.grant.id,
        ))  # fmt: skip

    def denied(self, identity: str, connection: str, action: Action, why: str, *, grant: int = 0, group: str = "") -> None:
        """`grant`: a window that is open and does not cover it; 0 if none is. `group` is the client's own word for one run of it (Kubectl-Session): it
        counts repetitions together, and decides nothing. Of a very long argv only its beginning is kept: who is refused fills no disk with it.
        """
        action = replace(
            action, argv=_beginning(action.argv), group=_cut(action.group), version=_cut(action.version), resource=_cut(action.resource),
            subresource=_cut(action.subresource), namespace=_cut(action.namespace), name=_cut(action.name), path=_cut(action.path),
            container=_cut(action.container),
        )  # fmt: skip
        self._store.deny(ActionRow(
            at_us=self._clock.now().wall_us, identity=identity, connection=connection, action=action, hazard=str(hazard_of(action)), verdict="denied",
            clause=why, code=403, group=group, grant=grant,
        ))  # fmt: skip


def _cut(text: str) -> str:
    return text if len(text) <= TEXT else f"{text[:TEXT]}... and {len(text) - TEXT} characters more"


def _beginning(argv: tuple[str, ...]) -> tuple[str, ...]:
    """At most ARGV characters; what was left out is said."""
    if sum(map(len, argv[:ARGV])) + len(argv) <= ARGV:
        return argv
    kept: list[str] = []
    room = ARGV
    for word in argv:
        if room <= 0:
            break
        kept.append(word[:room])
        room -= len(word) + 1
    return (*kept, f"... and {sum(map(len, argv)) - sum(map(len, kept))} characters more")


def line(action: Action) -> str:
    """One line for a list; of the agent's making, so shown only through Said."""
    if action.argv:
        return f"{action.name}: {' '.join(action.argv)}"
    where = f" in {action.namespace}" if action.namespace else ""
    return f"{action.verb} {action.kind or action.path}{'/' + action.name if action.name else ''}{where}"
