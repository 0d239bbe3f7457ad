"""The words for what became of processes in pods, the same on the command line and on the screens.

They say what facts say. A closed stream ends no process, so nothing is said to have ended because a stream was closed.
"""

from collections.abc import Sequence
from typing import Final

from jitui.api.views import GrantView, ProcessView
from jitui.values.said import clean

NAMED: Final = 3  # processes that a line names
ENDED: Final = "ended"
LEFT: Final = "left"
UNEXPLAINED: Final = "unexplained"
RUNTIME: Final = "runtime"
FINISHED: Final = "whatever finished commands left"  # of processes that nobody saw
NOT_YET: Final = "whether its processes in the pods have ended is not known yet"


def told(processes: Sequence[ProcessView]) -> str:
    """`2 processes ended in web/web-7c, confirmed by the runtime in 0.3 s`; and of each that may run on, which one it is and how to be certain."""
    parts = []
    ended = [each for each in processes if each.state == ENDED]
    if ended:
        by = " by the runtime" if any(RUNTIME in each.proof for each in ended) else ""
        took_s = max(each.took_ms for each in ended) / 1000
        parts.append(f"{count(len(ended), 'process')} ended in {_places(ended)}, confirmed{by} in {took_s:.1f} s")
    left = [each for each in processes if each.state != ENDED]
    if left:
        named = ", ".join(_named(each) for each in left[:NAMED]) + (f" and {len(left) - NAMED} more" if len(left) > NAMED else "")
        pods = " ".join(dict.fromkeys(f"kubectl delete pod -n {clean(each.pod, 400).replace('/', ' ', 1)};" for each in left[:NAMED]))
        may = f"run{'s' * (len(left) == 1)} on, as the rule says" if all(each.state == LEFT for each in left) else "may still run"
        parts.append(f"{count(len(left), 'process')} {may}: {named}; delete the pod to be certain: {pods.rstrip(';')}")
    return "; ".join(parts)


def of_window(view: GrantView) -> str:
    """`told` of a window's processes; until that is known, that it is not. Empty: its commands left none."""
    if view.ended and view.proving:
        return NOT_YET
    said = [told(view.processes)]
    if unseen := _unseen(view):
        said.append(f"{count(unseen, 'process')} may still run in its pods, and nothing tells which")
    return "; ".join(filter(None, said))


def last_line(view: GrantView) -> str:
    """`3 streams cut; 2 processes ended in ...`, of a window that has ended; empty where nothing is to be said of processes."""
    said = of_window(view) if view.ended else ""
    return said and f"{count(view.cut, 'stream')} cut; {said}"


def in_short(view: GrantView) -> str:
    """The same in a few words, for a list: `2 ended in pods, 1 may run on`. Of a live window only what may run on."""
    if view.ended and view.proving:
        return "looking into pods"
    ended = sum(each.state == ENDED for each in view.processes) if view.ended else 0
    left = sum(each.state == LEFT for each in view.processes)
    unsure = sum(each.state not in {ENDED, LEFT} for each in view.processes) + _unseen(view)
    said = ((ended, "ended in pods"), (left, "run on" if left > 1 else "runs on"), (unsure, "may run on"))
    return ", ".join(f"{number} {words}" for number, words in said if number)


def count(number: int, what: str) -> str:
    """`1 stream`, `2 processes`."""
    plural = {"process": "processes"}.get(what, f"{what}s")
    return f"{number} {what if number == 1 else plural}"


def _unseen(view: GrantView) -> int:
    """Processes of which no fact tells, and that nobody saw end."""
    return max(0, view.may_run_on - sum(each.state not in {ENDED, UNEXPLAINED} for each in view.processes))


def _named(view: ProcessView) -> str:
    words = clean(" ".join(word.raw for word in view.argv), 60)
    named = f'"{words}"' if words else FINISHED
    return f"pid {view.pid} {named}" if view.pid else f"{named} ({clean(view.why, 120)})"


def _places(processes: Sequence[ProcessView]) -> str:
    return ", ".join(dict.fromkeys(clean(each.pod, 400) for each in processes))
