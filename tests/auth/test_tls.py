"""The gateway's certificates, as its clients see them: OpenSSL with Python's strictest flags, and Go in kubectl."""

import asyncio
import base64
import os
import ssl
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from jitui.auth.tls import Material, covers, ensure, fingerprint, own, refresh, server_context, server_name
from jitui.values.clock import ManualClock, SystemClock
from jitui.values.errors import ConfigurationError, UnsafeError
from tests.clusters.authority import Authority, Pair, pem
from tests.support.kubectls import Kubectl

NAMES = ("gateway.example", "localhost", "127.0.0.1", "::1")
NOW = SystemClock().now()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def leaf_of(material: Material) -> x509.Certificate:
    return x509.load_pem_x509_certificate(material.certificate.read_bytes())


def strict(ca: Path) -> ssl.SSLContext:
    """As Python 3.13's default, whatever Python this is."""
    context = ssl.create_default_context(cafile=str(ca))
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


async def shake(context: ssl.SSLContext, client: ssl.SSLContext, name: str = "localhost") -> tuple[str, str | None, bytes]:
    """TLS version, ALPN and certificate that a client gets."""

    async def hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    listener = await asyncio.start_server(hello, "127.0.0.1", 0, ssl=context)
    async with listener:
        _, writer = await asyncio.open_connection("127.0.0.1", listener.sockets[0].getsockname()[1], ssl=client, server_hostname=name)
        it: ssl.SSLObject = writer.get_extra_info("ssl_object")
        seen = it.version() or "", it.selected_alpn_protocol(), it.getpeercert(binary_form=True) or b""
        writer.close()
        return seen


def test_the_files(tmp_path: Path) -> None:
    """Keys and leaf are the gateway's alone, under any umask; the authority may be read by all."""
    umask = os.umask(0)
    try:
        material = ensure(tmp_path, NAMES, NOW)
    finally:
        os.umask(umask)
    assert (material.certificate, material.key, material.authority) == (tmp_path / "server.crt", tmp_path / "keys" / "server.key", tmp_path / "ca.crt")
    assert [mode(tmp_path / name) for name in ("keys/ca.key", "keys/server.key", "server.crt", "ca.crt", "keys")] == [0o600, 0o600, 0o600, 0o644, 0o700]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["ca.crt", "ca.key", "keys", "server.crt", "server.key"]


@pytest.mark.parametrize("name", NAMES)
async def test_the_strictest_python_accepts_it(tmp_path: Path, name: str) -> None:
    """VERIFY_X509_STRICT, for every name and address, TLS 1.3, http/1.1."""
    client = strict(ensure(tmp_path, NAMES, NOW).authority)
    client.set_alpn_protocols(["h2", "http/1.1"])
    version, alpn, _ = await shake(server_context(ensure(tmp_path, NAMES, NOW)), client, name)
    assert (version, alpn) == ("TLSv1.3", "http/1.1")


