"""The walks over the tapes."""

from pathlib import Path

from tests.store.evidence import tampering, wrong


def test_what_a_tape_carries_over(state: Path) -> None:
    """The first tape carries nothing: a crash would go on from there."""
    with tampering(state / "tapes/000001.db") as db:
        db.execute("insert into carried values(2, 7, zeroblob(32), 0, 0)")
    assert wrong(state) == ["tapes: 000001.db does not carry s-2 over as it stood on the tapes before"]
