"""The fake gateway behind a real server, and desks over it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jitui.api.client import Client
from tests.fakes.gateway import Address, serving


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Address]:
    async with serving(tmp_path) as address:
        yield address


@pytest.fixture
async def local(gateway: Address) -> AsyncIterator[Client]:
    """The local user, over the Unix socket."""
    desk = Client(f"unix:{gateway.socket}")
    yield desk
    await desk.aclose()


@pytest.fixture
async def agent(gateway: Address) -> AsyncIterator[Client]:
    """The agent, over TLS with its token."""
    desk = Client(gateway.url, token=gateway.agent, ca=gateway.ca)
    yield desk
    await desk.aclose()


@pytest.fixture
async def ana(gateway: Address) -> AsyncIterator[Client]:
    desk = Client(gateway.url, token=gateway.ana, ca=gateway.ca)
    yield desk
    await desk.aclose()
