"""Witnesses: a file that grows, and a service that checks and cosigns as c2sp.org/tlog-witness says."""

import base64
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from jitui.export.settings import SyslogPlace
from jitui.recording.tlog import tree
from jitui.recording.tlog.checkpoint import Checkpoint, checkpoint_of, notes_in
from jitui.recording.tlog.note import ED25519, Key, Note, cosign, parse, parse_key, sign, verified
from jitui.recording.tlog.policy import policy_of
from jitui.recording.tlog.stamp import roots_of, stamped
from jitui.values.clock import ManualClock
from jitui.values.errors import InvalidError, UnavailableError, UnsafeError
from jitui.witness.settings import TimestampSettings, WitnessSettings
from jitui.witness.witnesses import CosigningWitness, FileWitness, OwnKey, SyslogWitness, TimestampAuthority, witness_of
from tests.recording.tlog.grown import Grown
from tests.recording.tlog.test_note import PUBLIC, SECRET
from tests.recording.tlog.test_policy import KEYS, WITNESSES
from tests.support import tsa

GROWN = Grown(20)
LOG = Key("example.com/log", ED25519, PUBLIC)


def note_of(size: int, root: bytes = b"") -> Note:
    return sign(Checkpoint(LOG.name, size, root or GROWN.root(size)).text, LOG.name, PUBLIC, SECRET.sign)


def consistency(old: int, size: int) -> list[bytes]:
    return tree.consistency(old, size, GROWN.kept.__getitem__)


class Service(BaseHTTPRequestHandler):
    """A small honest witness: one log, in memory."""

    seen = Checkpoint(LOG.name, 0, tree.EMPTY)

    def do_POST(self) -> None:
        """add-checkpoint."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        head, _, rest = body.partition("\n\n")
        old, *proof = head.split("\n")
        note = parse(rest)
        told = checkpoint_of(note.text)
        cls = type(self)
        if self.path != "/w/add-checkpoint" or LOG not in verified(note, [LOG]):
            self._answer(403, "")
        elif old != f"old {cls.seen.size}" or (told.size == cls.seen.size and told != cls.seen):
            self._answer(409, f"{cls.seen.size}\n")
        elif not tree.grew(cls.seen.size, told.size, cls.seen.root, told.root, [base64.b64decode(each) for each in proof]):
            self._answer(422, "")
        else:
            cls.seen = told
            self._answer(200, str(cosign(note.text, KEYS[0].name, KEYS[0].public, 7, WITNESSES[0].sign)))

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def served() -> Iterator[str]:
    Service.seen = Checkpoint(LOG.name, 0, tree.EMPTY)
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/w"
        server.shutdown()


def test_it_cosigns(tmp_path: Path) -> None:
    """From nothing, as the log grows, and after a restart of either side."""
    with served() as url:
        witness = CosigningWitness(url, KEYS[0])
        for size in (3, 8, 8, 20):
            (line,) = witness.see(note_of(size), consistency)
            assert verified(note_of(size).with_more([line]), [KEYS[0]]) == {KEYS[0]: 7}
        assert len(CosigningWitness(url, KEYS[0]).see(note_of(20), consistency)) == 1
        with pytest.raises(UnavailableError, match="it saw 20 leaves of this log, 8 are here: the state folder was set back"):
            CosigningWitness(url, KEYS[0]).see(note_of(8), consistency)
        with pytest.raises(UnavailableError, match="answers 409"):
            witness.see(note_of(20, bytes(32)), consistency)
        with pytest.raises(UnavailableError, match=r"does not sign as w\.example/1"):
            CosigningWitness(url, KEYS[1]).see(note_of(20), consistency)
        with pytest.raises(UnavailableError, match="answers 403"):
            CosigningWitness(f"{url}/x", KEYS[0]).see(note_of(20), consistency)
    with pytest.raises(OSError, match="refused"):
        witness.see(note_of(20), consistency)


def test_a_file(tmp_path: Path) -> None:
    """It only grows, others can't read it, and verify reads it as it is; a link is not followed."""
    witness = FileWitness(tmp_path / "kept")
    for size in (1, 2, 20):
        assert witness.see(note_of(size), consistency) == ()
    assert [checkpoint_of(note.text).size for note in notes_in((tmp_path / "kept").read_text())] == [1, 2, 20]
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o600
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        FileWitness(tmp_path / "link").see(note_of(1), consistency)


