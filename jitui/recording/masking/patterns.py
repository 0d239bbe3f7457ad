"""Finds secrets by their own form: tokens, private keys, AWS keys, credentials in URLs and headers."""

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Callable, Iterator
from typing import Final

from jitui.recording.masking.hit import Hit
from jitui.recording.masking.words import Places

TOKEN: Final = "token"  # noqa: S105 - the word itself
PRIVATE_KEY: Final = "private key"
AWS: Final = "AWS key"
CREDENTIAL: Final = "credential"
HEADER: Final = 4096  # bytes of a JWT's header at most
NEAR: Final = 160  # bytes behind an access key id that are searched for its secret key

_JWT: Final = re.compile(rb"[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)*")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/=]*(?:(?:\\+n|\r?\n[ ]*)(?=[A-Za-z0-9+/=]{16})[A-Za-z0-9+/=]+)*")
_URLSAFE: Final = re.compile(rb"[A-Za-z0-9+/=%_-]*")
_JITUI: Final = re.compile(rb"jt_(?:[0-9a-f]{8}_[A-Za-z0-9_-]{1,43}|[0-9a-f]{0,8}_?\Z)")
_AWS_ID: Final = re.compile(rb"A[A-Z]{3}(?:[A-Z0-9]{16}(?![A-Za-z0-9/+=])|[A-Z0-9]{0,15}\Z)")
_AWS_SECRET: Final = re.compile(rb"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])|(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{4,40}\Z")
_BEGIN: Final = re.compile(rb"-{4,5} ?BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)? ?-{4,5}")
_PEM: Final = re.compile(  # lines of base64, each behind a line end (perhaps an escaped one), or long words of it behind a blank
    rb"[A-Za-z0-9+/=]*(?:(?:[ \t]*(?:\r|\n|\\+[rn])+[ \t]*|[ ](?=[A-Za-z0-9+/=]{40}|[A-Za-z0-9+/=]+[ ]?-----END))"
    rb"(?:(?:Proc-Type|DEK-Info|Version|Comment|Subject):[^\r\n\\]{0,120}|[A-Za-z0-9+/=]*))*(?:\\+\Z)?"
)  # fmt: skip
_LED: Final = re.compile(  # lines of it behind something else: a number, a time, the name of a pod
    rb"\$?\r?\n(?:[^\r\n]{0,160}?(?<![A-Za-z0-9+/=])(?:[A-Za-z0-9+/=]{38,80}|[A-Za-z0-9+/]{16,}(?=\Z)"
    rb"|[A-Za-z0-9+/]{1,80}={0,2}(?=\$?\r?\n[^\r\n]{0,160}-END )))"
)
_BEARER: Final = re.compile(rb"bearer(?:[ \t+]|%20|\\*[\"':=]){1,4}(?P<value>[A-Za-z0-9._~+/%-]+=*)", re.IGNORECASE)
_SCHEMES: Final = rb"basic|bearer|token|digest|negotiate|apikey|aws4-hmac-sha256"
_HEADER: Final = re.compile(rb"authorization\\*[\"']?(?:[ \t]*[:=][ \t]*|%3a(?:[+]|%20)?)\\*[\"']?\[?\\*[\"']?(?:(?:" + _SCHEMES + rb")(?:[ \t+]|%20)+)?"
                            rb"(?P<value>[^\r\n\"'\\&\]]+)", re.IGNORECASE)  # fmt: skip
_ADDRESS: Final = re.compile(rb"://[^\s/@:\"'<>]{0,64}:(?P<value>[^\s/\"'<>]{1,256})(?:@|\Z)")
_PORT: Final = re.compile(rb"[0-9]{1,5}")

_HASH: Final = re.compile(rb"\$(?:[1256y]|2[aby]|apr1|argon2(?:id|i|d))\$[./A-Za-z0-9$=,+]*")
_COOKIE: Final = re.compile(rb"cookie:[ \t]*(?P<value>[^\s=\"']+=[^\r\n\"']+)", re.IGNORECASE)

Look = Callable[[bytes, int], Hit | None]


def secret_like(value: bytes) -> bool:
    """Whether a word looks more like a secret than like a word of a language: it is long, or mixes letters and digits."""
    if len(value) >= 32:
        return True
    return len(value) >= 8 and any(48 <= byte < 58 for byte in value) and any(byte > 57 for byte in value)


