"""The errors of AWS and botocore, as one sentence each that says what, why and what to do next."""

import binascii
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final

from botocore import exceptions as raised

from jitui.values.errors import UpstreamError
from jitui.values.said import clean

LIMIT: Final = 400  # characters of AWS's own words
ACTION: Final = re.compile(r"is not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")


class Fault(StrEnum):
    """The kind of a failure, by which the caller decides how to go on."""

    THROTTLED = "throttled"  # or AWS's own failure: the same call may work in a moment
    UNREACHABLE = "unreachable"  # no answer
    EXPIRED = "expired"  # the credentials that signed the call are over, wrong or not there: read or assumed anew, they may be others
    DENIED = "denied"  # a policy, a trust policy
    WRONG = "wrong"  # a value, a key, a name: nothing gets better by itself


class AwsError(UpstreamError):
    """AWS refused, or could not be asked: the gateway has no credential for the cluster, or does not know where it is."""

    code: ClassVar[int] = 503

    def __init__(self, text: str, fault: Fault = Fault.WRONG, aws_code: str = "") -> None:
        super().__init__(text)
        self.fault, self.aws_code = fault, aws_code


@dataclass(frozen=True, slots=True)
class Call:
    """One call to AWS, as the sentence about its failure names it."""

    action: str  # sts:AssumeRole
    region: str
    role: str = ""
    cluster: str = ""
    profile: str = ""
    signer: str = "the gateway's own credentials"  # whose keys signed it
    asks: tuple[str, ...] = ()  # sts:TagSession, sts:SetSourceIdentity if the call wants them too


THROTTLES: Final = frozenset({"Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "TooManyRequestsException", "RequestThrottled",
                              "RequestThrottledException", "SlowDown", "BandwidthLimitExceeded"})  # fmt: skip
FAILS: Final = frozenset({"ServerException", "ServiceUnavailable", "ServiceUnavailableException", "InternalFailure", "InternalError", "InternalServerError",
                          "ServiceFailure", "RequestTimeout", "RequestTimeoutException", "IDPCommunicationError", "PriorRequestNotComplete"})  # fmt: skip


def sentence(error: Exception, call: Call) -> AwsError:
    """The error of a call, in our words."""
    if isinstance(error, AwsError):
        return error
    if isinstance(error, raised.ClientError):
        return _answered(error, call)
    own = _own(error, call)
    if own is not None:
        return own
    if isinstance(error, raised.ParamValidationError):
        return AwsError(f"{call.action}: a value of the configuration is not what AWS takes: {_words(error)}")
    if isinstance(error, raised.HTTPClientError | raised.ConnectionError):
        return _unreachable(error, call)
    if isinstance(error, KeyError | TypeError | AttributeError | binascii.Error):
        return AwsError(f"{call.action}: what answered is not AWS, or not as AWS answers: is a proxy in between? (AWS_ENDPOINT_URL)")
    return AwsError(f"{call.action} failed: {_words(error)}")


def _own(error: Exception, call: Call) -> AwsError | None:
    """The error of the gateway's own credentials, if they are wrong before anything is sent."""
    if isinstance(error, raised.NoCredentialsError):
        return AwsError("no AWS credentials for the gateway: none in its environment, ~/.aws, container or instance; "
                        "set AWS_PROFILE or profile:, or run it where it has a role", Fault.EXPIRED)  # fmt: skip
    if isinstance(error, raised.ProfileNotFound):
        return AwsError(f"no AWS profile {clean(call.profile or 'of AWS_PROFILE', 80)} for the gateway in ~/.aws/config; name one that is there with profile:",
                        Fault.EXPIRED)  # fmt: skip
    if isinstance(error, raised.NoRegionError):
        return AwsError("no AWS region for the gateway; set region:")
    if isinstance(error, raised.PartialCredentialsError):
        return AwsError(f"the gateway's AWS credentials are not whole: {_words(error)}", Fault.EXPIRED)
    if isinstance(error, raised.CredentialRetrievalError) and error.kwargs.get("provider") == "custom-process":  # its output may be anything
        return AwsError("the gateway's own AWS credentials can't be fetched: its credential_process failed; run it by hand", Fault.EXPIRED)
    if isinstance(error, raised.CredentialRetrievalError | raised.SSOError | raised.MetadataRetrievalError | raised.RefreshWithMFAUnsupportedError):
        return AwsError(f"the gateway's own AWS credentials can't be fetched: {_words(error)}", Fault.EXPIRED)
    return None


