"""Compressed bodies are opened piece by piece, within bounds."""

import gzip
import json
import random
import time
import zlib

import pytest

from jitui.recording import gunzip
from jitui.recording.frame import LARGEST
from jitui.recording.gunzip import OPENED, Gunzip, Unreadable, bound

TEXT = b"".join(b'{"name":"pod-%d","node":"n%d"}' % (number, number % 7) for number in range(5000))


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
@pytest.mark.parametrize("packed", [gzip.compress(TEXT), gzip.compress(TEXT[:999]) + gzip.compress(b"") + gzip.compress(TEXT[999:])])
def test_pieces_of_any_size(packed: bytes, size: int) -> None:
    """Each piece opens to its share, also over several members (RFC 1952, 2.2)."""
    opening = Gunzip()
    assert b"".join(opening.feed(packed[at : at + size]) for at in range(0, len(packed), size)) == TEXT


@pytest.mark.parametrize("cut", [1, 10, 5000])
def test_from_the_middle(cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before is opened for nothing but the state, a bounded piece at a time; beyond a limit it is not."""
    monkeypatch.setattr(gunzip, "PIECE", 1000)
    packed, whole, late = gzip.compress(TEXT), Gunzip(), Gunzip()
    before = whole.feed(packed[:cut])
    late.skip([packed[:cut]])
    assert late.feed(packed[cut:]) == TEXT[len(before) :]
    monkeypatch.setattr(gunzip, "SKIPPED", cut - 1)
    with pytest.raises(Unreadable):
        Gunzip().skip([packed[:cut]])


def test_a_bomb_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """16 KiB that open to 16 MiB cost no more than the limit for one piece, and say so; so does what came before, of which nothing is kept."""
    for size, limit in ((1, OPENED), (16 << 10, OPENED), (64 << 10, 8 << 20), (256 << 10, LARGEST)):
        assert bound(size) == limit
    bomb = gzip.compress(bytes(LARGEST))
    assert len(bomb) <= 16 << 10
    with pytest.raises(Unreadable, match=f"more than {OPENED} bytes"):
        Gunzip().feed(bomb)
    assert len(Gunzip().feed(gzip.compress(bytes(OPENED)))) == OPENED
    with pytest.raises(Unreadable):
        Gunzip().feed(gzip.compress(bytes(OPENED + 1)))
    late = Gunzip()
    late.skip([bomb[:-9]])  # in the middle it is opened for nothing, a mebibyte at a time
    assert len(late.feed(bomb[-9:])) < 1 << 16
    monkeypatch.setattr(gunzip, "PASSED", LARGEST)
    Gunzip().skip([bomb])
    for earlier in ([bomb, gzip.compress(b"x")], [bomb + gzip.compress(b"x")], [gzip.compress(bytes(LARGEST + 1))]):
        with pytest.raises(Unreadable, match=f"opens to more than {LARGEST} bytes"):
            Gunzip().skip(earlier)


def pods(count: int) -> bytes:
    """A list of the Pods of one Deployment, as an API server says it."""
    chance = random.Random(2)
    owned = {"apiVersion": "v1", "fieldsType": "FieldsV1", "manager": "kube-controller-manager", "operation": "Update", "fieldsV1": {
        f"f:{part}": {f'k:{{"name":"VAR_{number}"}}': {".": {}, "f:name": {}, "f:value": {}} for number in range(25)} for part in ("metadata", "spec")}}
    spec = {"containers": [{"name": "web", "image": "registry.example.com/web:1.2.3", "terminationMessagePath": "/dev/termination-log",
                            "env": [{"name": f"VAR_{number}", "value": f"the value of variable {number}"} for number in range(25)]}]}  # fmt: skip
    items = [{"metadata": {"name": f"web-7d9f8c6b5d-{chance.getrandbits(20):05x}", "namespace": "web", "uid": f"{chance.getrandbits(128):032x}",
                           "resourceVersion": str(chance.randrange(10**7)), "labels": {"app": "web"}, "managedFields": [owned]},
              "spec": spec | {"nodeName": f"node-{chance.randrange(50)}"},
              "status": {"phase": "Running", "podIP": f"10.1.{chance.randrange(256)}.{chance.randrange(256)}", "containerStatuses": [
                  {"name": "web", "ready": True, "containerID": f"containerd://{chance.getrandbits(256):064x}"}]}} for _ in range(count)]  # fmt: skip
    return json.dumps({"kind": "PodList", "apiVersion": "v1", "items": items}, separators=(",", ":")).encode()


@pytest.mark.parametrize("level", [1, 6])  # the API server's, and that of many a proxy
def test_an_ordinary_list_is_never_hidden(level: int) -> None:
    """Ten megabytes of Pods and more, in pieces of 2 to 256 KiB, the largest that one read gives: all of it is opened."""
    listed = pods(2500)
    assert len(listed) > 10 << 20
    packed = gzip.compress(listed, level)
    for size in (2 << 10, 16 << 10, 64 << 10, 256 << 10):
        opening = Gunzip()
        assert b"".join(opening.feed(packed[at : at + size]) for at in range(0, len(packed), size)) == listed


def test_damage() -> None:
    """What is no gzip, or is not any more, is an error, never wrong bytes; random bytes are no way to anything else."""
    chance = random.Random(1)
    for data in (TEXT, zlib.compress(TEXT), b"\x1f\x8b\x07" + bytes(20), gzip.compress(TEXT) + b"more", *(chance.randbytes(1000) for _ in range(200))):
        with pytest.raises(Unreadable):
            Gunzip().feed(data)


def test_many_members_take_linear_time() -> None:
    """Whoever uploads decides how many members there are: four times as many empty ones cost four times as much, not sixteen times."""
    def cost(size: int) -> float:
        packed = gzip.compress(b"") * (size // 20)
        began = time.process_time()
        assert Gunzip().feed(packed) == b""
        return time.process_time() - began

    assert cost(2 << 20) < 10 * cost(512 << 10)
