"""A key names one identity, and only under its own name; so does a token, where passwords are taken."""

from pathlib import Path

import pytest

from jitui.auth.callers import Callers
from jitui.auth.certificates import Trust
from jitui.auth.sshkeys import read_keys
from jitui.listeners.ssh.who import Keys
from jitui.values.errors import UnknownCallerError
from tests.fakes.desk import PUBLIC
from tests.fakes.house import ADMIN, AGENT, house


async def test_a_key_is_one_identitys(tmp_path: Path) -> None:
    """Under another name it is unknown, and with its identity it ends."""
    async with house(tmp_path) as home:
        (key,) = read_keys(PUBLIC)
        keys = Keys(Callers(home.broker.roster.directory, home.clock))
        await home.broker.roster.add_keys(AGENT, [key], by=ADMIN)
        known = keys.by_key(AGENT, key.blob, "192.0.2.1")
        assert (known.who.name, known.how) == (AGENT, f"ssh, key {key.fingerprint}")
        assert known.standing() == known.who
        with pytest.raises(UnknownCallerError):
            keys.by_key("agent-y", key.blob, "192.0.2.1")
        await home.broker.roster.disable(AGENT, by=ADMIN, reason="")
        with pytest.raises(UnknownCallerError, match="is disabled here"):
            known.standing()


async def test_a_token_is_a_password_only_if_told(tmp_path: Path) -> None:
    """And then its own identity's."""
    async with house(tmp_path) as home:
        directory = home.broker.roster.directory
        keys = Keys(Callers(directory, home.clock))
        taken = [keys.passwords]
        with pytest.raises(UnknownCallerError, match="no password is taken"):
            keys.by_password(AGENT, home.token)
        directory.name_people(directory.people, Trust(passwords=True))
        assert [*taken, keys.passwords] == [False, True]
        assert keys.by_password(AGENT, home.token).how == f"ssh, token {home.token[:11]}"
        with pytest.raises(UnknownCallerError):
            keys.by_password("root", home.token)
