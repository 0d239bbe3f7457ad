"""The views of the record at a moment, as they cross to another process."""

from jitui.api.client.shapes import read
from jitui.api.moments import EventView, ExchangeView, MessageView
from jitui.values import plain
from jitui.values.said import Said


def test_they_come_back_as_they_were() -> None:
    """What is not there is null, text of others stays theirs, and a key of a newer gateway is left out."""
    event = EventView(key="1.0.1", at="2026-11-23T16:07:52.000000Z", kind="grant.ended", mark="Z")
    assert read(EventView, plain.of(event) | {"newer": 1}) == event
    message = MessageView(head=(Said("GET / HTTP/1.1"),), body=(Said("[@click=app.quit]"), Said("\x1b[2J")), size=23)
    found = ExchangeView(session="s-1", conn=0, at="", request=message, answer=None, masked=0)
    assert read(ExchangeView, plain.of(found)) == found
