"""Certificates are good for one name, for a time, from an address, and by an authority of the configuration alone."""

import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from jitui.auth.certificates import Trust, must_be_authority
from jitui.auth.sshkeys import PublicKey, read_keys
from jitui.values.clock import SystemClock
from jitui.values.errors import InvalidError, UnknownCallerError
from tests.auth.test_sshkeys import of_device
from tests.support import openssh

KINDS: Final = (("ed25519", 0), ("ecdsa", 256), ("rsa", 3072))


class Here:
    """An authority that is trusted, and a key to be certified."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority, self.key = openssh.made(folder / "ca"), openssh.made(folder / "key")
        self.trust = Trust.of(read_keys(openssh.public(self.authority)))
        self.now_us = SystemClock().now().wall_us

    def shown(self, *principals: str, by: Path | None = None, key: Path | None = None, **more: Any) -> bytes:
        return openssh.blob(openssh.certified(by or self.authority, key or self.key, *principals, **more).read_text())

    def refused(self, blob: bytes, name: str = "ana", client: str = "10.0.0.9", now_us: int = 0) -> str:
        with pytest.raises(UnknownCallerError) as caught:
            self.trust.read(blob, name, client, now_us or self.now_us)
        return str(caught.value)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Here:
    return Here(tmp_path_factory.mktemp("here"))


@pytest.mark.parametrize(("kind", "bits"), KINDS)
def test_a_good_one(here: Here, kind: str, bits: int, tmp_path: Path) -> None:
    """By an authority of each type; what it says is kept: the name that it has, its serial, both keys, and its end."""
    authority = openssh.made(tmp_path / "ca", kind, bits)
    trust = Trust.of(read_keys(openssh.public(authority)))
    found = trust.read(here.shown("ana", "ana@example.com", by=authority, name="ana \x1b[2J", serial=41), "ana", "10.0.0.9", here.now_us)
    assert (found.key, found.authority, found.serial) == (openssh.printed(here.key), openssh.printed(authority), 41)
    assert found.said.startswith(f'key {openssh.printed(here.key)}, certificate "ana ')
    assert "\x1b" not in found.said
    assert 3500 < (found.until_us - here.now_us) / 1e6 <= 3660
    trust.must_stand(found, found.until_us - 1)
    with pytest.raises(UnknownCallerError, match=r"your certificate .* expired at"):
        trust.must_stand(found, found.until_us)
    with pytest.raises(UnknownCallerError, match="not trusted here any more"):
        Trust().must_stand(found, here.now_us)


def test_one_that_never_expires(here: Here) -> None:
    """It has no end to wait for."""
    found = here.trust.read(here.shown("ana", valid="always:forever"), "ana", "10.0.0.9", here.now_us)
    assert found.until_us == 0
    here.trust.must_stand(found, 1 << 60)


def test_names(here: Here) -> None:
    """The name is one of the principals, exactly; a certificate for nobody in particular is good for nobody."""
    for principals in (("bo",), (), ("Ana",), ("ana ",), ("ana.",), ("*",)):
        assert "does not name this identity" in here.refused(here.shown(*principals)), principals
    assert "does not name this identity" in here.refused(here.shown("ana"), name="")


def test_times(here: Here) -> None:
    """Neither before nor after; the gateway's clock counts."""
    for valid in ("-2h:-1h", "+1h:+2h"):
        assert "not valid at this time" in here.refused(here.shown("ana", valid=valid))
    assert "not valid at this time" in here.refused(here.shown("ana"), now_us=here.now_us + 7_200_000_000)


