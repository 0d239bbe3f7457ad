"""The frames of a session are shown masked."""

import gzip
import json
import string
from base64 import b64encode
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote_plus

import pytest
from hypothesis import given, settings, strategies as st

from jitui.recording.frame import Channel, Frame
from jitui.recording.masking.session import CONNS, Masks
from tests.recording.masking.forms import LAST, SECRETS, exchanges, leaks, recorded, secret, shown, split, stream

KEYS: Final = st.text(string.ascii_lowercase + "-._", min_size=1, max_size=12)
VALUES: Final = st.one_of(st.binary(min_size=12, max_size=80), st.text(string.printable, min_size=12, max_size=80).map(str.encode)).filter(
    lambda value: len(set(value)) > 6)
DATA: Final = st.dictionaries(KEYS, VALUES, min_size=1, max_size=3)
CUTS: Final = st.lists(st.integers(0, 1 << 16), max_size=8)
FORMS: Final = len(list(exchanges({"k": b"value-of-it"})))


@settings(max_examples=100, deadline=None)
@given(form=st.integers(0, FORMS - 1), data=DATA, cuts=CUTS, alone=st.booleans())
def test_no_part_of_a_secret_is_shown(form: int, data: dict[str, bytes], cuts: list[int], alone: bool) -> None:
    """In each form in which a Secret crosses, cut into frames anywhere, seen at once or as it comes: no 8 bytes of a value, plain, in base64 or escaped."""
    exchange = list(exchanges(data))[form]
    said = shown(recorded(exchange, cuts), alone=alone)
    spoken = [*data.values(), *(b64encode(value).rstrip(b"=") for value in data.values())]
    beside = [b" ".join(key.encode() for key in data), b"[masked: secret data, 10 bytes]", *(frame.body for frame in recorded(list(exchanges({}))[form], []))]
    assert not [run for run in leaks(said, spoken) if len(set(run)) > 2 and not any(run in known for known in beside)]


@pytest.mark.parametrize("form", range(FORMS))
def test_names_stay_and_each_mask_says_what_it_hides(form: int) -> None:
    """Where the form is one that is read, names and harmless values stay; every hidden place has a kind, and a mark where there is room for it."""
    exchange = list(exchanges({"password": b"correct horse battery staple, and more of it"}))[form]
    found = Masks().frames(recorded(exchange, []))
    spans = [span for one in found for span in one.spans]
    assert spans
    assert all(span.kind for span in spans)
    said = b"".join(one.frame.body for one in found)
    assert b"[masked: secret data" in said
    if ("cbor" not in exchange[1] and exchange[2][:1] != b"{") or exchange[1].endswith("json"):
        assert b"password" in said
        assert b"db" in said


