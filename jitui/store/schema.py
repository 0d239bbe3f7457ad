"""The tables, as numbered migrations. They go forward only, after a backup; frames are never rewritten.

`PRAGMA user_version` is the number of the newest migration a file has seen. Times are UTC microseconds unless a column says otherwise.
"""

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from jitui.store.guard import check_tables, harden, made_by
from jitui.values.errors import ConfigurationError
from jitui.values.private_file import create_private

_FOLDED_1: Final = """
create table identities(name text primary key, roles text not null, owner text not null, created_by text not null,
  disabled integer not null, added_us integer not null) strict;
create table requests(id integer primary key, identity text not null, connection text not null, duration_s integer not null,
  scope text not null, asked_duration_s integer not null, asked_scope text not null, reason text not null, state text not null,
  asked_us integer not null, asked_boot_us integer not null, boot_id text not null, pending_us integer not null,
  decided_by text not null, decided_us integer not null, why text not null, grant_id integer not null,
  peer text not null, token text not null, same_user integer not null, automatic integer not null) strict;
create index requests_pending on requests(id) where state = 'pending';
create table approvals(request integer not null, person text not null, at_us integer not null, duration_s integer not null,
  scope text not null, reason text not null, primary key(request, person)) strict, without rowid;
create table grants(id integer primary key, request integer not null, identity text not null, connection text not null,
  scope text not null, state text not null, frozen_by text not null, duration_s integer not null,
  approved_us integer not null, approved_boot_us integer not null, approved_boot_id text not null, approved_by text not null,
  started_us integer not null, deadline_us integer, boot_id text, deadline_boot_us integer,
  use_by_us integer, use_by_boot_id text, use_by_boot_us integer,
  ended_us integer not null, ended_by text not null, why text not null) strict;
create index grants_live on grants(identity, connection) where state in ('waiting', 'active');
create table sessions(id integer primary key, grant_id integer not null, kind text not null, target text not null,
  argv text not null, tty integer not null, peer text not null, command_group text not null, state text not null,
  started_us integer not null, started_boot_us integer not null, boot_id text not null,
  ended_us integer, ended_why text not null, ended_by text not null, frames integer, bytes_in integer, bytes_out integer,
  delivered_in integer, delivered_out integer, conns integer, may_run_on integer not null, head blob,
  opened_seq integer not null, ended_seq integer) strict;
create index sessions_live on sessions(id) where state <> 'ended';
create index sessions_grant on sessions(grant_id);
create table tapes(name text primary key, opened_us integer not null, opened_seq integer not null) strict, without rowid;
create table switches(name text primary key, value text not null) strict, without rowid;
"""
# sha256 of the whole token, whose secret part is 256 random bits; empty: issued by an older version, and never taken over
_TOKENS: Final = """
create table tokens(id text primary key, identity text not null, issued_by text not null, issued_us integer not null, sha256 blob not null,
  expires_us integer not null, revoked_us integer not null) strict, without rowid;
"""
# public keys, as the facts tell of them; one that was revoked stays, and is nobody's again
_SSH_KEYS: Final = """
create table ssh_keys(fingerprint text primary key, identity text not null, added_by text not null, added_us integer not null, type text not null,
  key blob not null, comment text not null, revoked_us integer not null) strict, without rowid;
"""
_OF_IDENTITIES: Final = """
create index requests_identity on requests(identity);
create index grants_identity on grants(identity, connection);
"""
# gone: frames of a session on a retired tape, from the seq `first` up to, and without, `frames`; the link of the last of them; bytes -1: unknown
_RETENTION: Final = """
create table retired(tape text primary key, fact integer not null, at_us integer not null, why text not null) strict, without rowid;
create table gone(session integer not null, first integer not null, frames integer not null, head blob not null, bytes_in integer not null,
  bytes_out integer not null, tape text not null, primary key(session, first)) strict, without rowid;
create table holds(grant_id integer primary key, held_by text not null, held_us integer not null, reason text not null) strict;
"""
FOLDED_TABLES: Final = _FOLDED_1 + _TOKENS + _OF_IDENTITIES + _SSH_KEYS + _RETENTION
FOLDED: Final[Mapping[str, int]] = {  # the number of the ledger's tables since which each says what the facts say
    "identities": 1, "requests": 1, "approvals": 1, "grants": 1, "sessions": 1, "tapes": 1, "switches": 1, "tokens": 2, "ssh_keys": 4,
    "retired": 5, "gone": 5, "holds": 5,
}  # fmt: skip

