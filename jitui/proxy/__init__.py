"""The only way to a cluster for what agents ask, and each live conversation on it: recorded, then forwarded, ended with its window.

* entry      `Proxy`: judges a request through `access`, opens or finds its session, and begins one of the four below
* port       what that needs: of `access` decisions and sessions, of a listener one request and the client's end of it
* exchange   one plain request, a followed log or a watch: `upload` and `download` are its halves, `openapi` rewrites one answer
* brief      the short way of most plain requests, which becomes an exchange at anything unusual; `heads` is such a request's head, rendered once
* upgrade    a request for a stream of its own until the cluster switches; `relay` is the stream after that, frame by frame, between two of `leg`
* own        an answer of the gateway's own, on record like any other; `copies` tells what a cluster serves, `waiting` keeps a request that waits
* dialer     a request's way to its cluster: credential, connection, one more try; the same for exchanges and upgrades
* live       windows and sessions. A session is its `gate` (the mute), its `recorder` (the one way a byte gets on record), its `hold` (what waits while
             it is frozen), its `deliveries` (what was handed on) and its `lastwords`; `ends` says how it ends, `farewell` is the end of an answer
* outlet     the writing end of a connection; `turns` are shared by all streams, `events` keeps those of a watch whole, `rest` waits for a slow reader

Nothing here decides what is allowed, and nothing here knows a listener. A stream reaches `upgrade` in the cluster's own protocol (WebSocket or SPDY), whose
reading and writing the listener gives as a `Switch`; a listener with another protocol translates on its side.
"""
