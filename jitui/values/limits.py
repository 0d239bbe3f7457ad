"""The limits of the settings file, under `limits:`. The code that owns a resource reads its limit here and enforces it.

Each limit keeps one caller, with or without a token, from locking out the others; ordinary work meets none. All take effect on a reload.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from jitui.values.fields import Bytes, Seconds, Strict

Count = Annotated[int, Field(ge=1, le=1_000_000)]
LEAST_HEADS = 2 << 20  # bytes: one head may have 1 MiB


class Limits(Strict):
    """Connections, streams and requests. People's own connections on the Unix socket stand apart from all others."""

    strangers: Count = 256
    """Connections at each TCP listener on which nobody has shown a good token yet; the oldest is closed for a new one."""
    strangers_per_address: Count = 128
    """The same from one address."""
    handshake: Seconds = 5
    """How long a TLS handshake may take."""
    first_request: Seconds = 10
    """How long a new connection may take for its first whole request with a good token, and any connection for a whole request head."""
    heads: Bytes = 16 << 20
    """Bytes of request heads that are not whole yet, of all strangers together, and of each agent; the oldest is closed. One head has 1 MiB at most."""
    refusals_per_second: Count = 20
    """Requests without a good token from one address, after a burst of ten times as many."""
    connections_per_agent: Count = 256
    """At the Kubernetes listener."""
    streams_per_grant: Count = 64
    """Execs, attaches, port-forwards, followed logs and watches at a time."""
    streams_per_agent: Count = 128
    """The same over all windows of an agent."""
    requests_per_second: Count = 200
    """Of one agent at the Kubernetes listener; beyond it 429 with Retry-After."""
    requests_burst: Count = 1000
    """Requests that an agent which was quiet may make at once."""
    rows_per_hour: Count = 2000
    """Denied calls and refused asks of one agent that are written down; further ones are counted, and the count is on record."""
    row_bytes_per_hour: Bytes = 4 << 20
    """The same in bytes, with what it asks."""
    asks_per_hour: Count = 120
    """Of one agent; beyond it 429 that says when."""
    min_free: Bytes = 2 << 30
    """Bytes free on the record's disk below which denials are counted only; below 3/4 of it nothing new is opened, below 1/2 streams end.
    An eighth of the disk where that is less."""
    ssh_connections_per_agent: Count = 256
    """At the SSH listener; a connection may have ten sessions."""
    ssh_connections_per_person: Count = 16
    """The same of a person."""
    ssh_sessions_per_agent: Count = 128
    """Commands at a time, over all its connections and windows; streams_per_grant counts here, too."""
    ssh_sessions_per_person: Count = 16
    """Screens and commands at a time; each is a process of up to 100 MB."""
    ssh_processes: Count = 32
    """The same of all people together."""
    api_connections_per_agent: Count = 16
    api_connections_per_person: Count = 64
    """On TCP with a token."""
    api_streams_per_agent: Count = 4
    """Events and live sessions that are followed over the API."""
    api_streams_per_person: Count = 32
    api_requests_per_second: Count = 20
    """Of one agent at the API."""
    api_requests_burst: Count = 100


    @model_validator(mode="after")
    def _one_head(self) -> Self:
        if self.heads < LEAST_HEADS:
            raise ValueError("heads: at least 2MiB, as one request head may have 1 MiB")
        return self
