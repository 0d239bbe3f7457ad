"""The tables of each kind of file, by the version that it claims; guard.py reads no other file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jitui.store.guard import Objects, made_by
from jitui.store.schema import INDEX, LEDGER, LOG, TAPE
from jitui.values.errors import ConfigurationError

# in an evidence file: facts about something else, as digests; the one without a digest is the fact before the first
SEALED: Final = "create table sealed(seq integer primary key, digest blob, hash blob not null) strict;"

# in an evidence file: what proves that its heads are in the log, by name
EVIDENCE: Final = "create table evidence(name text primary key, body text not null) strict, without rowid;"


def ledgers(path: Path, version: int) -> Iterator[Objects]:
    """The ledger.db of a state folder. Raises ConfigurationError if it is from a newer jitui."""
    for steps in _steps(path, version, len(LEDGER)):
        yield made_by(tuple(LEDGER[:steps]))


def tapes(path: Path, version: int) -> Iterator[Objects]:
    """A tape. Raises ConfigurationError."""
    for steps in _steps(path, version, len(TAPE)):
        yield made_by(tuple(TAPE[:steps]))


def logs(path: Path, version: int) -> Iterator[Objects]:
    """The log.db of a state folder. Raises ConfigurationError."""
    for steps in _steps(path, version, len(LOG)):
        yield made_by(tuple(LOG[:steps]))


def indexes(path: Path, version: int) -> Iterator[Objects]:
    """The index.db of a state folder. Raises ConfigurationError."""
    for steps in _steps(path, version, len(INDEX)):
        yield made_by(tuple(INDEX[:steps]))


def bundles(path: Path, version: int) -> Iterator[Objects]:
    """An evidence file: a ledger, a tape of whichever version (it does not say), and what is sealed. Raises ConfigurationError."""
    for steps in _steps(path, version, len(LEDGER)):
        for taped in range(len(TAPE), 0, -1):
            yield made_by((*LEDGER[:steps], *TAPE[:taped], SEALED, EVIDENCE))
            yield made_by((*LEDGER[:steps], *TAPE[:taped], SEALED))  # as older versions made them


def _steps(path: Path, version: int, newest: int) -> list[int]:
    """The version itself, if there is one like that."""
    if version > newest:
        raise ConfigurationError(f"{path} was written by a newer jitui (tables {version}, this one knows {newest}); read it with that version")
    return [version] if version > 0 else []
