"""The directory is one source: what is put in counts for the next call, and who waits for changes hears of it."""

import asyncio
from types import SimpleNamespace
from typing import Any

from jitui.auth.directory import Directory
from jitui.auth.people import People, Person
from jitui.policy.terms import Identity, Role

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
