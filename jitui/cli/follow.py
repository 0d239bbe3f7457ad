"""Waiting for what a gateway does: facts as they come, a decision."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from jitui.api.operations import Operations
from jitui.api.views import FactView, RequestView
from jitui.cli.show import note
from jitui.values.errors import RefusedError, UnavailableError
from jitui.values.said import clean

RETRY_S: Final = 1.0
HOLD_S: Final = 20  # how long the gateway holds the answer back while nothing is decided
POLL_S: Final = 0.4  # between two such questions
PATIENCE_S: Final = 60.0  # how long a wait outlives a gateway that is gone: it may only be restarting


async def facts(gateway: Operations, since: int) -> AsyncIterator[FactView]:
    """Facts after `since`, for ever; when the gateway is silent that is said once, and again when it is back."""
    silent = False
    while True:
        try:
            async for fact in gateway.events(since=since):
                if silent:
                    note("the gateway answers again")
                    silent = False
                since = fact.seq
                yield fact
        except UnavailableError as error:
            if not silent:
                note(str(error))
                silent = True
        await asyncio.sleep(RETRY_S)


async def decision(gateway: Operations, asked: RequestView) -> RequestView:
    """The request once it is decided. Raises UnavailableError if the gateway stays away."""
    lost = 0.0
    while asked.state == "pending":
        try:
            asked = await gateway.request(asked.id, wait_s=HOLD_S)
            lost = 0.0
        except UnavailableError:
            lost += POLL_S
            if lost > PATIENCE_S:
                raise
        if asked.state == "pending":
            await asyncio.sleep(POLL_S)
    return asked


def must_be_approved(decided: RequestView) -> None:
    """Raises RefusedError with who said no, and why."""
    if decided.state != "approved":
        by = f" by {decided.decided_by}" if decided.decided_by else ""
        raise RefusedError(f"{decided.id} is {decided.state}{by}" + (f": {clean(decided.why)}" if decided.why.raw else ""))
