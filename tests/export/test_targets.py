"""Bytes on the wire to a collector; tests/export/test_exporter.py has real ones that die."""

import json
import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from jitui.export import targets
from jitui.export.settings import OtlpSettings, SyslogSettings
from jitui.export.targets import Otlp, Syslog, syslog_line
from jitui.recording.facts import Fact, Kind
from jitui.values.errors import UnavailableError
from tests.fakes.authority import server_context

FACT = Fact(41, 1_795_449_600_123_456, Kind.LOCKDOWN_ON, "ana", "gateway", {"why": "od\u00e4d\n<1>1 forged"}, b"h" * 32)


def test_a_line_of_rfc_5424() -> None:
    """Priority of the audit facility, version, time, host, name, and the kind; the text is JSON in one line of ASCII, so nobody forges another."""
    line = syslog_line(FACT, "json", "gw")
    head, _, text = line.partition(b" - lockdown.on - ")
    assert head == b"<107>1 2026-11-23T16:00:00.123456Z gw jitui"
    assert b"\n" not in line
    assert json.loads(text)["what"] == {"why": "od\u00e4d\n<1>1 forged"}


def test_udp() -> None:
    """One datagram a fact."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        target = Syslog(SyslogSettings(address=f"127.0.0.1:{server.getsockname()[1]}", protocol="udp"))
        target.send([FACT, FACT])
        assert target.check()
        assert [server.recv(70_000)[:6] for _ in range(2)] == [b"<107>1"] * 2
        target.close()


def test_tls_checks_the_collector(tmp_path: Path) -> None:
    """With its authority it is spoken to, counted in octets; without it is refused before a byte goes."""
    context, authority = server_context(tmp_path)
    got: list[bytes] = []

    def serve(server: socket.socket) -> None:
        for _ in range(2):
            try:
                with context.wrap_socket(server.accept()[0], server_side=True) as wire:
                    got.append(wire.recv(70_000))
            except (ssl.SSLError, OSError):
                continue

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        address = f"localhost:{server.getsockname()[1]}"
        with pytest.raises(ssl.SSLError):
            Syslog(SyslogSettings(address=address)).send([FACT])
        target = Syslog(SyslogSettings.model_validate({"address": address, "ca": str(authority)}))
        target.send([FACT])
        thread.join(10)
        target.close()
    assert got[0].startswith(b"%d <107>1" % len(syslog_line(FACT, "ocsf", target._wire.host)))


def test_records_that_will_never_be_taken_are_a_trouble() -> None:
    """OTLP forbids to send them again."""
    told: list[str] = []
    target = Otlp(OtlpSettings(endpoint="http://otel.example"), told.append)
    target._look_at('{"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "too large"}}', [FACT])
    assert told == ['otel.example will not take 1 of the facts 41 to 41: {"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "too large"}}']
    target._look_at("", [FACT])
    assert len(told) == 1


@pytest.mark.parametrize("first", [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"HTTP/1.1 200", b""])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_call_ends_however_slowly_its_answer_comes(first: bytes, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the head, in the body or in the TLS handshake, a byte now and then, which no timeout of a read finds."""
    monkeypatch.setattr(targets, "WITHIN", 0.3)
    over = threading.Event()

    def drips(there: socket.socket) -> None:
        wire, _ = there.accept()
        with wire, suppress(OSError):
            wire.sendall(first if scheme == "http" else b"\x16\x03\x03\x40\x00")
            while not over.wait(0.01):
                wire.sendall(b"x" if scheme == "http" else b"\x02")

    with socket.create_server(("127.0.0.1", 0)) as there:
        thread = threading.Thread(target=drips, args=(there,), daemon=True)
        thread.start()
        with pytest.raises(UnavailableError, match=r"did not come to the end of its answer within 0\.3 s"):
            targets.post(urlsplit(f"{scheme}://127.0.0.1:{there.getsockname()[1]}/"), "/", b"x", {})
        over.set()
        thread.join(30)