async def test_what_must_not_pass(tmp_path: Path) -> None:
    """Another name, another gateway's authority, TLS 1.1; a client without ALPN does pass (kubectl's upgrades offer none)."""
    material = ensure(tmp_path / "a", NAMES, NOW)
    context = server_context(material)
    with pytest.raises(ssl.SSLCertVerificationError):
        await shake(context, strict(material.authority), "other.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        await shake(context, strict(ensure(tmp_path / "b", NAMES, NOW).authority))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert (await shake(context, strict(material.authority)))[1] is None


def test_the_web_profile_accepts_it(tmp_path: Path) -> None:
    """A verifier of another make (cryptography's, in Rust, after the CA/B profile) finds nothing either."""
    material = ensure(tmp_path, NAMES, NOW)
    store = Store([x509.load_pem_x509_certificate(material.authority.read_bytes())])
    verifier = PolicyBuilder().store(store).time(datetime.now(UTC)).build_server_verifier(x509.DNSName("gateway.example"))
    assert len(verifier.verify(leaf_of(material), [])) == 2


def test_the_authority_signs_servers_only(tmp_path: Path) -> None:
    """Path length 0, certificate signing alone; the leaf is for servers and signs nothing."""
    material = ensure(tmp_path, NAMES, NOW)
    authority, leaf = x509.load_pem_x509_certificate(material.authority.read_bytes()), leaf_of(material)
    basic = [(it.extensions.get_extension_for_class(x509.BasicConstraints)) for it in (authority, leaf)]
    assert [(it.critical, it.value.ca, it.value.path_length) for it in basic] == [(True, True, 0), (True, False, None)]
    usage = [it.extensions.get_extension_for_class(x509.KeyUsage).value for it in (authority, leaf)]
    assert [(it.key_cert_sign, it.digital_signature) for it in usage] == [(True, False), (False, True)]
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    keys = [authority.public_key(), leaf.public_key()]
    assert [key.curve.name for key in keys if isinstance(key, ec.EllipticCurvePublicKey)] == ["secp256r1"] * 2


def test_nothing_is_made_anew_without_need(tmp_path: Path) -> None:
    """The same names, in any order, give the same leaf until two thirds of its life are over; the authority stays for years."""
    clock = ManualClock()
    first = ensure(tmp_path, NAMES, clock.now())
    clock.advance(59 * 86400)
    assert ensure(tmp_path, NAMES[::-1], clock.now()) == first
    assert abs(first.renew_us - clock.wall_us) < 2 * 86400e6
    clock.set_wall((first.renew_us - clock.wall_us) / 1e6 + 1)
    second = ensure(tmp_path, NAMES, clock.now())
    assert (second.leaf != first.leaf, second.fingerprint, second.renew_us > first.renew_us) == (True, first.fingerprint, True)
    assert leaf_of(second).public_key() != x509.load_pem_x509_certificate((tmp_path / "ca.crt").read_bytes()).public_key()


async def test_renewed_without_a_restart(tmp_path: Path) -> None:
    """The same context serves the new leaf from the next handshake on."""
    clock = SystemClock()
    material = ensure(tmp_path, NAMES, clock.now())
    context = server_context(material)
    before = (await shake(context, strict(material.authority)))[2]
    newer = ensure(tmp_path, (*NAMES, "new.example"), clock.now())
    refresh(context, newer)
    after = (await shake(context, strict(material.authority), "new.example"))[2]
    assert (x509.load_der_x509_certificate(before).public_bytes(serialization.Encoding.DER) == after, newer.leaf == material.leaf) == (False, False)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "server.crt").unlink(), lambda folder: (folder / "keys" / "server.key").unlink(),
        lambda folder: (folder / "server.crt").write_text("cut sh"), lambda folder: (folder / "keys" / "server.key").write_text(""),
        lambda folder: (folder / "keys" / "server.key").write_bytes(pem(ec.generate_private_key(ec.SECP256R1()))),
    ],
)  # fmt: skip
def test_a_leaf_that_does_not_fit_is_made_anew(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    """Whatever a crash between two files left, the next start serves."""
    first = ensure(tmp_path, NAMES, NOW)
    damage(tmp_path)
    second = ensure(tmp_path, NAMES, NOW)
    assert (second.leaf != first.leaf, second.fingerprint) == (True, first.fingerprint)
    server_context(second)


def test_a_leaf_of_another_authority_is_made_anew(tmp_path: Path) -> None:
    """Old server files beside a new authority are not served."""
    first = ensure(tmp_path, NAMES, NOW)
    (tmp_path / "ca.crt").unlink()
    (tmp_path / "keys" / "ca.key").unlink()
    second = ensure(tmp_path, NAMES, NOW)
    assert first.fingerprint != second.fingerprint
    leaf_of(second).verify_directly_issued_by(x509.load_pem_x509_certificate((tmp_path / "ca.crt").read_bytes()))


@pytest.mark.parametrize("lost", ["ca.crt", "keys/ca.key"])
def test_half_an_authority_is_not_replaced_silently(tmp_path: Path, lost: str) -> None:
    """Agents pinned it: a person decides."""
    ensure(tmp_path, NAMES, NOW)
    (tmp_path / lost).unlink()
    with pytest.raises(ConfigurationError, match=r"can't be read: no such file.*; restore both, or delete both and give the agents new kubeconfigs"):
        ensure(tmp_path, NAMES, NOW)


def test_another_authoritys_key(tmp_path: Path) -> None:
    """Mixed-up backups are noticed before anything is signed."""
    ensure(tmp_path, NAMES, NOW)
    (tmp_path / "keys" / "ca.key").write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(ConfigurationError, match="is not the key of"):
        ensure(tmp_path, NAMES, NOW)


def test_the_end_of_the_authority(tmp_path: Path) -> None:
    """A leaf never outlives it, and after its end it says what to do."""
    clock = ManualClock()
    ensure(tmp_path, NAMES, clock.now())
    clock.advance(3640 * 86400)
    late = leaf_of(ensure(tmp_path, NAMES, clock.now()))
    assert late.not_valid_after_utc == x509.load_pem_x509_certificate((tmp_path / "ca.crt").read_bytes()).not_valid_after_utc
    clock.advance(11 * 86400)
    with pytest.raises(ConfigurationError, match=r"certificate authority .* ended on 2036-.*delete it and .*ca\.key, and give the agents new kubeconfigs"):
        ensure(tmp_path, NAMES, clock.now())


@pytest.mark.parametrize("key", ["ca.key", "server.key"])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, key: str) -> None:
    """With the command that mends it, and a warning."""
    ensure(tmp_path, NAMES, NOW)
    (tmp_path / "keys" / key).chmod(0o640)
    with pytest.raises(UnsafeError, match=rf"{key} has mode 0640, so others may read it; chmod 600"):
        ensure(tmp_path, NAMES, NOW)


