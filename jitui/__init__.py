"""jitui: a just-in-time gateway to Kubernetes, driven from the terminal.

An agent asks for a *window*; a person grants it; while the window lives, the agent's ordinary kubectl passes through the gateway,
which holds the cluster's credential; every byte is recorded before it is passed on; at the deadline every stream ends.

The nouns

* Identity     who: an agent with an owner, or a person with roles
* Connection   a cluster behind the gateway
* Rule         one per identity and connection: the widest window that may be asked
* Request      an agent's ask; waits for a decision
* Grant        an approved window: a scope and an absolute deadline
* Action       one thing attempted (RequestInfo), with its Hazard
* Session      one recorded conversation under a grant: api, exec, attach, port-forward, logs, watch
* Frame        one recorded unit: session, conn, seq, time, channel, bytes
* Fact         one thing that happened, immutable, chained; state is folded from facts
* Tape         the frames of a session, replayable

The flow

    kubectl -> listeners/kube -> access (policy.policy.decide) -> proxy -> store.journal: commit, then let go -> clusters
                                    |                                           |
    cli, tui -> api/client -> api/server -> api/service (the table: api/operations.py) <- store/bus <- facts: commit, then publish
"""

__version__ = "0.1.0"