def _unreachable(error: raised.BotoCoreError, call: Call) -> AwsError:
    where = clean(str(error.kwargs.get("endpoint_url") or "AWS"), 200)
    if isinstance(error, raised.ReadTimeoutError):
        why = f"{where} did not answer in time"
    elif isinstance(error, raised.SSLError):
        why = f"{where} has a certificate that is not trusted, or speaks no TLS: {_words(error)}; is a proxy in between? (AWS_CA_BUNDLE)"
    else:
        why = f"can't reach {where}"
    return AwsError(f"{call.action}: {why}: network, proxy or AWS_ENDPOINT_URL", Fault.UNREACHABLE)


def _answered(error: raised.ClientError, call: Call) -> AwsError:
    """AWS's own refusal: its code and message."""
    told: dict[str, Any] = error.response.get("Error", {})
    code, message = str(told.get("Code") or ""), clean(str(told.get("Message") or "no reason given"), LIMIT)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    if code in THROTTLES or status == 429:
        return AwsError(f"{call.action}: AWS throttles the gateway ({clean(code, 40)}: {message}); it backs off and tries again", Fault.THROTTLED, code)
    if code in FAILS or status >= 500:
        return AwsError(f"{call.action}: AWS itself fails ({clean(code, 40)} {status}: {message}); tried again by itself", Fault.THROTTLED, code)
    if code in {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}:
        return AwsError(f"{call.action}: {call.signer} have expired ({message}); renew them", Fault.EXPIRED, code)
    if code in {"InvalidClientTokenId", "UnrecognizedClientException"}:
        return AwsError(f"{call.action}: the access key of {call.signer} is unknown, deleted or of another partition ({message})", Fault.EXPIRED, code)
    if code in {"SignatureDoesNotMatch", "InvalidSignatureException"}:
        return AwsError(f"{call.action}: {_signature(call.signer, message)}", Fault.EXPIRED, code)
    if code in {"AccessDenied", "AccessDeniedException"}:
        return AwsError(_denied(call, message), Fault.DENIED, code)
    if code == "ResourceNotFoundException":
        return AwsError(f"no cluster {clean(call.cluster, 100)} in region {call.region} ({message}); check cluster_name and region", Fault.WRONG, code)
    if code == "PackedPolicyTooLarge":
        return AwsError(f"{call.action}: the session's tags are too large ({message}); use fewer or shorter tags:", Fault.WRONG, code)
    if code == "RegionDisabledException":
        return AwsError(f"{call.action}: STS is off in region {call.region} ({message}); turn it on in IAM's account settings", Fault.WRONG, code)
    if code in {"ValidationError", "ValidationException"}:
        return AwsError(f"{call.action}: {message} (MaxSessionDuration, the 1 hour of role chaining, or a bad session name)", Fault.WRONG, code)
    return AwsError(f"{call.action}: {clean(code, 60)}: {message}", Fault.WRONG, code)


def _signature(signer: str, message: str) -> str:
    if "expired" in message or "not yet current" in message:
        return f"this machine's clock is off ({message}); set it"
    return f"the secret key of {signer} is wrong, or this machine's clock is off ({message})"


def _denied(call: Call, message: str) -> str:
    """Names the missing action: without it the whole call is refused, and nothing is tried again without what it is for."""
    found = ACTION.search(message)
    action = found[1] if found else call.action
    if action in {"sts:TagSession", "sts:SetSourceIdentity"}:
        key = "tags" if action == "sts:TagSession" else "source_identity"
        return (f"{message}: {key}: is configured, so allow {action} in the trust policy of {call.role} (and in the caller's own policy, "
                f"unless the trust policy names the caller itself), or leave {key}: out")  # fmt: skip
    if call.action == "sts:AssumeRole":
        also = f", and what the session asks for besides: {', '.join(call.asks)}" if call.asks else ""
        return (f"{message}: no such role, its trust policy does not name the caller or wants an external_id, "
                f"or the caller's own policy lacks sts:AssumeRole{also}")  # fmt: skip
    if call.action == "eks:DescribeCluster":
        return (f"{message}: allow eks:DescribeCluster, or set cluster_url and certificate_authority; "
                f"under a narrow policy it may also be that cluster_name {clean(call.cluster, 100)} is misspelt")  # fmt: skip
    return f"{call.action}: {message}"


def _words(error: Exception) -> str:
    return clean(str(error) or type(error).__name__, LIMIT)
