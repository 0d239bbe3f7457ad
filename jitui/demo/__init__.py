"""The demo: a cluster, a gateway in front of it and an agent at work, all on this machine, without any setup.

* cluster   a small server that speaks the real Kubernetes protocol; tests and benches use it too
* house     cluster, gateway and agent in one temporary folder, as processes that end together
* script    the whole story, played and checked without a terminal
* agent     an agent that asks, waits, works, is cut off, and asks again
* client    a small kubectl, where there is no real one
* play      the entry point of `jitui demo`

The gateway imports nothing of this room.
"""

from jitui.demo.play import play

__all__ = ["play"]
