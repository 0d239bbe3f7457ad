"""The documents that an AWS account and a cluster need for one connection: access entry, trust policy, and two least policies. Pure."""

import json
import shlex
from typing import Any, Final

from jitui.clusters.eks.terms import Terms

UNKNOWN: Final = "arn:aws:iam::ACCOUNT:role/GATEWAY"
USERNAME: Final = "jitui:{{SessionName}}"  # EKS puts the session's name in, with - for @


def documents(terms: Terms, group: str, caller: str) -> dict[str, Any]:
    """By what each is; `caller`: the ARN of the gateway's own identity as STS says it, empty if unknown."""
    role, cluster = terms.role, f"arn:{terms.partition}:eks:{terms.region}:{terms.role.split(':')[4]}:cluster/{terms.cluster}"
    actions = ["sts:AssumeRole", *(["sts:SetSourceIdentity"] if terms.source_identity else []), *(["sts:TagSession"] if terms.tags else [])]
    conditions: dict[str, Any] = {"StringLike": {"sts:RoleSessionName": "jitui-*"}}
    if terms.external_id:
        conditions["StringEquals"] = {"sts:ExternalId": terms.external_id}
    trust = [_allow(actions[0], Principal={"AWS": principal(caller)}, Condition=conditions)]
    trust += [_allow(action, Principal={"AWS": principal(caller)}) for action in actions[1:]]
    looked_up = {"role_policy": _policy([_allow("eks:DescribeCluster", Resource=cluster)])} if not terms.url else {}
    entry = {"clusterName": terms.cluster, "principalArn": role, "type": "STANDARD", "kubernetesGroups": [group], "username": USERNAME}
    command = ["aws", "eks", "create-access-entry", "--region", terms.region, "--cli-input-json", json.dumps(entry)]
    return {
        "access_entry": entry, "access_entry_command": " ".join(shlex.quote(word) for word in command), "trust_policy": _policy(trust), **looked_up,
        "gateway_policy": _policy([_allow(actions if len(actions) > 1 else actions[0], Resource=role)]),
    }  # fmt: skip


def principal(caller: str) -> str:
    """What a trust policy names: of an assumed role, the role (its path is not in the session's ARN)."""
    parts = caller.split(":", 5)
    if len(parts) == 6 and parts[2] == "sts" and parts[5].startswith("assumed-role/"):
        return f"{parts[0]}:{parts[1]}:iam::{parts[4]}:role/{parts[5].split('/')[1]}"
    return caller or UNKNOWN


def _allow(action: str | list[str], **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, **more}


def _policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}
