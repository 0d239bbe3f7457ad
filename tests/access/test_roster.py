"""Identities and tokens: on record before they count, and gone at once."""

from pathlib import Path

import pytest

from jitui.values.errors import ConflictError, InvalidError, NotFoundError, UnknownCallerError
from tests.fakes.house import ADMIN, house


async def test_a_rotated_token_ends_the_old_one(tmp_path: Path) -> None:
    """Also over a restart; a disabled identity gets none, and its name is not free again."""
    async with house(tmp_path) as home:
        roster = home.broker.roster
        _, minted = await roster.rotate("agent-x", by=ADMIN)
        now = home.clock.now().wall_us
        assert roster.tokens.identify(minted.text, now).identity == "agent-x"
        with pytest.raises(UnknownCallerError, match="revoked"):
            roster.tokens.identify(home.token, now)
    async with house(tmp_path) as home:
        roster = home.broker.roster
        assert roster.tokens.identify(minted.text, now).identity == "agent-x"
        await home.broker.disable("agent-x", by=ADMIN, reason="gone")
        with pytest.raises(UnknownCallerError):
            roster.tokens.identify(minted.text, now)
        with pytest.raises(ConflictError):
            await roster.rotate("agent-x", by=ADMIN)
        with pytest.raises(ConflictError):
            await roster.add("agent-x", ["agent"], "ana", by=ADMIN)


@pytest.mark.parametrize(("roles", "owner"), [(["agent", "approver"], "ana"), (["agent"], ""), (["admin"], ""), (["king"], ""), ([], "")])
async def test_roles_that_make_no_sense_are_refused(tmp_path: Path, roles: list[str], owner: str) -> None:
    """Agent and person exclude each other, an agent has an owner, and nobody is made admin."""
    async with house(tmp_path) as home:
        with pytest.raises(InvalidError):
            await home.broker.roster.add("new", roles, owner, by=ADMIN)
        with pytest.raises(NotFoundError):
            home.broker.roster.must("new")
