"""The API's server: HTTP and JSON with an OpenAPI description, events as SSE. People and agents reach the operations through it.

It names the caller (a token, or the Unix user at the other end of the socket), binds the operations to them, and passes on each call.
The service decides whether they may; this room never does, and reads no store.

* listener ApiListener: opens and closes the API
* sockets  the Unix socket, perhaps for the people of a group, and the TCP port
* peers    what is known of the other end of a connection; the server's protocol
* callers  the caller of a request, and the operations bound to them
* app      the application: errors and limits
* routes   the routes, made from the table of operations
* reading  the arguments of a call, out of path, query, headers and JSON object
* description  the OpenAPI description
* answer   views as JSON, errors as one object
* stream   events that go on until one side ends
"""

from jitui.api.server.callers import Service
from jitui.api.server.listener import ApiListener

__all__ = ["ApiListener", "Service"]
