"""A ledger as the first version left it: tokens kept beside the facts, heads signed every ten seconds."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from jitui.recording.chain import FACTS_GENESIS, fact_digest, fact_link, head_text
from jitui.recording.facts import Draft, Fact, Kind, canonical
from jitui.store.fold import fold
from jitui.store.folder import Folder
from jitui.store.keys import ledger_key
from jitui.store.schema import LEDGER, connect
from tests.store.life import NOW

NOT_THERE: Final = frozenset({Kind.TOKEN_ISSUED, Kind.TOKEN_REVOKED})


def old_issued(token: str, identity: str = "agent-a", who: str = "root") -> Draft:
    """Without the sha256, which stood in the table alone."""
    return Draft(Kind.TOKEN_ISSUED, identity, who, {"token": token, "expires_us": NOW * 2})


def append(db: sqlite3.Connection, drafts: Sequence[Draft]) -> tuple[int, bytes]:
    """Facts behind the newest one, chained as anybody can chain them and folded as far as that version did; the newest number and hash."""
    row = db.execute("select seq, hash from facts order by seq desc limit 1").fetchone()
    seq, link = row or (0, FACTS_GENESIS)
    for draft in drafts:
        seq += 1
        what: Mapping[str, Any] = json.loads(canonical(draft.what))
        link = fact_link(link, fact_digest(Fact(seq, NOW, draft.kind, draft.who, draft.subject, what, b"")))
        fact = Fact(seq, NOW, draft.kind, draft.who, draft.subject, what, link)
        db.execute("insert into facts values(?, ?, ?, ?, ?, ?, ?)", (seq, NOW, draft.kind.value, draft.who, draft.subject, canonical(what), link))
        if draft.kind not in NOT_THERE:
            fold(db, fact)
    return seq, link


def old_ledger(root: Path, drafts: Sequence[Draft], tokens: Mapping[str, bytes], *, unsigned: Sequence[Draft] = ()) -> None:
    """A state folder of the first version with these facts; `tokens` of agent-a by id, `unsigned` what it wrote in its last seconds."""
    folder = Folder(root, reserve_bytes=0)
    folder.take()
    key = ledger_key(folder.ledger_key)
    with closing(connect(folder.ledger)) as db:
        db.executescript(f"{LEDGER[0]} pragma user_version=1;")
        db.execute("insert into keys values(?, ?)", (key.id, key.public))
        seq, link = append(db, drafts)
        db.execute("insert into heads(facts_seq, hash, at_us, sessions, key_id, sig) values(?, ?, ?, '{}', ?, ?)",
                   (seq, link, NOW, key.id, key.sign(head_text(seq, link, NOW, {}))))
        append(db, unsigned)
        db.executemany("insert into tokens values(?, 'agent-a', ?, ?, 0, 0)", [(token, digest, NOW * 2) for token, digest in tokens.items()])
        db.executemany("update tokens set revoked_us = ? where id = ?",
                       [(NOW, draft.what["token"]) for draft in drafts if draft.kind is Kind.TOKEN_REVOKED])
    folder.ledger.chmod(0o600)
    folder.close()
