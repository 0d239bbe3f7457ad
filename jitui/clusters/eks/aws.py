"""The calls to AWS, each of which blocks (threads.py runs them), and the signing of a token, which calls nobody.

AssumeRole, DescribeCluster and GetCallerIdentity go where the environment says (AWS_ENDPOINT_URL and its like). A token is signed
for the region's own STS host whatever the environment says: EKS sends it there, and takes no other.
"""

import base64
import logging
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final, TypeVar

import boto3
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import UnknownRegionError
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import create_loader
from botocore.model import ServiceId
from botocore.regions import EndpointResolver
from botocore.signers import RequestSigner

from jitui.clusters.eks.errors import AwsError, Call, Fault, sentence
from jitui.clusters.eks.settings import RoleSettings
from jitui.values.errors import ConfigurationError

CONNECT_S: Final = 5
READ_S: Final = 10
LOCK_S: Final = 20.0
TOKEN_LIMIT: Final = 4096  # bytes; aws-iam-authenticator takes no longer one
EXPIRES_S: Final = 60  # in the URL; STS counts 15 minutes from its date, whatever stands here
# trying again is ours; CloudTrail shows the user agent
ONCE: Final = Config(connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"mode": "standard", "total_max_attempts": 1}, user_agent_extra="app/jitui")

T = TypeVar("T")

logging.getLogger("botocore").setLevel(logging.WARNING)  # at DEBUG it prints answers, and with them credentials


@dataclass(frozen=True, slots=True)
class Keys:
    """Temporary credentials of one assumed role session."""

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(repr=False)
    arn: str  # arn:aws:sts::123456789012:assumed-role/ROLE/SESSION
    life_s: float  # from AWS's answer on, by AWS's clock

    @property
    def signer(self) -> str:
        return f"the credentials of session {self.arn.rpartition('/')[2]}"


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """The owner of credentials, as STS tells it (GetCallerIdentity)."""

    arn: str
    account: str
    ahead_s: float  # how far this machine's clock is ahead of AWS's; its resolution is a second


@dataclass(frozen=True, slots=True)
class ClusterDescription:
    """The answer of DescribeCluster."""

    url: str  # empty while it is being created
    authority: bytes  # PEM
    status: str  # ACTIVE, CREATING ...
    version: str
    public: bool  # endpointPublicAccess
    mode: str  # authenticationMode: API, API_AND_CONFIG_MAP, CONFIG_MAP


