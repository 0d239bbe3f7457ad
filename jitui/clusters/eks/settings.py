"""The settings of one EKS connection as values, and the names that follow from them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from jitui.policy.terms import Grant

ROLE: Final = r"arn:(aws[a-z0-9-]*):iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}"
NAME_LIMIT: Final = 64  # characters of a RoleSessionName and of a SourceIdentity
OUTSIDE: Final = re.compile(r"[^\w+=,.@-]", re.ASCII)  # botocore checks the length alone, STS this pattern
NOT_IN_TAGS: Final = re.compile(r"[^\w\s.:/=+@-]")
SHORTEST_S: Final = 900
LONGEST_S: Final = 3600  # never over a limit: a role's MaxSessionDuration is at least this, and chained sessions get no more


@dataclass(frozen=True, slots=True)
class RoleSettings:
    """The role that is assumed, and the cluster it is assumed for."""

    cluster: str
    region: str
    role: str  # ARN
    url: str = ""  # with `authority`: DescribeCluster is not called
    authority: Path | None = None  # PEM
    external_id: str = field(default="", repr=False)
    profile: str = ""  # of the gateway's own credentials
    source_identity: str = ""  # may hold {grant} and {identity}, as the values of tags may
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        """aws, aws-cn, aws-us-gov ... of the role."""
        return self.role.split(":")[1]

    def source(self, grant: Grant | None) -> str:
        """The SourceIdentity of a session, empty if none is configured."""
        return cleaned(_filled(self.source_identity, grant)) if self.source_identity else ""

    def tags_of(self, grant: Grant | None) -> tuple[tuple[str, str], ...]:
        """The tags of a session."""
        return tuple((key, NOT_IN_TAGS.sub("-", _filled(value, grant))[:256]) for key, value in self.tags.items())


def session_name(grant: Grant | None, host: str = "") -> str:
    """jitui-g-17-agent-deploybot, so that the cluster's audit log tells grants apart; of the gateway's own session jitui-gateway-HOST."""
    return cleaned(f"jitui-gateway-{host or 'own'}" if grant is None else f"jitui-{grant.label}-{grant.identity}")


def duration_s(left_s: float) -> int:
    """DurationSeconds of a session for a window that lasts so many seconds more: a longer one is assumed again."""
    return max(SHORTEST_S, min(LONGEST_S, round(left_s)))


def cleaned(text: str) -> str:
    """The text as STS takes it: 2 to 64 characters of its pattern."""
    return OUTSIDE.sub("-", text)[:NAME_LIMIT].ljust(2, "-")


def _filled(text: str, grant: Grant | None) -> str:
    grant_id, identity = (grant.label, grant.identity) if grant is not None else ("none", "gateway")
    return text.replace("{grant}", grant_id).replace("{identity}", identity)
