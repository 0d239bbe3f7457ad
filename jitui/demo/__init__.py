"""The demo: a cluster, a gateway before it and an agent at work, all on this machine, nothing to set up.

* cluster   a small server that speaks the real Kubernetes protocol; tests and benches use it too
* house     cluster, gateway and agent in one temporary folder, as processes that end together
* script    the whole story, played and checked without a terminal
* agent     an agent that asks, waits, works, is cut off, and asks again
* client    a small kubectl, where there is no real one
* play      what `jitui demo` runs

Nothing of the gateway imports it.
"""

from jitui.demo.play import play

__all__ = ["play"]
