"""The settings under `retention:`; tests/test_config.py reads them from a file."""

import pytest

from jitui.values.keeping import Retention


def test_something_has_to_decide() -> None:
    """A time or a size; without either the settings say nothing."""
    assert Retention.model_validate({"max": "16MiB"}).tapes is None
    assert Retention.model_validate({"tapes": "90d"}).max is None
    with pytest.raises(ValueError, match="after which tapes go"):
        Retention.model_validate({"at_least": "1d"})
