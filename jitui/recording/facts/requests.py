"""Facts about requests. The subject is the request's label, r-N, where nothing else is said; `identity` is the agent that asked."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from jitui.recording.facts.fact import Kind
from jitui.recording.facts.payload import SCOPE, Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAsked(Payload):
    KIND: ClassVar = Kind.REQUEST_ASKED
    identity: str
    connection: str
    duration_s: int
    scope: Annotated[str, SCOPE]
    reason: str
    peer: str = ""  # the address that the agent asked from
    token: str = ""  # the id of the one it showed
    same_user: bool = False  # it asked as the gateway's own user
    asked_us: int | None = None  # UTC; None: when the fact was written
    asked_boot_us: int
    boot_id: str
    pending_us: int  # how long it waits at most, from then


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefused(Payload):
    """An ask that no rule allows became no request. Subject: the identity."""

    KIND: ClassVar = Kind.REQUEST_REFUSED
    connection: str
    scope: Annotated[str, SCOPE]
    duration_s: int
    reason: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestApproved(Payload):
    """One yes: a person's, or that of an automatic rule."""

    KIND: ClassVar = Kind.REQUEST_APPROVED
    identity: str = ""
    person: str = ""  # empty: who wrote the fact
    duration_s: int  # as this yes has it
    scope: Annotated[str, SCOPE]
    automatic: bool = False
    at_us: int | None = None  # UTC; of a person's yes, like all that follows
    reason: str | None = None
    digest: str | None = None  # of what stood when they said it (policy.request.digest): the request, the rule, and the yeses before
    state: str | None = None  # of the request behind it


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDenied(Payload):
    KIND: ClassVar = Kind.REQUEST_DENIED
    why: str = ""
    identity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestWithdrawn(Payload):
    KIND: ClassVar = Kind.REQUEST_WITHDRAWN
    identity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLapsed(Payload):
    KIND: ClassVar = Kind.REQUEST_LAPSED
    identity: str = ""
