"""The hold of a frozen session."""

from collections.abc import Callable

from jitui.proxy.gate import Gate
from jitui.proxy.hold import Hold
from jitui.values.clock import ManualClock
from jitui.values.instant import Instant


class Open:
    def open_at(self, now: Instant) -> bool:
        return True


def held() -> tuple[Gate, Hold, list[str], Callable[[str], Callable[[], None]]]:
    """A hold, what went on, and what makes something that says so when it does."""
    gate = Gate(Open(), ManualClock(), lambda: None)
    went = list[str]()
    return gate, Hold(gate), went, lambda name: lambda: went.append(name)


def test_what_is_held_goes_on_in_order() -> None:
    """At once while nothing is frozen; after the thaw what waited, with its bytes counted until then."""
    _, hold, went, going = held()
    hold.flow(going("at once"), 5)
    hold.by = "ana"
    hold.flow(going("first"), 3)
    hold.flow(going("second"), 4)
    assert (went, hold.held) == (["at once"], 7)
    hold.by = ""
    hold.release()
    assert went == ["at once", "first", "second"]


def test_an_end_drops_what_waits() -> None:
    """Also one that comes while it is let go; and nothing new is taken."""
    gate, hold, went, going = held()

    def muted() -> None:
        gate.muted = True

    hold.by = "ana"
    for then in (going("first"), muted, going("second")):
        hold.flow(then)
    hold.by = ""
    hold.release()
    hold.flow(going("third"))
    assert went == ["first"]
    hold.drop()
    gate.muted = False
    hold.release()
    assert went == ["first"]


def test_what_is_let_go_may_freeze_it_again() -> None:
    """Then the rest waits still, before what comes later."""
    _, hold, went, going = held()

    def frozen() -> None:
        hold.by = "bo"

    hold.by = "ana"
    for then in (going("first"), frozen, going("second")):
        hold.flow(then)
    hold.by = ""
    hold.release()
    hold.flow(going("third"))
    assert went == ["first"]
    hold.by = ""
    hold.release()
    assert went == ["first", "second", "third"]
