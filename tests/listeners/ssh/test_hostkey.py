"""The host key is made once."""

from pathlib import Path

import pytest

from jitui.listeners.ssh import hostkey
from jitui.values.errors import ConfigurationError, UnsafeError


def test_it_is_made_once(tmp_path: Path) -> None:
    """For its owner's eyes alone; the next start finds it."""
    made = hostkey.ensure(tmp_path)
    assert made.get_fingerprint() == hostkey.ensure(tmp_path).get_fingerprint()
    assert (tmp_path / hostkey.NAME).stat().st_mode & 0o777 == 0o600


def test_a_broken_one_is_not_replaced(tmp_path: Path) -> None:
    """Every client would take the new one for an attack, so a person decides."""
    (tmp_path / hostkey.NAME).write_text("no key")
    (tmp_path / hostkey.NAME).chmod(0o600)
    with pytest.raises(ConfigurationError, match="restore it from a copy"):
        hostkey.ensure(tmp_path)


def test_one_that_others_may_read_stops_the_start(tmp_path: Path) -> None:
    """Whoever has it can be taken for this gateway."""
    hostkey.ensure(tmp_path)
    (tmp_path / hostkey.NAME).chmod(0o640)
    with pytest.raises(UnsafeError, match="has mode 0640, so others may read it"):
        hostkey.ensure(tmp_path)
