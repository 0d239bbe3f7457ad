"""The API: HTTP and JSON with an OpenAPI description, events as SSE. People and agents reach the desk through it.

It names the caller (a token, or the Unix user at the other end of the socket), binds a desk to them, and passes on what they ask.
What they may do is the desk's to say; this room never decides, and reads no store.

* door     ApiDoor: opens and closes the sockets
* group    the Unix socket for the people of a group
* peers    what is known of the other end of a connection; the server's protocol
* app      the application: errors, limits, who is calling
* decisions, floor, archive, clerk    the routes, a file for each protocol of the desk
* stream   events that go on until one side ends
"""

from jitui.api.server.door import ApiDoor
from jitui.api.server.seat import Counter

__all__ = ["ApiDoor", "Counter"]
