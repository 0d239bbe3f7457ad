"""Lines of a window's events, and a request opened: hostile text is text, every line is as wide as asked."""

import pytest
from textual.content import Content

from jitui.api.moments import EventView, ExchangeView, MessageView
from jitui.api.views import ActionView, FactView
from jitui.tui.widgets.events import event_row, exchange_lines
from jitui.values.said import Said
from tests.fakes.desk import session_view

DENIED = ActionView(at="", session="", grant="g-1", conn=0, identity="bot", verb="get", resource="secrets", namespace=Said("x\x1b[2J"), name=Said("[/]db"),
                    argv=(), hazard="SECRET", verdict="denied", clause="[bold]no", code=403, bytes_in=0, bytes_out=0, audit_id="", count=2)  # fmt: skip
BAD = "[@click=app.quit]x[/]\x1b[31m\u202e\x00\n" + "y" * 500


def plain(line: Content) -> str:
    """The text of a line, which links and colours of others have not reached."""
    assert "\x1b" not in line.plain
    assert not any("@click" in str(span.style) for span in line.spans)
    return line.plain


@pytest.mark.parametrize("width", [30, 44, 60, 118])
@pytest.mark.parametrize("event", [
    EventView(key="1.0.1", at="2026-11-23T16:04:07Z", kind=BAD, fact=FactView(seq=1, at="", kind=BAD, who=BAD, subject="g-1", what={"why": BAD}, hash="")),
    EventView(key="1.1.1", at=BAD, kind="opened", stream=session_view("s-1")), EventView(key="1.2.1", at="", kind="request", mark="D", action=DENIED),
], ids=["fact", "stream", "request"])  # fmt: skip
def test_a_line_is_as_wide_as_asked(event: EventView, width: int) -> None:
    """Whatever is in it, before its time and after it."""
    for past in (True, False):
        line = event_row(event, now=past, past=past)(width)
        assert line.cell_length == width
        assert plain(line)


def test_a_request_opened() -> None:
    """Heads, laid out bodies with their indent, the gateway's words; of a very long body how much is left out."""
    request = MessageView(head=(Said("PATCH /x HTTP/1.1"), Said(BAD)), body=(Said("{"), Said('    "a": "[bold]b"'), Said("}")), size=30, note="cut")
    long = MessageView(head=(Said("HTTP/1.1 200 OK"),), body=tuple(Said(BAD) for _ in range(1600)), size=9)
    view = ExchangeView(session="s-1", conn=3, at="2026-11-23T16:04:07Z", request=request, answer=long, masked=2, words=(Said(BAD),))
    lines = [plain(line) for line in exchange_lines(view, 80)]
    assert "s-1 request 3" in lines[0]
    assert "2 secrets masked" in lines[0]
    assert '    "a": "[bold]b"' in lines
    assert any("100 further lines" in line for line in lines)
    assert any("no answer is on record" in plain(line) for line in exchange_lines(ExchangeView(
        session="s-1", conn=3, at="", request=request, answer=None, masked=0), 80))  # fmt: skip
