"""The ledger: facts appended, chained, folded and signed, one transaction for all that wait. Used by one thread at a time."""

import json
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jitui.recording.chain import fact_digest, fact_link, head_text
from jitui.recording.facts import Draft, Fact, Kind, TapeOpened, canonical, closed, number
from jitui.store import opening
from jitui.store.actions import ActionRow, Collapsed, Noted
from jitui.store.fold import fold
from jitui.store.folder import Folder
from jitui.store.guard import lenient
from jitui.store.keys import LedgerKey
from jitui.store.schema import FOLDED, LEDGER, connect, migrate, version_of
from jitui.store.tapes import Chain, empty_wal, roll_back
from jitui.values.clock import Clock
from jitui.values.errors import ConflictError, InvalidError, JituiError, UnrecordableError

HEAD_EVERY_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Batch:
    """The facts that one caller wants to be true, all or nothing."""

    drafts: Sequence[Draft]


@dataclass(frozen=True, slots=True)
class Found:
    """The newest fact that was there when the ledger was opened: to be compared with what somebody noted elsewhere."""

    seq: int  # 0: none
    at_us: int  # UTC
    hash: bytes


def tape_opened(name: str) -> Draft:
    """A tape is in use. Which tables the ledger has then is signed with it, so that nobody sets them back."""
    return TapeOpened(tables=len(LEDGER)).draft(name, "gateway")


