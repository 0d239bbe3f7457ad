"""Rows of what was attempted wait for a commit, and too many are not kept."""

import asyncio

import pytest

from jitui.store import attempts
from jitui.store.attempts import Attempts
from tests.store.life import attempted


@pytest.mark.interpreted
async def test_too_many_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the ledger can't be written memory stays bounded; of a denial the caller hears that it is not kept."""
    monkeypatch.setattr(attempts, "KEPT", 2)
    roused: list[None] = []
    rows = Attempts(asyncio.get_running_loop(), lambda: roused.append(None))
    for _ in range(3):
        rows.note(attempted())
    assert (len(rows.rows), rows.deny(attempted()), rows.waiting, len(roused)) == (2, False, True, 1)
