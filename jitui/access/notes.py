"""The action log: rows of allowed actions once their answer is known, and of denials at once, which the store collapses."""

from collections.abc import Callable
from typing import Final

from jitui.access.quota import Quota
from jitui.policy.action import Action
from jitui.policy.hazard import Guards, hazard_of
from jitui.policy.policy import Allow
from jitui.proxy.ends import End, Why
from jitui.proxy.live import Session
from jitui.store import ActionRow, Store
from jitui.store.actions import CLAUSE, ROW, TEXT, Alike, Noted, Repeats, bounded
from jitui.values.clock import Clock
from jitui.values.instant import Instant
from jitui.values.said import cut

_new: Final = tuple.__new__  # without the Python function of a NamedTuple
NATURAL: Final = End(Why.CLUSTER_CLOSED, "cluster", "")
LAST: Final = 10_000  # grants of which the newest action is remembered


class Note:
    """One exchange of a session, until it is over and has its row; then, with `begin`, the next one that is about the same."""

    __slots__ = ("_action", "_alike", "_at_us", "_notes", "_prefix", "_session", "_size", "audit_id")

    def __init__(self, notes: "Notes", session: Session, identity: str, connection: str, action: Action, allow: Allow) -> None:
        """`begin` is next."""
        self._notes, self._session = notes, session
        self._action = bounded(action)
        clause = allow.clause if len(allow.clause) <= CLAUSE else cut(allow.clause, CLAUSE)
        self._alike = Alike(ActionRow(at_us=0, identity=identity, connection=connection, action=self._action, hazard=str(allow.hazard), verdict="allowed",
                                      clause=clause, session=session.id))
        self._size = ROW + self._action.length + len(clause)  # the row takes room like a frame, so the window's budget pays for it
        self._prefix = notes.audit_prefix(session)
        self.audit_id = b""  # goes to the cluster with it, so that both logs can be joined
        self._at_us = 0

    def begin(self, now: Instant) -> None:
        """An exchange begins, with the number that its session gives next."""
        self._at_us = now.wall_us
        self.audit_id = b"%b%d" % (self._prefix, self._session.deliveries.next)
        self._notes.last[self._session.window.grant.id] = self._action

    def over(self, conn: int, code: int | None, end: End | None, bytes_in: int, bytes_out: int) -> None:
        """Writes the row. `code`: of the answer. `end`: if the exchange ended otherwise than by itself. The bytes are those of both bodies."""
        notes, session = self._notes, self._session
        session.window.charge(self._size)
        notes.store.note(_new(Noted, (self._alike, self._at_us, conn, code, bytes_in, bytes_out, self.audit_id.decode())))
        if session.stream is not None:
            notes.session_over(session, end or NATURAL)

    def write(self, at_us: int, conn: int, code: int | None, bytes_in: int, bytes_out: int, audit_id: str) -> None:
        """Writes the row of an allowed action."""
        self._session.window.charge(self._size)
        self._notes.store.note(_new(Noted, (self._alike, at_us, conn, code, bytes_in, bytes_out, audit_id)))


class Notes:
    """Writes the rows of the action log, and remembers the newest action of each grant for the screens."""

    def __init__(self, store: Store, clock: Clock, gateway: str, over: Callable[[Session, End], None], quota: Quota,
                 guarded: Callable[[str, str], Guards]) -> None:
        """`guarded`: returns the namespaces that the rule of an identity and a connection guards besides."""
        self.last: dict[int, Action] = {}  # by grant: its newest
        self.store, self._clock, self._gateway, self.session_over, self._quota = store, clock, gateway, over, quota
        self._guarded = guarded
        self._denied = Repeats()  # of which the store will make no row of their own

    def newest(self, grant: int) -> str:
        """Returns the newest action under a grant in one line; empty if there was none."""
        action = self.last.get(grant)
        return line(action)[:TEXT] if action is not None else ""

    def audit_id(self, session: Session, conn: int) -> str:
        """Returns the Audit-ID of an exchange. It is sent to the API server, which takes it as the id of its own audit event."""
        return f"{self.audit_prefix(session).decode()}{conn}"

    def audit_prefix(self, session: Session) -> bytes:
        """Returns the beginning of the Audit-IDs of a session; the number of the exchange follows."""
        return f"jitui-{self._gateway}-{session.id}-".encode()

    def noting(self, session: Session, identity: str, connection: str, action: Action, allow: Allow, now: Instant) -> Note:
        """Begins the note of one exchange of a session, which begins now."""
        note = Note(self, session, identity, connection, action, allow)
        note.begin(now)
        self._forget_oldest()
        return note

    def upgraded(self, session: Session, identity: str, connection: str, action: Action, allow: Allow, code: int | None) -> None:
        """Writes the row of a stream, once the cluster has answered the upgrade."""
        self._now(session, identity, connection, action, allow, 0, code, 0, 0, self.audit_id(session, 0))

    def answered(
        self, session: Session, conn: int, identity: str, connection: str, action: Action, allow: Allow, code: int, asked: int, said: int
    ) -> None:
        """Writes the row of an action that a window covers and the gateway answered itself; `asked` and `said` are bytes of bodies."""
        self._now(session, identity, connection, action, allow, conn, code, asked, said, "")

    def denied(self, identity: str, connection: str, action: Action, why: str, *, grant: int = 0, group: str = "") -> None:
        """Writes the row of a denial. `grant`: a window that is open and does not cover it; 0 if none is.

        `group` is the client's own word for one run of it (Kubectl-Session): it counts repetitions together, and decides nothing. A row of its own is
        taken from the identity's share of the hour; beyond that it is counted.
        """
        hazard, action, why = hazard_of(action, self._guarded(identity, connection)).value, bounded(action), cut(why, CLAUSE)
        row = ActionRow(at_us=self._clock.now().wall_us, identity=identity, connection=connection, action=action, hazard=hazard,
                        verdict="denied", clause=why, code=403, group=group, grant=grant)  # fmt: skip
        known = self._denied.find(row)
        if (known is None or self._quota.low) and not self._quota.spend(identity, "denied", action.length + len(why)):
            return
        if self.store.deny(row):
            self._denied.keep(row, known)
        else:
            self._quota.count(identity, "denied")

    def _now(self, session: Session, identity: str, connection: str, action: Action, allow: Allow, conn: int, code: int | None,
             bytes_in: int, bytes_out: int, audit_id: str) -> None:  # fmt: skip
        """Writes the row of an action whose answer is known already."""
        now = self._clock.now()
        note = self.noting(session, identity, connection, action, allow, now)
        note.write(now.wall_us, conn, code, bytes_in, bytes_out, audit_id)

    def _forget_oldest(self) -> None:
        if len(self.last) > LAST:
            del self.last[next(iter(self.last))]


def line(action: Action) -> str:
    """Describes an action in one line. The agent made its words, so it is shown only through Said."""
    if action.argv:
        return f"{action.name}: {' '.join(action.argv)}"
    where = f" in {action.namespace}" if action.namespace else ""
    return f"{action.verb} {action.kind or action.path}{'/' + action.name if action.name else ''}{where}"