class Ledger:
    """ledger.db, open for writing. `chain` says where a session's record stands, for the facts that end sessions.

    Opening it checks every fact; `checked` is what they say, until the gateway has started. Raises BrokenError.
    """

    def __init__(self, folder: Folder, key: LedgerKey, clock: Clock, chain: Callable[[int], Chain]) -> None:
        self.path = folder.ledger
        self.key = key
        self._clock = clock
        self._chain = chain
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        self.db = connect(self.path)
        self._inode = self.path.stat().st_ino
        self._collapsed = Collapsed()
        try:
            self.db.text_factory = lenient  # a value that is no text is reported as it is
            self.checked = opening.check_whole(self.db, folder, key)
            self.db.text_factory = str
            self.found = Found(self.checked.seq, self.checked.at_us, self.checked.hash)
            self.seq, self.hash, self._bare = self.checked.seq, self.checked.hash, opening.newest_bare_head(self.db)
            self.marked = False  # did the newest commit sign where the sessions' records stand
            old, before = opening.old_tokens(self.db), version_of(self.db, self.path, LEDGER)
            migrate(self.db, self.path, LEDGER, lambda: self._adopt(old) if before < FOLDED["tokens"] else None)
            self.db.execute("insert or ignore into keys values(?, ?)", (self.key.id, self.key.public))
            opening.remember_adoption(folder, self.checked)
        except BaseException:
            self.db.close()
            raise

    def _adopt(self, old: Mapping[str, bytes]) -> None:
        """The tokens of an older version, in the transaction that makes the new tables: from now on the facts alone tell of them."""
        for row in self.checked.tables.execute("select * from tokens").fetchall():
            self.db.execute("insert into tokens values(?, ?, ?, ?, ?, ?, ?)", row)
        facts = self._append(Batch([opening.adoption(self.checked, old)]), self.seq, self.hash)
        self.seq, self.hash = facts[-1].seq, facts[-1].hash
        self._bare = self._sign(self.seq, self.hash, {})
        self.checked.follow(facts)

    def commit(self, batches: Sequence[Batch], notes: Sequence[tuple[ActionRow | Noted, bool]], marks: Mapping[int, Chain], *,
               sign: bool = False) -> list[Sequence[Fact] | Exception]:
        """One transaction. For each batch its facts, or why it is not among them.

        A head over the newest fact is signed in it, so that no fact is ever without a signature. If `sign`, or if a session ended,
        the head also speaks of the sessions in `marks`. Raises sqlite3.Error, OSError: then nothing of it is on record.
        """
        self._check_there()
        db = self.db
        seq, link = self.seq, self.hash
        results: list[Sequence[Fact] | Exception] = []
        db.execute("begin immediate")
        try:
            for batch in batches:
                db.execute("savepoint batch")
                try:
                    facts = self._append(batch, seq, link)
                except (JituiError, sqlite3.IntegrityError) as error:
                    db.execute("rollback to batch")
                    results.append(error if isinstance(error, JituiError) else ConflictError(f"the ledger has that already: {error}"))
                else:
                    seq, link = (facts[-1].seq, facts[-1].hash) if facts else (seq, link)
                    results.append(facts)
                db.execute("release batch")
            if notes:
                self._collapsed.write(db, notes)
            ended = any(fact.kind is Kind.SESSION_ENDED for facts in results if not isinstance(facts, Exception) for fact in facts)
            marked = bool(sign or ended) and bool(marks)
            bare = self._sign(seq, link, marks if marked else {}) if marked or seq != self.seq else self._bare
            db.execute("commit")
        except BaseException:
            roll_back(db)
            self._collapsed.forget()
            raise
        self.seq, self.hash, self.marked, self._bare = seq, link, marked, bare
        return results

    def commit_now(self, drafts: Sequence[Draft], notes: Sequence[tuple[ActionRow, bool]] = ()) -> Sequence[Fact]:
        """As `commit`, of one batch, while the gateway starts: `checked` follows. Raises what keeps it from being true."""
        (facts,) = self.commit([Batch(drafts)], notes, {})
        if isinstance(facts, Exception):
            raise facts
        self.checked.follow(facts)
        return facts

    def tells(self, draft: Draft, *, after: int) -> bool:
        """Whether a fact behind number `after` says the very same."""
        row = (after, draft.kind.value, draft.subject, draft.who, canonical(draft.what))
        return self.db.execute("select 1 from facts where seq > ? and kind = ? and subject = ? and who = ? and what = ?", row).fetchone() is not None

    def _append(self, batch: Batch, seq: int, link: bytes) -> list[Fact]:
        facts = []
        for draft in batch.drafts:
            seq += 1
            try:
                text = canonical(self._completed(draft))
            except (TypeError, ValueError) as error:
                raise InvalidError(f"fact {draft.kind} about {draft.subject} is no JSON: {error}") from error
            what = json.loads(text)
            bare = Fact(seq, self._clock.now().wall_us, draft.kind, draft.who, draft.subject, what, b"")
            link = fact_link(link, fact_digest(bare))
            fact = Fact(seq, bare.at_us, bare.kind, bare.who, bare.subject, what, link)
            self.db.execute("insert into facts values(?, ?, ?, ?, ?, ?, ?)", (seq, fact.at_us, fact.kind.value, fact.who, fact.subject, text, link))
            fold(self.db, fact)
            facts.append(fact)
        return facts

    def _completed(self, draft: Draft) -> Mapping[str, Any]:
        """The content of a fact; that of a session's end is completed with where its record stands, which only the writer knows."""
        if draft.kind is not Kind.SESSION_ENDED:
            return draft.what
        chain = self._chain(number(draft.subject, "s"))
        return closed(draft.what, frames=chain.frames, bytes_in=chain.bytes_in, bytes_out=chain.bytes_out, head=chain.head)

    def _sign(self, seq: int, link: bytes, marks: Mapping[int, Chain]) -> int:
        """Sign a head; its id if it speaks of no session, else 0. Such a head is replaced by the next one, which covers all that it covered.

        A head that stays lets who can delete rows cut the ledger off there; fewer of them are better.
        """
        at_us = self._clock.now().wall_us
        tapes = {session: (chain.frames, chain.head) for session, chain in marks.items()}
        text = head_text(seq, link, at_us, tapes)
        listed = canonical({str(session): [frames, head.hex()] for session, (frames, head) in tapes.items()})
        if self._bare:
            self.db.execute("delete from heads where id = ?", (self._bare,))
        made = self.db.execute("insert into heads(facts_seq, hash, at_us, sessions, key_id, sig) values(?, ?, ?, ?, ?, ?)",
                               (seq, link, at_us, listed, self.key.id, self.key.sign(text)))
        return 0 if tapes else made.lastrowid or 0

    def _check_there(self) -> None:
        if self.path.stat().st_ino != self._inode:
            raise OSError(f"{self.path} is not the file that was opened")

    def probe(self, now_us: int) -> None:
        """A tiny real write. Raises sqlite3.Error, OSError."""
        self._check_there()
        self.db.execute("insert or replace into probe values(1, ?)", (now_us,))

    def highest(self, table: str) -> int:
        """The highest id of requests, grants or sessions; 0 if there is none. Raises UnrecordableError for another name."""
        if table not in {"requests", "grants", "sessions"}:
            raise UnrecordableError(f"no counter for {table}")
        (found,) = self.db.execute(f"select max(id) from {table}").fetchone()  # noqa: S608 - checked above
        return found or 0

    def close(self) -> None:
        try:
            empty_wal(self.db)
        finally:
            self.db.close()
            self.checked.close()
