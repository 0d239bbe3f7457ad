"""The AWS documents of a connection."""

import json
import shlex

import pytest

from jitui.clusters.eks.policies import UNKNOWN, documents, principal
from tests.clusters.eks.account import ROLE
from tests.clusters.eks.made import settings

GATEWAY = "arn:aws:iam::123456789012:role/jitui-gateway"


def test_the_least() -> None:
    """One action on one role, one on one cluster; the entry's command holds the entry."""
    made = documents(settings(), "jitui-prod-eks", "arn:aws:sts::123456789012:assumed-role/jitui-gateway/i-0abc")
    assert made["gateway_policy"]["Statement"] == [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}]
    assert made["role_policy"]["Statement"] == [
        {"Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": "arn:aws:eks:us-east-1:123456789012:cluster/prod"}]
    assert made["trust_policy"]["Statement"] == [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": GATEWAY},
                                                  "Condition": {"StringLike": {"sts:RoleSessionName": "jitui-*"}}}]  # fmt: skip
    assert json.loads(shlex.split(made["access_entry_command"])[-1]) == made["access_entry"]
    assert (made["access_entry"]["principalArn"], made["access_entry"]["kubernetesGroups"]) == (ROLE, ["jitui-prod-eks"])


def test_what_is_configured_is_allowed_too() -> None:
    """ExternalId as a condition; SourceIdentity and tags each with their action; no look-up, no policy for it."""
    made = documents(settings(external_id="xy", source_identity="{identity}", tags={"a": "b"}, url="https://x", authority="ca"), "g", GATEWAY)
    assert made["trust_policy"]["Statement"][0]["Condition"]["StringEquals"] == {"sts:ExternalId": "xy"}
    assert [one["Action"] for one in made["trust_policy"]["Statement"]] == ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
    assert made["gateway_policy"]["Statement"][0]["Action"] == ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
    assert "role_policy" not in made


@pytest.mark.parametrize(("caller", "named"), [
    ("arn:aws-cn:sts::1:assumed-role/gw/i-0", "arn:aws-cn:iam::1:role/gw"), ("arn:aws:iam::1:user/bo", "arn:aws:iam::1:user/bo"), ("", UNKNOWN),
])
def test_whom_a_trust_policy_names(caller: str, named: str) -> None:
    """A role, not one session of it."""
    assert principal(caller) == named
