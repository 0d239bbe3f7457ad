"""The listener for kubectl: TLS, HTTP/1.1 only. Each connection of the gateway has a server URL of its own: a host name or a port, and `{kube}/c/{connection}`.

* listener   the sockets, and all clients; names and ports tell connections apart
* client     one TCP connection; `inlet` and `parting` are its beginning and its end
* pipeline   the way of a request's head: admit, read, judge, dispatch to the proxy
* request    one request: who, connection, action, headers, verdict, and the gateway's own answers to it
* reading    the last head of a connection, so that an equal one is not read again
* discover and review   requests that the gateway answers itself
* notices, tries   Warning headers; kubectl's second try of an upgrade, which is one denial with the first

Each file imports only those further up in: client, request, discover and review, pipeline, listener. None reaches a cluster but through `jitui.proxy`.
"""
