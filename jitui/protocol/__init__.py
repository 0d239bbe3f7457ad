"""The protocols on the wire, without any I/O: bytes in, events out; values in, bytes out.

`http` reads one message at a time (llhttp underneath, our own `strict` check on top); `headers` holds the tables of the headers that are forwarded;
`websocket` and `spdy` split frames and keep the exact bytes of each; `channels` reads the messages of a remote command. A `speech` decodes both
directions of one stream into units that are recorded and forwarded: a command over WebSocket, over SPDY (`spdy_command`), or a port-forward
(`forward`); `plan` reads from a request which of them it asks for. `status` writes the messages that kubectl prints. Every decoder is bounded, gives the
same result for input in pieces of any size, and yields nothing after its one error (`strict.Malformed`, `websocket.ProtocolError`).

This room never opens a socket, never reads a clock, never decides what is allowed, and never sets a credential.
"""
