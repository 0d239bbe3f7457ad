"""The strangers at a door, and the callers who showed a good token: how many each may be, and who makes room for whom. No I/O.

A connection is a stranger's until its first good request. A stranger makes room for the next one, of the address that has the most: the oldest that has
not said a byte, else the oldest, so that many silent ones keep nobody from a handshake; whoever is known is never closed for a stranger. At a caller's own
limit a connection of theirs that rests between two requests makes room, and only if there is none the new one is refused. A stream is never closed for
anybody.
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

ADDRESSES: Final = 4096  # whose refused requests are counted apart
ASK: Final = "or ask whoever runs this gateway for more"


class Visitor:
    """One connection, from its accept to its close."""

    __slots__ = ("address", "close", "evicted", "grant", "head", "owner", "resting", "silent", "streaming", "uid", "until")

    def __init__(self, address: str, until: float, close: Callable[[], None]) -> None:
        self.address, self.until, self.close = address, until, close  # `until`: loop time by which a stranger has to be known
        self.owner: Owner | None = None  # None: a stranger
        self.resting: Callable[[], bool] = lambda: False  # whether nothing is asked on it just now
        self.uid: int | Unseen | None = None  # of the process at the other end; None: it was not asked for
        self.head = 0  # bytes of a request head that is not whole
        self.grant = 0  # of the stream that it carries
        self.streaming = self.evicted = False
        self.silent = True  # not a byte came on it yet


class Heads:
    """Request heads that are not whole yet, the oldest first, and how many bytes they hold together."""

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
    """A known caller, and their connections at this door, the oldest first."""

    __slots__ = ("agent", "bucket", "grants", "heads", "name", "streams", "visitors")

    def __init__(self, name: str, bucket: Bucket, *, agent: bool) -> None:
        self.name, self.bucket, self.agent = name, bucket, agent
        self.visitors: dict[Visitor, None] = {}
        self.heads = Heads()
        self.grants: dict[int, int] = {}  # streams of each
        self.streams = 0


class Visitors:
    """Everybody at one door. Every step is in constant time, but for those that make room, which look at what they choose from."""

    def __init__(self, caps: Caps, at_work: Told) -> None:
        """`at_work`: told of each refusal: the limit, whose it is, and the words."""
        self.caps, self._at_work = caps, at_work
        self.strangers: dict[Visitor, None] = {}
        self.owners: dict[str, Owner] = {}
        self.agents = self.people = 0  # connections of each kind
        self._addresses: dict[str, dict[Visitor, None]] = {}
        self._heads = Heads()  # of strangers
        self._refused: OrderedDict[str, Bucket] = OrderedDict()

    def tune(self, caps: Caps) -> None:
        """Other limits from now on; nobody is closed for them."""
        self.caps = caps
        for owner in self.owners.values():
            owner.bucket.tune(caps.rate, caps.burst)
        self._refused.clear()

    # -- strangers ---------------------------------------------------------------------------------------------------------

    def arrive(self, address: str, now: float, close: Callable[[], None]) -> Visitor:
        """A connection was accepted; another stranger's may be closed for it. `close` ends the new one at once, and leads to `gone`."""
        visitor = Visitor(network(address), now + self.caps.first_s, close)
        here = self._addresses.get(visitor.address, {})
        if len(here) >= self.caps.per_address:
            self._evict(here, "strangers_per_address")
        elif len(self.strangers) >= self.caps.strangers:
            self._evict(max(self._addresses.values(), key=len), "strangers")
        self._enter(visitor)
        return visitor

    def press(self) -> None:
        """There is no descriptor for the next: the oldest stranger goes."""
        if self.strangers:
            self._evict(self.strangers, "strangers")

    def late(self, visitor: Visitor) -> None:
        """A stranger's time is over, and it is closed."""
        self._at_work("first_request", visitor.address, f"a connection without a good token is closed after {self.caps.first_s:g} s")
        visitor.close()

    def refused(self, visitor: Visitor, now: float) -> None:
        """A request without a good token. Raises TooManyError if its address makes too many of them."""
        bucket = self._refused.pop(visitor.address, None) or Bucket(self.caps.refusals, self.caps.refusals * 10)
        self._refused[visitor.address] = bucket
        if len(self._refused) > ADDRESSES:
            self._refused.popitem(last=False)
        if not bucket.take(now):
            raise self._too_many("refusals_per_second", visitor.address, f"more than {self.caps.refusals} requests a second without a good token come from "
                                 f"{visitor.address} (limits.refusals_per_second); present one that is valid", retry_after=1, close=True)

    def unknown(self, visitor: Visitor, now: float) -> None:
        """Its token is none any more: it is a stranger's again."""
        if visitor.owner is not None:
            self._leave(visitor)
            visitor.until = now + self.caps.first_s
            self._enter(visitor)

    # -- callers -----------------------------------------------------------------------------------------------------------

    def known(self, visitor: Visitor, name: str, *, agent: bool) -> Owner:
        """A good request of `name` came on it. Raises TooManyError: they have too many connections, and none of them rests."""
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
        """One request of an agent. Raises TooManyError, with the seconds after which there is room for one."""
        if not owner.bucket.take(now):
            limit = f"{self.caps.prefix}requests_per_second"
            raise self._too_many(limit, owner.name, f"{owner.name} makes more than {self.caps.rate} requests a second (limits.{limit}); "
                                 f"try again in 1 s, {ASK}", retry_after=1)

    def stream(self, visitor: Visitor, grant: int = 0) -> None:
        """A stream begins on it, under a grant or none. Raises TooManyError. It counts until `still` or `gone`."""
        owner = visitor.owner
        if owner is None or visitor.streaming:
            return
        caps = self.caps
        most = caps.streams_per_agent if owner.agent else caps.streams_per_person
        if grant and owner.grants.get(grant, 0) >= caps.streams_per_grant:
            raise self._too_many("streams_per_grant", owner.name, f"{owner.name} has {caps.streams_per_grant} streams open in g-{grant}, as many as "
                                 f"limits.streams_per_grant allows; end one of them, {ASK}")
        if owner.streams >= most:
            limit = f"{caps.prefix}streams_per_{'agent' if owner.agent else 'person'}"
            raise self._too_many(limit, owner.name, f"{owner.name} has {most} streams open, as many as limits.{limit} or the descriptors of this gateway "
                                 f"allow; end one of them, {ASK}")
        visitor.streaming, visitor.grant = True, grant
        owner.streams += 1
        if grant:
            owner.grants[grant] = owner.grants.get(grant, 0) + 1

    def still(self, visitor: Visitor) -> None:
        """Its stream is over."""
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
        """It holds `size` bytes of a head that is not whole; 0: it is. Who has held one longest is closed when there is too much of it."""
        owner = visitor.owner
        heads = self._heads if owner is None else owner.heads
        heads.set(visitor, size)
        while heads.size > self.caps.heads and (oldest := heads.oldest(visitor)) is not None:
            whose = oldest.address if owner is None else owner.name
            self._at_work("heads", whose, f"request heads that are not whole hold more than {self.caps.heads} bytes; the oldest was closed")
            heads.set(oldest, 0)
            oldest.close()

    def gone(self, visitor: Visitor) -> None:
        """It is closed."""
        self.still(visitor)
        self._leave(visitor)

    # -- within ------------------------------------------------------------------------------------------------------------

    def _enter(self, visitor: Visitor) -> None:
        visitor.owner = None
        self.strangers[visitor] = None
        self._addresses.setdefault(visitor.address, {})[visitor] = None

    def _leave(self, visitor: Visitor) -> None:
        """Out of whatever it counts for."""
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
        """For one more connection of theirs. Raises TooManyError."""
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
        """Close the connection of theirs that rests the longest; False if none does."""
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
    """The name that an address counts for: itself, or of IPv6 its /64, which is one network's; whatever is no address, itself."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> 64 << 64)}/64"
