"""The documents that an AWS account and a cluster need for one connection: access entry, trust policy, and two least policies. Pure."""

import json
import shlex
from typing import Any, Final

from jitui.clusters.eks.settings import RoleSettings

UNKNOWN: Final = "arn:aws:iam::ACCOUNT:role/GATEWAY"
USERNAME: Final = "jitui:{{SessionName}}"  # EKS puts the session's name in, with - for @


def documents(settings: RoleSettings, group: str, caller: str) -> dict[str, Any]:
    """The documents, by name. `caller`: the ARN of the gateway's own identity as STS tells it, empty if unknown."""
    role, cluster = settings.role, f"arn:{settings.partition}:eks:{settings.region}:{settings.role.split(':')[4]}:cluster/{settings.cluster}"
    actions = ["sts:AssumeRole", *(["sts:SetSourceIdentity"] if settings.source_identity else []), *(["sts:TagSession"] if settings.tags else [])]
    conditions: dict[str, Any] = {"StringLike": {"sts:RoleSessionName": "jitui-*"}}
    if settings.external_id:
        conditions["StringEquals"] = {"sts:ExternalId": settings.external_id}
    trust = [_allow(actions[0], Principal={"AWS": principal(caller)}, Condition=conditions)]
    trust += [_allow(action, Principal={"AWS": principal(caller)}) for action in actions[1:]]
    looked_up = {"role_policy": _policy([_allow("eks:DescribeCluster", Resource=cluster)])} if not settings.url else {}
    entry = {"clusterName": settings.cluster, "principalArn": role, "type": "STANDARD", "kubernetesGroups": [group], "username": USERNAME}
    command = ["aws", "eks", "create-access-entry", "--region", settings.region, "--cli-input-json", json.dumps(entry)]
    return {
        "access_entry": entry, "access_entry_command": " ".join(shlex.quote(word) for word in command), "trust_policy": _policy(trust), **looked_up,
        "gateway_policy": _policy([_allow(actions if len(actions) > 1 else actions[0], Resource=role)]),
    }  # fmt: skip


def principal(caller: str) -> str:
    """The principal of a trust policy: for the session of a role, that role (its path is not in the session's ARN)."""
    parts = caller.split(":", 5)
    if len(parts) == 6 and parts[2] == "sts" and parts[5].startswith("assumed-role/"):
        return f"{parts[0]}:{parts[1]}:iam::{parts[4]}:role/{parts[5].split('/')[1]}"
    return caller or UNKNOWN


def _allow(action: str | list[str], **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, **more}


def _policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}
