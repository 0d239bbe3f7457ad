"""The proof of the files: it reads for recording/verify.py, which judges. docs/evidence.md says what is proved, and what can't be.

Memory grows with sessions (a verdict each), not with facts or frames: what has to be remembered of those lies in a temporary file (told.py).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import replace
from typing import Final

from jitui.recording.chain import FACTS_GENESIS, key_id
from jitui.recording.facts import Kind
from jitui.recording.verify import Brought, FactWalk, Verdict, facts_verdict
from jitui.store import acts, sealed
from jitui.store.bundled import BundledLog
from jitui.store.chained import Chained, Moment, heads
from jitui.store.differences import differences
from jitui.store.frames import Frames
from jitui.store.logged import LogProof
from jitui.store.told import Told
from jitui.store.walks import Walks, faulty
from jitui.values.errors import InvalidError, NotFoundError

NOTHING: Final = Brought()
RETIRED: Final = 20  # tapes, each with a sentence, of those that were retired
ROLLBACK: Final = ("that no older copy of it all was put back, that its end was not cut off back to an earlier signature, "
                   "and that it was not deleted and begun anew")


def verify(files: Frames, session: int = 0, brought: Brought = NOTHING) -> list[Verdict]:
    """The proof of everything in the files, or of one session with the facts that speak of it.

    The facts come first, then the tables, the log, then sessions in order; spans, actions, tapes and keys only if something is wrong with them.
    Raises NotFoundError for a session that is not there, InvalidError for files that are not ours or damaged.
    """
    while True:
        before = files.tapes()
        try:
            with closing(Told(session)) as told:
                return _Proof(files, told, session, brought).verdicts()
        except NotFoundError:
            if not set(before) - set(files.tapes()):
                raise  # otherwise a tape was retired meanwhile


class _Proof:
    """One run over the files."""

    def __init__(self, files: Frames, told: Told, session: int, brought: Brought) -> None:
        self._files, self._told, self._session, self._key, self._witness = files, told, session, brought.key, brought.facts
        self._log = (BundledLog if files.single else LogProof)(files, told, session, brought)  # before the facts that it is behind
        files.check_pages(session)
        self._stored_keys = files.keys()  # before the heads that name them
        with files.reading(files.ledger) as db:
            moment = self._moment = Moment.now(db, sealed=files.single)
            start = sealed.before_first(db) if files.single else (0, FACTS_GENESIS)
            (self._version,) = db.execute("pragma user_version").fetchone()
        self._own = b"" if files.single else files.own_key()
        known = self._stored_keys | ({key_id(self._own): self._own} if self._own else {})
        self._walk = FactWalk(heads(files.facts_read, moment), known, trusted=brought.key, witness=brought.facts, start=start, agreed=told.agreed)
        for fact in Chained(files.facts_read, self._walk, sealed=files.single, upto=moment.fact):
            told.feed(fact)
        with files.reading(files.ledger) as db:
            self._rows = acts.newest_row(db)  # before the tapes are read: rows go on meanwhile

    def verdicts(self) -> list[Verdict]:
        facts = self._facts()
        if self._session and not self._told.life(self._session).opened and not self._files.frames(self._session, limit=1):
            raise NotFoundError(f"no session s-{self._session} in {self._files.place}; list them with: jitui sessions")
        logged = list(self._logged(facts))  # before the tapes: its leaves are marks for them
        here = [path.name for path in self._files.tapes()]
        walks = Walks(self._told, facts.signed, self._walk.sure if facts.consistent and self._walk.newest else 0, here)
        paths = self._files.tapes_of(self._session) if self._session else self._files.tapes()
        for path in paths:
            with self._files.reading(path) as db:
                walks.tape(db, path.name, self._session, first=path == paths[0], exported=self._files.single)
        sessions = list(self._sessions(walks))
        seen = self._log.seen
        facts = replace(facts, unsigned_frames=sum(each.unsigned_tail for each in sessions))
        if seen.size and facts.consistent:
            facts = replace(facts, cosigned_by=seen.by, cosigned_at_us=seen.at_us, cosigned_to=seen.fact)
        return [facts, *self._rest(walks, facts, whole=all(each.consistent for each in sessions)), *logged, *sessions]

    def _logged(self, facts: Verdict) -> Iterator[Verdict]:
        if self._log.told:
            publics = {key_id(self._own): self._own} if self._own else self._stored_keys
            yield self._log.verdict(publics, whole=facts.consistent)

    def _facts(self) -> Verdict:
        walk, told = self._walk, self._told
        found = facts_verdict(walk)
        problem, seq = "", -1
        if found.consistent and told.problem:
            problem, seq = told.problem, told.seq
        elif found.consistent and walk.newest is None:
            problem, seq = (f"none of the {walk.count - walk.began} facts is signed" if walk.count else "no fact is here; nothing is proved"), walk.began + 1
        elif found.consistent and told.signed_whole and walk.unsigned:
            problem, seq = f"altered: fact {walk.sure + 1} is not signed, and this gateway wrote none without a signature", walk.sure + 1
            if walk.foreign:
                problem = f"fact {walk.sure + 1} and those behind it are not signed by the key that was given, but by another"
        elif found.consistent:
            problem = self._keys_problem()
        if problem:
            found = faulty(found, problem, seq)
        head = walk.newest
        return replace(found, signed_at_us=head.at_us if head and found.consistent else 0, signed_by=self._signed_by() if found.consistent else "",
                       needs=tuple(self._needs()))

    def _keys_problem(self) -> str:
        """A sentence if another key signed than the one that should have; empty otherwise."""
        newest, told = self._walk.newest, self._told
        if self._key or newest is None:
            return ""
        odd = next((ident for ident, public in self._stored_keys.items() if key_id(public) != ident), None)
        if odd is not None:
            return f"altered: the key {odd!r:.40} in the table of keys is not the one of that name"
        if self._own and newest.key_id != key_id(self._own):
            return f"it was signed last, at fact {newest.facts_seq}, by key {newest.key_id}, and the key in this folder is {key_id(self._own)}"
        known = {key_id(self._own)} if self._own else set() if told.keys else {newest.key_id}
        for ident, seq in told.used.items():
            if ident not in known | told.keys:
                return f"the head at fact {seq} is of key {ident}, and no gateway here ever said that it signs with that"
        return ""

    def _signed_by(self) -> str:
        if self._key:
            return f"key {key_id(self._key)}, which was given"
        newest = self._walk.newest
        if newest is None:
            return "a witness" if self._walk.noted else ""
        where = "in this folder" if self._own else "that lies in this file" if self._files.single else "that lies in its table of keys"
        return f"key {newest.key_id} {where}"

    def _needs(self) -> Iterator[str]:
        walk = self._walk
        if not self._key and walk.newest is not None:
            yield f"that {walk.newest.key_id} is the gateway's key: only a key kept elsewhere shows it (jitui key there and then, --key here)"
        if walk.noted:
            yield f"what was cut off behind fact {max(self._witness)}, of which the witness speaks"
        else:
            yield f"{ROLLBACK}: note fact {walk.count} somewhere else, and later verify with --witness {walk.count}:{walk.prev.hex()}"
        if self._session:
            yield "other sessions, the tables, and where frames stand: all of it is compared without naming a session"
        if self._files.single:
            with self._files.reading(self._files.ledger) as db:
                hidden = sealed.named(db)
            if hidden:
                yield (f"what the sealed facts say: {hidden}; they may be freezes, views, or how the window ended, "
                       "and are not the request, approval, grant, beginning or end of what is here")

    def _sessions(self, walks: Walks) -> Iterator[Verdict]:
        for verdict, life in walks.verdicts(self._session):
            found = verdict
            if not life.opened and self._began_meanwhile(life.session):
                continue
            if self._files.single and found.consistent and (problem := self._sealed(life.session)):
                found = faulty(found, problem, found.frames)
            elif found.consistent and not life.ended:
                found = replace(found, needs=(f"what came after frame {found.frames - 1}: it had not ended",))
            yield self._seen(replace(found, signed_by=self._signed_by() if found.signed != "no" else ""), life.session)

    def _seen(self, found: Verdict, session: int) -> Verdict:
        """The verdict on a session with how much of it others saw."""
        seen = self._log.seen
        frames = self._told.logged_to(session, seen.size) if seen.size and found.consistent else 0
        return replace(found, cosigned_by=seen.by, cosigned_at_us=seen.at_us, cosigned_to=frames - 1) if frames else found

    def _began_meanwhile(self, session: int) -> bool:
        with self._files.reading(self._files.ledger) as db:
            return db.execute("select 1 from facts where subject = ? and kind = ? and seq > ?",
                              (f"s-{session}", Kind.SESSION_OPENED.value, self._moment.fact)).fetchone() is not None

    def _sealed(self, session: int) -> str:
        with self._files.reading(self._files.ledger) as db:
            return sealed.missing(db, session, self._walk.sure if self._walk.newest else 0)

    def _rest(self, walks: Walks, facts: Verdict, *, whole: bool) -> Iterator[Verdict]:
        """Verdicts on derived data: tables, spans, actions. Each is judged only where its source holds."""
        if not self._session:
            problem = self._tables() if facts.consistent else ""
            if problem or not self._files.single:
                yield _about("tables", problem, self._walk.count - self._walk.began)
        if whole and facts.consistent:
            if not self._session and not self._files.single:
                yield from self._tapes()
            yield from _wrong("tapes", walks.carried_wrong)
            yield from _wrong("spans", walks.spans_wrong)
            yield from _wrong("actions", self._actions())

    def _tables(self) -> str:
        """A sentence if a folded table does not say what the facts say; empty otherwise."""
        with self._files.reading(self._files.ledger) as db:
            db.execute("begin")  # facts and tables of one moment
            try:
                if self._newer(db):
                    return ""
                found = next(differences(db, self._told.db, self._version), None)
            finally:
                db.execute("commit")
        return f"altered: {found.table} is not what the facts say" if found else ""

    def _newer(self, db: sqlite3.Connection) -> bool:
        """Fold what was committed since the walk; True if that can't be followed."""
        rows = db.execute("select max(seq) from facts").fetchone()[0] or 0
        if rows <= self._walk.count or self._files.single:
            return False
        walk = FactWalk(iter(()), start=(self._walk.count, self._walk.prev))
        for fact in Chained(lambda: nullcontext(db), walk):
            self._told.feed(fact)
        return bool(walk.problem or self._told.problem)

    def _tapes(self) -> Iterator[Verdict]:
        """The verdict on which tapes are there: if one is missing or strange, or if some were retired."""
        names, told, retired = [path.name for path in self._files.tapes()], self._told.tapes, self._told.retired()
        problem = ""
        lost = sorted(told - set(names) - set(retired))
        new = [name for name in names if name not in told]
        if lost:
            problem = f"cut: tapes/{lost[0]!s:.60} is missing, and a fact tells that it was in use"
        elif new and new != names[-1:]:
            problem = f"altered: no fact tells of tapes/{new[0]}"
        if problem or retired:
            shown = [*retired.values()][-RETIRED:]
            more = [f"and {len(retired) - len(shown)} before these, each by a fact"] if len(retired) > len(shown) else []
            yield replace(_about("tapes", problem, len(names)), retired=(*shown, *more))

    def _actions(self) -> str:
        """A sentence if a row of an allowed action does not say what the tapes say; empty otherwise."""
        after = 0
        with self._files.reading(self._files.ledger) as db:
            if problem := acts.strangers(db, exported=self._files.single):
                return f"altered: {problem}"
        while True:
            with self._files.reading(self._files.ledger) as db:
                rows = acts.rows(db, after, self._rows, self._session)
            for row in rows:
                if problem := acts.compare(self._told, row):
                    return f"altered: {problem}"
            if not rows:
                break
            if rows[-1][0] <= after:
                raise InvalidError(f"the rows of actions in {self._files.ledger} do not stand in order; it is damaged, or no recording of jitui")
            after = rows[-1][0]
        missing = next(acts.missing(self._told), "")
        return f"cut: {missing}" if missing else ""


def _about(subject: str, problem: str, count: int) -> Verdict:
    return Verdict(subject=subject, consistent=not problem, signed="no", frames=count, unsigned_tail=0, problem=f"{subject}: {problem}" if problem else "")


def _wrong(subject: str, problem: str) -> Iterator[Verdict]:
    if problem:
        yield _about(subject, problem, 0)