@pytest.mark.parametrize(("networks", "client", "good"), [
    ("10.0.0.0/8", "10.0.0.9", True), ("10.0.0.0/8", "::ffff:10.0.0.9", True), ("192.168.1.0/24,10.0.0.9/32", "10.0.0.9", True),
    ("fe80::/10", "fe80::1%eth0", True), ("192.168.1.0/24", "10.0.0.9", False), ("::/0", "10.0.0.9", False), ("0.0.0.0/0", "::1", False),
    ("10.0.0.0/8", "", False), ("10.0.0.0/8", "unknown", False),
])  # fmt: skip
def test_addresses(here: Here, networks: str, client: str, good: bool) -> None:
    """`source-address` counts, for IPv4 as IPv6 sockets show it, too."""
    shown = here.shown("ana", options=(f"source-address={networks}",))
    if good:
        assert here.trust.read(shown, "ana", client, here.now_us).serial == 7
    else:
        assert "not for a client at this address" in here.refused(shown, client=client)


def test_demands(here: Here) -> None:
    """A command that it forces, and whatever else it demands, is refused: a demand that is not met must not be passed over. Extensions are no demands."""
    assert "demands force-command, which jitui does not do" in here.refused(here.shown("ana", options=("force-command=/bin/true",)))
    assert "demands verify-required" in here.refused(here.shown("ana", options=("verify-required",)))
    assert "demands what@example.com" in here.refused(here.shown("ana", options=("critical:what@example.com=x",)))
    assert here.trust.read(here.shown("ana", options=("extension:what@example.com=x",)), "ana", "", here.now_us).serial == 7


def test_who_signed(here: Here, tmp_path: Path) -> None:
    """Not another authority, not a host's certificate, no SHA-1, no key that is too short, and nothing that was altered on the way."""
    other = openssh.made(tmp_path / "other")
    assert f"the certificate's authority, {openssh.printed(other)}, is unknown here" in here.refused(here.shown("ana", by=other))
    assert "a host's certificate" in here.refused(here.shown("ana", host=True))
    whole = here.shown("ana")
    at = whole.index(b"ana", whole.index(b"for ana") + 7)
    assert "did not sign it so" in here.refused(whole[:at] + b"bob" + whole[at + 3 :], name="bob")
    assert "RSA key of 2048 bits" in here.refused(here.shown("ana", key=openssh.made(tmp_path / "short", "rsa", 2048)))
    rsa = openssh.made(tmp_path / "rsa", "rsa", 3072)
    trust = here.trust
    try:
        here.trust = Trust.of(read_keys(openssh.public(rsa)))
        subprocess.run(["ssh-keygen", "-q", "-t", "ssh-rsa", "-s", rsa, "-I", "x", "-n", "ana", f"{here.key}.pub"], check=True)
        assert "over SHA-1" in here.refused(openssh.blob(here.key.with_name("key-cert.pub").read_text()))
        for name in ("rsa-sha2-256", "rsa-sha2-512"):
            subprocess.run(["ssh-keygen", "-q", "-t", name, "-s", rsa, "-I", "x", "-n", "ana", f"{here.key}.pub"], check=True)
            assert here.trust.read(openssh.blob(here.key.with_name("key-cert.pub").read_text()), "ana", "", here.now_us).principals == ("ana",)
    finally:
        here.trust = trust


def test_bytes_that_are_none(here: Here) -> None:
    """Cut anywhere, made longer, or something else: one sentence, and no other error."""
    whole = here.shown("ana")
    for cut in range(len(whole)):
        here.refused(whole[:cut])
    for other in (whole + b"\0", b"", b"\xff" * 100, openssh.blob(openssh.public(here.key)), b"\0\0\0\x20ssh-ed25519-cert-v01@openssh.com", whole * 300):
        assert "no certificate" in here.refused(other)


def test_an_authority_that_a_device_holds_is_refused(tmp_path: Path) -> None:
    """Its signatures have a form of their own, which is not checked here."""
    (key,) = read_keys(of_device("sk-ssh-ed25519@openssh.com", tmp_path))
    with pytest.raises(InvalidError, match="held by a FIDO device"):
        must_be_authority(key)
    must_be_authority(PublicKey("ssh-ed25519", b""))
