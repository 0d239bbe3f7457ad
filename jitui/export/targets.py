"""Collectors: syslog over UDP, TCP or TLS, and OTLP over HTTP. Their calls block, and are made in threads; each raises OSError or UnavailableError.

The SDKs of OpenTelemetry buffer in memory and drop what they can't send, and tell nobody what arrived; facts go from a cursor on disk, so OTLP's JSON form is
written here, over http.client. The handler of `logging` frames TCP with a line end, which RFC 6587 discourages, and drops what fails.
"""

import fcntl
import http.client
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import SplitResult, urlsplit

from jitui import __version__
from jitui.export.settings import Form, OtlpSettings, SyslogPlace, SyslogSettings
from jitui.recording.facts import FOREIGN, Fact
from jitui.recording.masking.text import masked_values
from jitui.recording.ocsf import WITHHELD, event
from jitui.values.errors import UnavailableError
from jitui.values.instant import rfc3339
from jitui.values.said import clean

TIMEOUT: Final = 10.0  # seconds
WITHIN: Final = 30.0  # seconds for a whole call
SETTLED: Final = 5.0  # seconds behind the last byte that the collector's machine took until a collector without answers counts as having read it
SIOCOUTQ: Final = 0x5411  # linux/sockios.h: bytes that were sent and not acknowledged (tcp(7))
DATAGRAM: Final = 65_000  # bytes of a UDP message; more does not fit one
AUDIT: Final = 13  # facility, RFC 5424, table 1
SYSLOG: Final = {1: 6, 2: 5, 3: 4, 4: 3}  # severity of OCSF to that of RFC 5424: informational, notice, warning, error
OTEL: Final = {1: (9, "INFO"), 2: (10, "INFO2"), 3: (13, "WARN"), 4: (17, "ERROR")}  # to that of OpenTelemetry's logs
ANSWER: Final = 64 << 10  # bytes that are read of an answer


class Target(Protocol):
    """One collector."""

    settles: float  # seconds after which something sent counts as there; 0: at once, as the collector answers, or nobody can know

    def send(self, facts: Sequence[Fact]) -> None:
        """Send them all, connecting first where that is needed."""

    def check(self) -> bool:
        """Whether everything that was sent has been acknowledged. Raises OSError if the other side has closed."""

    def close(self) -> None:
        """Forget the connection."""


def document(fact: Fact, form: Form) -> dict[str, Any]:
    """A fact as it leaves: with the words of others masked, and without what nobody needs."""
    what = {key: value for key, value in masked_values(fact.what, FOREIGN).items() if key not in WITHHELD}
    if form == "json":
        return {"seq": fact.seq, "at": rfc3339(fact.at_us), "kind": fact.kind.value, "who": fact.who, "subject": fact.subject, "what": what,
                "hash": fact.hash.hex()}
    return event(seq=fact.seq, at_us=fact.at_us, kind=fact.kind.value, who=fact.who, subject=fact.subject, what=what, hash_hex=fact.hash.hex(),
                 version=__version__)


def severity(fact: Fact) -> int:
    """The severity of OCSF."""
    found: int = document(fact, "ocsf")["severity_id"]
    return found


def syslog_line(fact: Fact, form: Form, host: str) -> bytes:
    """One message (RFC 5424): the fact's kind is its MSGID, the text is JSON in ASCII."""
    return message(SYSLOG[severity(fact)], fact.at_us, host, fact.kind.value, json.dumps(document(fact, form), separators=(",", ":")))


def message(level: int, at_us: int, host: str, ident: str, text: str) -> bytes:
    """One message (RFC 5424) of that severity; `ident` is its MSGID, `at_us` its time, UTC. The text is ASCII."""
    return f"<{AUDIT * 8 + level}>1 {rfc3339(at_us)} {host} jitui - {ident[:32]} - {text}".encode("ascii")


class Wire:
    """The way to a collector of syslog, over UDP, TCP or TLS."""

    def __init__(self, place: SyslogPlace) -> None:
        self._place = place
        self._socket: socket.socket | None = None
        self.host = "".join(each for each in socket.gethostname() if "!" <= each <= "~")[:255] or "-"

    @property
    def connected(self) -> bool:
        """Whether a connection is kept, which the other side may have closed."""
        return self._socket is not None

    def _connected(self) -> socket.socket:
        if self._socket is None:
            host, _, port = self._place.address.rpartition(":")
            host = host.strip("[]")
            if self._place.protocol == "udp":
                family, kind, proto, _, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
                found = socket.socket(family, kind, proto)
                found.connect(place)
            else:
                found = socket.create_connection((host, int(port)), TIMEOUT)
            if self._place.protocol == "tls":
                context = ssl.create_default_context(cafile=self._place.ca)
                found = context.wrap_socket(found, server_hostname=host)
            self._socket = found
        return self._socket

    def send(self, lines: Sequence[bytes]) -> None:
        """Send messages, connecting first where that is needed."""
        wire = self._connected()
        if self._place.protocol == "udp":
            for line in lines:
                wire.send(line[:DATAGRAM])
        else:
            wire.sendall(b"".join(b"%d %b" % (len(line), line) for line in lines))

    def check(self) -> bool:
        """Whether everything that was sent has been acknowledged. Raises OSError if the other side has closed."""
        wire = self._socket
        if wire is None or self._place.protocol == "udp":
            return True
        wire.settimeout(0.0)
        try:
            if wire.recv(4096) == b"":
                raise ConnectionResetError(f"{self._place.address} closed the connection")
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        finally:
            wire.settimeout(TIMEOUT)
        (unread,) = struct.unpack("i", fcntl.ioctl(wire.fileno(), SIOCOUTQ, b"\0\0\0\0"))
        return not unread

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Syslog:
    """Facts over syslog."""

    def __init__(self, settings: SyslogSettings) -> None:
        self._wire, self._form = Wire(settings), settings.format
        self.settles = 0.0 if settings.protocol == "udp" else SETTLED

    def send(self, facts: Sequence[Fact]) -> None:
        self._wire.send([syslog_line(fact, self._form, self._wire.host) for fact in facts])

    def check(self) -> bool:
        return self._wire.check()

    def close(self) -> None:
        self._wire.close()


