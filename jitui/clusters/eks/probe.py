"""The way to an EKS cluster, step by step, for `jitui check`: what each step found, up to the first that fails."""

import asyncio
from collections.abc import AsyncIterator

from jitui.clusters.eks.role_session import SKEW_S
from jitui.clusters.eks.upstream import Eks
from jitui.clusters.kind import Step


async def probe(eks: Eks) -> AsyncIterator[Step]:
    """Raises UpstreamError, AwsError among them, at the step that fails, in one sentence with the fix."""
    settings = eks.aws.settings
    caller = await eks.threads(eks.aws.whoami)
    yield Step("AWS credentials", f"found: {caller.arn}")
    if abs(caller.ahead_s) > SKEW_S / 5:
        way = "ahead of" if caller.ahead_s > 0 else "behind"
        yield Step("clock", f"this machine's is {abs(caller.ahead_s):.0f} s {way} AWS's; from {SKEW_S:.0f} s on nothing works: set it", doubt=True)
    keys = await eks.own_keys()
    besides = [word for word, given in (("external_id", settings.external_id), ("source_identity", settings.source_identity), ("tags", settings.tags)) if given]
    yield Step("role", f"{settings.role} assumed{' with ' if besides else ''}{', '.join(besides)}, session {keys.arn.rpartition('/')[2]}")
    endpoint = await eks.endpoint.get()
    if endpoint.version:
        yield Step("cluster", f"{settings.cluster} in {settings.region} found, Kubernetes {endpoint.version}, authenticationMode {endpoint.mode or 'unknown'}")
    if endpoint.mode == "CONFIG_MAP":
        yield Step("cluster", "access entries do not count in mode CONFIG_MAP: map the role in aws-auth, by its ARN without a path; "
                   "or change the mode to API_AND_CONFIG_MAP", doubt=True)  # fmt: skip
    transport, _ = await eks.open(asyncio.Protocol)
    transport.abort()
    yield Step("endpoint", f"https://{eks.host.decode()} answers, its certificate is signed by {'the pinned' if settings.url else 'the looked-up'} authority")
