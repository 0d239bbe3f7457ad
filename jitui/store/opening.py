"""Opening a ledger: its facts are believed, its tables are compared with them, and what an older version kept beside the facts is taken over once."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import chain
from pathlib import Path

from jitui.recording.facts import Draft, TokensAdopted
from jitui.store.checked import SIGNED_WHOLE, Checked, check
from jitui.store.differences import Difference, differences, schema_differences, some
from jitui.store.folder import Folder
from jitui.store.guard import damage
from jitui.store.keys import LedgerKey
from jitui.store.schema import LEDGER, version_of
from jitui.store.tapes import RESTORE
from jitui.values.errors import BrokenError
from jitui.values.private_file import write_private


def check_whole(db: sqlite3.Connection, folder: Folder, key: LedgerKey) -> Checked:
    """Check all of a ledger, and return the state that its facts tell of. Raises BrokenError if they are not whole, or if the tables say anything else."""
    checked = checked_facts(db, folder, key)
    first, more = some(all_differences(db, folder.ledger, checked, key), 1)
    if first:
        checked.close()
        raise BrokenError(f"{folder.ledger} does not say what its signed facts say: {first[0]}{' (and more)' if more else ''}; nothing was started; "
                          "make its tables again from the facts, and see all that differs, with: jitui repair")
    return checked


def checked_facts(db: sqlite3.Connection, folder: Folder, key: LedgerKey) -> Checked:
    """Check the facts of a ledger, and return the state they tell of, if each is signed by `key`. Raises BrokenError with a sentence for a person."""
    version = version_of(db, folder.ledger, LEDGER)
    try:
        if _is_new(db, version):
            _check_tapes(folder)
            return check(_empty(), key)
        _must_be_ours(db)
        checked = check(db, key)
        try:
            if not checked.seq:
                _check_tapes(folder)
            _check_tail(folder.adopted, checked, version)
        except BaseException:
            checked.close()
            raise
    except BrokenError as error:
        raise BrokenError(f"{folder.ledger} is broken: {error}; {RESTORE}") from error
    return checked


def _check_tapes(folder: Folder) -> None:
    """A ledger without a fact has no frames beside it: a crash within the first start leaves a tape, and nothing on it."""
    for number in folder.tape_numbers():
        with closing(sqlite3.connect(f"{folder.tape(number).absolute().as_uri()}?mode=ro", uri=True)) as tape:
            if tape.execute("select 1 from sqlite_master where name = 'frames'").fetchone() and tape.execute("select 1 from frames limit 1").fetchone():
                raise BrokenError(f"it is empty, and frames are on {folder.tape(number).name} beside it")


def _empty() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    for step in LEDGER:
        db.executescript(step)
    return db


def _is_new(db: sqlite3.Connection, version: int) -> bool:
    return not version and not db.execute("select 1 from sqlite_master limit 1").fetchone()


def _must_be_ours(db: sqlite3.Connection) -> None:
    """Facts and heads are read from plain tables, or not at all: a view could tell every reader something else."""
    for difference in schema_differences(db, LEDGER):
        if difference.row in {"table facts", "table heads", "table keys", "table actions"}:
            raise BrokenError(str(difference))


def _check_tail(adopted: Path, checked: Checked, version: int) -> None:
    """Whether every fact is signed. Older versions left the newest ones without for ten seconds: that is believed once, at the upgrade."""
    noted = adopted.read_text(encoding="ascii", errors="replace").strip() if adopted.is_file() else ""
    if noted and noted != _note(checked):
        raise BrokenError(f"it is older than fact {noted.partition(' ')[0]:.20}, with which its tokens were taken over from an older version of jitui "
                          f"(if that is meant, move {adopted} away: the tokens that stand in it are then believed)")
    if checked.seq > checked.signed and (version != 1 or checked.written_for >= SIGNED_WHOLE):
        raise BrokenError(f"fact {checked.signed + 1} is not signed, and this gateway never wrote one without a signature")


def all_differences(db: sqlite3.Connection, path: Path, checked: Checked, key: LedgerKey) -> Iterator[Difference]:
    """Everything in a ledger that does not follow from its facts, but for `actions`, which follow from the tapes."""
    version = version_of(db, path, LEDGER)
    if _is_new(db, version):
        return iter(())
    if version < checked.written_for:
        return iter([Difference("schema", "number of its tables", "", f"it was set back to {version}, and a signed fact tells of {checked.written_for}", "")])
    alien = list(schema_differences(db, LEDGER[:version]))
    return chain(alien, _of_key(db, key), _damaged(db), () if alien else differences(db, checked.tables, version))


def _damaged(db: sqlite3.Connection) -> Iterator[Difference]:
    """Tables that are read along an index: one that lacks a row would hide it from every reader."""
    for table in ("facts", "heads", "keys"):
        if problem := damage(db, table):
            yield Difference("schema", f"table {table}", "", f"its pages or indexes are damaged ({problem})", "")


def _of_key(db: sqlite3.Connection, key: LedgerKey) -> Iterator[Difference]:
    found = db.execute("select public from keys where key_id = ?", (key.id,)).fetchone()
    if found and found[0] != key.public:
        yield Difference("keys", key.id, "public", found[0].hex() if isinstance(found[0], bytes) else str(found[0]), key.public.hex())


def old_tokens(db: sqlite3.Connection) -> dict[str, bytes]:
    """Id -> sha256, as the first version kept them; nothing of a newer ledger."""
    (version,) = db.execute("pragma user_version").fetchone()
    return dict(db.execute("select id, sha256 from tokens").fetchall()) if version == 1 else {}


def adoption(checked: Checked, old: Mapping[str, bytes]) -> Draft:
    """The fact that takes over what the first version kept of tokens that a fact tells of."""
    ours = [row[0] for row in checked.tables.execute("select id from tokens where sha256 = x'' order by id")]
    tokens = {each: old[each] for each in ours if len(old.get(each, b"")) == 32}
    return TokensAdopted(tables=len(LEDGER), unsigned=checked.seq - checked.signed, tokens=tokens).draft("gateway", "gateway")


def remember_adoption(folder: Folder, checked: Checked) -> None:
    """Note beside the key that it was done: a copy of the ledger from before is then not taken over once more, with tokens somebody put into it."""
    if checked.adopted[0] and not folder.adopted.exists():
        write_private(folder.adopted, f"{_note(checked)}\n".encode("ascii"))


def _note(checked: Checked) -> str:
    seq, link = checked.adopted
    return f"{seq} {link.hex()}"


def newest_bare_head(db: sqlite3.Connection) -> int:
    """The id of the newest head if it speaks of no session, else 0."""
    if not db.execute("pragma user_version").fetchone()[0]:
        return 0
    row = db.execute("select id, sessions from heads order by id desc limit 1").fetchone()
    return row[0] if row and row[1] == "{}" else 0