def _jwt(text: bytes, at: int) -> Hit | None:
    """A JSON Web Token, complete or not, or registry credentials in base64 (both begin with `{"`)."""
    if text.startswith(b"eyJhdXRocyI6", at):
        return _run(text, at, _BASE64, 24, CREDENTIAL)
    match = _JWT.match(text, at)
    assert match is not None
    end, opened = match.end(), match.end() == len(text)
    dot = text.find(b".", at, min(end, at + HEADER))
    if dot < 0:
        return Hit(at, at, end, TOKEN, open=True) if opened and 3 < end - at <= HEADER else None
    while text.endswith(b".", dot + 1, end) and not opened:
        end -= 1
    parts = text[at:end].split(b".")
    whole = len(parts) > 1 and len(parts[0]) >= 10 and (len(parts[1]) >= 8 or len(parts) == 5)
    return Hit(at, at, end, TOKEN, opened) if whole or opened else None


def _run(text: bytes, at: int, shape: re.Pattern[bytes], least: int, kind: str) -> Hit | None:
    """A run of at least `least` bytes, or of fewer if more may come."""
    match = shape.match(text, at)
    assert match is not None
    opened = match.end() == len(text)
    return Hit(at, at, match.end(), kind, opened) if match.end() - at >= least or opened else None


def _bounded(text: bytes, at: int) -> bool:
    """Whether a run of base64 begins here."""
    return not at or not (text[at - 1 : at].isalnum() or text[at - 1] in b"+/")


def _encoded_token(text: bytes, at: int) -> Hit | None:
    """A JWT in base64, as in the data of a service account's Secret."""
    return _run(text, at, _BASE64, 24, TOKEN) if _bounded(text, at) else None


