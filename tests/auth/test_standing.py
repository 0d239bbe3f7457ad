"""A caller who goes on being heard."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from jitui.auth import standing as standing_module
from jitui.auth.callers import Callers
from jitui.auth.certificates import Trust
from jitui.auth.directory import Directory
from jitui.auth.people import People, Person
from jitui.auth.sshkeys import SshKeys, read_keys
from jitui.auth.standing import Standing, Visiting
from jitui.auth.tokens import mint
from jitui.policy.rights import Right, require
from jitui.policy.terms import Identity, Role
from jitui.values.clock import ManualClock, SystemClock
from jitui.values.errors import JituiError, RefusedError, UnknownCallerError
from tests.auth.test_callers import ROW, Row
from tests.support import openssh

BEA: Final = Identity("bea", frozenset({Role.APPROVER}))
NAMED: Final = {"ana": Person(1000, frozenset({Role.APPROVER}))}


class Here:
    """A directory with a person on the socket and one with a token, and both their standings."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        made = mint(self.clock.now().wall_us)
        self.row = Row(made.id, "bea", made.sha256, made.expires_us)
        self.directory = Directory(People(54321, NAMED), {"bea": BEA})
        self.directory.put(tokens=[self.row])
        callers = Callers(self.directory, self.clock)
        self.ana, self.bea = callers.standing(callers.by_uid(1000)), callers.standing(callers.by_token(made.text))


def removed(here: Here) -> Standing:
    here.directory.name_people(People(54321, {}))
    return here.ana


def renamed(here: Here) -> Standing:
    here.directory.name_people(People(54321, {"eve": NAMED["ana"]}))
    return here.ana


def demoted(here: Here) -> Standing:
    here.directory.name_people(People(54321, {"ana": Person(1000, frozenset({Role.AUDITOR}))}))
    return here.ana


def revoked(here: Here) -> Standing:
    here.directory.put(tokens=[replace(here.row, revoked_us=here.clock.now().wall_us)])
    return here.bea


def disabled(here: Here) -> Standing:
    here.directory.put(replace(BEA, disabled=True))
    return here.bea


def aged(here: Here) -> Standing:
    here.clock.advance(90 * 86400)
    here.directory.put()  # a look; by itself it looks every second
    return here.bea


ENDS: Final[list[tuple[Callable[[Here], Standing], type[JituiError], str]]] = [
    (removed, UnknownCallerError, r"user uid-1000 \(uid 1000\) is nobody here|uid 1000"),
    (renamed, UnknownCallerError, "uid 1000 is eve here now, no longer ana"),
    (demoted, RefusedError, "ana may not approve or deny"),
    (revoked, UnknownCallerError, "your token jt_[0-9a-f]{8} was revoked at"),
    (disabled, UnknownCallerError, "bea is disabled here"),
    (aged, UnknownCallerError, "your token jt_[0-9a-f]{8} expired at"),
]


@pytest.mark.parametrize(("end", "kind", "says"), ENDS)
async def test_who_waits_is_told_at_once(end: Callable[[Here], Standing], kind: type[JituiError], says: str) -> None:
    """However it ends, whoever waits learns it without being asked, and the other caller stays who they are."""
    here = Here()
    waits = [asyncio.ensure_future(each.lost(lambda who: require(who, Right.DECIDE))) for each in (here.ana, here.bea)]
    await asyncio.sleep(0.01)
    assert not any(wait.done() for wait in waits)
    ended = end(here)
    async with asyncio.timeout(30):
        error = await waits[(here.ana, here.bea).index(ended)]
    assert isinstance(error, kind)
    with pytest.raises(kind, match=says):
        raise error
    other = waits[(here.bea, here.ana).index(ended)]
    assert not other.done()
    other.cancel()