PAGE: Final = 4096
TAPE_PAGE: Final = 16384  # bodies are long: four times fewer calls to the system, 60 % more bytes a second, and a small commit costs the same

LEDGER: Final[Sequence[str]] = (
    """
create table facts(seq integer primary key, at_us integer not null, kind text not null, who text not null, subject text not null,
  what text not null, hash blob not null) strict;
create index facts_subject on facts(subject, seq);
create table heads(id integer primary key, facts_seq integer not null, hash blob not null, at_us integer not null,
  sessions text not null, key_id text not null, sig blob not null) strict;
create table keys(key_id text primary key, public blob not null) strict, without rowid;
create table tokens(id text primary key, identity text not null, sha256 blob not null, expires_us integer not null,
  used_us integer not null, revoked_us integer not null) strict, without rowid;
create table actions(id integer primary key, session integer not null, conn integer not null, at_us integer not null,
  identity text not null, connection text not null, verb text not null, grp text not null, resource text not null,
  subresource text not null, namespace text not null, name text not null, path text not null, argv text not null,
  hazard text not null, verdict text not null, clause text not null, code integer, bytes_in integer not null,
  bytes_out integer not null, audit_id text not null, count integer not null default 1) strict;
create index actions_when on actions(identity, at_us);
create index actions_what on actions(resource, namespace, name, at_us);
create index actions_session on actions(session, conn);
create table if not exists probe(id integer primary key, at_us integer not null) strict;
"""
    + _FOLDED_1,
    "drop table tokens;\n" + _TOKENS,  # folded from facts since; what stood there is taken over by a fact, see opening.py
    _OF_IDENTITIES,
    _SSH_KEYS,
    _RETENTION,
)

# frames.at_us: since the session's start, boot clock. flags: 1 = body is zstd. hash stands before body, so that it is read without it.
# spans: derived; session 0 is the run of rows they were made from, so rows after its last one have no spans yet.
TAPE: Final[Sequence[str]] = (
    """
create table frames(id integer primary key, session integer not null, seq integer not null, at_us integer not null,
  conn integer not null, channel integer not null, flags integer not null, hash blob not null, body blob not null) strict;
create table spans(session integer not null, seq integer not null, at_us integer not null, first integer not null,
  last integer not null, primary key(session, seq)) strict, without rowid;
create table carried(session integer primary key, seq integer not null, hash blob not null,
  bytes_in integer not null, bytes_out integer not null) strict;
create table if not exists probe(id integer primary key, at_us integer not null) strict;
""",
)

# log.db. hashes: recording/tlog/tree.py says where each stands. tips: derived, the newest leaf of each session. about: one row; `heads` is the id of the
# newest head of the ledger whose sessions have leaves.
LOG: Final[Sequence[str]] = (
    """
create table about(id integer primary key, origin text not null, heads integer not null) strict;
create table leaves(n integer primary key, text text not null) strict;
create table hashes(n integer primary key, hash blob not null) strict;
create table tips(session integer primary key, n integer not null, frames integer not null) strict;
create table checkpoints(size integer primary key, note text not null) strict;
create table cosignatures(size integer not null, line text not null, primary key(size, line)) strict, without rowid;
""",
    """
create table stamps(size integer not null, answer blob not null, primary key(size, answer)) strict, without rowid;
""",
)


