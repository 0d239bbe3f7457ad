"""The languages that are spoken on the wire, without any I/O: bytes in, events out; values in, bytes out.

`http` reads one message at a time (llhttp underneath, our own strict look on top); `headers` says which of its headers go on;
`websocket` and `spdy` cut frames and keep the very bytes that carried each; `channels` says what a message of a remote command is. A `speech`
hears both directions of one stream, whichever protocol carries it, and says what is recorded and passed on of it: a command over WebSocket,
over SPDY (`spdy_command`), a port-forward (`forward`). `status` writes what kubectl prints. Every decoder is bounded, can be fed in pieces of
any size with the same outcome, and after its one error (`http.Malformed`, `websocket.ProtocolError`) gives nothing any more.

This room never opens a socket, never reads a clock, never decides what is allowed, and never sets a credential.
"""
