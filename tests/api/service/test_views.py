"""Values of the gateway as people are shown them."""

from pathlib import Path

import pytest

from jitui.values.errors import RefusedError
from tests.api.service.conftest import AGENT_X, APPROVER
from tests.fakes.house import house


async def test_what_others_wrote_is_shown_masked(tmp_path: Path) -> None:
    """The reasons of those who decided and ended, too."""
    async with house(tmp_path) as home:
        desk = home.desk(APPROVER)
        with pytest.raises(RefusedError):
            await home.desk(AGENT_X).ask("prod", reason="x", scope="exec pods in other -- mysql --password=correct-horse-8")
        await home.desk(AGENT_X).ask("prod", reason="x")
        await desk.deny("r-1", reason="password=correct-horse-7 is not yours")
        assert "correct-horse" not in str((await desk.request("r-1")).why)
        facts = await desk.facts()
        assert "request.refused" in {fact.kind for fact in facts}
        assert "correct-horse" not in str(facts)