# index.db. blocks.source: index/blocks.py; `words` has the text of the block of the same rowid. sessions.seq: every frame up to it is in blocks;
# over: 1 once its end is taken up. keyframes: the state of the terminal behind the frame seq. about: one row; held: bytes of blocks and of states
INDEX: Final[Sequence[str]] = (
    """
create table about(id integer primary key, made_by text not null, actions integer not null, held integer not null, dropped integer not null) strict;
create table sessions(id integer primary key, seq integer not null, keyed integer not null, over integer not null, problem text not null) strict;
create index sessions_over on sessions(over);
create table blocks(id integer primary key, session integer not null, source integer not null, identity text not null, connection text not null,
  kind text not null, last_us integer not null, text blob not null, lines blob not null) strict;
create table keyframes(session integer not null, seq integer not null, at_us integer not null, columns integer not null, lines integer not null,
  newline integer not null, clean integer not null, tail blob not null, state blob not null, primary key(session, seq)) strict;
create index keyframes_when on keyframes(session, at_us);
create index blocks_session on blocks(session);
create virtual table words using fts5(text, content='', detail=none, columnsize=0, tokenize='unicode61');
""",
)


def connect(path: Path, page: int = PAGE) -> sqlite3.Connection:
    """A writing connection with the settings of the record: WAL, FULL, pages of `page` bytes in a new file, checkpoints only when told.

    Used by one thread at a time, which need not be the one that opened it.
    """
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=5.0)
    try:
        for setting in (f"page_size={page}", "journal_mode=wal", "synchronous=full", "wal_autocheckpoint=0", "cache_size=-16000", "secure_delete=off"):
            db.execute(f"pragma {setting}")
        harden(db)
    except BaseException:
        db.close()
        raise
    return db


def open_newest(path: Path, steps: Sequence[str], page: int = PAGE) -> sqlite3.Connection:
    """As `connect`, with the newest tables.

    Raises ConfigurationError if the file is from a newer jitui, InvalidError if there is anything in it that no jitui made.
    """
    db = connect(path, page)
    try:
        (seen,) = db.execute("pragma user_version").fetchone()
        if seen <= len(steps):
            check_tables(db, path, lambda _, version: [made_by(tuple(steps[:version]))])
        migrate(db, path, steps)
    except BaseException:
        db.close()
        raise
    return db


def migrate(db: sqlite3.Connection, path: Path, steps: Sequence[str], then: Callable[[], object] = lambda: None) -> None:
    """Bring a file up to the newest tables in one transaction, after a backup beside it. Raises ConfigurationError if it is from a newer jitui.

    `then` writes in it what the new tables need of a file that was not new.
    """
    seen = version_of(db, path, steps)
    if seen == len(steps):
        return
    if seen:
        _back_up(db, path.with_name(f"{path.name}.before-{seen + 1}"))
    try:
        db.executescript("\n".join(["begin immediate;", *steps[seen:], f"pragma user_version = {len(steps)};"]))
        if seen:
            then()
        db.execute("commit")
    except BaseException:
        if db.in_transaction:
            db.execute("rollback")
        raise


def version_of(db: sqlite3.Connection, path: Path, steps: Sequence[str]) -> int:
    """The number of the newest migration a file has seen. Raises ConfigurationError if it is from a newer jitui."""
    (seen,) = db.execute("pragma user_version").fetchone()
    if not 0 <= seen <= len(steps):
        raise ConfigurationError(f"{path} was written by a newer jitui (tables {seen}, this one knows {len(steps)}); "
                                 "start that version, or use another --data-dir")
    return int(seen)


def _back_up(db: sqlite3.Connection, path: Path) -> None:
    path.unlink(missing_ok=True)
    os.close(create_private(path))
    copy = sqlite3.connect(path)
    try:
        db.backup(copy)
    finally:
        copy.close()