@pytest.mark.parametrize("names", [(), ("",), ("a b",), ("münchen.example",), ("-x.example",), ("https://x",), ("x.example:8443",), ("*",), ("a.*.b",)])
def test_names_that_can_not_be_certified(tmp_path: Path, names: tuple[str, ...]) -> None:
    """No certificate is better than one that no client matches."""
    with pytest.raises(ConfigurationError, match=r"listen\.names"):
        ensure(tmp_path, names, NOW)


async def test_a_certificate_that_a_person_brings(tmp_path: Path) -> None:
    """Chain, key and what clients pin; a wildcard covers one label."""
    bring = Authority("company")
    pair = bring.issue("gw", "*.corp.example", "127.0.0.1", life=timedelta(days=30))
    certificate, key = pair.save(tmp_path, "mine")
    certificate.write_bytes(pair.certificate + bring.pem)
    material = own(certificate, key, ["gw.corp.example", "127.0.0.1"], NOW)
    assert (material.authority, material.fingerprint) == (certificate, fingerprint(bring.pem))
    client = ssl.create_default_context(cadata=bring.pem.decode())
    client.verify_flags &= ~ssl.VERIFY_X509_STRICT
    assert (await shake(server_context(material), client, "gw.corp.example"))[0] == "TLSv1.3"
    with pytest.raises(ConfigurationError, match=r"is not for a\.gw\.corp\.example, 10\.0\.0\.1; change listen\.names"):
        own(certificate, key, ["a.gw.corp.example", "127.0.0.1", "10.0.0.1"], NOW)


def test_a_certificate_with_comments(tmp_path: Path) -> None:
    """In whatever encoding: agents are given the certificates alone, which are ASCII."""
    bring = Authority("company")
    pair = bring.issue("gw", "gw")
    certificate, key = Pair("# Zürich\n".encode("latin-1") + pair.certificate + "# Österreich\n".encode() + bring.pem, pair.key).save(tmp_path, "gw")
    assert own(certificate, key, ["gw"], NOW).pinned == (bring.pem + pair.certificate).decode()
    assert ensure(tmp_path / "own", NAMES, NOW).pinned == (tmp_path / "own" / "ca.crt").read_text()


@pytest.mark.parametrize("at", [0, 1])
def test_any_bytes_for_a_certificate_or_key(tmp_path: Path, at: int) -> None:
    """Text, DER, nothing, a kind that nobody knows: each is one line of a ConfigurationError."""
    pair = Authority("company").issue("gw", "gw")
    files = pair.save(tmp_path, "gw")
    der = x509.load_pem_x509_certificate(pair.certificate).public_bytes(serialization.Encoding.DER)
    odd = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07", 1)  # a version that there is not
    unknown = der.replace(b"\x2a\x86\x48\xce\x3d\x02\x01", b"\x2a\x86\x48\xce\x3d\x02\x7f")  # an algorithm that there is not
    armored = [b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(one) + b"-----END CERTIFICATE-----\n" for one in (odd, unknown, der[:-9])]
    for data in (b"", b"hello", b"\xff\xfe", der, pair.key if at == 0 else pair.certificate, *armored):
        files[at].write_bytes(data)
        with pytest.raises(ConfigurationError, match=r"^certificate .* can't be used|does not belong") as caught:
            own(*files, ["gw"], NOW)
        assert "\n" not in str(caught.value)


