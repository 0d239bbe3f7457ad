"""The tables that each kind of file may have, by the version that it claims."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from jitui.store import ours
from jitui.store.guard import Objects
from jitui.store.schema import LEDGER, TAPE
from jitui.values.errors import ConfigurationError

KINDS = [(ours.ledgers, len(LEDGER)), (ours.tapes, len(TAPE)), (ours.bundles, len(LEDGER))]


@pytest.mark.parametrize(("kind", "newest"), KINDS)
def test_a_file_of_a_newer_version_is_named(kind: Callable[[Path, int], Iterable[Objects]], newest: int) -> None:
    """It says both numbers and what reads it; a number that no version has is nobody's file."""
    with pytest.raises(ConfigurationError, match=rf"^/x/file was written by a newer jitui \(tables {newest + 1}, this one knows {newest}\)"):
        list(kind(Path("/x/file"), newest + 1))
    assert [list(kind(Path("/x/file"), version)) for version in (0, -1)] == [[], []]


@pytest.mark.parametrize(("kind", "newest"), KINDS)
def test_every_older_version_is_known(kind: Callable[[Path, int], Iterable[Objects]], newest: int) -> None:
    """Each with tables of its own."""
    found = [frozenset(kind(Path("/x/file"), version)) for version in range(1, newest + 1)]
    assert all(found)
    assert len(set(found)) == newest


def test_an_evidence_file_has_a_tape_of_any_version() -> None:
    """It does not say which; each has the table of what is sealed, with or without proofs of the log, and none has a view or trigger."""
    found = list(ours.bundles(Path("/x/file"), len(LEDGER)))
    assert len(found) == 2 * len(TAPE)
    for objects in found:
        assert "sealed" in {name for kind, name, *_ in objects if kind == "table"}
        assert {kind for kind, *_ in objects} == {"table", "index"}
