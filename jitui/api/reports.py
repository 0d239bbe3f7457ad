"""Views of a report over a time. Written as those in `views`."""

from jitui.values.declared import dataclass
from jitui.values.said import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseUse:
    """One clause of a window's scope, and what of it was used."""

    clause: str
    requests: int  # that it allowed
    used: tuple[str, ...] = ()  # `get pods`, each once
    unused: tuple[str, ...] = ()  # verbs that the clause writes out and nobody used


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLine:
    """One window."""

    grant: str  # g-17
    request: str  # r-31
    identity: str
    connection: str
    reason: Said  # the agent's own words
    approved: str
    approved_by: tuple[str, ...]  # empty: nobody
    automatic: bool  # its rule said yes
    own: tuple[str, ...]  # of those who approved: who owned or made the agent
    asked: str
    started: str  # empty: never used
    ended: str  # empty: it is live
    state: str
    why: Said
    clauses: tuple[ClauseUse, ...]
    sessions: int
    first_session: str = ""  # a link to its first session: s-204@2026-11-28T16:07:52Z
    denied: int = 0  # requests of its identity on its connection, in its time


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLine:
    """One person's decisions."""

    person: str
    yes: int
    no: int
    own: int  # of these: for agents they own or made
    median_s: int  # from the ask to their word; -1: there was none
    slowest_s: int
    requests: tuple[str, ...] = ()  # the newest of them, r-31


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLine:
    """One thing that happened, with links that commands take: `g-17@2026-11-28T16:07:52Z`, `s-204@...`, `fact 41`, `--at 2026-11-28T16:07:52Z`."""

    at: str
    who: str
    said: Said
    links: tuple[str, ...]
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSection:
    title: str
    about: str  # the question that it answers, with the criteria of SOC 2 that ask it
    total: int  # of which `lines` are the newest
    lines: tuple[ReportLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """Everything that access was given for, by whom, and what was made of it, in a time."""

    gateway: str  # the id of the key that signs its record
    made: str
    since: str
    until: str
    identity: str  # empty: all
    connection: str
    first_fact: int  # in that time; 0: none
    last_fact: int
    hash: str  # of the last one, to be compared with the record's
    windows_total: int  # of which `windows` are the newest
    automatic: int
    own: int
    windows: tuple[WindowLine, ...]
    people: tuple[PersonLine, ...]
    sections: tuple[ReportSection, ...]
    notes: tuple[str, ...] = ()
