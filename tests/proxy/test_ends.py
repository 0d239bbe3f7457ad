"""The words for how sessions end, which are on record for years."""

import re
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from jitui.proxy.ends import End, Why
from jitui.store import listing, recovery


def test_the_ends_that_the_store_counts_exist() -> None:
    """The store may not import this room and has words of its own: each of them is one of these."""
    (counted,) = re.findall(r"ended_why in \(([^)]*)\)", Path(listing.__file__).read_text())
    assert {word.strip(" '") for word in counted.split(",")} <= set(Why)
    assert f'"{Why.GATEWAY_LOST}"' in Path(recovery.__file__).read_text()


def test_each_word_says_one_thing() -> None:
    """In small letters with hyphens, as they stand in facts, and in JSON."""
    assert len(set(Why)) == len(Why.__members__)
    for name, why in Why.__members__.items():
        assert str(why) == name.lower().replace("_", "-")


def test_an_end_is_the_same_for_every_leg() -> None:
    """Nobody can change what another leg is told; without a code of its own it is a refusal."""
    end = End(Why.KILLED, "ana", "jitui: killed by ana: odd")
    assert (end.code, end.reason) == (403, "Forbidden")
    with pytest.raises(FrozenInstanceError):
        end.words = "jitui: never mind"  # type: ignore[misc]
