"""Amounts of bytes as people write them."""

import pytest
from hypothesis import given, strategies as st

from jitui.values import size
from jitui.values.errors import InvalidError


@pytest.mark.parametrize(("text", "count"), [
    ("2GiB", 2 << 30), ("500MB", 500_000_000), ("64KiB", 65_536), ("1KB", 1000), ("9B", 9), ("1TB", 10**12), ("3TiB", 3 << 40), ("1024TiB", 1 << 50),
])  # fmt: skip
def test_parse(text: str, count: int) -> None:
    """A whole number and its unit: KB and its like by ten, KiB and its like by two."""
    assert size.parse(text) == count


@pytest.mark.parametrize("text", [
    "", "2", "2 GiB", "2gib", "2G", "GiB", "1.5GiB", "-1GiB", "0B", "2GiB\n", "\u0662GiB", "1025TiB", "9999999999B", "2BiB", "2GiBs", "1iB",
])  # fmt: skip
def test_parse_refuses(text: str) -> None:
    """Anything else is refused, and the message shows the form."""
    with pytest.raises(InvalidError, match=r"a size"):
        size.parse(text)


@pytest.mark.parametrize(("count", "text"), [
    (0, "0 B"), (-5, "0 B"), (1023, "1023 B"), (12_345, "12.1 KiB"), (2 << 30, "2 GiB"), (1536 << 10, "1.5 MiB"), (500_000_000, "500 MB"), (10**12, "1 TB"),
])  # fmt: skip
def test_show(count: int, text: str) -> None:
    """As it was written if that was a round number, and one decimal else."""
    assert size.show(count) == text


@given(st.integers(1, 999), st.sampled_from(["MB", "GB", "TB", "KiB", "MiB", "GiB"]))
def test_what_was_written_is_shown(number: int, unit: str) -> None:
    """The agent reads the size as a person wrote it in the rule, unless a larger unit says the same."""
    assert size.parse(size.show(size.parse(f"{number}{unit}")).replace(" ", "")) == size.parse(f"{number}{unit}")
