"""EKS's check of a token, in Python: the rules of aws-iam-authenticator about the URL in it, and those of STS about its signature."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

PREFIX: Final = "k8s-aws-v1."
LIMIT: Final = 4096  # bytes of a token
HOSTS: Final = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}
ALLOWED: Final = frozenset({"action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-security-token",
                            "x-amz-signature", "x-amz-signedheaders"})  # fmt: skip


class RefusedError(Exception):
    """Why a token is none."""


def verify(token: str, *, cluster: str, partition: str, region: str, secrets: Mapping[str, tuple[str, str]], now: datetime | None = None) -> str:
    """The access key id that signed it. `secrets`: secret and session token by key id. Raises RefusedError."""
    now = now or datetime.now(UTC)
    if len(token) > LIMIT or not token.startswith(PREFIX) or "=" in token:
        raise RefusedError("length, prefix or padding")
    encoded = token.removeprefix(PREFIX)
    parts = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode("ascii"))
    _address(parts.scheme, parts.hostname or "", parts.path, partition)
    pairs = parse_qsl(parts.query, strict_parsing=True)
    names = [name.lower() for name, _ in pairs]
    if not ALLOWED.issuperset(names) or len(set(names)) != len(names):
        raise RefusedError(f"query parameters {names}")
    query = dict(zip(names, (value for _, value in pairs), strict=True))
    if query["action"] != "GetCallerIdentity" or not 0 <= int(query["x-amz-expires"]) <= 900:
        raise RefusedError("action or expires")
    date = datetime.strptime(query["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if now > date + timedelta(minutes=15) or now < date - timedelta(minutes=5):
        raise RefusedError(f"date {query['x-amz-date']}")
    signed = query["x-amz-signedheaders"].split(";")
    if sorted(signed) != ["host", "x-k8s-aws-id"]:
        raise RefusedError(f"signed headers {signed}")
    key_id, day, signed_region, service, _ = query["x-amz-credential"].split("/")
    if (signed_region, service) != (region, "sts") or key_id not in secrets:
        raise RefusedError("credential scope, or an unknown key")
    secret, session = secrets[key_id]
    if not hmac.compare_digest(query["x-amz-security-token"], session):
        raise RefusedError("session token")
    headers = {"host": parts.hostname or "", "x-k8s-aws-id": cluster}
    wanted = _signature(pairs, headers, secret, f"{day}/{signed_region}/{service}/aws4_request", query["x-amz-date"])
    if not hmac.compare_digest(wanted, query["x-amz-signature"]):
        raise RefusedError("signature: another cluster's name, or another secret")
    return key_id


def _address(scheme: str, host: str, path: str, partition: str) -> None:
    if scheme != "https":
        raise RefusedError(f"unexpected scheme {scheme}")
    if not re.fullmatch(rf"sts\.[a-z0-9-]+\.{re.escape(HOSTS[partition])}", host):
        raise RefusedError(f"unexpected hostname {host}")
    if path != "/":
        raise RefusedError(f"unexpected path {path}")


def _signature(pairs: list[tuple[str, str]], headers: Mapping[str, str], secret: str, scope: str, date: str) -> str:
    """SigV4 of a presigned GET without a body."""
    query = "&".join(sorted(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs if name != "X-Amz-Signature"))
    lines = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    request = "\n".join(["GET", "/", query, lines, ";".join(sorted(headers)), hashlib.sha256(b"").hexdigest()])
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()