class Aws:
    """One connection's AWS. Thread-safe. Everything may raise AwsError."""

    def __init__(self, settings: RoleSettings) -> None:
        """Reads no credentials yet, only what botocore itself ships. Raises ConfigurationError: unknown region, or one of another partition than the role."""
        self.settings = settings
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[str, Any] = {}  # with the gateway's own credentials
        self._emitter = HierarchicalEmitter()  # signers hold it weakly, so it stays here
        self.host = self._token_host()

    def _token_host(self) -> str:
        resolver = EndpointResolver(create_loader().load_data("endpoints"))
        endpoint = resolver.construct_endpoint("sts", self.settings.region)
        try:
            partition = resolver.get_partition_for_region(self.settings.region)
        except UnknownRegionError:
            partition = ""
        if endpoint is None or not partition:
            raise ConfigurationError(f"region {self.settings.region} is none of AWS's regions that this boto3 knows")
        if partition != self.settings.partition:
            raise ConfigurationError(f"region {self.settings.region} is in partition {partition}, the role {self.settings.role} in {self.settings.partition}")
        return str(endpoint["hostname"])

    # -- blocking ----------------------------------------------------------------------------------------------------------

    def whoami(self, keys: Keys | None = None) -> CallerIdentity:
        """The owner of `keys`; None: of the gateway's own credentials."""

        def ask() -> CallerIdentity:
            answer = self._client("sts", keys).get_caller_identity()
            now = datetime.now(UTC)
            return CallerIdentity(str(answer["Arn"]), str(answer["Account"]), (now - _date(answer, now)).total_seconds())

        return self._ask("sts:GetCallerIdentity", keys, ask)

    def assume(self, name: str, duration_s: int, source: str = "", tags: tuple[tuple[str, str], ...] = ()) -> Keys:
        """A new session of the role."""
        wanted: dict[str, Any] = {"RoleArn": self.settings.role, "RoleSessionName": name, "DurationSeconds": duration_s}
        if self.settings.external_id:
            wanted["ExternalId"] = self.settings.external_id
        if source:
            wanted["SourceIdentity"] = source
        if tags:
            wanted["Tags"] = [{"Key": key, "Value": value} for key, value in tags]
        asks = tuple(action for action, given in (("sts:TagSession", tags), ("sts:SetSourceIdentity", source)) if given)

        def ask() -> Keys:
            answer = self._client("sts", None).assume_role(**wanted)
            made = answer["Credentials"]
            life_s = (made["Expiration"] - _date(answer, datetime.now(UTC))).total_seconds()
            return Keys(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"], str(answer["AssumedRoleUser"]["Arn"]), life_s)

        return self._ask("sts:AssumeRole", None, ask, asks)

    def describe(self, keys: Keys) -> ClusterDescription:
        """The cluster, asked with the role's credentials, and if those may not, with the gateway's own."""
        try:
            return self._describe(keys)
        except AwsError as error:
            if error.fault is not Fault.DENIED:
                raise
            with_role = str(error)
        try:
            return self._describe(None)
        except AwsError as error:
            raise AwsError(f"{error} (asked with the gateway's own credentials, after the role's: {with_role})", error.fault, error.aws_code) from None

    def _describe(self, keys: Keys | None) -> ClusterDescription:
        def ask() -> ClusterDescription:
            cluster = self._client("eks", keys).describe_cluster(name=self.settings.cluster)["cluster"]
            authority = (cluster.get("certificateAuthority") or {}).get("data") or ""
            return ClusterDescription(
                url=cluster.get("endpoint") or "", authority=base64.b64decode(authority), status=str(cluster.get("status") or "UNKNOWN"),
                version=str(cluster.get("version") or ""), public=(cluster.get("resourcesVpcConfig") or {}).get("endpointPublicAccess") is not False,
                mode=str((cluster.get("accessConfig") or {}).get("authenticationMode") or ""),
            )  # fmt: skip

        return self._ask("eks:DescribeCluster", keys, ask)

    def start_over(self) -> None:
        """Read the gateway's own credentials anew at the next call: their file may have been rewritten. Blocking, as it waits for who reads them now."""
        with self._held():
            self._session = None
            self._clients.clear()

    def _client(self, service: str, keys: Keys | None) -> Any:
        """One for the gateway's own credentials is kept, as it costs 75 ms; one for a session's is gone after its call."""
        with self._held():
            if self._session is None:
                self._session = boto3.Session(profile_name=self.settings.profile or None, region_name=self.settings.region)
            if keys is not None:
                return self._session.client(service, config=ONCE, aws_access_key_id=keys.key_id, aws_secret_access_key=keys.secret,
                                            aws_session_token=keys.token)  # fmt: skip
            if service not in self._clients:
                self._clients[service] = self._session.client(service, config=ONCE)
            return self._clients[service]

    @contextmanager
    def _held(self) -> Iterator[None]:
        """The lock, but not for ever: whoever fetches the gateway's credentials may hang. Raises AwsError."""
        if not self._lock.acquire(timeout=LOCK_S):
            raise AwsError("the gateway's own AWS credentials are still being fetched (credential_process, SSO, instance): see what hangs", Fault.UNREACHABLE)
        try:
            yield
        finally:
            self._lock.release()

    def _ask(self, action: str, keys: Keys | None, work: Callable[[], T], asks: tuple[str, ...] = ()) -> T:
        """The result of `work`, which makes one call. Raises AwsError, without the error behind it: its frames hold credentials."""
        settings = self.settings
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - whatever botocore and its plugins raise: it is said, and ends no task
            signer = keys.signer if keys is not None else "the gateway's own credentials"
            failed = sentence(error, Call(action, settings.region, settings.role, settings.cluster, settings.profile, signer, asks))
        raise failed

    # -- not blocking ------------------------------------------------------------------------------------------------------

    def token(self, keys: Keys) -> str:
        """A presigned GetCallerIdentity with the cluster's name signed in (aws-iam-authenticator: pkg/token). About 0.2 ms. Raises AwsError."""
        request = {
            "method": "GET", "url": f"https://{self.host}/?Action=GetCallerIdentity&Version=2011-06-15", "body": {},
            "headers": {"x-k8s-aws-id": self.settings.cluster}, "context": {},
        }  # fmt: skip
        credentials = Credentials(keys.key_id, keys.secret, keys.token)
        signer = RequestSigner(ServiceId("sts"), self.settings.region, "sts", "v4", credentials, self._emitter)
        presign = partial(signer.generate_presigned_url, request, region_name=self.settings.region, expires_in=EXPIRES_S, operation_name="")
        url = str(self._ask("signing a token", keys, presign))
        urllib.parse.clear_cache()  # type: ignore[attr-defined]  # urlsplit keeps what it was given lately
        made = "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode("ascii")).decode("ascii").rstrip("=")
        if len(made) > TOKEN_LIMIT:
            raise AwsError(f"the token for cluster {self.settings.cluster} would have {len(made)} bytes, and EKS takes {TOKEN_LIMIT}: "
                           "use fewer or shorter tags:")  # fmt: skip
        return made


def _date(answer: dict[str, Any], otherwise: datetime) -> datetime:
    """AWS's own time of an answer."""
    try:
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    except (KeyError, TypeError, ValueError):
        return otherwise
