"""The desk inside the gateway's own process: what one caller may see and do, as the protocols of `desk.py`.

* views    the broker's values as what people are shown
* counter  binds a caller; bound, decisions, floor, archive, clerk are the parts of their desk, each checking the caller's right
* readers  whose long read comes next, so that nobody's is in anybody's way
* live     the newest frames of a live session, for viewers that never hold anything up
* masks    where in a session each reader's masking of secrets stands
* history, sums, gauge   what is worked out for a view: an identity's past, a window's totals, how much is written
"""

from jitui.api.service.counter import Counter

__all__ = ["Counter"]
