"""Secrets in what programs print, in what is typed, in logs and forwarded connections."""

import random
import string
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings, strategies as st

from jitui.recording.frame import Channel
from jitui.recording.masking.session import Masks
from jitui.recording.masking.spans import masked
from jitui.recording.masking.text import REACH, Text, masked_text
from tests.recording.masking import slowly
from tests.recording.masking.forms import leaks, shown, split, stream

DICE: Final = random.Random(7)


def some(count: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(DICE.choice(letters) for _ in range(count))


JWT: Final = f"eyJ{some(60)}.eyJ{some(500)}.{some(342)}"
LINES: Final = [some(64, string.ascii_letters + string.digits + "+/") for _ in range(24)]
PEM: Final = "\n".join(["-----BEGIN RSA PRIVATE KEY-----", *LINES, "AbCd==", "-----END RSA PRIVATE KEY-----"])
JITUI: Final = f"jt_{some(8, '0123456789abcdef')}_{some(43)}"
AWS_ID, AWS_SECRET = f"AKIA{some(16, string.ascii_uppercase + '234567')}", some(40)
PASSWORD: Final = "correct-horse-battery-7"
KEY_DATA: Final = b64encode(PEM.encode()).decode()

# text, and what of it is secret
SAID: Final[Sequence[tuple[str, list[str]]]] = [
    (f"$ cat /var/run/secrets/kubernetes.io/serviceaccount/token\r\n{JWT}\r\n$ ", [JWT]),
    (f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {some(48)}9\r\n\r\n".replace("9\r", "9\r"), []),
    (f"curl -H 'Authorization: Bearer {JWT}' https://10.0.0.1/api", [JWT]),
    (f"{PEM}\r\n$ ".replace("\n", "\r\n"), LINES),
    ('{"key":"' + PEM.replace("\n", "\\n") + '"}', LINES),
    ('"{\\"key\\":\\"' + PEM.replace("\n", "\\\\n") + '\\"}"', LINES),
    (f"JITUI_TOKEN={JITUI}\n", [JITUI]),
    (f"aws_access_key_id = {AWS_ID}\naws_secret_access_key = {AWS_SECRET}\n", [AWS_ID, AWS_SECRET]),
    (f"User name,Access key ID,Secret access key\nbot,{AWS_ID},{AWS_SECRET}\n", [AWS_ID, AWS_SECRET]),
    (f'{{"AccessKeyId":"{AWS_ID}","SecretAccessKey":"{AWS_SECRET}","SessionToken":"IQoJb3JpZ2lu{some(200)}"}}', [AWS_ID, AWS_SECRET]),
    (f"users:\n- name: admin\n  user:\n    client-key-data: {KEY_DATA}\n    token: {JWT}\n    password: {PASSWORD}\n", [KEY_DATA, JWT, PASSWORD]),
    (f"$ export DB_PASSWORD={PASSWORD} DB_HOST=db\n", [PASSWORD]),
    (f"mysql --password {PASSWORD} -h db\n", [PASSWORD]),
    (f"      DB_PASSWORD:  {PASSWORD}\n      MODE:  fast\n", [PASSWORD]),
    (f'{{"name":"DB_PASSWORD","value":"{PASSWORD}"}}', [PASSWORD]),
    (f"root:$6$saltsalt${some(86)}:19000:0:99999:7:::\n", []),
    (f"HOME=/root\0DB_PASSWORD={PASSWORD}\0PATH=/bin\0", [PASSWORD]),
    (f"MYSQL_PWD={PASSWORD}\nREDIS_PASS={PASSWORD}\nAccountKey={PASSWORD}\n", [PASSWORD]),
    (f"machine git.example.com login me password {PASSWORD}\n", [PASSWORD]),
    (f"postgres://app:{PASSWORD}@db:5432/app\n", [PASSWORD]),
    (f"apiVersion: v1\ndata:\n  a: {b64encode(PASSWORD.encode()).decode()}\n  b: |\n    {some(30)}\nkind: Secret\nmetadata:\n  name: db\n", []),
    (f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  a: {PASSWORD}\n  b: |\n    {JWT}\ntype: Opaque\n", [PASSWORD, JWT]),
    (f'{{"kind":"Secret","data":{{"a":"{b64encode(PASSWORD.encode()).decode()}"}},"type":"Opaque"}}\n', [b64encode(PASSWORD.encode()).decode()]),
    (f'{{\n    "apiVersion": "v1",\n    "data": {{\n        "a": "{b64encode(PASSWORD.encode()).decode()}"\n    }},\n    "kind": "Secret"\n}}\n',
     [b64encode(PASSWORD.encode()).decode()]),
    (f"$ kubectl get secret -o yaml\r\n  token: {b64encode(JWT.encode()).decode()}\r\n", [b64encode(JWT.encode()).decode()]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "secrets"), SAID)
def test_a_secret_in_text_is_masked_wherever_frames_end(text: str, secrets: list[str]) -> None:
    """At once, byte by byte, and in pieces of odd sizes."""
    data = text.encode()
    for size in (len(data), 7, 61, *([1] if len(data) < 900 else [])):
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        said = shown(stream(Channel.STDOUT, pieces), alone=True)
        assert len(said) == len(data)
        assert not leaks(said, [secret.encode() for secret in secrets]), size


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 1 << 16), max_size=6), width=st.integers(20, 200), form=st.sampled_from([JWT, JITUI, AWS_ID, f"password={PASSWORD}"]))
def test_a_secret_that_a_full_line_of_the_terminal_broke(cuts: list[int], width: int, form: str) -> None:
    """By a line end, or as readline goes on: the word is one word."""
    prompt = f"$ echo {form}"
    for end in ("\r\n", " \r"):
        data = end.join(prompt[at : at + width] for at in range(0, len(prompt), width)).encode()
        said = shown(stream(Channel.STDOUT, split(data, cuts)), alone=True, masks=Masks(tty=True) if width == 80 else _wide(width))
        assert not leaks(said.replace(end.encode(), b""), [form.removeprefix("password=").encode()])