def test_of_its_settings(tmp_path: Path) -> None:
    """A file, or a url with a witness's key."""
    assert isinstance(witness_of(WitnessSettings.model_validate({"file": "x"}, context=tmp_path), ManualClock()), FileWitness)
    assert isinstance(witness_of(WitnessSettings(url="https://w.example", key=str(KEYS[0])), ManualClock()), CosigningWitness)


def test_a_collector_of_lines_gets_each_checkpoint() -> None:
    """As one line, which `--checkpoint` reads again, also once it has closed its connection; nobody there is an error."""
    got, read, closes = list[bytes](), threading.Semaphore(0), threading.Semaphore(0)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            got.append(self.rfile.read(int(b"".join(iter(lambda: self.rfile.read(1), b" ")))))
            read.release()
            closes.acquire(timeout=30)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = SyslogPlace(address=f"127.0.0.1:{server.server_address[1]}", protocol="tcp")
        witness = SyslogWitness(place, ManualClock())
        assert witness.see(note_of(8), consistency) == ()
        assert read.acquire(timeout=30)
        closes.release()
        kept = witness._wire._socket
        assert kept is not None
        kept.settimeout(30)
        assert kept.recv(1) == b""
        assert witness.see(note_of(20), consistency) == ()
        assert read.acquire(timeout=30)  # its machine acknowledges a line before anybody has read it
        closes.release()
        server.shutdown()
    assert b" jitui - checkpoint - jitui-checkpoint:" in got[0]
    assert [str(note) for note in notes_in(b"\n".join(got[:2]).decode())] == [str(note_of(8)), str(note_of(20))]
    with pytest.raises(OSError, match="refused"):
        SyslogWitness(place, ManualClock()).see(note_of(8), consistency)


def test_an_authority_stamps_once_in_a_while(tmp_path: Path) -> None:
    """Over the checkpoint's text, which is checked at once; one that refuses, or stamps something else, is away."""
    with tsa.serving(tmp_path / "tsa") as authority:
        clock = ManualClock()
        witness = TimestampAuthority(TimestampSettings(url=authority.url), clock)
        (stamp,) = witness.see(note_of(8), consistency)
        assert stamped(stamp, note_of(8).text, roots_of(authority.roots.read_bytes())) > 0
        assert witness.see(note_of(20), consistency) == ()
        assert len(authority.asked) == 1
        clock.advance(86400)
        assert len(witness.see(note_of(20), consistency)) == 1
        authority.refuses = 503
        with pytest.raises(UnavailableError, match="answers 503"):
            TimestampAuthority(TimestampSettings(url=authority.url), clock).see(note_of(8), consistency)


def test_a_key_of_the_gateways_own_cosigns_with_ml_dsa_44(tmp_path: Path) -> None:
    """It is made once, readable for its owner alone; FILE.pub is its verifier key, as a policy takes it."""
    file = tmp_path / "log.ml-dsa-44"
    lines = [line for _ in range(2) for line in OwnKey(file, ManualClock()).see(note_of(8), consistency)]
    assert file.stat().st_mode & 0o777 == 0o600
    key = parse_key((tmp_path / "log.ml-dsa-44.pub").read_text().strip())
    assert verified(note_of(8).with_more(lines), [key, LOG]).keys() == {key, LOG}
    with pytest.raises(InvalidError, match="is false"):
        verified(note_of(20).with_more(lines), [key])
    judged = policy_of(f"log {LOG}\nwitness own {key}\nquorum own\n").judge(note_of(8).with_more(lines))
    assert judged.enough
    file.write_bytes(b"x")
    with pytest.raises(UnsafeError, match="holds no private key"):
        OwnKey(file, ManualClock()).see(note_of(8), consistency)
