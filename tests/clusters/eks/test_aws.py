"""Tokens are signed for the right host and cluster, and the account's errors become sentences."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from jitui.clusters.eks.aws import Aws, Keys
from jitui.clusters.eks.errors import AwsError, Fault
from jitui.values.errors import ConfigurationError
from tests.clusters.eks.account import NUMBER, ROLE, Account, Refusal
from tests.clusters.eks.made import settings
from tests.clusters.eks.verifier import RefusedError, verify

KEYS = Keys("ASIAEXAMPLE", "a-secret", "t/+=" * 100, "arn:aws:sts::1:assumed-role/r/s", 900)
SECRETS = {KEYS.key_id: (KEYS.secret, KEYS.token)}


def opened(token: str) -> tuple[str, dict[str, str]]:
    """Host and query of the URL in a token."""
    encoded = token.removeprefix("k8s-aws-v1.")
    parts = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
    return parts.netloc, dict(parse_qsl(parts.query))


@pytest.mark.parametrize(("region", "partition", "host"), [
    ("us-east-1", "aws", "sts.us-east-1.amazonaws.com"), ("eu-central-2", "aws", "sts.eu-central-2.amazonaws.com"),
    ("us-gov-west-1", "aws-us-gov", "sts.us-gov-west-1.amazonaws.com"), ("cn-north-1", "aws-cn", "sts.cn-north-1.amazonaws.com.cn"),
])
@pytest.mark.parametrize("override", [{}, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, {"AWS_ENDPOINT_URL_STS": "https://vpce-1.sts.example"},
                                      {"AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, {"AWS_USE_FIPS_ENDPOINT": "true"}])  # fmt: skip
def test_a_token_is_for_the_regions_own_host(monkeypatch: pytest.MonkeyPatch, region: str, partition: str, host: str, override: dict[str, str]) -> None:
    """Whatever the environment says about endpoints: EKS sends it there and takes no other; the verifier's every rule holds."""
    for name, value in override.items():
        monkeypatch.setenv(name, value)
    aws = Aws(settings(region=region, role=f"arn:{partition}:iam::{NUMBER}:role/r"))
    token = aws.token(KEYS)
    assert opened(token)[0] == aws.host == host
    assert verify(token, cluster="prod", partition=partition, region=region, secrets=SECRETS) == KEYS.key_id


def test_the_clusters_name_is_signed() -> None:
    """Not in the URL, but in its signature: a token for one cluster is none for another. After 15 minutes it is none at all."""
    token = Aws(settings()).token(KEYS)
    _, query = opened(token)
    assert ("prod" not in query.values(), query["X-Amz-SignedHeaders"], query["X-Amz-Expires"]) == (True, "host;x-k8s-aws-id", "60")
    for cluster, later in (("other", 0), ("prod", 901)):
        with pytest.raises(RefusedError):
            verify(token, cluster=cluster, partition="aws", region="us-east-1", secrets=SECRETS, now=datetime.now(UTC) + timedelta(seconds=later))


def test_a_token_that_eks_would_not_take_is_not_made() -> None:
    """Over 4096 bytes: long tags make long session tokens."""
    long = Keys("ASIAEXAMPLE", "a-secret", "t" * 3000, "arn", 900)
    with pytest.raises(AwsError, match=r"would have \d{4} bytes, and EKS takes 4096: use fewer or shorter tags"):
        Aws(settings()).token(long)


@pytest.mark.parametrize(("region", "role", "says"), [
    ("xx-none-1", ROLE, "region xx-none-1 is none of AWS's regions"),
    ("cn-north-1", ROLE, f"region cn-north-1 is in partition aws-cn, the role {ROLE} in aws"),
])
def test_a_region_that_can_not_be(region: str, role: str, says: str) -> None:
    """Said before anybody is asked."""
    with pytest.raises(ConfigurationError, match=says):
        Aws(settings(region=region, role=role))


