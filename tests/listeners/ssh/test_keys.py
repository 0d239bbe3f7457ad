"""Who gets in, tried with OpenSSH and asyncssh; and who is put out again at once."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import asyncssh
import pytest

from jitui.auth.certificates import Trust
from jitui.auth.people import People, Person
from jitui.auth.sshkeys import read_keys
from jitui.policy.terms import Role
from jitui.proxy.live import Session
from tests.fakes.house import ADMIN, AGENT, ANA
from tests.listeners.ssh.world import Result, SshHouse, ssh_house
from tests.support import openssh

DENIED: Final = "Permission denied"
BAD: Final[dict[str, dict[str, Any]]] = {
    "another's name": {"principals": ("bo",)}, "no name": {"principals": ()}, "a name in capitals": {"principals": (AGENT.upper(),)},
    "an agent's and a person's name": {"principals": (AGENT, "ana")}, "expired": {"valid": "-2h:-1h"}, "not yet valid": {"valid": "+1h:+2h"},
    "another address": {"options": ("source-address=10.0.0.0/8",)}, "a forced command": {"options": ("force-command=/bin/true",)},
    "a demand": {"options": ("critical:x@example.com=y",)}, "a host's": {"host": True}, "an unknown authority": {"by": "other"},
}  # fmt: skip


def by(world: SshHouse, key: Path, *words: str, user: str = AGENT) -> "asyncio.Task[Result]":
    """OpenSSH with that key alone, and the certificate beside it if there is one."""
    world.identity = key
    return asyncio.ensure_future(world.ssh(*words, user=user))


async def authorities(world: SshHouse, folder: Path, *, passwords: bool = False) -> dict[str, Path]:
    """Two authorities, of which one is trusted, with a person of the configuration."""
    made = {name: await asyncio.to_thread(openssh.made, folder / name) for name in ("ca", "other")}
    people = People(54321, {"ana": Person(1000, frozenset({Role.APPROVER}))})
    world.home.broker.roster.directory.name_people(people, Trust.of(read_keys(openssh.public(made["ca"])), passwords=passwords))
    return made


async def test_keys_and_certificates_of_openssh(tmp_path: Path) -> None:
    """Keys of each type, and certificates that are right; each wrong one is refused, and nothing of it is on record."""
    async with ssh_house(tmp_path) as world:
        made = await authorities(world, tmp_path)
        await world.home.window()
        for kind, bits in (("ecdsa", 256), ("ecdsa", 521), ("rsa", 3072)):
            key = openssh.made(tmp_path / f"{kind}{bits}", kind, bits)
            assert DENIED in (await by(world, key, "prod web/web-1 true")).said
            await world.home.broker.roster.add_keys(AGENT, read_keys(openssh.public(key)), by=ADMIN)
            assert (await by(world, key, "prod web/web-1 true")).code == 0
        key = openssh.made(tmp_path / "certified")
        facts = len(await world.home.facts())
        for name, bad in BAD.items():
            how = {"principals": (AGENT,), "by": "ca", **bad}
            openssh.certified(made[how.pop("by")], key, *how.pop("principals"), **how)
            assert DENIED in (await by(world, key, "prod web/web-1 true")).said, name
        assert len(await world.home.facts()) == facts
        openssh.certified(made["ca"], key, AGENT, "deploy@example.com", options=("source-address=127.0.0.0/8",), serial=41, name="from CI")
        assert (await by(world, key, "prod web/web-1 true")).code == 0
        peer = (await world.home.facts("session.opened"))[-1].what["peer"]
        assert peer.startswith("127.0.0.1:")
        assert (await world.home.desk(ANA).sessions())[-1].from_peer == peer
        assert peer.endswith(f' by ssh, key {openssh.printed(key)}, certificate "from CI" serial 41 of {openssh.printed(made["ca"])}')
        assert DENIED in (await by(world, key, "prod web/web-1 true", user="ana")).said


async def test_names_that_are_not_exactly_the_identitys(tmp_path: Path) -> None:
    """Whatever they are made to look like; and no name is enough without a key."""
    async with ssh_house(tmp_path) as world:
        await world.home.agent("agent-y")
        for name in (f"{AGENT}/../agent-y", f"agent-y/../{AGENT}", f"{AGENT}@host", f" {AGENT}", AGENT.upper(), "root", "agent-y", "", "x" * 1000, "x" * 2000,
                     "%s%n", "$(id)", "../../etc/passwd", "gateway"):  # fmt: skip
            with pytest.raises((asyncssh.PermissionDenied, asyncssh.DisconnectError)):
                await world.connect(username=name)
        for name in (f"{AGENT}\n", "agent-\u0445", AGENT.replace("a", "\uff41"), f"{AGENT}\u200b", f"{AGENT}\u00ad"):  # asyncssh would not send them
            found = await world.ssh("prod web/web-1 true", user=name)
            assert found.code == 255
            assert "no live window" not in found.said
        for more in ({"client_keys": None, "preferred_auth": "none"}, {"client_keys": None, "preferred_auth": "keyboard-interactive", "password": "x"},
                     {"client_keys": None, "preferred_auth": "hostbased"}, {"client_keys": None, "password": world.home.token},
                     {"client_keys": None, "password": ""}):  # fmt: skip
            with pytest.raises(asyncssh.PermissionDenied):
                await world.connect(**more)
        assert not world.listener.rooms.visitors.owners
        assert (await world.ssh("prod web/web-1 true", user="agent-y")).said.startswith(f"agent-y@127.0.0.1: {DENIED}")
        assert "publickey)" in (await world.ssh("x", user="nobody")).said  # and that there are no other ways is all that a stranger learns


async def test_a_token_as_password(tmp_path: Path) -> None:
    """Where it is taken: its own identity's, a few tries of one connection, and it ends with the token."""
    async with ssh_house(tmp_path) as world:
        await authorities(world, tmp_path, passwords=True)
        other = await world.home.agent("agent-y")
        for password in (other, world.home.token[:-1], world.home.token + "x", "", "x" * 100_000):
            with pytest.raises(asyncssh.PermissionDenied):
                await world.connect(client_keys=None, password=password)
        tries = iter([f"jt_{number}" for number in range(20)])

        class Guessing(asyncssh.SSHClient):
            def password_auth_requested(self) -> str:
                return next(tries)

        with pytest.raises(asyncssh.PermissionDenied, match="6 attempts were refused"):
            await world.connect(client_keys=None, client_factory=Guessing)
        assert next(tries) == "jt_6"
        async with await world.connect(client_keys=None, password=world.home.token) as client:
            await world.home.broker.rotate(AGENT, by=ADMIN)
            async with asyncio.timeout(30):
                await client.wait_closed()


