"""Events out of lines."""

from hypothesis import given, strategies as st

from jitui.api.client.sse import Decoder, Event


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
