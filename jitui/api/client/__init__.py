"""The operations of a gateway that is another process, over its API.

* address     unix:PATH, https://HOST:PORT, or fd:N
* client      Client, made from the table of operations
* transport   one HTTP client: turns answers into views, and errors back into their classes
* connections HTTP over h11, to one gateway
* inherited   connections that a process without any right to make them asks the gateway for
* shapes      views out of JSON
* sse         events out of lines

It keeps nothing and retries nothing: whoever holds it sees the gateway as it is, or an UnavailableError.
"""

from jitui.api.client.address import Address
from jitui.api.client.client import Client

__all__ = ["Address", "Client"]
