"""Lists that people act on do not move under the cursor."""

from hypothesis import given, strategies as st

from jitui.tui.order import Order


def test_newcomers_join_at_the_end_and_are_new_until_looked_at() -> None:
    """Also if the gateway puts them first."""
    order = Order()
    order.update(["a", "b"])
    order.update(["c", "a", "b"])
    assert order.ids == ["a", "b", "c"]
    assert order.new == {"c"}
    order.seen("c")
    assert order.new == set()


def test_the_first_look_holds_nothing_new() -> None:
    """Everything is as new as everything else."""
    order = Order()
    order.update(["a", "b"])
    assert order.new == set()


def test_sorting_takes_the_gateways_order() -> None:
    """Only when a person asks for it."""
    order = Order()
    order.update(["a"])
    order.update(["b", "a"])
    order.sort(["b", "a"])
    assert (order.ids, order.new) == (["b", "a"], set())


@given(st.lists(st.lists(st.sampled_from("abcdef"), unique=True), min_size=1, max_size=8))
def test_what_stays_keeps_its_place_among_what_stays(looks: list[list[str]]) -> None:
    """For any sequence of lists."""
    order = Order()
    for look in looks:
        before = [ident for ident in order.ids if ident in look]
        order.update(look)
        assert sorted(order.ids) == sorted(look)
        assert order.ids[: len(before)] == before or not before
