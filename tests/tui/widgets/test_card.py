"""A request and a window in full."""

from dataclasses import replace

import pytest
from textual.content import Content

from jitui.api.outcome import NOT_YET
from jitui.api.views import ClauseView, ProcessView
from jitui.policy.action import Hazard
from jitui.policy.brief import MEANS
from jitui.tui.theme import badge, state
from jitui.tui.widgets.card import labelled, preview_grant, preview_request, request_card, request_times, request_title
from jitui.values.said import Said
from tests.fakes.tui_desk import FakeDesk

ASKED = FakeDesk().ask_for()
WINDOW = FakeDesk().open_window()
HOSTILE = "漢字 \x1b[31m\u202e[bold]x[/] " * 20


def plain(lines: list[Content]) -> str:
    """The words of all lines, however they were wrapped."""
    return " ".join(" ".join(line.plain for line in lines).split())


@pytest.mark.parametrize("width", [60, 76, 196])
def test_no_clause_is_cut_off_unseen(width: int) -> None:
    """Each of nine long ones is there to its last word, within the width, the worst first and all of them counted."""
    names = [f"pods:{'x' * 20}-{at}" for at in range(30)]
    reads = [ClauseView(text=f"read {','.join(names)} in n{at} end-{at}", hazard="READ") for at in range(8)]
    lines = request_card(replace(ASKED, clauses=(*reads, ClauseView(text="bind roles", hazard="ESCAPE")), hazard="ESCAPE"), width)
    assert max(line.cell_length for line in lines) <= width
    words = plain(lines)
    assert all(f"end-{at}" in words for at in range(8))
    assert words.index("bind roles") < words.index("end-0")
    assert "the worst first" in words


@pytest.mark.parametrize("hazard", Hazard)
def test_a_hazard_has_its_badge_and_its_meaning(hazard: Hazard) -> None:
    """On its own colour; a word that is none is of unknown hazard."""
    lines = request_card(replace(ASKED, hazard=hazard), 76)
    assert MEANS[hazard] in plain(lines)
    assert badge(hazard) in {span.style for line in lines for span in line.spans}
    assert "of unknown hazard" in plain(request_card(replace(ASKED, hazard="[bold]"), 76))


@pytest.mark.parametrize("width", [20, 76, 196])
def test_words_of_others_are_plain_wrapped_text(width: int) -> None:
    """In every field, also where the card is narrower than any screen; empty ones leave no empty quotation."""
    said = Said(HOSTILE)
    request = replace(ASKED, identity=HOSTILE, owner=HOSTILE, hazard=HOSTILE, reason=said, token=HOSTILE, before=HOSTILE, used=HOSTILE, you_may_not=HOSTILE,
                      clauses=(ClauseView(text=HOSTILE, hazard=HOSTILE),), approvals=(HOSTILE,))  # fmt: skip
    window = replace(WINDOW, identity=HOSTILE, scope=HOSTILE, hazard=HOSTILE, last=said, frozen_by=HOSTILE)
    ended = replace(window, ended="x", ended_by=HOSTILE)
    for card in (preview_request(request, 0, width), preview_grant(window, 0, width), preview_grant(ended, 0, width)):
        assert "[bold]x[/]" in plain(card)
        assert not {"\x1b", "\u202e", "\n"} & set(plain(card))
        assert not [line for line in card if "\n" in line.plain]
    assert "says nothing" in plain(request_card(replace(ASKED, reason=Said("")), width if width > 20 else 76))


def test_a_label_stands_once_and_its_words_below_one_another() -> None:
    """Ten cells of label, also where there is nothing to say."""
    lines = [line.plain for line in labelled("why", "word " * 30, 40)]
    assert lines[0].startswith(" why       word word")
    assert {line[:11] for line in lines[1:]} == {" " * 11}
    assert max(map(len, lines)) <= 40
    assert [line.plain for line in labelled("why", "", 40)] == [" why       "]


def test_the_card_of_an_ended_window_says_what_became_of_its_processes() -> None:
    """In the words of a revoke, and in colour unless all of them are known to have ended."""
    over = replace(WINDOW, state="expired", ended="2026-11-23T16:04:11.000000Z", cut=1)
    gone = ProcessView(session="s-1", pod="web/a", pod_uid="u", container="app", container_id="c", pid=7, start=1, argv=(Said("sleep"),), state="ended",
                       proof=("gone",), took_ms=400, why="")  # fmt: skip
    for view, said, sure in ((replace(over, processes=(gone,)), "1 process ended in web/a, confirmed in 0.4 s", True),
                             (replace(over, proving=1), NOT_YET, False),
                             (replace(over, processes=(replace(gone, state="unexplained"),)), "1 process may still run: pid 7", False)):  # fmt: skip
        card = preview_grant(view, 0, 120)
        assert f"pods {said}" in plain(card)
        (line,) = [line for line in card if line.plain.startswith(" pods ")]
        assert ("bold $state-ending" in {span.style for span in line.spans}) != sure
    assert " pods " not in plain(preview_grant(over, 0, 120))


def test_a_decision_stands_in_the_place_of_the_time_that_was_left() -> None:
    """How long it waits, in colour for the last five minutes; then its state, by whom, and why."""
    assert "lapses in 59m00s  0 of 1" in request_times(ASKED, 60).plain
    late = request_times(ASKED, 3301)
    assert "bold $state-ending" in {span.style for span in late.spans}
    assert "bold $state-ending" not in {span.style for span in request_times(ASKED, 60).spans}
    denied = replace(ASKED, state="denied", decided_by="bo", decided="2026-11-23T16:04:11.000000Z", why=Said("not now"))
    assert request_times(denied, 60).plain == "denied"
    assert "denied by bo at " in plain(request_card(denied, 76))
    assert f"bold {state('denied')}" in {span.style for line in request_card(denied, 76) for span in line.spans}
    assert request_title(replace(ASKED, owner="")).plain == f"{ASKED.id}  {ASKED.identity} asks for {ASKED.connection}"
