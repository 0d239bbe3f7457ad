"""The door that kubectl knocks on: TLS, HTTP/1.1 only, one server URL a connection (`{kube}/c/{connection}`).

`door` listens; `client` is one TCP connection; `upgrade` turns a request for exec or attach into a relay; `answers` are the
Statuses that the gateway gives itself.
"""