def _encoded_key(text: bytes, at: int) -> Hit | None:
    """A private key's PEM in base64, as in a kubeconfig; a certificate is not masked."""
    found = _run(text, at, _BASE64, 40, PRIVATE_KEY)
    if found is None:
        return None
    try:
        begin = b64decode(text[at : at + min(48, (found.end - at) // 4 * 4)])
    except (Error, ValueError):
        begin = b""
    sure = b"PRIVATE" in begin
    maybe = found.open and found.end - at < 48
    return found if sure or maybe else None


def _pem(text: bytes, at: int) -> Hit | None:
    begin = _BEGIN.match(text, at)
    if begin is None:
        return None
    match = _PEM.match(text, begin.end())
    assert match is not None
    end, at_line = match.end(), text.rfind(b"\n", begin.end(), match.end())
    led = _LED.match(text, at_line if at_line >= 0 else end)
    while led is not None:
        end = max(end, led.end())
        led = _LED.match(text, end)
    return Hit(at, begin.end(), end, PRIVATE_KEY, end == len(text)) if end > begin.end() or end == len(text) else None


def _jitui(text: bytes, at: int) -> Hit | None:
    match = _JITUI.match(text, at)
    if match is None or (match.end() == at + 3):
        return None
    opened = match.end() == len(text) and match.end() - at < 55
    return Hit(at, at, match.end(), TOKEN, opened) if opened or match.end() - at >= 32 else None


def _aws(text: bytes, at: int) -> Hit | None:
    match = _AWS_ID.match(text, at) if _bounded(text, at) else None
    return Hit(at, at, match.end(), AWS, match.end() == len(text)) if match and match.end() > at + 4 else None


def near(text: bytes, ident: Hit) -> Iterator[Hit]:
    """Secret keys within NEAR bytes behind an access key id."""
    window = text[ident.end : ident.end + NEAR]
    for match in _AWS_SECRET.finditer(window):
        if match.end() == len(window) and match.end() - match.start() < 40 and ident.end + len(window) < len(text):
            continue
        start, end = ident.end + match.start(), ident.end + match.end()
        yield Hit(ident.start, start, end, AWS, end == len(text))


def _bearer(text: bytes, at: int) -> Hit | None:
    match = _BEARER.match(text, at)
    if match is None:
        return None
    opened = match.end() == len(text)
    return Hit(at, match.start("value"), match.end(), TOKEN, opened) if opened or (len(match["value"]) >= 8 and secret_like(match["value"])) else None


def _header(text: bytes, at: int) -> Hit | None:
    match = _HEADER.match(text, at)
    if match is None:
        return None
    opened, value = match.end() == len(text), match["value"]
    schemed = re.search(rb"(?:" + _SCHEMES + rb")(?:[ \t+]|%20)+\Z", text[at : match.start("value")], re.IGNORECASE)
    return Hit(at, match.start("value"), match.end(), CREDENTIAL, opened) if opened or schemed or secret_like(value.strip()) else None


def _address(text: bytes, at: int) -> Hit | None:
    match = _ADDRESS.match(text, at)
    if match is None or (_PORT.fullmatch(match["value"]) and match.end() == len(text) and text[-1:] != b"@"):
        return None
    return Hit(at, match.start("value"), match.end("value"), CREDENTIAL, match.end("value") == len(text))


def _hash(text: bytes, at: int) -> Hit | None:
    """A password hash, as in /etc/shadow."""
    match = _HASH.match(text, at)
    if match is None or match.end() - at < 4:
        return None
    opened = match.end() == len(text)
    return Hit(at, at, match.end(), CREDENTIAL, opened) if opened or match.end() - at >= 28 else None


def _cookie(text: bytes, at: int) -> Hit | None:
    """The value of a Cookie or Set-Cookie header."""
    match = _COOKIE.match(text, at) if not at or text[at - 1] in b"\n\"'-" else None
    return Hit(at, match.start("value"), match.end(), CREDENTIAL, match.end() == len(text)) if match else None


def _prefixed(least: int, shape: re.Pattern[bytes] = _URLSAFE) -> Look:
    return lambda text, at: _run(text, at, shape, least, TOKEN) if _bounded(text, at) else None


_INSIDE: Final = (b"UFJJVkFURSBLRVkt", b"BSSVZBVEUgS0VZL", b"QUklWQVRFIEtFWS", b"VUZKSlZrRlVSU0JMUlZr")  # PRIVATE KEY in base64, at any place; and once more
LOOKS: Final[tuple[tuple[bytes, Look], ...]] = (
    (b"eyJ", _jwt),
    (b"ZXlK", _encoded_token),
    (b"-----BEGIN ", _pem),
    (b"---- BEGIN SSH2", _pem),
    (b"LS0tLS1CRUdJTi", _encoded_key),
    *((word, lambda text, at: _run(text, at, _BASE64, 40, PRIVATE_KEY)) for word in _INSIDE),
    (b"jt_", _jitui),
    (b"AKIA", _aws),
    (b"ASIA", _aws),
    (b"ABIA", _aws),
    (b"IQoJb3JpZ2lu", _prefixed(40)),  # of an AWS session token
    (b"FwoGZXIvYXdz", _prefixed(40)),
    (b"ghp_", _prefixed(36)),
    (b"gho_", _prefixed(36)),
    (b"ghs_", _prefixed(36)),
    (b"ghu_", _prefixed(36)),
    (b"ghr_", _prefixed(36)),
    (b"npm_", _prefixed(40)),
    (b"pypi-", _prefixed(60)),
    (b"dckr_pat_", _prefixed(30)),
    (b"AIza", _prefixed(39)),
    (b"ya29.", lambda text, at: _run(text, at, _JWT, 40, TOKEN)),
    (b"sk_live_", _prefixed(28)),
    (b"rk_live_", _prefixed(28)),
    (b"sk-proj-", _prefixed(40)),
    (b"sk-ant-", _prefixed(40)),
    (b"dop_v1_", _prefixed(60)),
    (b"whsec_", _prefixed(30)),
    (b"AGE-SECRET-KEY-1", _prefixed(60)),
    (b"github_pat_", _prefixed(30)),
    (b"glpat-", _prefixed(26)),
    (b"xoxb-", _prefixed(24)),
    (b"xoxp-", _prefixed(24)),
    (b"xapp-", _prefixed(24)),
    (b"glptt-", _prefixed(26)),
    (b"shpat_", _prefixed(32)),
    (b"hvb.", lambda text, at: _run(text, at, _JWT, 28, TOKEN)),
    (b"hvs.", lambda text, at: _run(text, at, _JWT, 28, TOKEN)),
    (b"://", _address),
    (b"$6$", _hash),
    (b"$y$", _hash),
    (b"$5$", _hash),
    (b"$2", _hash),
    (b"$apr1$", _hash),
    (b"$argon2", _hash),
)  # searched in the text as it is
LOWER: Final[tuple[tuple[bytes, Look], ...]] = ((b"bearer", _bearer), (b"authorization", _header), (b"cookie:", _cookie))  # searched in the text in lower case


def look(text: bytes, places: Places, lower: Places) -> Iterator[Hit]:
    """Every match that looks like a secret, in no order; overlaps are possible. `places`, `lower`: of the words of LOOKS and of LOWER."""
    for found, looks in ((places, LOOKS), (lower, LOWER)):
        for literal, see in looks if found else ():
            behind = 0
            for at in found.get(literal, ()):
                hit = see(text, at) if at >= behind else None
                if hit is None:
                    continue
                yield hit
                if hit.kind == AWS:
                    yield from near(text, hit)
                behind = hit.end
