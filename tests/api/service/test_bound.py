"""Ids, and the caller as they are now."""

from pathlib import Path

import pytest

from jitui.api.operations import Requests
from jitui.api.service.bound import Bound, number
from jitui.policy.terms import Identity, Role
from jitui.values.errors import InvalidError, RefusedError
from tests.api.service.conftest import APPROVER, AUDITOR
from tests.fakes.desk import Somebody
from tests.fakes.house import house


def test_ids() -> None:
    """With their letter or without it; what is neither is said with an example."""
    assert (number("g-17", "g", "grant"), number("17", "g", "grant")) == (17, 17)
    for wrong in ("s-17", "g-0", "g-", "", "g-17\n", "g-\u0661", "g-" + "9" * 16, "-17"):
        with pytest.raises(InvalidError, match="is not the id of a grant; those look like g-17"):
            number(wrong, "g", "grant")


async def test_a_right_is_asked_for_anew(tmp_path: Path) -> None:
    """Who lost it meanwhile is refused in the table's words; who has it is given as they are now."""
    async with house(tmp_path) as home:
        caller = Somebody(APPROVER)
        bound = Bound(home.backend, caller, "here", same_user=False)
        assert bound._still(Requests.deny) == APPROVER
        caller.who = AUDITOR
        with pytest.raises(RefusedError, match="aud may not approve or deny"):
            bound._still(Requests.deny)


async def test_an_agent_knows_the_connections_of_its_rules(tmp_path: Path) -> None:
    """A person knows all."""
    async with house(tmp_path) as home:
        def known(who: Identity) -> tuple[str, ...]:
            return Bound(home.backend, Somebody(who), "here", same_user=False)._connections()

        assert (known(AUDITOR), known(Identity("agent-z", frozenset({Role.AGENT})))) == (("prod",), ())
