"""The types of the settings file refuse what a person did not mean."""

import pytest
from pydantic import ValidationError

from jitui.values.fields import Bytes, Seconds, Strict


class Part(Strict):
    duration: Seconds = 60
    size: Bytes = 1
    count: int = 0


def test_durations_and_sizes_are_read_as_people_write_them() -> None:
    part = Part.model_validate({"duration": "1h30m", "size": "500MB"})
    assert (part.duration, part.size) == (5400, 500_000_000)


@pytest.mark.parametrize("given", [{"duration": 90}, {"duration": "ninety"}, {"size": 500}, {"size": "500"}, {"count": "1"}, {"unknown": 1}])
def test_nothing_is_guessed(given: dict[str, object]) -> None:
    """A number without a unit, text for a number, an unknown key."""
    with pytest.raises(ValidationError):
        Part.model_validate(given)


def test_nothing_changes_later() -> None:
    part = Part()
    with pytest.raises(ValidationError):
        part.count = 2
