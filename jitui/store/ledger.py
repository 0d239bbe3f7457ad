"""The ledger: facts appended, chained, folded and signed, one transaction for all that wait. Used by one thread at a time."""

import json
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jitui.clock import Clock
from jitui.errors import ConflictError, InvalidError, JituiError, UnrecordableError
from jitui.facts import Draft, Fact, Kind, canonical
from jitui.store.actions import ActionRow, Collapsed
from jitui.store.fold import fold, fold_tokens, number
from jitui.store.folder import Folder
from jitui.store.keys import LedgerKey
from jitui.store.rows import TokenRow
from jitui.store.schema import LEDGER, open_newest
from jitui.store.tapes import Chain, empty_wal, roll_back
from jitui.tape.chain import FACTS_GENESIS, fact_digest, fact_link, head_text

HEAD_EVERY_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Batch:
    """What one caller wants to be true, all or nothing."""

    drafts: Sequence[Draft]
    tokens: Sequence[TokenRow] = ()


class Ledger:
    """ledger.db, open for writing. `chain` says where a session's record stands, for the facts that end sessions."""

    def __init__(self, folder: Folder, key: LedgerKey, clock: Clock, chain: Callable[[int], Chain]) -> None:
        self.path = folder.ledger
        self.key = key
        self._clock = clock
        self._chain = chain
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        self.db = open_newest(self.path, LEDGER)
        self._inode = self.path.stat().st_ino
        try:
            self._restore()
        except BaseException:
            self.db.close()
            raise

    def _restore(self) -> None:
        if not self.db.execute("select 1 from keys where key_id = ?", (self.key.id,)).fetchone():
            self.db.execute("insert into keys values(?, ?)", (self.key.id, self.key.public))
        row = self.db.execute("select seq, hash from facts order by seq desc limit 1").fetchone()
        self.seq: int = row[0] if row else 0
        self.hash: bytes = row[1] if row else FACTS_GENESIS
        (self.signed_seq,) = self.db.execute("select coalesce(max(facts_seq), 0) from heads").fetchone()
        self.last_signed = False  # did the newest commit sign a head
        self._collapsed = Collapsed()

    def commit(self, batches: Sequence[Batch], notes: Sequence[tuple[ActionRow, bool]], marks: Mapping[int, Chain], *,
               sign: bool = False) -> list[Sequence[Fact] | Exception]:
        """One transaction. For each batch its facts, or why it is not among them.

        A head is signed with it if `sign`, or if a session ended; `marks` are the sessions it speaks of.
        Raises sqlite3.Error, OSError: then nothing of it is on record.
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
            signed = sign or ended
            if signed:
                self._sign(seq, link, marks)
            db.execute("commit")
        except BaseException:
            roll_back(db)
            self._collapsed.forget()
            raise
        self.seq, self.hash, self.last_signed = seq, link, signed
        if signed:
            self.signed_seq = seq
        return results

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
            fold_tokens(self.db, fact)
            facts.append(fact)
        for token in batch.tokens:
            self.db.execute("insert into tokens values(?, ?, ?, ?, ?, ?) on conflict(id) do update set expires_us = excluded.expires_us, "
                            "used_us = excluded.used_us, revoked_us = excluded.revoked_us",
                            (token.id, token.identity, token.sha256, token.expires_us, token.used_us, token.revoked_us))
        return facts

    def _completed(self, draft: Draft) -> Mapping[str, Any]:
        """The end of a session says where its record stands, which only the writer knows."""
        if draft.kind is not Kind.SESSION_ENDED:
            return draft.what
        chain = self._chain(number(draft.subject, "s"))
        return {"delivered_in": None, "delivered_out": None, **draft.what, "frames": chain.frames, "head": chain.head.hex(),
                "bytes_in": chain.bytes_in, "bytes_out": chain.bytes_out}

    def _sign(self, seq: int, link: bytes, marks: Mapping[int, Chain]) -> None:
        at_us = self._clock.now().wall_us
        tapes = {session: (chain.frames, chain.head) for session, chain in marks.items()}
        text = head_text(seq, link, at_us, tapes)
        listed = canonical({str(session): [frames, head.hex()] for session, (frames, head) in tapes.items()})
        self.db.execute("insert into heads(facts_seq, hash, at_us, sessions, key_id, sig) values(?, ?, ?, ?, ?, ?)",
                        (seq, link, at_us, listed, self.key.id, self.key.sign(text)))

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
