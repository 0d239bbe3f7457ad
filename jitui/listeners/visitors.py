"""Counts the connections of strangers and of known callers at one listener, and chooses which one makes room for a new one. No I/O.

A connection is a stranger's until its first good request. For a new stranger another one is closed, of the address that has the most: the oldest that
has sent no byte, else the oldest, so that many silent ones can't keep others from a handshake. A known caller's connection is never closed for a stranger.
At a caller's own limit one of its connections that rests between two requests is closed, and without such a one the new one is refused. A stream is
never closed to make room.
"""

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final

from jitui.auth.peer import Unseen
from jitui.listeners.caps import Caps
from jitui.values.atwork import Told
from jitui.values.bucket import Bucket
from jitui.values.errors import TooManyError

ADDRESSES: Final = 4096  # addresses whose refused requests are counted one by one
ASK: Final = "or ask whoever runs this gateway for more"


def busy() -> bool:
    """Returns False: such a connection never rests."""
    return False


class Visitor:
    """One connection, from its accept to its close."""

    __slots__ = ("address", "close", "evicted", "grant", "head", "owner", "resting", "silent", "streaming", "uid", "until")

    def __init__(self, address: str, until: float, close: Callable[[], None]) -> None:
        self.address, self.until, self.close = address, until, close  # `until`: the loop time at which a stranger's connection is closed
        self.owner: Owner | None = None  # None: a stranger
        self.resting: Callable[[], bool] = busy  # whether no request is in progress on it
        self.uid: int | Unseen | None = None  # uid of the process at the other end; None: not looked up
        self.head = 0  # bytes held of an incomplete request head
        self.grant = 0  # the grant of the stream that it carries
        self.streaming = self.evicted = False
        self.silent = True  # no byte has come on it yet


class Heads:
    """The incomplete request heads of strangers, the oldest first, and the sum of their bytes."""

    __slots__ = ("_of", "size")

    def __init__(self) -> None:
        self._of: dict[Visitor, None] = {}
        self.size = 0

    def set(self, visitor: Visitor, size: int) -> None:
        self.size += size - visitor.head
        visitor.head = size
        if size:
            self._of[visitor] = None
        else:
            self._of.pop(visitor, None)

    def oldest(self, but: Visitor) -> Visitor | None:
        return next((one for one in self._of if one is not but), None)


class Owner:
    """A known caller and its connections at this listener, the oldest first."""

    __slots__ = ("agent", "bucket", "grants", "heads", "name", "streams", "visitors")

    def __init__(self, name: str, bucket: Bucket, *, agent: bool) -> None:
        self.name, self.bucket, self.agent = name, bucket, agent
        self.visitors: dict[Visitor, None] = {}
        self.heads = Heads()
        self.grants: dict[int, int] = {}  # grant -> number of its streams
        self.streams = 0


