"""Events out of lines."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given, strategies as st

from jitui.api.client.sse import Decoder, Event, lines


def feed(text: str) -> list[Event]:
    decoder = Decoder()
    return [event for line in text.split("\n") if (event := decoder.feed(line)) is not None]


def test_events() -> None:
    """Comments are skipped, an empty line completes, a stream cut in the middle of an event yields no half."""
    assert feed(': open\n\nid: 4\nevent: fact\ndata: {"a":1}\n\n: alive\n\ndata: x\ndata: y\n\nevent: fact\ndata: cut') == [
        Event("fact", '{"a":1}'), Event("message", "x\ny")]


@given(st.lists(st.tuples(st.from_regex(r"[a-z]{1,9}", fullmatch=True), st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))))
def test_round_trip(events: list[tuple[str, str]]) -> None:
    """The client reads exactly what the gateway writes, leading spaces included."""
    text = "".join(f"id: 1\nevent: {name}\ndata: {data}\n\n" for name, data in events)
    assert feed(text) == [Event(name, data) for name, data in events]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
async def test_lines_are_cut_anywhere(size: int) -> None:
    """Both ends of a line are known; a letter of several bytes may be cut; what has no end is no line."""
    sent = "id: 1\r\ndata: zürich ☃\n\ndata: begun".encode()

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(sent), size):
            yield sent[at : at + size]

    assert [line async for line in lines(pieces())] == ["id: 1", "data: zürich ☃", ""]
