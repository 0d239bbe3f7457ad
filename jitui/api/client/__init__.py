"""The desk in another process: the same protocols, over the API.

* address   unix:PATH or https://HOST:PORT
* wire      one HTTP client: answers into views, errors back into the classes they were
* sse       events out of lines
* remote    Remote, which is Decisions, Floor, Archive and Clerk

It keeps nothing and retries nothing: whoever holds it sees the gateway as it is, or an UnavailableError.
"""

from jitui.api.client.address import Address
from jitui.api.client.remote import Remote

__all__ = ["Address", "Remote"]
