"""Identities and tokens: on record before they count, and gone at once."""

import asyncio
from pathlib import Path

import pytest

from jitui.auth.people import People, Person
from jitui.auth.sshkeys import PublicKey
from jitui.policy.terms import Role
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


ONE, TWO = PublicKey("ssh-ed25519", b"one", "laptop"), PublicKey("ssh-ed25519", b"two")


async def test_keys_are_on_record_and_are_one_identitys(tmp_path: Path) -> None:
    """All of a file or none; a revoked one is taken by nobody again, and all that holds over a restart."""
    async with house(tmp_path) as home:
        roster = home.broker.roster
        await roster.add("agent-k", ["agent"], "ana", by=ADMIN, keys=[ONE])
        assert roster.directory.key_owner(b"one") == "agent-k"
        for name in ("agent-k", "agent-x"):
            with pytest.raises(ConflictError, match=rf"the key {ONE.fingerprint} is agent-k's already; a key is one identity's alone"):
                await roster.add_keys(name, [TWO, ONE], by=ADMIN)
        with pytest.raises(ConflictError, match="agent-k's already"):
            await roster.add("person-k", ["approver"], "", by=ADMIN, keys=[ONE])
        assert (roster.directory.key_owner(b"two"), roster.named("person-k")) == ("", None)
        taken = await asyncio.gather(*(roster.add_keys(name, [TWO], by=ADMIN) for name in ("agent-k", "agent-x")), return_exceptions=True)
        assert [isinstance(each, ConflictError) for each in taken] == [False, True]
        await roster.revoke_key("agent-k", ONE.fingerprint, by=ADMIN, why="lost")
        assert roster.directory.key_owner(b"one") == ""
        with pytest.raises(ConflictError, match=r"is revoked, since 2026\S+, and no revoked key is taken again"):
            await roster.add_keys("agent-k", [ONE], by=ADMIN)
        for name, key, kind in (("agent-k", ONE, ConflictError), ("agent-x", TWO, NotFoundError), ("nobody", TWO, NotFoundError)):
            with pytest.raises(kind):
                await roster.revoke_key(name, key.fingerprint, by=ADMIN, why="x")
        (added, *_), (revoked,) = await home.facts("ssh-key.added"), await home.facts("ssh-key.revoked")
        assert (added.subject, added.who, added.what) == ("agent-k", "root", {"type": "ssh-ed25519", "fingerprint": ONE.fingerprint,
                                                                              "key": b"one".hex(), "comment": "laptop"})  # fmt: skip
        assert (revoked.subject, revoked.what) == ("agent-k", {"fingerprint": ONE.fingerprint, "why": "lost"})
    async with house(tmp_path) as home:
        roster = home.broker.roster
        assert (roster.directory.key_owner(b"one"), roster.directory.key_owner(b"two")) == ("", "agent-k")
        await home.broker.disable("agent-k", by=ADMIN, reason="left")
        assert roster.directory.key_owner(b"two") == ""
        assert [fact.what["fingerprint"] for fact in await home.facts("ssh-key.revoked")] == [ONE.fingerprint, TWO.fingerprint]
        with pytest.raises(ConflictError, match="a disabled identity gets no key"):
            await roster.add_keys("agent-k", [PublicKey("ssh-ed25519", b"three")], by=ADMIN)


async def test_a_person_of_the_configuration_has_their_keys_there(tmp_path: Path) -> None:
    """They are neither added nor revoked by command, and no identity gets one of theirs."""
    async with house(tmp_path) as home:
        roster = home.broker.roster
        roster.directory.name_people(People(54321, {"ana": Person(1000, frozenset({Role.APPROVER}), (ONE,))}))
        for call in (roster.add_keys("ana", [TWO], by=ADMIN), roster.revoke_key("ana", ONE.fingerprint, by=ADMIN, why="x")):
            with pytest.raises(ConflictError, match=r"under people.ana.ssh_keys, and count after: jitui reload"):
                await call
        with pytest.raises(ConflictError, match="is ana's already, in the configuration"):
            await roster.add_keys("agent-x", [ONE], by=ADMIN)
