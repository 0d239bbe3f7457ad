"""A key names one identity, and only under its own name."""

from pathlib import Path

import asyncssh
import pytest

from jitui.listeners.ssh.who import FixedKeys
from jitui.values.errors import UnknownCallerError
from tests.fakes.house import ADMIN, AGENT, house


async def test_a_key_is_one_identitys(tmp_path: Path) -> None:
    """Under another name it is unknown, and with its identity it ends."""
    async with house(tmp_path) as home:
        key = asyncssh.generate_private_key("ssh-ed25519")
        keys = FixedKeys({key.get_fingerprint(): AGENT}, home.broker.roster.directory)
        known = keys.by_key(AGENT, key, "192.0.2.1")
        assert known is not None
        assert (known.who.name, known.how) == (AGENT, f"ssh, key {key.get_fingerprint()}")
        assert keys.by_key("agent-y", key, "192.0.2.1") is None
        assert keys.by_password(AGENT, home.token) is None
        await home.broker.roster.disable(AGENT, by=ADMIN, reason="")
        with pytest.raises(UnknownCallerError, match="disabled"):
            known.standing()