def test_what_can_not_be_read_is_masked_whole() -> None:
    """A body of Secrets that is no JSON, YAML or protobuf, or breaks off being one; one that is compressed, whatever it is of."""
    value = b"s3cret-value-that-nobody-may-see"
    for body in (b"\x00\x01" + value, b'{"kind":"Secret",,}' + value, b'{"data":{"a":' + value, b"k8s\0\xff\xff\xff" + value, b"}" + value, b'{"a" {' + value):
        assert not leaks(shown(recorded((f"GET {SECRETS}", "", b"", "application/json", body), [])), [value])
    pods = Frame(1, 0, 0, 0, Channel.REQUEST, b"GET /api/v1/pods HTTP/1.1\r\n\r\n")
    head = Frame(1, 1, 0, 0, Channel.RESPONSE, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
    for coding, body in ((b"br", b"\x0b"), (b"gzip", b"not gzip"), (b"gzip, br", gzip.compress(b"x")), (b"gzip", gzip.compress(b"x" * 99)[:-4] + b"1234")):
        coded = head._replace(body=head.body.replace(b"gzip", coding))
        found = Masks().frames([pods, coded, Frame(1, 2, 0, 0, Channel.RESPONSE_BODY, body)])
        assert [span.kind for span in found[2].spans] == ["compressed body"]
        assert len(found[2].frame.body) == len(body)


def packed(frames: list[Frame], cuts: list[int]) -> list[Frame]:
    """The same exchange with its bodies compressed, as they would be recorded, cut at these places."""
    found: list[Frame] = []
    for heads, bodies in ((Channel.REQUEST, Channel.REQUEST_BODY), (Channel.RESPONSE, Channel.RESPONSE_BODY)):
        head = next(frame for frame in frames if frame.channel is heads)
        found.append(head._replace(body=head.body[:-2] + b"Content-Encoding: gzip\r\n\r\n"))
        if body := b"".join(frame.body for frame in frames if frame.channel is bodies):
            found += [Frame(1, 0, 0, 0, bodies, piece) for piece in split(gzip.compress(body), cuts)]
    return [frame._replace(seq=seq) for seq, frame in enumerate(found)]


@pytest.mark.parametrize("form", range(FORMS))
def test_a_compressed_body_is_shown_and_masked_like_a_plain_one(form: int) -> None:
    """In each form in which a Secret crosses: byte for byte the same is shown; unmasked, all of it is; cut anywhere, nothing of a secret is."""
    value = b"correct horse battery staple, and more of it"
    exchange = list(exchanges({"password": value}))[form]
    plain = recorded(exchange, [])
    opened = Masks().frames(packed(plain, []))

    def bodies(found: Sequence[Frame]) -> bytes:
        return b"".join(frame.body for frame in found if frame.channel in {Channel.REQUEST_BODY, Channel.RESPONSE_BODY})

    assert bodies([one.frame for one in opened]) == bodies([one.frame for one in Masks().frames(plain)])
    assert bodies([one.frame for one in Masks(unmask=True).frames(packed(plain, []))]) == bodies(plain)
    pieces, masks = packed(plain, list(range(0, 4000, 7))), Masks()
    said = b"".join(one.frame.body for frame in pieces for one in masks.frames([frame]))
    assert not leaks(said, [value, b64encode(value).rstrip(b"=")])


def test_a_body_whose_head_is_not_known_is_masked_whole() -> None:
    """Neither followed from its start nor found on record."""
    body = Frame(1, 9, 0, 7, Channel.RESPONSE_BODY, json.dumps(secret({"a": b"0123456789"})).encode())
    assert [span.length for span in Masks().frames([body])[0].spans] == [len(body.body)]


def test_who_comes_in_the_middle_of_secrets_sees_the_next_event() -> None:
    """The heads are asked for; the rest of the event that runs is masked whole, the next one as ever."""
    request = Frame(1, 0, 0, 0, Channel.REQUEST, f"GET {SECRETS}?watch=true HTTP/1.1\r\n\r\n".encode())
    response = Frame(1, 1, 0, 0, Channel.RESPONSE, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    event = json.dumps({"type": "ADDED", "object": secret({"a": b"0123456789abcdef"})}, separators=(",", ":")).encode() + b"\n"
    masks = Masks(heads=lambda conn: [request, response])
    rest, whole = masks.frames([Frame(1, 7, 0, 0, Channel.RESPONSE_BODY, event[60:]), Frame(1, 8, 0, 0, Channel.RESPONSE_BODY, event)])
    assert not rest.frame.body.strip(b"*\n").replace(b"[masked: secret data, %d bytes]" % len(event[60:]), b"")
    assert b'"labels":{"app":"db"}' in whole.frame.body
    assert not leaks(whole.frame.body, [b64encode(b"0123456789abcdef")])


def test_many_connections_are_followed_and_the_oldest_are_not_shown() -> None:
    """The bytes of an old connection after hundreds of younger ones are masked, as its head is not at hand."""
    masks = Masks()
    masks.frames(Frame(1, conn, 0, conn, Channel.REQUEST, f"GET {SECRETS}/x HTTP/1.1\r\n\r\n".encode()) for conn in range(CONNS + 1))
    late = masks.frames([Frame(1, 9999, 0, 0, Channel.RESPONSE_BODY, b'{"data":{"a":"c2VjcmV0"}}')])[0]
    assert late.spans[0].length == len(late.frame.body)


def test_tokens_of_service_accounts_and_their_reviews() -> None:
    """A TokenRequest's answer, in JSON and bare; a TokenReview's question."""
    token = "opaque-token-0123456789"
    status = {"token": token, "expirationTimestamp": "2024-01-01T00:00:00Z"}
    answer = json.dumps({"kind": "TokenRequest", "spec": {"audiences": ["a"]}, "status": status}).encode()
    said = shown(recorded(("POST /api/v1/namespaces/web/serviceaccounts/default/token", "", b"", "application/json", answer), []))
    assert not leaks(said, [token.encode()])
    assert b"2024-01-01" in said
    review = json.dumps({"kind": "TokenReview", "spec": {"token": token}}).encode()
    assert not leaks(shown(recorded(("POST /apis/authentication.k8s.io/v1/tokenreviews", "application/json", review, "", b""), [])), [token.encode()])


def test_a_secret_behind_a_proxy_and_under_an_odd_spelling() -> None:
    """The path decides, decoded and in any case; a namespace called secrets is none."""
    answer = json.dumps(secret({"a": b"0123456789abcdef"})).encode()
    hidden = [b64encode(b"0123456789abcdef")]
    for path in ("/api/v1/namespaces/web/%73ecrets/db", "/api/v1/namespaces/web/services/x/proxy/api/v1/secrets", "/apis/x.io/v1/namespaces/a/secrets"):
        assert not leaks(shown(recorded((f"GET {path}", "", b"", "application/json", answer), [])), hidden)
    pods = b'{"kind":"Pod","metadata":{"name":"a"},"spec":{"nodeName":"n"}}'
    assert pods in shown(recorded(("GET /api/v1/namespaces/secrets/pods/a", "", b"", "application/json", pods), []))


def test_errors_of_the_api_server_are_shown_unless_they_quote_the_object() -> None:
    """`not found` is words; what repeats a part of the body is not."""
    plain = b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"secrets \\"db\\" not found","reason":"NotFound","code":404}'
    assert plain in shown(recorded((f"GET {SECRETS}/db", "", b"", "application/json", plain), []))
    quoting = b'{"kind":"Status","status":"Failure","message":"error found in #10 byte of ...|\\"pw\\":\\"hunter2-hunter3\\"|..."}'
    assert not leaks(shown(recorded((f"POST {SECRETS}", "", b"", "application/json", quoting), [])), [b"hunter2-hunter3"])


def test_a_terminal_of_another_width() -> None:
    """A token that a full line broke is one token, by the width that the client told."""
    token = b"jt_0123abcd_" + b"AbC1" * 10 + b"xyz"
    line = b"echo " + token
    broken = line[:40] + b"\r\n" + line[40:]
    told = Frame(1, 0, 0, 0, Channel.RESIZE, b'{"Width":40,"Height":10}')
    masks = Masks(tty=True)
    masks.frames([told])
    assert not leaks(shown(stream(Channel.STDOUT, [broken]), masks=masks).replace(b"\r\n", b""), [token])


def test_annotations() -> None:
    """Short ones stay, the last applied configuration goes: it is the Secret again."""
    said = shown(recorded((f"GET {SECRETS}/db", "", b"", "application/json", json.dumps(secret({"a": b"0123456789abcdef"})).encode()), []))
    assert b'"note": "kept"' in said
    assert LAST.encode() in said


def test_an_argv_in_a_request_line_is_read_as_the_cluster_reads_it() -> None:
    """Percent-encoded, with plus signs for blanks: a key in a heredoc, a flag and its value."""
    lines = [b64encode(bytes([at]) * 5 + b"key material, line by line, in base64 it is").decode() for at in range(8)]
    script = "cat > k <<EOF\n-----BEGIN RSA PRIVATE KEY-----\n" + "\n".join(lines) + "\n-----END RSA PRIVATE KEY-----\nEOF\n"
    path = f"/api/v1/namespaces/web/pods/box/exec?command=sh&command=-c&command={quote_plus(script)}&command=--password&command=correct-horse-7&stdout=1"
    said = shown([Frame(1, 0, 0, 0, Channel.REQUEST, f"POST {path} HTTP/1.1\r\nHost: c\r\n\r\n".encode())])
    assert not leaks(said, [b"correct-horse-7", *(quote_plus(line).encode() for line in lines)])
    assert b"BEGIN+RSA+PRIVATE+KEY" in said
    assert said.endswith(b"&stdout=1 HTTP/1.1\r\nHost: c\r\n\r\n")


def test_forwarded_connections_ask_for_no_heads() -> None:
    """There are none, and many connections: who begins in the middle asks only where a head counts."""
    asked: list[int] = []

    def heads(conn: int) -> list[Frame]:
        asked.append(conn)
        return []

    masks = Masks(heads=heads)
    masks.frames(Frame(1, conn, 0, conn, Channel.FORWARD_OUT, b"bytes") for conn in range(50))
    masks.frames([Frame(1, 51, 0, 51, Channel.RESPONSE_BODY, b"bytes"), Frame(1, 52, 0, 51, Channel.RESPONSE_BODY, b"bytes")])
    assert asked == [51]
