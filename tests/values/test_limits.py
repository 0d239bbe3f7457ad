"""The limits of the settings file."""

import pytest
from pydantic import ValidationError

from jitui.values.limits import Limits


def test_each_has_a_default_and_says_what_it_bounds() -> None:
    """The descriptions stand in the JSON Schema of the settings; the two of a pair share one."""
    described = {name for name, field in Limits.model_fields.items() if field.description}
    assert set(Limits.model_fields) - described == {"api_connections_per_agent", "api_streams_per_person", "api_requests_burst"}
    assert Limits().strangers_per_address < Limits().strangers


@pytest.mark.parametrize("given", [{"heads": "1MiB"}, {"strangers": 0}, {"requests_burst": 2_000_000}, {"handshake": 5}])
def test_what_can_not_be(given: dict[str, object]) -> None:
    """Less room than one request head, none at all, more than a million, a duration without its unit."""
    with pytest.raises(ValidationError):
        Limits.model_validate(given)