class Visitors:
    """All visitors of one listener. Every step takes constant time, except those that make room, which look at all candidates."""

    def __init__(self, caps: Caps, at_work: Told) -> None:
        """`at_work`: is called at each refusal with the limit's key, the caller's name, and the words."""
        self.caps, self._at_work = caps, at_work
        self.strangers: dict[Visitor, None] = {}
        self.owners: dict[str, Owner] = {}
        self.agents = self.people = 0  # connections of each kind
        self._addresses: dict[str, dict[Visitor, None]] = {}
        self._heads = Heads()  # of strangers
        self._refused: OrderedDict[str, Bucket] = OrderedDict()

    def tune(self, caps: Caps) -> None:
        """Sets new limits; no open connection is closed for them."""
        self.caps = caps
        for owner in self.owners.values():
            owner.bucket.tune(caps.rate, caps.burst)
        self._refused.clear()

    # -- strangers ---------------------------------------------------------------------------------------------------------

    def arrive(self, address: str, now: float, close: Callable[[], None]) -> Visitor:
        """Takes in an accepted connection, for which another stranger's may be closed. `close` ends the new one at once, and leads to `gone`."""
        visitor = Visitor(network(address), now + self.caps.first_s, close)
        here = self._addresses.get(visitor.address, {})
        if len(here) >= self.caps.per_address:
            self._evict(here, "strangers_per_address")
        elif len(self.strangers) >= self.caps.strangers:
            self._evict(max(self._addresses.values(), key=len), "strangers")
        self._enter(visitor)
        return visitor

    def press(self) -> None:
        """Closes the oldest stranger, because there is no descriptor for the next connection."""
        if self.strangers:
            self._evict(self.strangers, "strangers")

    def late(self, visitor: Visitor) -> None:
        """Notes that a stranger's time is over, and that it is closed."""
        self._at_work("first_request", visitor.address, f"a connection without a good token is closed after {self.caps.first_s:g} s")
        visitor.close()

    def refused(self, visitor: Visitor, now: float) -> None:
        """Counts a request without a good token. Raises TooManyError if its address makes too many of them."""
        bucket = self._refused.pop(visitor.address, None) or Bucket(self.caps.refusals, self.caps.refusals * 10)
        self._refused[visitor.address] = bucket
        if len(self._refused) > ADDRESSES:
            self._refused.popitem(last=False)
        if not bucket.take(now):
            raise self._too_many("refusals_per_second", visitor.address, f"more than {self.caps.refusals} requests a second without a good token come from "
                                 f"{visitor.address} (limits.refusals_per_second); present one that is valid", retry_after=1, close=True)

    def unknown(self, visitor: Visitor, now: float) -> None:
        """Makes a connection a stranger's again, because its token is no longer valid."""
        if visitor.owner is not None:
            self._leave(visitor)
            visitor.until = now + self.caps.first_s
            self._enter(visitor)

    # -- callers -----------------------------------------------------------------------------------------------------------

    def known(self, visitor: Visitor, name: str, *, agent: bool) -> Owner:
        """Makes a connection that of the caller `name`, at a good request. Raises TooManyError: it has too many connections, and none of them rests."""
        old = visitor.owner
        if old is not None and old.name == name and old.agent == agent:
            return old
        owner = self.owners.get(name)
        if owner is None or owner.agent != agent:
            owner = self.owners[name] = Owner(name, Bucket(self.caps.rate, self.caps.burst), agent=agent)
        self._make_room(owner)
        self._leave(visitor)
        visitor.owner = owner
        owner.visitors[visitor] = None
        if agent:
            self.agents += 1
        else:
            self.people += 1
        return owner

    def take(self, owner: Owner, now: float) -> None:
        """Counts one request of an agent. Raises TooManyError, with the seconds after which the next may pass."""
        if not owner.bucket.take(now):
            limit = f"{self.caps.prefix}requests_per_second"
            raise self._too_many(limit, owner.name, f"{owner.name} makes more than {self.caps.rate} requests a second (limits.{limit}); "
                                 f"try again in 1 s, {ASK}", retry_after=1)

    def stream(self, visitor: Visitor, grant: int = 0) -> None:
        """Counts a stream that begins on a connection, under a grant or none, until `still` or `gone`. Raises TooManyError."""
        owner = visitor.owner
        if owner is None or visitor.streaming:
            return
        caps = self.caps
        most = caps.streams_per_agent if owner.agent else caps.streams_per_person
        if grant and owner.grants.get(grant, 0) >= caps.streams_per_grant:
            raise self._too_many("streams_per_grant", owner.name, f"{owner.name} has {caps.streams_per_grant} streams open in g-{grant}, as many as "
                                 f"limits.streams_per_grant allows; end one of them, {ASK}")
        if owner.streams >= most:
            limit = f"{caps.prefix}{caps.streams}_per_{'agent' if owner.agent else 'person'}"
            raise self._too_many(limit, owner.name, f"{owner.name} has {most} streams open, as many as limits.{limit} or the descriptors of this gateway "
                                 f"allow; end one of them, {ASK}")
        visitor.streaming, visitor.grant = True, grant
        owner.streams += 1
        if grant:
            owner.grants[grant] = owner.grants.get(grant, 0) + 1

    def still(self, visitor: Visitor) -> None:
        """Notes that the connection's stream is over."""
        owner = visitor.owner
        if owner is None or not visitor.streaming:
            return
        visitor.streaming = False
        owner.streams -= 1
        left = owner.grants.pop(visitor.grant, 1) - 1
        if left:
            owner.grants[visitor.grant] = left
        visitor.grant = 0

    # -- heads -------------------------------------------------------------------------------------------------------------

    def holds(self, visitor: Visitor, size: int) -> None:
        """Notes that a connection holds `size` bytes of an incomplete head; 0: it is complete. If all heads are too large together, the oldest's is closed."""
        owner = visitor.owner
        heads = self._heads if owner is None else owner.heads
        heads.set(visitor, size)
        while heads.size > self.caps.heads and (oldest := heads.oldest(visitor)) is not None:
            whose = oldest.address if owner is None else owner.name
            self._at_work("heads", whose, f"request heads that are not whole hold more than {self.caps.heads} bytes; the oldest was closed")
            heads.set(oldest, 0)
            oldest.close()

    def gone(self, visitor: Visitor) -> None:
        """Notes that the connection is closed."""
        self.still(visitor)
        self._leave(visitor)

    # -- within ------------------------------------------------------------------------------------------------------------

    def _enter(self, visitor: Visitor) -> None:
        visitor.owner = None
        self.strangers[visitor] = None
        self._addresses.setdefault(visitor.address, {})[visitor] = None

    def _leave(self, visitor: Visitor) -> None:
        """Takes the connection out of every count."""
        owner = visitor.owner
        if owner is None:
            self.strangers.pop(visitor, None)
            self._heads.set(visitor, 0)
            here = self._addresses.get(visitor.address)
            if here is not None:
                here.pop(visitor, None)
                if not here:
                    del self._addresses[visitor.address]
            return
        self.still(visitor)
        if owner.visitors.pop(visitor, visitor) is None:
            if owner.agent:
                self.agents -= 1
            else:
                self.people -= 1
        owner.heads.set(visitor, 0)

    def _evict(self, among: dict[Visitor, None], limit: str) -> None:
        oldest = next((one for one in among if one.silent), None) or next(iter(among))
        oldest.evicted = True
        self._leave(oldest)
        self._at_work(limit, oldest.address, f"connections without a good token are as many as limits.{limit} or the descriptors of this gateway allow; "
                                             "the oldest was closed for a new one")
        oldest.close()

    def _make_room(self, owner: Owner) -> None:
        """Closes connections of the caller that rest until one more is within the limits. Raises TooManyError."""
        caps = self.caps
        kind, most = ("agent", caps.per_agent) if owner.agent else ("person", caps.per_person)
        limit = f"{caps.prefix}connections_per_{kind}"
        if len(owner.visitors) >= most and not self._rest(owner, limit):
            raise self._too_many(limit, owner.name, f"{owner.name} has {most} connections open here, as many as limits.{limit} or the descriptors of "
                                 f"this gateway allow, and all are in use; close one, {ASK}", retry_after=1, close=True)
        together, all_most = (self.agents, caps.agents) if owner.agent else (self.people, caps.people)
        if together < all_most:
            return
        crowd = sorted((one for one in self.owners.values() if one.agent == owner.agent), key=lambda one: -len(one.visitors))
        if not any(self._rest(one, limit) for one in crowd):
            raise self._too_many(limit, owner.name, f"{'agents' if owner.agent else 'people'} have {all_most} connections open here, as many as the "
                                 "descriptors of this gateway allow, and all are in use; try again later, or ask whoever runs it to raise its hard limit "
                                 "of open files", retry_after=1, close=True)

    def _rest(self, owner: Owner, limit: str) -> bool:
        """Closes the caller's connection that has rested the longest; False if none rests."""
        for one in owner.visitors:
            if not one.streaming and one.resting():
                self._at_work(limit, owner.name, f"{owner.name} has as many connections open as limits.{limit} or the descriptors of this gateway allow; "
                                                 "one that rested was closed for a new one")
                self._leave(one)
                one.close()
                return True
        return False

    def _too_many(self, limit: str, who: str, words: str, *, retry_after: int = 0, close: bool = False) -> TooManyError:
        self._at_work(limit, who, words)
        return TooManyError(words, limit=limit, retry_after=retry_after, close=close)


def network(address: str) -> str:
    """The name that an address counts for: an IPv6 address counts for its /64 network, everything else for itself."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> 64 << 64)}/64"
