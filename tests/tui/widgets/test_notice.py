"""The line for what just happened."""

import pytest

from jitui.tui.widgets import notice
from jitui.tui.widgets.notice import Notice
from tests.tui.alone import Alone
from tests.tui.seeing import screenful


@pytest.mark.parametrize("width", [80, 200])
async def test_the_newest_words_replace_what_was_there(width: int) -> None:
    """A glyph says whether it went well; nothing is shown before, and one line however long the words are."""
    line = Notice()
    app = Alone(line)
    async with app.run_test(size=(width, 4)) as pilot:
        assert screenful(app).text.split() == []
        line.say("r-1 approved: window g-1")
        await pilot.pause()
        assert screenful(app).lines[2].rstrip() == " ✓ r-1 approved: window g-1"
        line.say("the gateway did not answer " * 40, bad=True)
        await pilot.pause()
        assert screenful(app).lines[2].startswith(" ✗ the gateway did not answer the")
        assert "r-1" not in screenful(app).text
        assert [bool(each.strip()) for each in screenful(app).lines] == [False, False, True, False]


async def test_words_of_others_are_plain_text() -> None:
    """No markup of them works, and no control character of them is on the screen."""
    line = Notice()
    app = Alone(line)
    async with app.run_test(size=(80, 4)) as pilot:
        line.say("[link=https://evil.example]x[/link] \x1b[31mred\n\u202eend")
        await pilot.pause()
        seen = screenful(app)
        assert "[link=https://evil.example]x[/link]" in seen.lines[2]
        assert not {"\x1b", "\n", "\u202e"} & set(seen.lines[2])
        assert all(segment.style is None or segment.style.link is None for segment in seen.segments)


async def test_it_goes_by_itself_and_a_newer_one_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer of the first one does not end the second."""
    line = Notice()
    async with Alone(line).run_test(size=(80, 4)) as pilot:
        monkeypatch.setattr(notice, "STAYS_S", 0.05)
        line.say("first")
        monkeypatch.setattr(notice, "STAYS_S", 30.0)
        line.say("second")
        await pilot.pause(0.15)
        assert line.display
        monkeypatch.setattr(notice, "STAYS_S", 0.01)
        line.say("third")
        await pilot.pause(0.15)
        assert not line.display
