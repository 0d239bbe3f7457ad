"""The desk inside the gateway's own process: what one caller may see and do, as the protocols of `desk.py`.

* views    the broker's values as what people are shown
* counter  binds a caller; bound, decisions, floor, archive, clerk are the parts of their desk, each checking the caller's right
* live     the newest frames of a live session, for viewers that never hold anything up
"""

from jitui.counter.counter import Counter

__all__ = ["Counter"]
