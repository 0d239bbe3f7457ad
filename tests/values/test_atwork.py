"""A limit at work is a value: what is shown of it can't change."""

from dataclasses import FrozenInstanceError

import pytest

from jitui.values.atwork import AtWork, unheard


def test_a_limit_at_work_is_frozen() -> None:
    """It says which limit, whom it refused, the words, and how often."""
    at_work = AtWork(limit="strangers", who="192.0.2.1", words="too many", times=3)
    with pytest.raises(FrozenInstanceError):
        at_work.times = 4  # type: ignore[misc]


def test_a_reporter_that_nobody_listens_to_takes_any_refusal() -> None:
    unheard("strangers", "192.0.2.1", "too many")
