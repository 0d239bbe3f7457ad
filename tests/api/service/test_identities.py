"""Identities: names and reasons."""

from pathlib import Path

import pytest

from jitui.auth.people import People, Person
from jitui.auth.sshkeys import read_keys
from jitui.policy.terms import Role
from jitui.values.errors import InvalidError, NotFoundError
from tests.fakes.desk import PUBLIC
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


async def test_keys_are_listed_with_their_state(tmp_path: Path) -> None:
    """Those of identities, revoked ones too, and those of people in the configuration; an identity shows the good ones."""
    (key,) = read_keys(PUBLIC)
    async with house(tmp_path) as home:
        desk = home.desk(ADMIN)
        made = await desk.identity_add("agent-k", roles=["agent"], owner="ana", ssh_keys=f"# laptop\n{PUBLIC}\n")
        assert made.identity.ssh_keys == (key.fingerprint,)
        (view,) = await desk.identity_keys("agent-k")
        assert (f"{view.type} {view.key} {view.comment}", view.added_by, view.revoked) == (PUBLIC, "root", "")
        with pytest.raises(InvalidError, match="no public key"):
            await desk.identity_key_add("agent-k", ssh_keys="")
        with pytest.raises(InvalidError, match="reason"):
            await desk.identity_key_revoke("agent-k", fingerprint=key.fingerprint, reason=" ")
        (view,) = await desk.identity_key_revoke("agent-k", fingerprint=key.fingerprint, reason="lost")
        assert view.revoked.startswith("2026")
        assert [one.ssh_keys for one in await desk.identities() if one.name == "agent-k"] == [()]
    async with house(tmp_path / "other") as home:
        home.broker.roster.directory.name_people(People(54321, {"ana": Person(1000, frozenset({Role.APPROVER}), (key,))}))
        (view,) = await home.desk(ADMIN).identity_keys("ana")
        assert (view.fingerprint, view.added, view.revoked) == (key.fingerprint, "", "")
        with pytest.raises(NotFoundError):
            await home.desk(ADMIN).identity_keys("bo")
