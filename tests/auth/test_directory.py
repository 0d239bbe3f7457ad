"""The directory is one source: what is put in counts for the next call, and who waits for changes hears of it."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from jitui.auth.certificates import Trust
from jitui.auth.directory import Directory
from jitui.auth.people import People, Person
from jitui.auth.sshkeys import PublicKey, SshKeys
from jitui.policy.terms import Identity, Role
from jitui.values.errors import ConfigurationError, UnknownCallerError
from tests.auth.test_callers import ROW

AGENT = Identity("bot", frozenset({Role.AGENT}), owner="olga", created_by="root")


def people(*names: str) -> People:
    return People(54321, {name: Person(54322 + at, frozenset({Role.APPROVER})) for at, name in enumerate(names)})


def token(ident: str, *, expires_us: int = 100, revoked_us: int = 0, issued_by: str = "") -> Any:
    return SimpleNamespace(id=ident, identity="bot", issued_by=issued_by, expires_us=expires_us, revoked_us=revoked_us, sha256=bytes(32))


def test_what_is_put_in_is_found_at_once() -> None:
    """Identities by name, people too, and people of a configuration that was read again in place of the others."""
    directory = Directory(people("olga"))
    assert directory.named("bot") is None
    directory.put(AGENT)
    assert directory.named("bot") == AGENT
    directory.name_people(people("pia"))
    assert (directory.named("olga"), directory.named("pia") is not None) == (None, True)


async def test_who_waits_hears_of_each_change_until_the_block_ends() -> None:
    directory = Directory(people())
    with directory.changes() as news:
        directory.put(AGENT)
        await asyncio.wait_for(news.wait(), 5)
        news.clear()
        directory.name_people(people("pia"))
        assert news.is_set()
        news.clear()
    directory.put(AGENT)
    assert not news.is_set()


def test_an_issuer_can_act_as_the_identity_while_its_token_worked() -> None:
    """Whoever made it, too; a token that had ended before counts no more."""
    directory = Directory(people("pia", "rob"))
    directory.put(AGENT, [token("old", expires_us=50, issued_by="pia")])
    directory.put(tokens=[token("new", issued_by="rob")])
    assert {"root", "rob"} <= set(directory.persons(60).behind("bot"))
    assert "pia" not in directory.persons(60).behind("bot")
    assert "pia" in directory.persons(40).behind("bot")


def test_who_added_a_key_can_act_as_the_identity_while_it_worked() -> None:
    """It may have been their own: two persons whose keys one admin added count once."""
    directory = Directory(people("pia"), {"bot": AGENT})
    directory.put(keys=[replace(ROW, fingerprint="old", identity="bot", added_by="pia", revoked_us=50)])
    directory.put(keys=[replace(ROW, fingerprint="new", identity="bot", added_by="rob")])
    assert directory.persons(60).behind("bot")["rob"] == "rob added an SSH key of bot"
    assert "pia" not in directory.persons(60).behind("bot")
    assert "pia" in directory.persons(40).behind("bot")


def test_a_key_is_one_identitys() -> None:
    """People of a configuration can't have a key that is, or was, an identity's, nor can an authority; then nothing is changed."""
    key = PublicKey("ssh-ed25519", b"one")
    with_it = People(54321, {"ana": Person(1000, frozenset({Role.APPROVER}), (key,))})
    for row in (ROW, replace(ROW, revoked_us=5)):
        with pytest.raises(ConfigurationError, match=r"people.ana.ssh_keys: SHA256:\S+ (is|was) a key of agent-a"):
            Directory(with_it, keys=SshKeys([row]))
    directory = Directory(people("olga"), keys=SshKeys([ROW]))
    with pytest.raises(ConfigurationError, match=r"ssh.user_ca: SHA256:\S+ is a key of agent-a"):
        directory.name_people(people("pia"), Trust.of([key]))
    assert directory.people.declared("olga") is not None
    assert directory.why_not_new(ROW.fingerprint) == "agent-a's already"
    assert Directory(with_it).why_not_new(key.fingerprint) == "ana's already, in the configuration"
    assert Directory(people(), trust=Trust.of([key])).why_not_new(key.fingerprint) == "a certificate authority's, of ssh.user_ca"
    assert Directory(people()).why_not_new(key.fingerprint) == ""


def test_a_persons_key_goes_with_the_configuration() -> None:
    """Once it is not there any more it is nobody's, at once."""
    key = PublicKey("ssh-ed25519", b"one")
    directory = Directory(People(54321, {"ana": Person(1000, frozenset({Role.APPROVER}), (key,))}))
    assert directory.key_owner(b"one") == "ana"
    directory.key_must_stand(key.fingerprint, "ana")
    directory.name_people(people("ana"))
    assert directory.key_owner(b"one") == ""
    with pytest.raises(UnknownCallerError, match="unknown here"):
        directory.key_must_stand(key.fingerprint, "ana")
