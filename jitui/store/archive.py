"""Everything that is on record in one place: the ledger's lists, the frames (frames.py), the proof and the evidence file; read-only.

Synchronous and thread-safe: call it with `asyncio.to_thread`. Every call is a few short reads, so that no reader pins the log of a live gateway.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from jitui.policy.terms import Grant, Identity, Request
from jitui.recording.facts import Fact, ProcessesBefore, ProcessSeen, ProcessTold
from jitui.recording.verify import Brought, Verdict
from jitui.store import bundle, gone, listing, proof
from jitui.store.actions import ActionRow
from jitui.store.chained import FACTS, checked, within
from jitui.store.frames import PAGE, Frames
from jitui.store.rows import HoldRow, SessionRow, Totals, grant_of, identity_of, named, requests_where
from jitui.store.tape_rows import PAGE_BYTES
from jitui.values.errors import NotFoundError
from jitui.values.page import Page


class Files(Frames):
    """The record in `place`: a state folder, or one exported file. Raises NotFoundError if there is none."""

    def identities(self) -> dict[str, Identity]:
        with self.reading(self.ledger) as db:
            return {row["name"]: identity_of(row) for row in named(db, "select * from identities order by name")}

    def requests(self, *, pending: bool = False, identity: str = "", limit: int = PAGE, cursor: str = "") -> Page[Request]:
        """The newest `limit`, oldest first; a page of them, see listing.py."""
        with self.reading(self.ledger) as db:
            return listing.requests(db, pending=pending, identity=identity, limit=limit, cursor=cursor)

    def request(self, ident: int) -> Request:
        """Raises NotFoundError."""
        with self.reading(self.ledger) as db:
            found = requests_where(db, "id = ?", (ident,))
        if not found:
            raise NotFoundError(f"no request r-{ident}; list them with: jitui requests")
        return found[0]

    def grants(self, *, live: bool = False, identity: str = "", limit: int = PAGE, cursor: str = "") -> Page[Grant]:
        """The newest `limit`, oldest first; a page of them."""
        with self.reading(self.ledger) as db:
            return listing.grants(db, live=live, identity=identity, limit=limit, cursor=cursor)

    def grant(self, ident: int) -> Grant:
        """Raises NotFoundError."""
        with self.reading(self.ledger) as db:
            found = [grant_of(row) for row in named(db, "select * from grants where id = ?", (ident,))]
        if not found:
            raise NotFoundError(f"no grant g-{ident}; list them with: jitui grants")
        return found[0]

    def sessions(
        self, *, live: bool = False, grant: int = 0, identity: str = "", looks: bool = True, limit: int = PAGE, cursor: str = "",
    ) -> Page[SessionRow]:  # fmt: skip
        """The newest `limit`, oldest first; a page of them. Without `looks`: none of the gateway's own."""
        with self.reading(self.ledger) as db:
            return listing.sessions(db, live=live, grant=grant, identity=identity, looks=looks, limit=limit, cursor=cursor)

    def actions(self, *, grant: int = 0, session: int = 0, identity: str = "", audit_id: str = "", limit: int = PAGE, cursor: str = "") -> Page[ActionRow]:
        """The newest `limit`, oldest first; a page of them, see listing.py."""
        with self.reading(self.ledger) as db:
            return listing.actions(db, grant=grant, session=session, identity=identity, audit_id=audit_id, limit=limit, cursor=cursor)

    def past(self, identity: str, connection: str, since_us: int) -> tuple[int, Page[ActionRow]]:
        """Of an identity on a connection since then (UTC): how many windows it had, and its newest actions, equal ones as one row with a count."""
        with self.reading(self.ledger) as db:
            return listing.past(db, identity, connection, since_us)

    def sums(self, grants: Collection[int]) -> dict[int, tuple[Totals, bool]]:
        """The sums over the sessions of these grants, and whether all have ended, which makes them final. A grant without a session is left out."""
        with self.reading(self.ledger) as db:
            return listing.totals(db, grants)

    def processes(self, grant: int) -> tuple[ProcessTold, ...]:
        """The last word about each process that the commands of a grant left in containers, or that was ended there."""
        with self.reading(self.ledger) as db:
            return listing.processes(db, [grant]).get(grant, ())

    def lost_commands(self, since_us: int) -> list[tuple[Grant, SessionRow, bool, ProcessesBefore | None, ProcessSeen | None]]:
        """The commands that gateways lost since then (UTC), or that left something, and of which no fact tells how they ended; see listing.py."""
        with self.reading(self.ledger) as db:
            return listing.lost_commands(db, since_us)

    def written(self, grants: Collection[int]) -> dict[int, tuple[int, int]]:
        """By grant: how many writes it made, and how many answers with Secrets it got; see listing.py."""
        with self.reading(self.ledger) as db:
            return listing.written(db, grants)

    def holds(self) -> list[HoldRow]:
        """The windows whose tapes are held, in order."""
        with self.reading(self.ledger) as db:
            return [HoldRow(*row) for row in db.execute("select grant_id, held_by, held_us, reason from holds order by grant_id")]

    def gone_of(self, grant: int) -> list[str]:
        """The tapes with frames of a window that were retired, each with a sentence."""
        with self.reading(self.ledger) as db:
            names = [name for (name,) in db.execute("select distinct gone.tape from gone join sessions on sessions.id = gone.session "
                                                    "where sessions.grant_id = ? order by 1", (grant,))]
            told = gone.tapes(db) if names else {}
        return [told[name] for name in names]

    def facts(self, *, after: int = 0, limit: int = PAGE, subject: str = "") -> list[Fact]:
        """Facts after the seq `after`, oldest first; of one subject if given. At most `limit`, and no more once there are PAGE_BYTES of them."""
        terms = (f"{FACTS} where subject = ? and seq > ? order by seq limit ?", (subject, after, limit)) if subject else (
            f"{FACTS} where seq > ? order by seq limit ?", (after, limit))
        with self.reading(self.ledger) as db:
            return [checked(row) for row in within(db.execute(*terms), PAGE_BYTES)]

    def newest_facts(self, limit: int = PAGE) -> list[Fact]:
        """The newest `limit`, oldest first."""
        with self.reading(self.ledger) as db:
            return [checked(row) for row in within(db.execute(f"{FACTS} order by seq desc limit ?", (limit,)), PAGE_BYTES)][::-1]

    def verify(self, session: int = 0, *, key: bytes = b"", witness: Mapping[int, bytes] | None = None,
               brought: Brought | None = None) -> list[Verdict]:  # fmt: skip
        """The proof of everything, or of one session with the facts; see proof.py. Raises NotFoundError."""
        return proof.verify(self, session, brought or Brought(key=key, facts=witness or {}))

    def export(self, session: int, target: Path) -> int:
        """Write one evidence file of a session; see bundle.py. The number of frames in it. Raises NotFoundError, ConflictError, OSError."""
        return bundle.export(self, session, target)
