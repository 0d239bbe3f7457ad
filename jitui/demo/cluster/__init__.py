"""A small cluster in one process that speaks the real Kubernetes protocol over TLS. The demo, the tests and the benches put it behind the gateway.

Real kubectl works against it: discovery, Tables, watches, patches, describe, logs, and over WebSocket as over SPDY exec, cp, attach and port-forward. It
knows one user by its bearer token. Its pods are folders, and an exec is a real local process in one (see kubelet.py: no isolation), or one of the built-in
commands of programs.py, which cost nothing; the services in them (services.py) are reached by port-forward alone.

    python -m jitui.demo.cluster DIR     runs it alone, writes DIR/kubeconfig and prints that path

In namespace `web`: deployment shop (2 pods), pods web, box (a shell to attach to) and chatty (its log says `line N` every chatter_s / 5); in `payments`:
secret card-keys.
DIR/audit.jsonl lists every request that reached it.
"""

from jitui.demo.cluster.embedded import EmbeddedCluster

__all__ = ["EmbeddedCluster"]
