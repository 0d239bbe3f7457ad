"""Callers are authenticated by token or by uid."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from jitui.auth.callers import Caller, Callers
from jitui.auth.certificates import Trust
from jitui.auth.directory import Directory
from jitui.auth.people import People, Person
from jitui.auth.sshkeys import SshKeys, fingerprint, read_keys
from jitui.auth.tokens import Tokens, mint
from jitui.policy.terms import Identity, Role
from jitui.store import SshKeyRow
from jitui.values.clock import ManualClock
from jitui.values.errors import UnknownCallerError
from tests.support import openssh

AGENT = Identity("agent-a", frozenset({Role.AGENT}), owner="ana")


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    identity: str
    sha256: bytes
    expires_us: int
    revoked_us: int = 0
    issued_by: str = "root"


def test_by_token() -> None:
    """A token is its identity, as the ledger knows it now; a disabled or vanished one is refused though the token is fine."""
    clock = ManualClock()
    made = mint(clock.now().wall_us)
    directory = Directory(People(54321, {}), {"agent-a": AGENT}, Tokens([Row(made.id, "agent-a", made.sha256, made.expires_us)]))
    callers = Callers(directory, clock)
    assert callers.by_token(made.text) == Caller(AGENT, made.id, sha256=made.sha256)
    directory.put(replace(AGENT, disabled=True))
    with pytest.raises(UnknownCallerError, match=r"agent-a is disabled here"):
        callers.by_token(made.text)
    directory.identities.clear()
    with pytest.raises(UnknownCallerError, match=r"agent-a is disabled here"):
        callers.by_token(made.text)


def test_again() -> None:
    """A caller that was found by its token is found again by what is kept of it, as it is by then; not by another token's fingerprint."""
    clock = ManualClock()
    made, other = mint(clock.now().wall_us), mint(clock.now().wall_us)
    directory = Directory(People(54321, {}), {"agent-a": AGENT}, Tokens([Row(made.id, "agent-a", made.sha256, made.expires_us)]))
    callers = Callers(directory, clock)
    caller = callers.by_token(made.text)
    clock.advance(1)
    assert callers.again(caller) is caller
    assert directory.tokens.used_us == {made.id: clock.now().wall_us}
    directory.put(replace(AGENT, owner="ben"))
    assert callers.again(caller).who.owner == "ben"
    with pytest.raises(UnknownCallerError, match=r"unknown here"):
        callers.again(replace(caller, sha256=other.sha256))
    directory.put(replace(AGENT, disabled=True))
    with pytest.raises(UnknownCallerError, match=r"disabled here"):
        callers.again(caller)
    clock.advance(90 * 86400)
    with pytest.raises(UnknownCallerError, match=r"expired"):
        callers.again(caller)


def test_time_is_the_clocks() -> None:
    """A token ages on the gateway's clock."""
    clock = ManualClock()
    made = mint(clock.now().wall_us)
    callers = Callers(Directory(People(54321, {}), {"agent-a": AGENT}, Tokens([Row(made.id, "agent-a", made.sha256, made.expires_us)])), clock)
    clock.advance(90 * 86400)
    with pytest.raises(UnknownCallerError, match=r"expired"):
        callers.by_token(made.text)


def test_by_uid() -> None:
    """A person on the socket has no token."""
    caller = Callers(Directory(People(54321, {})), ManualClock()).by_uid(54321)
    assert (caller.who.name, caller.token) == ("uid-54321", "")


ROW: Final = SshKeyRow(fingerprint=fingerprint(b"one"), identity="agent-a", added_by="root", added_us=1, type="ssh-ed25519", key=b"one", comment="")


def test_by_key() -> None:
    """A key is good for the name of its identity alone, written exactly so, and while both stand."""
    directory = Directory(People(54321, {}), {"agent-a": AGENT, "agent-b": replace(AGENT, name="agent-b")}, keys=SshKeys([ROW]))
    callers = Callers(directory, ManualClock())
    caller = callers.by_key("agent-a", b"one", "10.0.0.9")
    assert caller == Caller(AGENT, how=f"ssh, key {ROW.fingerprint}", key=ROW.fingerprint)
    for name in ("agent-b", "Agent-a", "agent-a ", "agent-a/../agent-b", "agent-a@host", "", "x" * 100_000, "agent-\u0430", "root"):
        with pytest.raises(UnknownCallerError, match="is nobody's of that name here"):
            callers.by_key(name, b"one", "10.0.0.9")
    with pytest.raises(UnknownCallerError, match="is nobody's of that name here"):
        callers.by_key("agent-a", b"two", "10.0.0.9")
    directory.put(replace(AGENT, disabled=True))
    with pytest.raises(UnknownCallerError, match="is nobody's of that name here"):
        callers.by_key("agent-a", b"one", "10.0.0.9")
    directory.put(AGENT, keys=[replace(ROW, revoked_us=5)])
    with pytest.raises(UnknownCallerError, match="is nobody's of that name here"):
        callers.by_key("agent-a", b"one", "10.0.0.9")