def test_a_session_and_its_life(account: Account) -> None:
    """Its life is counted by AWS's own clock: the end less the answer's date."""
    account.life_s["session"] = 120
    made = Aws(settings()).assume("jitui-g-7-bot", 1800)
    assert made.arn.endswith(":assumed-role/jitui-narrow/jitui-g-7-bot")
    assert 118 <= made.life_s <= 121
    (asked,) = account.calls("sts:AssumeRole")
    assert (asked.form["DurationSeconds"], asked.key_id) == ("1800", "AKIAEXAMPLEGATEWAY00")


def test_whose_credentials(account: Account) -> None:
    """The gateway's own, or a session's."""
    aws = Aws(settings())
    keys = aws.assume("jitui-g-7-bot", 900)
    assert aws.whoami(keys).arn == keys.arn
    assert (aws.whoami().account, abs(aws.whoami().ahead_s) < 5) == (NUMBER, True)


def test_the_cluster_is_described_with_the_roles_credentials_first(account: Account) -> None:
    """If those may not, with the gateway's own; if neither may, both are in the sentence."""
    account.cluster("https://127.0.0.1:1", b"pem")
    aws = Aws(settings())
    keys = aws.assume("jitui-gateway-x", 900)
    found = aws.describe(keys)
    assert (found.url, found.authority, found.version, [one.key_id for one in account.calls("eks:DescribeCluster")]) == (
        "https://127.0.0.1:1", b"pem", "1.34", [keys.key_id])
    may_not = "User: {} is not authorized to perform: eks:DescribeCluster"
    account.refusals[f"eks:DescribeCluster {keys.key_id}"] = Refusal(403, "AccessDeniedException", may_not.format("the-role"))
    assert aws.describe(keys).url == "https://127.0.0.1:1"
    account.refusals["eks:DescribeCluster AKIAEXAMPLEGATEWAY00"] = Refusal(403, "AccessDeniedException", may_not.format("the-gateway"))
    both = r"the-gateway is not authorized.*asked with the gateway's own credentials, after the role's: .*the-role is not"
    with pytest.raises(AwsError, match=both) as caught:
        aws.describe(keys)
    assert caught.value.fault is Fault.DENIED


def test_no_error_holds_credentials(account: Account) -> None:
    """Neither the error nor what it was raised from keeps a frame of botocore's, whose locals are credentials."""
    account.refusals["sts:AssumeRole"] = Refusal(403, "AccessDenied", "no")
    with pytest.raises(AwsError) as caught:
        Aws(settings()).assume("jitui-g-7-bot", 900)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_profile(account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """profile: names whose credentials sign; one that is not there is said."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "aws-credentials").write_text("[ops]\naws_access_key_id = AKIAOPS\naws_secret_access_key = of-ops\n")
    Aws(settings(profile="ops")).assume("jitui-g-7-bot", 900)
    assert account.asked[-1].key_id == "AKIAOPS"
    with pytest.raises(AwsError, match="no AWS profile nobody for the gateway"):
        Aws(settings(profile="nobody")).whoami()
    with pytest.raises(AwsError, match="no AWS credentials for the gateway"):
        Aws(settings()).whoami()


@pytest.mark.parametrize("answer", [{}, {"cluster": {"endpoint": "https://x", "certificateAuthority": {"data": "A"}}}])
def test_what_is_no_answer_of_AWS_is_an_error(account: Account, monkeypatch: pytest.MonkeyPatch, answer: dict[str, object]) -> None:  # noqa: N802
    """A proxy's page behind a 200, say: one sentence, and nothing else fails for it."""
    aws = Aws(settings())

    class Odd:
        def describe_cluster(self, name: str) -> dict[str, object]:
            return answer

    monkeypatch.setattr(aws, "_client", lambda service, keys: Odd())
    with pytest.raises(AwsError, match="eks:DescribeCluster: what answered is not AWS"):
        aws.describe(KEYS)
