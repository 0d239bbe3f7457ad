"""A page is a list that knows where the next one begins."""

from jitui.values.page import Page


def test_a_page_is_its_items() -> None:
    """Equal to a plain list, so that callers who want no more need not know."""
    page = Page(["a", "b"], more="b")
    assert page == ["a", "b"]
    assert page.more == "b"


def test_the_last_page_has_no_cursor() -> None:
    """And no page says by itself that a limit left something out."""
    assert Page([1]).more == ""
    assert (Page([1]).older, Page([1], older=True).older) == (False, True)
