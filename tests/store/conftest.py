"""The record that attacks are tried on."""

from pathlib import Path

import pytest

from jitui.store import Files
from tests.store.evidence import life


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    return await life(tmp_path / "state")


@pytest.fixture
def bundle(state: Path) -> Path:
    Files(state).export(1, state.parent / "s-1.jitui")
    return state.parent / "s-1.jitui"