@pytest.mark.parametrize("wide", [20, 21, 80])
def test_a_secret_that_a_full_line_broke_at_the_end_of_a_frame(wide: int) -> None:
    """Wherever the frame ends, also between the blank and the return with which readline goes to the next line."""
    prompt = f"$ echo {JITUI}"
    data = " \r".join(prompt[at : at + wide] for at in range(0, len(prompt), wide)).encode()
    for cut in range(1, len(data)):
        said = shown(stream(Channel.STDOUT, [data[:cut], data[cut:]]), alone=True, masks=_wide(wide))
        assert not leaks(said.replace(b" \r", b""), [JITUI.encode()]), cut


def _wide(width: int) -> Masks:
    masks = Masks(tty=True)
    masks.frames(stream(Channel.RESIZE, [b'{"Width":%d,"Height":9}' % width]))
    return masks


def test_colours_within_a_token() -> None:
    """An escape sequence is no end of it, whole or in two frames."""
    coloured = b"\x1b[32m" + JWT[:9].encode() + b"\x1b[0;1m" + JWT[9:].encode() + b"\x1b[0m done"
    for size in (len(coloured), 3):
        said = shown(stream(Channel.STDOUT, [coloured[at : at + size] for at in range(0, len(coloured), size)]), alone=True)
        assert not leaks(said, [JWT.encode()])
        assert said.endswith(b"\x1b[0m done")


ORDINARY: Final = r"""
$ kubectl get pods -A
NAMESPACE     NAME                                     READY   STATUS    RESTARTS   AGE
kube-system   token-cleaner-7c5dd7d6bb-x2v4z           1/1     Running   0          3d
web           secrets-store-csi-driver-8s7df           3/3     Running   2          41h
$ kubectl describe pod web-7c
    Mounts:
      /var/run/secrets/kubernetes.io/serviceaccount from kube-api-access-x7k2p (ro)
    Environment:
      DB_PASSWORD:  <set to the key 'password' in secret 'db'>  Optional: false
  kube-api-access-x7k2p:
    TokenExpirationSeconds:  3607
    SecretName:   web-tls
apiVersion: v1
data:
  mode: fast
  password.rules: long
kind: ConfigMap
metadata:
  name: settings
volumes:
- secret:
    secretName: web-tls
- projected:
    sources:
    - serviceAccountToken: {expirationSeconds: 3607, path: token}
      - secretKeyRef: {name: db, key: password}
automountServiceAccountToken: false
Error from server (Forbidden): secrets "db" is forbidden: User "bot" cannot get resource "secrets"
error: You must be logged in to the server (Unauthorized): the token is invalid
invalid token: expired
PASS: TestAll (0.3s)
AccessKeyId is missing; 3 passed, 0 failed, PWD=/root OLDPWD=/
Password:
-----BEGIN CERTIFICATE-----
MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ
-----END CERTIFICATE-----
sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
{"kind":"Pod","metadata":{"name":"a","uid":"2f9c8b54-2f6d-4a46-9f1d-b2a2f2d3a1aa","continue":"eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MTJ9"},"token":""}
{"kind":"ConfigMap","data":{"key":"YWJjZA==","other":"v"}}
http://localhost:8080/healthz and https://[::1]:6443 as 10.0.0.1:443, git@github.com:acme/web.git
drwxr-xr-x 2 root root 4096 May  1 12:00 basic bearer.go authorization.k8s.io/v1
"""


