"""What holds the gateway together while it runs."""

import asyncio
from typing import Any

from jitui.serve import always


class Log:
    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []

    def exception(self, event: str, **more: Any) -> None:
        self.said.append((event, more))


async def test_what_fails_in_the_background_is_said_and_begun_again() -> None:
    """It takes nobody's window with it; a stop ends it."""
    begun, log = 0, Log()

    async def work() -> None:
        nonlocal begun
        begun += 1
        raise KeyError("cluster")

    task = asyncio.create_task(always(work, log, 0.0))
    while begun < 3:  # noqa: ASYNC110 - what changes has no event
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert log.said[0][0] == "a background task failed and is begun again"
    assert log.said[0][1]["error"] == "KeyError('cluster')"
