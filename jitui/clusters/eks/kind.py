"""The kind `kubernetes-eks`: a connection by a role that is assumed for each grant. boto3 is imported when one is loaded, and not before (half a second)."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from jitui.clusters.eks import policies
from jitui.clusters.eks.settings import RoleSettings
from jitui.clusters.kind import ClusterKind, ConnectionSettings, Note, Step, Work, quietly
from jitui.clusters.port import Tell
from jitui.values.clock import Clock
from jitui.values.errors import ConfigurationError, JituiError
from jitui.values.fields import FilePath

if TYPE_CHECKING:
    from jitui.clusters.eks.upstream import Eks

ROLE_VARIABLE: Final = "EKS_ROLE_ARN"
ROLE: Final = r"^(arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+)?$"
TAG_KEY: Final = r"^[\p{L}\p{Z}\p{N}_.:/=+@-]+$"  # STS's own pattern
TAG_VALUE: Final = r"^(?:[\p{L}\p{Z}\p{N}_.:/=+@-]|\{grant\}|\{identity\})*$"
FILLED: Final = r"^(?:[A-Za-z0-9_+=,.@-]|\{grant\}|\{identity\})*$"  # the characters that STS takes, and the placeholders for the window's own names


class EksConnection(ConnectionSettings):
    kind: Literal["kubernetes-eks"]
    cluster_name: str = Field(pattern=r"^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$")
    """The cluster's own name; tokens are signed for it."""
    region: str = Field(pattern=r"^[a-z0-9-]+$")
    cluster_url: str = Field(default="", pattern=r"^(https://.+)?$")
    """Skips the look-up; then certificate_authority too."""
    certificate_authority: FilePath | None = None
    role_arn: str = Field(default="", pattern=ROLE)
    """The role that is assumed, a session for each window; EKS_ROLE_ARN in the environment also serves."""
    external_id: str = Field(default="", pattern=r"^(?:[A-Za-z0-9_+=,.@:/-][A-Za-z0-9_+=,.@:/-]+)?$", max_length=1224)
    """What the role's trust policy asks for as sts:ExternalId."""
    profile: str = ""
    """Of the gateway's own AWS credentials; otherwise the environment, AWS_PROFILE, or where it runs says."""
    source_identity: str = Field(default="", pattern=FILLED, max_length=64)
    """The sessions' SourceIdentity, {identity} for instance; needs sts:SetSourceIdentity."""
    tags: dict[Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=TAG_KEY)],
               Annotated[str, StringConstraints(max_length=256, pattern=TAG_VALUE)]] = Field(default_factory=dict, max_length=50)  # fmt: skip
    """Session tags; {grant} and {identity} in a value stand for the window's. Needs sts:TagSession."""

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if bool(self.cluster_url) != (self.certificate_authority is not None):
            raise ValueError("cluster_url and certificate_authority go together: both, or neither to look them up")
        keys = [key.lower() for key in self.tags]
        if any(key.startswith("aws:") for key in keys) or len(set(keys)) < len(keys):
            raise ValueError("tags: keys that begin with aws: are AWS's own, and two that differ only in case are one to it; choose others")
        return self

    def role_settings(self) -> RoleSettings:
        """The settings without the file's form, and with their role. Raises ConfigurationError if no role is named, here or in the environment."""
        role = self.role_arn or os.environ.get(ROLE_VARIABLE, "")
        if not role:
            raise ConfigurationError(f"role_arn is missing, and {ROLE_VARIABLE} is not in the environment")
        if not re.fullmatch(ROLE.strip("^$"), role):
            raise ConfigurationError(f"{ROLE_VARIABLE} in the environment is no role's ARN: {role[:80]!r}")
        return RoleSettings(cluster=self.cluster_name, region=self.region, role=role, url=self.cluster_url, authority=self.certificate_authority,
                     external_id=self.external_id, profile=self.profile, source_identity=self.source_identity, tags=dict(self.tags))


class EksKind(ClusterKind[EksConnection, "Eks"]):
    """The role is the gateway's own, so its rights are compared with the rules; an access entry maps it to a group, which is bound."""

    name = "kubernetes-eks"
    settings = EksConnection
    compares_rights = True

    def must_be_whole(self, connection: EksConnection) -> None:
        connection.role_settings()

    def load(self, connection: EksConnection, clock: Clock, tell: Tell = quietly) -> "Eks":
        from jitui.clusters.eks.upstream import Eks  # noqa: PLC0415 - boto3

        return Eks.load(connection.role_settings(), clock, tell)

    def renewing(self, upstream: "Eks") -> Work:
        return upstream.run

    async def probe(self, upstream: "Eks") -> AsyncIterator[Step]:
        from jitui.clusters.eks.probe import probe  # noqa: PLC0415 - boto3

        async for step in probe(upstream):
            yield step

    async def documents(self, connection: EksConnection, group: str, note: Note) -> dict[str, Any]:
        """The access entry and the policies of the AWS account."""
        from jitui.clusters.eks.aws import Aws  # noqa: PLC0415 - boto3

        settings = connection.role_settings()
        try:
            aws = await asyncio.to_thread(Aws, settings)
            caller = (await asyncio.to_thread(aws.whoami)).arn
        except JituiError as error:
            note(f"AWS can't be asked who the gateway is: {error}; put its ARN in place of {policies.UNKNOWN}")
            caller = ""
        if ":assumed-role/" in caller:
            note(f"the trust policy names {policies.principal(caller)}; if the gateway's own role has a path, as roles of AWS SSO have, put it in")
        return policies.documents(settings, group, caller)
