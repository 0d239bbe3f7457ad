"""Every failure in one sentence that says what to do: the rows of what boto3 raises."""

from typing import Any

import pytest
from botocore import exceptions as raised

from jitui.clusters.eks.errors import AwsError, Call, Fault, sentence

ROLE = "arn:aws:iam::123456789012:role/jitui-narrow"
CALLER = "arn:aws:iam::123456789012:user/jitui-gateway"
ASSUME = Call("sts:AssumeRole", "us-east-1", ROLE, "prod")
DESCRIBE = Call("eks:DescribeCluster", "us-east-1", ROLE, "prod")
ROLES = Call("sts:GetCallerIdentity", "us-east-1", ROLE, "prod", signer="the credentials of session jitui-g-7-bot")


def refused(code: str, message: str = "words of AWS", status: int = 400) -> raised.ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return raised.ClientError(answer, "Operation")


def may_not(action: str) -> raised.ClientError:
    return refused("AccessDenied", f"User: {CALLER} is not authorized to perform: {action} on resource: {ROLE}", 403)


@pytest.mark.parametrize(("error", "call", "fault", "says"), [
    (raised.NoCredentialsError(), ASSUME, Fault.EXPIRED, ["no AWS credentials for the gateway", "set AWS_PROFILE or profile:"]),
    (raised.ProfileNotFound(profile="ops"), Call("sts:AssumeRole", "r", profile="ops"), Fault.EXPIRED, ["no AWS profile ops", "profile:"]),
    (raised.NoRegionError(), ASSUME, Fault.WRONG, ["no AWS region", "set region:"]),
    (raised.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), ASSUME, Fault.EXPIRED, ["are not whole", "AWS_SECRET_ACCESS_KEY"]),
    (raised.CredentialRetrievalError(provider="process", error_msg="exit 1"), ASSUME, Fault.EXPIRED, ["can't be fetched", "exit 1"]),
    (raised.EndpointConnectionError(endpoint_url="http://127.0.0.1:1/"), ASSUME, Fault.UNREACHABLE,
     ["can't reach http://127.0.0.1:1/", "network, proxy or AWS_ENDPOINT_URL"]),
    (raised.ConnectTimeoutError(endpoint_url="https://sts.us-east-1.amazonaws.com"), ASSUME, Fault.UNREACHABLE, ["can't reach https://sts.us-east-1"]),
    (raised.ReadTimeoutError(endpoint_url="https://eks"), DESCRIBE, Fault.UNREACHABLE, ["https://eks did not answer in time"]),
    (raised.SSLError(endpoint_url="https://eks", error="self-signed"), DESCRIBE, Fault.UNREACHABLE, ["not trusted", "is a proxy in between? (AWS_CA_BUNDLE)"]),
    (raised.ParamValidationError(report="ExternalId too short"), ASSUME, Fault.WRONG, ["a value of the configuration", "ExternalId too short"]),
    (may_not("sts:AssumeRole"), ASSUME, Fault.DENIED, [CALLER, ROLE, "no such role", "trust policy does not name the caller", "external_id", "sts:AssumeRole"]),
    (may_not("sts:TagSession"), ASSUME, Fault.DENIED, ["tags: is configured", "allow sts:TagSession in the trust policy of " + ROLE, "leave tags: out"]),
    (may_not("sts:SetSourceIdentity"), ASSUME, Fault.DENIED, ["source_identity: is configured", "allow sts:SetSourceIdentity", "leave source_identity: out"]),
    (refused("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."), ASSUME, Fault.WRONG,
     ["exceeds the MaxSessionDuration", "1 hour of role chaining", "session name"]),
    (refused("PackedPolicyTooLarge"), ASSUME, Fault.WRONG, ["use fewer or shorter tags:"]),
    (refused("RegionDisabledException", status=403), ASSUME, Fault.WRONG, ["STS is off in region us-east-1"]),
    (refused("ExpiredToken", status=403), ASSUME, Fault.EXPIRED, ["the gateway's own credentials have expired", "renew them"]),
    (refused("ExpiredTokenException", status=403), DESCRIBE, Fault.EXPIRED, ["the gateway's own credentials have expired"]),
    (refused("ExpiredToken", status=403), ROLES, Fault.EXPIRED, ["the credentials of session jitui-g-7-bot have expired"]),
    (refused("InvalidClientTokenId", status=403), ASSUME, Fault.EXPIRED,
     ["the access key of the gateway's own credentials is unknown, deleted or of another partition"]),
    (refused("UnrecognizedClientException", status=403), DESCRIBE, Fault.EXPIRED, ["is unknown, deleted or of another partition"]),
    (refused("SignatureDoesNotMatch", "does not match the signature you provided", 403), ASSUME, Fault.EXPIRED,
     ["the secret key", "is wrong, or this machine's clock is off"]),
    (refused("SignatureDoesNotMatch", "Signature expired: 2026", 403), ASSUME, Fault.EXPIRED,
     ["this machine's clock is off (Signature expired: 2026); set it"]),
    (refused("InvalidSignatureException", "Signature not yet current: 2026", 403), DESCRIBE, Fault.EXPIRED, ["this machine's clock is off"]),
    (refused("AccessDeniedException", f"User: {CALLER} is not authorized to perform: eks:DescribeCluster on resource: x", 403), DESCRIBE, Fault.DENIED,
     ["allow eks:DescribeCluster, or set cluster_url and certificate_authority", "cluster_name prod is misspelt"]),
    (refused("ResourceNotFoundException", "No cluster found for name: prod.", 404), DESCRIBE, Fault.WRONG, ["no cluster prod in region us-east-1"]),
    (refused("Throttling", "Rate exceeded"), ASSUME, Fault.THROTTLED, ["AWS throttles the gateway", "backs off"]),
    (refused("ThrottlingException", status=429), DESCRIBE, Fault.THROTTLED, ["AWS throttles the gateway"]),
    (refused("ServerException", status=500), DESCRIBE, Fault.THROTTLED, ["AWS itself fails"]),
    (refused("ServiceUnavailableException", status=503), DESCRIBE, Fault.THROTTLED, ["AWS itself fails"]),
    (refused("Odd", "what nobody knows"), ASSUME, Fault.WRONG, ["sts:AssumeRole: Odd: what nobody knows"]),
    (ValueError("no idea"), ASSUME, Fault.WRONG, ["sts:AssumeRole failed: no idea"]),
    (KeyError("cluster"), DESCRIBE, Fault.WRONG, ["eks:DescribeCluster: what answered is not AWS", "proxy"]),
    (raised.CredentialRetrievalError(provider="custom-process", error_msg="hunter2 on stderr"), ASSUME, Fault.EXPIRED,
     ["its credential_process failed; run it by hand"]),
])  # fmt: skip
def test_each_row(error: Exception, call: Call, fault: Fault, says: list[str]) -> None:
    """The code decides the sentence; AWS's own words are in it."""
    made = sentence(error, call)
    assert [part for part in says if part not in str(made)] == []
    assert (made.fault, made.code, "\n" in str(made), str(made)[0].islower() or str(made).startswith("User: ") or str(made).startswith("AWS")) == (
        fault, 503, False, True)


def test_what_the_session_asks_for_besides_is_named() -> None:
    """A plain refusal of a call with tags may be about them: both actions are in the sentence."""
    call = Call("sts:AssumeRole", "us-east-1", ROLE, asks=("sts:TagSession",))
    assert str(sentence(may_not("sts:AssumeRole"), call)).endswith("what the session asks for besides: sts:TagSession")


def test_words_of_aws_are_one_printable_line() -> None:
    """Whatever stands in them; and an error of ours stays as it is."""
    assert "\x1b" not in str(sentence(refused("Odd", "a\x1b[2J\nb"), ASSUME))
    own = AwsError("said already", Fault.DENIED)
    assert sentence(own, ASSUME) is own
