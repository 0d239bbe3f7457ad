"""The door that kubectl knocks on: TLS, HTTP/1.1 only, one server URL a connection (`{kube}/c/{connection}`).

`door` listens; `client` is one TCP connection, and `inlet` and `parting` are its beginning and its end; `call` is what a request in progress is to it;
`upgrade` turns a request for exec, attach or port-forward into a relay; `own`, `discover` and `review` are answers that the gateway gives itself.
"""