def test_a_person_over_ssh_is_no_admin(tmp_path: Path) -> None:
    """Not even the gateway's own user: admin is on the socket. A name that is an identity's too is nobody's."""
    keys = read_keys(openssh.public(openssh.made(tmp_path / "key")))
    directory = Directory(People(54321, {"ana": Person(54321, frozenset({Role.APPROVER}), keys)}))
    callers = Callers(directory, ManualClock())
    assert callers.by_uid(54321).who.roles == {Role.APPROVER, Role.ADMIN}
    assert callers.by_key("ana", keys[0].blob, "").who == Identity("ana", frozenset({Role.APPROVER}))
    directory.put(replace(AGENT, name="ana"))
    with pytest.raises(UnknownCallerError):
        callers.by_key("ana", keys[0].blob, "")


def test_by_certificate(tmp_path: Path) -> None:
    """It names one identity, which is known and not disabled, and its key is nobody else's, no authority's, and was not revoked."""
    authority, key = openssh.made(tmp_path / "ca"), openssh.made(tmp_path / "key")
    trust = Trust.of(read_keys(openssh.public(authority)))
    directory = Directory(People(54321, {"ana": Person(1000, frozenset({Role.APPROVER}))}), {"agent-a": AGENT}, trust=trust)
    callers = Callers(directory, ManualClock())

    def show(name: str, *principals: str, of: Path = key) -> Caller:
        return callers.by_key(name, openssh.blob(openssh.certified(authority, of, *principals, valid="always:forever").read_text()), "10.0.0.9")

    caller = show("agent-a", "agent-a", "deploy@example.com")
    assert (caller.who, caller.key, caller.certificate and caller.certificate.key) == (AGENT, "", openssh.printed(key))
    assert caller.how == f'ssh, key {openssh.printed(key)}, certificate "for ana" serial 7 of {openssh.printed(authority)}'
    assert show("ana", "ana").who.name == "ana"
    with pytest.raises(UnknownCallerError, match="names nobody who is known here"):
        show("bo", "bo")
    with pytest.raises(UnknownCallerError, match="names 2 identities"):
        show("ana", "ana", "agent-a")
    with pytest.raises(UnknownCallerError, match="is another's, or was revoked"):
        show("ana", "ana", of=authority)
    blob = openssh.blob(openssh.public(key))
    row = replace(ROW, fingerprint=fingerprint(blob), key=blob)
    directory.put(keys=[row])
    assert show("agent-a", "agent-a").who == AGENT
    with pytest.raises(UnknownCallerError, match="is another's, or was revoked"):
        show("ana", "ana")
    directory.put(keys=[replace(row, revoked_us=5)])
    with pytest.raises(UnknownCallerError, match="is another's, or was revoked"):
        show("agent-a", "agent-a")
    directory.put(replace(AGENT, disabled=True))
    with pytest.raises(UnknownCallerError, match="names nobody who is known here"):
        show("agent-a", "agent-a")


def test_by_password() -> None:
    """A token is no password unless the configuration says so, and then its own identity's alone."""
    clock = ManualClock()
    made = mint(clock.now().wall_us)
    directory = Directory(People(54321, {}), {"agent-a": AGENT}, Tokens([Row(made.id, "agent-a", made.sha256, made.expires_us)]))
    callers = Callers(directory, clock)
    with pytest.raises(UnknownCallerError, match="no password is taken here"):
        callers.by_password("agent-a", made.text)
    directory.name_people(directory.people, Trust(passwords=True))
    assert callers.by_password("agent-a", made.text) == Caller(AGENT, made.id, sha256=made.sha256, how=f"ssh, token jt_{made.id}")
    for name, text in (("agent-b", made.text), ("agent-a", made.text[:-1]), ("agent-a", ""), ("", made.text)):
        with pytest.raises(UnknownCallerError):
            callers.by_password(name, text)
