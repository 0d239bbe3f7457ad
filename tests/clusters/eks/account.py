"""An AWS account: moto's models and answers on 127.0.0.1, and in front of them switches that make a call fail, throttle or hang."""

import base64
import io
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from moto.eks.models import eks_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sts.models import AssumedRole, sts_backends
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

NUMBER: Final = "123456789012"
REGION: Final = "us-east-1"
CLUSTER: Final = "prod"
ROLE: Final = f"arn:aws:iam::{NUMBER}:role/jitui-narrow"


@dataclass(frozen=True)
class Refusal:
    """How a call is answered instead."""

    status: int
    code: str
    message: str


@dataclass
class Asked:
    """One call as it came."""

    action: str  # sts:AssumeRole
    form: Mapping[str, str]
    key_id: str  # of the credentials that signed it
    at: float  # monotonic


@dataclass
class Account:
    """Its switches, and what was asked of it."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    refusals: dict[str, Refusal] = field(default_factory=dict)  # by action; by "ACTION KEY" for those of one signer alone
    refuse_times: dict[str, int] = field(default_factory=dict)  # so often; without an entry, always
    delays: dict[str, float] = field(default_factory=dict)  # seconds, by action
    life_s: dict[str, int] = field(default_factory=dict)  # {"session": N}: sessions last no longer, and say so
    _moto: Any = field(default_factory=lambda: DomainDispatcherApplication(create_backend_app))

    @property
    def sessions(self) -> list[AssumedRole]:
        """Every session that was ever assumed."""
        return list(sts_backends[NUMBER]["aws"].assumed_roles)

    @property
    def secrets(self) -> dict[str, tuple[str, str]]:
        """Secret and session token by key id, as the verifier wants them."""
        return {one.access_key_id: (one.secret_access_key, one.session_token) for one in self.sessions}

    def calls(self, action: str) -> list[Asked]:
        return [one for one in self.asked if one.action == action]

    def cluster(self, url: str, authority: bytes, **more: Any) -> None:
        """Make the cluster's record, or change where it is."""
        clusters = eks_backends[NUMBER][REGION].clusters
        if CLUSTER not in clusters:
            eks_backends[NUMBER][REGION].create_cluster(CLUSTER, f"arn:aws:iam::{NUMBER}:role/eks", {"subnetIds": ["subnet-1", "subnet-2"]}, version="1.34")
        record: Any = clusters[CLUSTER]
        record.endpoint = url or None
        record.certificate_authority = {"data": base64.b64encode(authority).decode()} if authority else {}
        for name, value in more.items():
            setattr(record, name, value)

    @property
    def environment(self) -> dict[str, str]:
        """The gateway's environment."""
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEGATEWAY00", "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-gateway-itself-0000000000"}  # fmt: skip

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        request = Request(environ)
        body = request.get_data(cache=True)
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        service = "eks" if "/eks/" in request.headers.get("Authorization", "") else "sts"
        action = f"{service}:{form.get('Action', 'DescribeCluster')}"
        key_id = request.headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]
        self.asked.append(Asked(action, form, key_id, time.monotonic()))
        time.sleep(self.delays.get(action, 0))
        refusal = self.refusals.get(action) or self.refusals.get(f"{action} {key_id}")
        left = self.refuse_times.get(action)
        if left is not None:
            self.refuse_times[action] = left - 1
        if refusal is not None and (left is None or left > 0):
            return _refuse(refusal, service)(environ, start)
        answer = Response.from_app(self._moto, {**environ, "wsgi.input": io.BytesIO(body)})
        if action == "sts:AssumeRole" and "session" in self.life_s:
            answer = self._shortened(answer)
        return answer(environ, start)

    def _shortened(self, answer: Response) -> Response:
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.life_s["session"]))
        head, _, rest = answer.get_data(as_text=True).partition("<Expiration>")
        answer.set_data(f"{head}<Expiration>{ends}{rest[rest.index('</Expiration>'):]}")
        return answer


def _refuse(refusal: Refusal, service: str) -> Response:
    if service == "eks":
        return Response(json.dumps({"message": refusal.message}), refusal.status, {"x-amzn-ErrorType": refusal.code}, content_type="application/json")
    text = f"<ErrorResponse><Error><Type>Sender</Type><Code>{refusal.code}</Code><Message>{refusal.message}</Message></Error></ErrorResponse>"
    return Response(text, refusal.status, content_type="text/xml")


@contextmanager
def serving() -> Iterator[Account]:
    """One on a port of its own, empty."""
    sts_backends.reset()
    eks_backends.reset()
    account = Account()
    server = make_server("127.0.0.1", 0, account, threaded=True)
    account.url = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield account
    finally:
        server.shutdown()
        server.server_close()