async def test_a_token_ends_without_any_news() -> None:
    """Its age is looked at when it is due, by the gateway's clock."""
    here = Here()
    here.clock.advance(90 * 86400 - 0.02)
    wait = asyncio.ensure_future(here.bea.lost(lambda _: None))
    await asyncio.sleep(0)
    here.clock.advance(0.03)
    async with asyncio.timeout(30):
        assert "expired at" in str(await wait)


def test_a_person_is_who_they_are_now() -> None:
    """A role more or less is theirs with the next look."""
    here = Here()
    demoted(here)
    assert here.ana.who.roles == {Role.AUDITOR}
    assert here.bea.who == BEA


async def test_over_ssh_the_end_is_told_at_once(tmp_path: Path) -> None:
    """Of a key that is revoked, of a disabled identity, of a certificate that expires or whose authority is trusted no more."""
    authority, key = openssh.made(tmp_path / "ca"), openssh.made(tmp_path / "key")
    trust = Trust.of(read_keys(openssh.public(authority)))
    clock = ManualClock(SystemClock().now().wall_us)
    blob = openssh.blob(openssh.certified(authority, key, "bea").read_text())

    async def said(change: Callable[[Directory], None], shown: bytes) -> str:
        directory = Directory(People(54321, {}), {"bea": BEA}, keys=SshKeys([replace(ROW, identity="bea")]), trust=trust)
        callers = Callers(directory, clock)
        standing = callers.standing(callers.by_key("bea", shown, "10.0.0.9"))
        wait = asyncio.ensure_future(standing.lost(lambda who: require(who, Right.DECIDE)))
        await asyncio.sleep(0.01)
        assert not wait.done()
        change(directory)
        async with asyncio.timeout(30):
            return str(await wait)

    def later(directory: Directory) -> None:
        clock.advance(3601)
        directory.put()  # a look; by itself it looks every second

    assert "was revoked at" in await said(lambda here: here.put(keys=[replace(ROW, identity="bea", revoked_us=clock.now().wall_us)]), b"one")
    for shown in (b"one", blob):
        assert "bea is disabled here" in await said(lambda here: here.put(replace(BEA, disabled=True)), shown)
        assert "bea may not approve" in await said(lambda here: here.put(replace(BEA, roles=frozenset({Role.AUDITOR}))), shown)
    assert "is not trusted here any more" in await said(lambda here: here.name_people(here.people, Trust()), blob)
    revoked = replace(ROW, identity="bea", fingerprint=openssh.printed(key), revoked_us=5)
    assert "is another's, or was revoked" in await said(lambda here: here.put(keys=[revoked]), blob)
    assert 'certificate "for ana" expired at' in await said(later, blob)


async def test_a_person_on_another_listeners_connection_stands_as_long_as_that_says() -> None:
    """A change of the directory is looked at at once; after the connection's end they are nobody."""
    here = Here()

    def standing() -> Identity:
        found = here.directory.named("bea")
        if found is None or found.disabled:
            raise UnknownCallerError("bea is disabled here")
        return found

    visiting, left = Visiting(here.directory, standing, "by ssh"), Visiting(here.directory, standing, "by ssh")
    assert (visiting.who, visiting.token) == (BEA, "")
    wait = asyncio.ensure_future(visiting.lost(lambda who: require(who, Right.DECIDE)))
    await asyncio.sleep(0.01)
    assert not wait.done()
    disabled(here)
    async with asyncio.timeout(30):
        assert "bea is disabled here" in str(await wait)
    left.leave()
    with pytest.raises(UnknownCallerError, match="the connection that you came by is over"):
        _ = left.who


async def test_an_end_without_any_news_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of a certificate: it is looked at every second."""
    monkeypatch.setattr(standing_module, "LOOK_S", 0.02)
    here, ended = Here(), False

    def standing() -> Identity:
        if ended:
            raise UnknownCallerError("your certificate has expired")
        return BEA

    wait = asyncio.ensure_future(Visiting(here.directory, standing, "by ssh").lost(lambda _: None))
    await asyncio.sleep(0.05)
    ended = True
    async with asyncio.timeout(30):
        assert "expired" in str(await wait)
