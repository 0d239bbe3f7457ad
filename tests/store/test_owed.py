"""The note of what the ledger did not take, and how the next start takes it up."""

import stat
from pathlib import Path

import pytest

from jitui.recording.facts import Draft, Kind
from jitui.store import Files
from jitui.store.keys import ledger_key
from jitui.store.owed import ROOM, Owed
from tests.store.life import opened, window

REVOKED = Draft(Kind.GRANT_ENDED, "g-1", "ana", {"state": "revoked", "why": "enough", "ended_us": 1})


def ends(folder: Path) -> list[tuple[str, str]]:
    """Who ended windows, and why, as the facts tell."""
    return [(fact.who, fact.what["why"]) for fact in Files(folder).facts() if fact.kind is Kind.GRANT_ENDED]


async def test_what_was_owed_is_on_record_after_the_next_start(tmp_path: Path) -> None:
    """With who did it; the window is not live any more, and the start after that writes it no second time."""
    folder = tmp_path / "state"
    async with opened(folder) as store:
        await store.commit(window())
        await store.keep([REVOKED])
    for _ in range(2):
        async with opened(folder) as store:
            assert [grant.id for grant in store.loaded.grants] == []
    assert ends(folder) == [("ana", "enough")]
    assert [verdict.problem for verdict in Files(folder).verify() if not verdict.consistent] == []


async def test_what_came_on_record_after_all_is_not_written_again(tmp_path: Path) -> None:
    """A gateway that was killed before it could clear the note."""
    folder = tmp_path / "state"
    async with opened(folder) as store:
        await store.commit(window())
        await store.keep([REVOKED])
        await store.commit([REVOKED])
    async with opened(folder):
        pass
    assert ends(folder) == [("ana", "enough")]


async def test_a_note_is_cleared_and_keeps_its_room(tmp_path: Path) -> None:
    """64 KiB that a full disk does not take away, for the gateway's user alone."""
    folder = tmp_path / "state"
    async with opened(folder) as store:
        await store.commit(window())
        await store.keep([REVOKED] * 3)
        assert folder.joinpath("owed").read_bytes().startswith(b'{"after":')
        await store.kept()
        assert folder.joinpath("owed").read_bytes() == bytes(ROOM)
        assert (stat.S_IMODE(folder.joinpath("owed").stat().st_mode), folder.joinpath("owed").stat().st_blocks * 512 >= ROOM) == (0o600, True)
    async with opened(folder) as store:
        assert [grant.id for grant in store.loaded.grants] == [1]


@pytest.mark.parametrize("how", ["another key", "changed", "cut short", "another ledger"])
async def test_a_line_that_our_key_did_not_sign_for_this_ledger_counts_for_nothing(tmp_path: Path, how: str) -> None:
    """The gateway starts, and nobody's window ends by it."""
    folder, note = tmp_path / "state", tmp_path / "state/owed"
    async with opened(folder) as store:
        await store.commit(window())
        after = store._ledger.hash
        await store.keep([REVOKED])
    written = note.read_bytes()
    if how == "changed":
        note.write_bytes(written.replace(b"ana", b"bob"))
    elif how == "cut short":
        note.write_bytes(written[: written.index(b"\n")])
    else:
        note.unlink()
        key = ledger_key(tmp_path / "key" if how == "another key" else folder / "keys/ledger.ed25519")
        Owed(note, key).add([REVOKED], after if how == "another key" else bytes(32))
    note.chmod(0o600)
    async with opened(folder) as store:
        assert [grant.id for grant in store.loaded.grants] == [1]
    assert ends(folder) == []
    assert note.read_bytes() == bytes(ROOM)


async def test_lines_are_taken_up_in_their_order(tmp_path: Path) -> None:
    """What was frozen and thawed is thawed; more than the room that is held is written too, and given back."""
    folder = tmp_path / "state"
    moves = [Draft(Kind.GRANT_FROZEN if at % 2 else Kind.GRANT_THAWED, "g-1", f"ana-{at}", {"by": f"ana-{at}", "more": "x" * 600}) for at in range(1, 101)]
    async with opened(folder) as store:
        await store.commit(window())
        await store.keep(moves[:50])
        await store.keep(moves[50:])
        assert folder.joinpath("owed").stat().st_size > ROOM
    async with opened(folder) as store:
        assert [grant.frozen_by for grant in store.loaded.grants] == [""]
    assert [fact.who for fact in Files(folder).facts(limit=1000) if fact.kind in {Kind.GRANT_FROZEN, Kind.GRANT_THAWED}] == [move.who for move in moves]
    assert folder.joinpath("owed").stat().st_size == ROOM