def test_what_a_person_should_not_bring(tmp_path: Path) -> None:
    """Wrong key, an ended certificate, a key for all, a locked one, no file: each is said at once and not by the first client."""
    bring = Authority("company")
    good, ended = bring.issue("gw", "gw"), bring.issue("gw", "gw", life=timedelta(hours=-1))
    certificate, key = good.save(tmp_path, "good")
    _, other = bring.issue("x", "x").save(tmp_path, "other")
    with pytest.raises(ConfigurationError, match=r"other\.key does not belong to the first certificate in .*good\.crt"):
        own(certificate, other, ["gw"], NOW)
    with pytest.raises(ConfigurationError, match=r"is valid from .*, not now"):
        own(*ended.save(tmp_path, "ended"), ["gw"], NOW)
    with pytest.raises(ConfigurationError, match="can't be used: no such file"):
        own(tmp_path / "none", key, ["gw"], NOW)
    other.write_bytes(pem(ec.generate_private_key(ec.SECP256R1()), b"password"))
    with pytest.raises(ConfigurationError, match="can't be used: password was not given"):
        own(certificate, other, ["gw"], NOW)
    key.chmod(0o644)
    with pytest.raises(UnsafeError, match="others may read it"):
        own(certificate, key, ["gw"], NOW)


def test_the_fingerprint_is_what_openssl_prints(tmp_path: Path) -> None:
    """So that a person can compare it with any tool."""
    material = ensure(tmp_path, NAMES, NOW)
    printed = subprocess.run(["openssl", "x509", "-in", material.authority, "-noout", "-fingerprint", "-sha256"], check=True, capture_output=True, text=True)
    assert printed.stdout.strip().rpartition("=")[2] == material.fingerprint == fingerprint(material.authority.read_bytes())


def test_a_context_from_damaged_files(tmp_path: Path) -> None:
    """One sentence, and no question for a password."""
    material = ensure(tmp_path, NAMES, NOW)
    material.key.write_bytes(pem(ec.generate_private_key(ec.SECP256R1()), b"password"))
    with pytest.raises(ConfigurationError, match="the key is encrypted"):
        server_context(material)


async def test_the_name_that_a_client_asks_for_is_told(tmp_path: Path) -> None:
    """As it was sent; empty without one, and where the context was not made to tell."""
    material, heard = ensure(tmp_path, NAMES, NOW), asyncio.Queue[str]()

    class Hears(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            heard.put_nowait(server_name(transport.get_extra_info("ssl_object")))

    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    for names, name, told in ((True, "Prod.gw.example", "Prod.gw.example"), (True, "127.0.0.1", ""), (False, "localhost", "")):
        listener = await asyncio.get_running_loop().create_server(Hears, "127.0.0.1", 0, ssl=server_context(material, names=names))
        async with listener:
            _, writer = await asyncio.open_connection("127.0.0.1", listener.sockets[0].getsockname()[1], ssl=trust, server_hostname=name)
            assert await asyncio.wait_for(heard.get(), 5) == told
            writer.transport.abort()


def test_a_certificate_says_whom_it_is_for(tmp_path: Path) -> None:
    """By its names, its addresses, and its patterns."""
    material = ensure(tmp_path, ["*.gw.example", "127.0.0.1"], NOW)
    assert [covers(material, name) for name in ("prod.gw.example", "127.0.0.1", "gw.example", "a.b.gw.example", "::1")] == [True, True, False, False, False]


async def test_kubectl_accepts_it(tmp_path: Path, one_kubectl: Kubectl) -> None:
    """Go's verifier, with the authority pinned and the address in the certificate."""
    context = server_context(ensure(tmp_path, NAMES, NOW))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        user = ["--kubeconfig=/dev/null", "--token=t"]
        command = [*one_kubectl.argv, *user, f"--server=https://127.0.0.1:{port}", f"--certificate-authority={tmp_path}/ca.crt", "get", "--raw", "/healthz"]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"HOME": str(tmp_path)})
        out, err = await process.communicate()
    assert (out, err, process.returncode) == (b"ok", b"", 0)