async def test_a_signature_over_sha1_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An RSA key may sign so, and asyncssh would take it."""
    async with ssh_house(tmp_path) as world:
        key = await asyncio.to_thread(asyncssh.generate_private_key, "ssh-rsa", key_size=3072)
        await world.know(AGENT, key)
        async with await world.connect(client_keys=[key]):
            pass
        signed: list[bytes] = []
        original = asyncssh.SSHKey.sign

        def sign(self: asyncssh.SSHKey, data: bytes, algorithm: bytes) -> bytes:
            signed.append(algorithm)
            return original(self, data, b"ssh-rsa" if algorithm.startswith(b"rsa") else algorithm)

        monkeypatch.setattr(asyncssh.SSHKey, "sign", sign)
        with pytest.raises(asyncssh.PermissionDenied):
            await world.connect(client_keys=[key])
        assert any(each.startswith(b"rsa") for each in signed)


async def running(world: SshHouse, key: Path) -> "asyncio.Task[Result]":
    """An exec that goes on, once it stands."""
    before = set(world.home.broker.windows.sessions)
    task = by(world, key, "prod web/web-1 sh -c 'echo on; sleep 30'")
    await world.home.until(lambda: any(session.handed_out for ident, session in world.home.broker.windows.sessions.items() if ident not in before))
    return task


async def test_whoever_has_lost_their_key_is_put_out_at_once(tmp_path: Path) -> None:
    """What runs by it is told why and ends, the connection is closed, and another key of the same identity goes on."""
    async with ssh_house(tmp_path) as world:
        made = await authorities(world, tmp_path)
        home, roster = world.home, world.home.broker.roster
        await home.window()
        one, two, short = (openssh.made(tmp_path / name) for name in ("one", "two", "short"))
        for key in (one, two):
            await roster.add_keys(AGENT, read_keys(openssh.public(key)), by=ADMIN)
        openssh.certified(made["ca"], short, AGENT, valid="-1m:+4s", name="short")
        expiring, revoked, goes_on = [await running(world, key) for key in (short, one, two)]
        async with await world.connect(client_keys=[asyncssh.read_private_key(one)]) as idle:
            await roster.revoke_key(AGENT, openssh.printed(one), by=ADMIN, why="lost")
            async with asyncio.timeout(30):
                await idle.wait_closed()
                found = await revoked
        assert (found.code, found.out) == (255, b"on\n")
        assert f"jitui: your key {openssh.printed(one)} was revoked at" in found.said
        async with asyncio.timeout(30):
            found = await expiring
        assert 'jitui: your certificate "short" expired at' in found.said
        assert not goes_on.done()
        ended = [fact.what["why"] for fact in await home.facts("session.ended")]
        assert ended == ["disabled", "disabled"]
        await home.broker.disable(AGENT, by=ADMIN, reason="left")
        async with asyncio.timeout(30):
            found = await goes_on
        assert (found.code, f"{AGENT} was disabled" in found.said) == (255, True)
        await home.until(lambda: not world.listener.connections)


async def test_a_key_that_ends_while_a_session_is_opened_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The opening is on record by then; nothing goes to the cluster."""
    async with ssh_house(tmp_path) as world:
        home, windows = world.home, world.home.broker.windows
        await home.window()
        original: Callable[..., Any] = windows.open_session

        async def opening(*args: Any, **more: Any) -> Session:
            session: Session = await original(*args, **more)
            await home.broker.roster.revoke_key(AGENT, world.key.get_fingerprint(), by=ADMIN, why="lost")
            return session

        monkeypatch.setattr(windows, "open_session", opening)
        asked = len(home.cluster.asked)
        found = await world.ssh("prod web/web-1 true")
        assert (found.code, "was revoked at" in found.said) == (255, True)
        assert len(home.cluster.asked) == asked
        (fact,) = await home.facts("session.ended")
        assert fact.what["why"] == "disabled"
