"""Requests and windows as one line each."""

from dataclasses import replace

import pytest
from rich.cells import cell_len

from jitui.api.views import ClauseView, GrantView, RequestView
from jitui.tui.widgets.grants import Draw, ended_row, live_row, request_row, window_row
from jitui.values.said import Said
from tests.fakes.tui_desk import FakeDesk

HOSTILE = "漢字 \x1b[31m\u202e[bold]x[/] " * 60
WIDTHS = (20, 59, 60, 80, 96, 140, 200)


def asked() -> RequestView:
    return replace(FakeDesk().ask_for(), clauses=(ClauseView(text="read pods in web", hazard="READ"), ClauseView(text="bind roles in web", hazard="ESCAPE")))


def window() -> GrantView:
    return replace(FakeDesk().open_window(), last=Said("GET pods 200"), open_streams=1)


def ended() -> GrantView:
    return replace(window(), state="expired", ended="2026-11-23T16:04:11.000000Z", ended_by="gateway", cut=2, may_run_on=1)


def every(text: str) -> list[Draw]:
    """Each kind of line, with these words in each field that others write."""
    grants = [replace(view, identity=text, connection=text, hazard=text, last=Said(text), why=Said(text)) for view in (window(), ended())]
    request = replace(asked(), identity=text, connection=text, hazard=text, clauses=(ClauseView(text=text, hazard=text),) * 9)
    live = grants[0]
    return [request_row(request, 0), *(live_row(each, 0, new=True) for each in (live, replace(live, frozen_by=text), replace(live, state="waiting"))),
            ended_row(grants[1]), *(window_row(each, 0, new=True) for each in (*grants, replace(live, frozen_by=text)))]  # fmt: skip


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("text", ["", "x", "long " * 200, HOSTILE], ids=["empty", "short", "long", "hostile"])
def test_a_line_has_its_width_whatever_its_fields_hold(text: str, width: int) -> None:
    """Of each kind, and no control character of others is in it."""
    for draw in every(text):
        line = draw(width).plain
        assert cell_len(line) == width
        assert not {"\x1b", "\u202e", "\n"} & set(line)


@pytest.mark.parametrize("width", [76, 80, 198])
def test_a_request_shows_its_worst_clause_first_and_that_there_are_more(width: int) -> None:
    """At 80 columns as at 200; how many approvals it has where it needs two, or where there is room."""
    line = request_row(asked(), 0)(width).plain
    assert "ESCAPE bind ro" in line
    assert ("+1 READ" in line) != ("read pods in web" in line)
    assert ("0/1" in line) == (width > 96)
    assert "0/2" in request_row(replace(asked(), approvals_needed=2), 0)(width).plain


@pytest.mark.parametrize(("changes", "passed", "glyph", "words"), [
    ({}, 0.0, "●", "30m00s"),
    ({}, 1741.0, "!", "0m59s"),
    ({}, 9999.0, "!", "0m00s"),
    ({"state": "waiting"}, 0.0, "○", "starts at its"),
    ({"frozen_by": "ana", "held": 4096}, 0.0, "=", "FROZEN by ana, 4.0 KB held"),
    ({"frozen_by": "ana"}, 1741.0, "=", "FROZEN by ana, 0 B held"),
], ids=["active", "ending", "over", "waiting", "frozen", "frozen-and-ending"])  # fmt: skip
@pytest.mark.parametrize("width", [76, 198])
def test_a_glyph_and_words_say_the_state_of_a_window(changes: dict[str, object], passed: float, glyph: str, words: str, width: int) -> None:
    """By the seconds that have passed here since the gateway said them; frozen goes before all."""
    view = replace(window(), **changes)  # type: ignore[arg-type]
    line = live_row(view, passed)(width).plain
    assert line[0] == glyph
    assert words in line
    assert window_row(view, passed, new=False)(38).plain[0] == glyph or changes == {"state": "waiting"}


def test_an_ended_window_says_how_and_what_it_left_behind() -> None:
    """By whom, unless its time was over; nothing of streams where none was cut."""
    line = ended_row(ended())(100).plain
    assert "expired" in line
    assert "1 may run on  2 streams cut" in line
    assert "by " not in line
    assert "looking into pods  2 streams cut" in ended_row(replace(ended(), proving=1))(100).plain
    line = ended_row(replace(ended(), state="revoked", ended_by="bo", why=Said("odd"), cut=0, may_run_on=0))(100).plain
    assert line.startswith("✗")
    assert "by bo  odd" in line
    assert "cut" not in line
