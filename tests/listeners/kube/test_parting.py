"""The last words on a connection are read before it is closed."""

import asyncio
from typing import cast

import pytest

from jitui.listeners.kube import parting as module
from jitui.listeners.kube.parting import Parting


class Transport:
    closed = False

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def test_it_closes_once_all_is_written_and_the_client_is_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A close with bytes unread in it would be a reset, which throws away what the client has not read yet (RFC 9112, 9.6)."""
    monkeypatch.setattr(module, "LINGER", 0.05)
    written, transport = False, Transport()
    parting = Parting(lambda: written)
    parting.begin(cast("asyncio.Transport", transport))
    await asyncio.sleep(0.1)
    assert not transport.closed, "there are bytes to write"
    written = True
    parting.look()
    for _ in range(3):
        parting.heard()
        await asyncio.sleep(0.06)
        assert not transport.closed, "the client still sends"
    await asyncio.sleep(0.1)
    assert transport.closed