def test_ordinary_output_is_shown_as_it_was() -> None:
    """Nothing in it is a secret, whatever words it uses."""
    data = ORDINARY.encode()
    assert masked(data, Text().feed(data)) == data
    lines = data.splitlines(keepends=True)
    assert shown(stream(Channel.STDOUT, lines), masks=Masks(tty=True)) == data


def test_our_own_sources_are_shown_but_for_their_examples() -> None:
    """Code is ordinary text too: of a megabyte of it next to nothing is masked."""
    sources = b"".join(path.read_bytes() for path in sorted(Path("jitui").rglob("*.py")))
    hidden = sum(span.length for span in Text().feed(sources))
    assert hidden < len(sources) // 500


def test_a_key_that_was_only_begun_hides_no_more_than_a_key() -> None:
    """Whoever prints the first line of one does not hide what follows."""
    text = b"-----BEGIN PRIVATE KEY-----\r\n$ rm -rf /data && echo done\r\n"
    assert b"rm -rf /data && echo done" in masked(text, Text().feed(text))


def test_a_token_without_end_is_masked_to_its_end_in_little_memory() -> None:
    """Longer than what is held; what stands behind it is shown again."""
    stream_of = Text()
    said = b""
    for piece in split(JWT.encode() + b"a" * (4 * REACH) + b" and more\n", range(0, 5 * REACH, 999)):
        said += masked(piece, stream_of.feed(piece))
        assert len(stream_of._tail) <= REACH
    assert set(said.removesuffix(b" and more\n")[40:]) == {ord("*")}
    assert said.endswith(b" and more\n")


def test_short_texts() -> None:
    """An argv, say."""
    assert masked_text(f"mysql --password={PASSWORD} -h db") == "mysql --password=[masked: credential]*** -h db"
    assert masked_text("ls -l /tmp") == "ls -l /tmp"
    assert masked_text(f"half a pair \ud800 password={PASSWORD}") == "half a pair \ud800 password=[masked: credential]***"


PARTS: Final = st.sampled_from([part.encode() for said, _ in SAID for part in (said[:40], said[-40:], said)]) | st.sampled_from([
    b" ", b"\r\n", b"\n", b"\r", b" \r", b"\x1b[1m", b"\x1b[", b"\x1b]0;password=hunter22\x07", b"\xc3\xa4", b"a" * 19, b"data:\n  a: Yg==\nkind: Secret\n",
    b"--token x1234567 ", b"PASSWORD=", b"curl -u me:hunter2 ", b"password: hunter22", b"eyJ", b"-----BEGIN "])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(data=st.lists(PARTS, max_size=12).map(b"".join), columns=st.sampled_from((0, 2, 20, 80)), cuts=st.lists(st.integers(0, 1 << 20), max_size=4))
def test_the_quick_way_masks_what_the_slow_way_does(data: bytes, columns: int, cuts: list[int]) -> None:
    """In every piece the same spans, whether words are searched all at once and lines told apart by their length, or every byte is looked at."""
    quick, slow = Text(columns), Text(columns)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("jitui.recording.masking.words.SHORT", 0)
        found = [quick.feed(piece) for piece in slowly.pieces(data, cuts)]
        patched.setattr("jitui.recording.masking.text.look", slowly.look)
        patched.setattr("jitui.recording.masking.text.flat", slowly.flat)
        assert [slow.feed(piece) for piece in slowly.pieces(data, cuts)] == found