class Otlp:
    """OTLP over HTTP, as JSON (opentelemetry.io/docs/specs/otlp): what is answered with 200 is there."""

    settles = 0.0

    def __init__(self, settings: OtlpSettings, tell: Callable[[str], None] = lambda _: None) -> None:
        """`tell`: called with a sentence about records that the collector will never take."""
        self._settings, self._url, self._tell = settings, urlsplit(settings.endpoint), tell
        self._path = self._url.path if self._url.path.strip("/") else "/v1/logs"

    def send(self, facts: Sequence[Fact]) -> None:
        body, headers = json.dumps(self._body(facts)).encode("ascii"), {"Content-Type": "application/json", **self._headers()}
        status, data = post(self._url, self._path, body, headers, ca=self._settings.ca)
        answer = data.decode("utf-8", "replace")
        if status != http.client.OK:
            raise UnavailableError(f"{self._url.netloc} answers {status}: {clean(answer, 200)}")
        self._look_at(answer, facts)

    def _look_at(self, answer: str, facts: Sequence[Fact]) -> None:
        try:
            rejected = int(json.loads(answer or "{}").get("partialSuccess", {}).get("rejectedLogRecords", 0))
        except (ValueError, AttributeError, TypeError):
            rejected = 0
        if rejected:
            self._tell(f"{self._url.netloc} will not take {rejected} of the facts {facts[0].seq} to {facts[-1].seq}: {clean(answer, 200)}")

    def _headers(self) -> dict[str, str]:
        if self._settings.headers is None:
            return {}
        lines = (line.partition(":") for line in _text(self._settings.headers).splitlines() if line.strip())
        return {name.strip(): value.strip() for name, _, value in lines}

    def _body(self, facts: Sequence[Fact]) -> dict[str, Any]:
        return {"resourceLogs": [{
            "resource": {"attributes": [_attribute("service.name", "jitui"), _attribute("service.version", __version__)]},
            "scopeLogs": [{"scope": {"name": "jitui.facts", "version": __version__}, "logRecords": [self._record(fact) for fact in facts]}],
        }]}  # fmt: skip

    def _record(self, fact: Fact) -> dict[str, Any]:
        number, text = OTEL[severity(fact)]
        return {
            "timeUnixNano": str(fact.at_us * 1000), "observedTimeUnixNano": str(fact.at_us * 1000), "severityNumber": number, "severityText": text,
            "body": {"stringValue": json.dumps(document(fact, self._settings.format), separators=(",", ":"))},
            "attributes": [_attribute("event.name", fact.kind.value), _attribute("jitui.fact", str(fact.seq))],
        }  # fmt: skip

    def check(self) -> bool:
        return True

    def close(self) -> None:
        """Each call has a connection of its own."""


def post(url: SplitResult, path: str, body: bytes, headers: Mapping[str, str], *, ca: Path | None = None) -> tuple[int, bytes]:
    """Status and body of the answer to one call, which ends within WITHIN seconds, however slowly bytes come. `ca`: the authorities to trust, instead of the
    system's. Raises OSError, UnavailableError.
    """
    host, secure = url.hostname or "", url.scheme == "https"
    wire = socket.create_connection((host, url.port or (443 if secure else 80)), TIMEOUT)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = http.client.HTTPSConnection(host, url.port) if secure else http.client.HTTPConnection(host, url.port)
    found = 0, b""
    with closing(wire), _ended(wire) as late, closing(connection):
        try:
            connection.sock = ssl.create_default_context(cafile=ca).wrap_socket(wire, server_hostname=host) if secure else wire
            connection.request("POST", path, body, dict(headers))
            answer = connection.getresponse()
            found = answer.status, answer.read(ANSWER)
        except http.client.HTTPException as error:
            if not late.is_set():
                raise UnavailableError(f"{url.netloc} answers no HTTP: {type(error).__name__}") from error
        except OSError:
            if not late.is_set():
                raise
        if late.is_set():
            raise UnavailableError(f"{url.netloc} did not come to the end of its answer within {WITHIN:g} s")
    return found


@contextmanager
def _ended(wire: socket.socket) -> Iterator[threading.Event]:
    """Ends a connection after WITHIN seconds, and tells so: the timeout of a socket is that of one read, and begins anew with each byte."""
    late, same = threading.Event(), wire.dup()  # as TLS takes the socket over

    def end() -> None:
        late.set()
        with suppress(OSError):
            same.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(WITHIN, end)
    timer.daemon = True
    try:
        try:
            timer.start()
        except RuntimeError as error:
            raise UnavailableError(f"no thread can be started: {error}") from None
        yield late
    finally:
        timer.cancel()
        same.close()


def _attribute(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(ANSWER).decode("utf-8", "replace")
