"""A real server over the fake gateway."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.gateway import Address, serving


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Address]:
    async with serving(tmp_path) as address:
        yield address


@pytest.fixture
async def local(gateway: Address) -> AsyncIterator[httpx.AsyncClient]:
    """Over the Unix socket, without a token."""
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(gateway.socket)), base_url="http://gateway") as client:
        yield client


@pytest.fixture
async def remote(gateway: Address) -> AsyncIterator[httpx.AsyncClient]:
    """Over TLS, pinned to the authority, without a token."""
    async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=gateway.ca), base_url=gateway.url) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
