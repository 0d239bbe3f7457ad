"""The limits of one listener for each kind of caller: those of the settings, or its share of the descriptors, whichever is less."""

from dataclasses import dataclass
from typing import Final

from jitui.values.descriptors import Shares
from jitui.values.limits import Limits

PLENTY: Final = 1_000_000
PROCESS: Final = 5  # descriptors that the process of a person's command takes here, besides its connections to the API


@dataclass(frozen=True, slots=True)
class Caps:
    """The limits of one listener."""

    strangers: int  # connections without a good token
    per_address: int  # connections without a good token from one address
    agents: int  # connections of all agents together
    people: int  # connections of all people together
    per_agent: int
    per_person: int
    streams_per_agent: int
    streams_per_person: int
    streams_per_grant: int
    rate: int  # requests a second of one agent
    burst: int
    refusals: int  # requests without a good token a second, of one address
    heads: int  # bytes
    handshake_s: float
    first_s: float
    prefix: str = ""  # of the settings' names: api_ at the API
    streams: str = "streams"  # the word for them there
    processes: int = 0  # of all people together, at the SSH listener


def at_kube(limits: Limits, shares: Shares) -> Caps:
    """The limits of the Kubernetes listener. One agent gets at most half of all connections; a quarter of its own are for plain requests alone."""
    strangers, agent = min(limits.strangers, shares.strangers), min(limits.connections_per_agent, shares.agents // 2)
    return Caps(
        strangers=strangers, per_address=min(limits.strangers_per_address, strangers), agents=shares.agents, people=0,
        per_agent=agent, per_person=0,
        streams_per_agent=min(limits.streams_per_agent, agent - agent // 4), streams_per_person=0, streams_per_grant=limits.streams_per_grant,
        rate=limits.requests_per_second, burst=limits.requests_burst, refusals=limits.refusals_per_second, heads=limits.heads,
        handshake_s=limits.handshake, first_s=limits.first_request,
    )  # fmt: skip


def at_ssh(limits: Limits, room: int) -> Caps:
    """The limits of the SSH listener with `room` connections, shared out as at the API. A connection may have several sessions, and each is a stream."""
    strangers, agents = min(limits.strangers, room // 4), room // 2
    people = room - strangers - agents
    return Caps(
        strangers=strangers, per_address=min(limits.strangers_per_address, strangers), agents=agents, people=people,
        per_agent=min(limits.ssh_connections_per_agent, agents // 2), per_person=min(limits.ssh_connections_per_person, people // 2),
        streams_per_agent=min(limits.ssh_sessions_per_agent, agents // 2), streams_per_person=min(limits.ssh_sessions_per_person, people // 2),
        streams_per_grant=limits.streams_per_grant, rate=limits.requests_per_second, burst=limits.requests_burst, refusals=limits.refusals_per_second,
        heads=limits.heads, handshake_s=limits.handshake, first_s=limits.first_request, prefix="ssh_", streams="sessions",
        processes=max(1, min(limits.ssh_processes, room // PROCESS)),
    )  # fmt: skip


def at_api(limits: Limits, room: int) -> Caps:
    """The limits of one API socket with `room` connections: a quarter for strangers, a quarter for agents, half for people, half of that for one person."""
    strangers, agents = min(limits.strangers, room // 4), room // 4
    people = room - strangers - agents
    person = min(limits.api_connections_per_person, people // 2)
    return Caps(
        strangers=strangers, per_address=min(limits.strangers_per_address, strangers), agents=agents, people=people,
        per_agent=min(limits.api_connections_per_agent, agents // 2), per_person=person,
        streams_per_agent=min(limits.api_streams_per_agent, agents // 3), streams_per_person=min(limits.api_streams_per_person, max(1, person // 2)),
        streams_per_grant=PLENTY, rate=limits.api_requests_per_second, burst=limits.api_requests_burst, refusals=limits.refusals_per_second,
        heads=limits.heads, handshake_s=limits.handshake, first_s=limits.first_request, prefix="api_",
    )  # fmt: skip
