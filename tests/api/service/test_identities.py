"""Identities: names and reasons."""

from pathlib import Path

import pytest

from jitui.values.errors import InvalidError
from tests.fakes.house import ADMIN, AGENT, house


async def test_reserved_names_and_empty_reasons_are_refused(tmp_path: Path) -> None:
    """An agent called `clock` would see what the clock did to others."""
    async with house(tmp_path) as home:
        desk = home.desk(ADMIN)
        for name in ("gateway", "clock", "client", "cluster", "automatic", "Ana", "a b", ""):
            with pytest.raises(InvalidError):
                await desk.identity_add(name, roles=["agent"], owner="ana")
        for call in (desk.lockdown(on=True, reason=" "), desk.identity_disable(AGENT, reason=""), desk.revoke("g-x", reason="x")):
            with pytest.raises(InvalidError):
                await call
