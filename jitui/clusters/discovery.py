"""The gateway's own copy of what a cluster serves: answers discovery without asking the cluster, and tells the rules its kinds.

Covered are /version, /api, /apis, /api/VERSION, and the /apis/GROUP and /apis/GROUP/VERSION that /apis names, each also with a slash at its end; one copy
per form of the Accept header, of which there are a handful, whatever an agent sends. Copies are asked for again in the background (`run`) while
there is a window, and go on being served while the cluster is down. Who has no window makes the cluster hear nothing: `kept`.
"""

import asyncio
import contextlib
import gzip
import re
from collections.abc import Callable, Iterable
from copy import copy as twin  # of an error: kept and raised again without its frames, which hold credentials
from dataclasses import dataclass, field
from typing import Final

from jitui.clusters import served
from jitui.clusters.accept import FORMS, GROUPS, JSON, OURS, PLAIN, PROTOBUF, VERSION, form_of
from jitui.clusters.call import Reply, call
from jitui.clusters.pool import Pool
from jitui.clusters.port import Headers, Upstream
from jitui.clusters.served import Served
from jitui.protocol import status
from jitui.values import foreign
from jitui.values.clock import Clock
from jitui.values.errors import UpstreamError
from jitui.values.said import clean

VERBATIM: Final = (b"content-type", b"etag", b"vary", b"cache-control")
COVERED: Final = re.compile(r"/(?:version|api(?:/[a-z0-9]{1,63})?|apis(?:/[a-z0-9.-]{1,253}(?:/[a-z0-9]{1,63})?)?)/?")
PACKED_FROM: Final = 128 << 10  # bytes beyond which the API server compresses (apiserver: endpoints/handlers/responsewriters/writers.go)
FRESH_US: Final = 5_000_000  # a copy younger than this is not asked for again
UNKNOWN_US: Final = 2_000_000  # between two looks for an unknown kind
LOOK_S: Final = 5.0  # seconds that somebody waits for such a look
UNUSED_US: Final = 600_000_000  # a copy that nobody wanted for so long is dropped; one of USUAL is asked for again

TYPES: Final = "application/json, application/yaml, application/vnd.kubernetes.protobuf"  # the forms that an API server has of every other document

Key = tuple[str, bytes]  # path without a slash at its end, and the Accept header that we send

USUAL: Final[tuple[Key, ...]] = (  # read at the start: what clients ask for before anything else, also those without a window
    ("/version", JSON), *((path, form) for form in FORMS for path in GROUPS), ("/api/v1", JSON), ("/api/v1", PLAIN[PROTOBUF]),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer for the listener to send: Content-Type, ETag, Vary and Cache-Control are the cluster's own."""

    status: int  # 200, 406, or 304 without a body
    headers: Headers
    body: bytes = field(repr=False)
    packed: bytes = field(default=b"", repr=False)  # the same compressed with gzip, of a large body


@dataclass(slots=True)
class _Copy:
    answer: Answer
    etag: bytes
    looked_us: int  # boot clock: when the cluster was last asked, successfully or not
    used_us: int


class Discovery:
    """The copies of one cluster, and the Kinds (policy/scope.py) read from them.

    For an agent with a window a listener asks `answer`, and where that has nothing awaits `fetch`; for one without it asks `kept`. serve.py owns `run`.
    """

    def __init__(self, upstream: Upstream, pool: Pool, clock: Clock, *, every_s: float = 60.0, usual: Iterable[Key] = ()) -> None:
        """`usual`: copies that are there from the first look on, and never dropped."""
        self._upstream, self._pool, self._clock, self._every_s = upstream, pool, clock, every_s
        self._copies: dict[Key, _Copy] = {}
        self._locks: dict[Key, asyncio.Lock] = {}
        self._served = Served()
        self._looked_us: int | None = None  # boot clock: the last look at all of it, successful or not
        self._look_lock = asyncio.Lock()
        self._wanted: set[Key] = set()
        self._usual, self._missing = frozenset(usual), dict.fromkeys(usual)  # those that could not be had yet, in this order
        self._live = self._begun = False  # somebody has a window; since just now
        self._failed: UpstreamError | None = None  # of the last look
        self._failures: dict[Key, tuple[int, UpstreamError]] = {}  # when (boot clock) and why
        self._sources: frozenset[Key] = frozenset()  # the copies that `served` is read from
        self._bodies: tuple[bytes, ...] = ()
        self._wake = asyncio.Event()

    # questions of the listener

    @staticmethod
    def covers(path: str) -> bool:
        """Whether this path (decoded, without its query) is answered from the copy and never goes to the cluster."""
        return COVERED.fullmatch(path) is not None

    def answer(self, path: str, accept: bytes, if_none_match: bytes = b"") -> Answer | None:
        """From the copy, at once. None: await `fetch`."""
        key = _key(path, accept)
        copy = self._copies.get(key)
        if copy is None:
            return None
        now = self._now()
        copy.used_us = now
        if now - copy.looked_us > 2e6 * self._every_s:
            return None
        if now - copy.looked_us > FRESH_US:
            self._wanted.add(key)
            self._wake.set()
        return _conditional(copy, if_none_match)

    def kept(self, path: str, accept: bytes, if_none_match: bytes = b"") -> Answer | None:
        """The copy however old, for who has no window; None if there is none. Nobody is asked for anything, neither now nor later."""
        copy = self._copies.get(_key(path, accept))
        return None if copy is None else _conditional(copy, if_none_match)

    @staticmethod
    def unacceptable(path: str, accept: bytes) -> Answer | None:
        """The API server's 406, if it has no form of the document that the client would take."""
        if form_of(path, accept):
            return None
        words = f"only the following media types are accepted: {'application/json' if path in VERSION else TYPES}"
        return Answer(406, ((b"Content-Type", JSON), (b"Cache-Control", b"no-cache, private")), status.as_served(406, "NotAcceptable", words))

    def is_new(self, path: str, accept: bytes) -> bool:
        """Whether there is a copy that `fetch` would not ask for again."""
        copy = self._copies.get(_key(path, accept))
        return copy is not None and self._now() - copy.looked_us <= FRESH_US

    async def fetch(self, path: str, accept: bytes, if_none_match: bytes = b"") -> Answer | None:
        """Asks the cluster if the copy is missing or old; many at once ask once. None: nothing of this name is served (404).

        Raises UpstreamError when the cluster can't be asked and there is no old copy either.
        """
        if not self.covers(path):
            return None
        if not self._is_named(path):
            await self._look()
            if not self._is_named(path):
                return None
        key = _key(path, accept)
        async with self._lock(key):
            copy = self._copies.get(key)
            if copy is None or self._now() - copy.looked_us > FRESH_US:
                try:
                    copy = await self._ask(key)
                except UpstreamError:
                    if copy is None:
                        raise
        if copy is None:
            return None
        copy.used_us = self._now()
        return _conditional(copy, if_none_match)

    def is_nothing(self, path: str) -> bool:
        """Whether the copies say that nothing is served there: a 404."""
        return not self.covers(path) or (bool(self._served.kinds) and not self._is_named(path))

    def is_group(self, path: str) -> bool:
        """Whether a path is not below a group that nobody knows. The API server says Not Found in text to such a one, else in a Status."""
        _, top, *rest = path.rstrip("/").split("/")
        return top != "apis" or not rest or any(rest[0] == group for group, _ in self._served.named)

    def _is_named(self, path: str) -> bool:
        """Whether the lists of groups and versions name the document."""
        _, top, *rest = path.removesuffix("/").split("/")
        if not rest or (top, rest) == ("api", ["v1"]):
            return True
        if len(rest) == 1 and top == "apis":
            return self.is_group(path)
        return (rest[0], rest[1]) in self._served.named if top == "apis" else ("", rest[0]) in self._served.named

    # questions of the rules

    def namespaced(self, group: str, resource: str) -> bool | None:
        """Whether objects of this kind live in namespaces. None: no such kind is known; `look` asks the cluster, this does not."""
        kind = self._served.kinds.get((group, resource))
        return None if kind is None else kind.namespaced

    @property
    def served(self) -> Served:
        """All that is known to be served; empty until the cluster was reached once."""
        return self._served

    @property
    def silence(self) -> UpstreamError | None:
        """Why nothing at all is known of this cluster; None once it was reached."""
        if self._served.kinds:
            return None
        return twin(self._failed) if self._failed else UpstreamError("the cluster has not told yet what it serves; try again")

    async def look(self, group: str, resource: str, may: Callable[[], bool] = lambda: True) -> bool | None:
        """`namespaced`, after asking the cluster again if the kind is unknown: once in two seconds at most, which are waited for. Raises nothing.

        `may`: whether the cluster may still be asked by then.
        """
        if (group, resource) not in self._served.kinds:
            with contextlib.suppress(UpstreamError, TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    if self._looked_us is not None:
                        await asyncio.sleep(max(0.0, (self._looked_us + UNKNOWN_US - self._now()) / 1e6))
                    if may():
                        await self._look()
        return self.namespaced(group, resource)

    # keeping it fresh

    def occupy(self, live: bool) -> None:
        """Whether somebody has a window: while nobody has, an idle gateway leaves the cluster alone."""
        if live and not self._live:
            self._begun = True
            self._wake.set()
        self._live = live

    async def prepare(self) -> None:
        """Ask for the usual copies that are not there yet, one after the other."""
        for key in list(self._missing):
            async with self._lock(key):
                with contextlib.suppress(UpstreamError):
                    if key not in self._copies:
                        await self._ask(key)
                    self._missing.pop(key, None)

    async def run(self) -> None:
        """Ask again what is in use, until cancelled: once in `every_s`, and soon where somebody waits for news. At the start until all is known."""
        while True:
            self._begun = False
            if self._live or not self._served.kinds or self._missing:
                with contextlib.suppress(UpstreamError):  # the old copy is still served; `fetch` reports the error
                    await self._look()
                    await self.prepare()
                now = self._now()
                await self._again(key for key, copy in self._copies.items() if self._is_due(key, copy, now))
                self._forget_unused()
            with contextlib.suppress(TimeoutError):
                loop = asyncio.get_running_loop()
                until = loop.time() + self._every_s
                while loop.time() < until and not self._begun:
                    async with asyncio.timeout_at(until):
                        await self._wake.wait()
                    self._wake.clear()
                    await self._news()

    def _is_due(self, key: Key, copy: _Copy, now: int) -> bool:
        """Whether somebody used the copy lately, or it is usual and getting old."""
        return copy.used_us > now - 2e6 * self._every_s or (key in self._usual and copy.looked_us < now - UNUSED_US)

    def _now(self) -> int:
        return self._clock.now().boot_us

    def _lock(self, key: Key) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())

    async def _news(self) -> None:
        """Ask again for what `answer` found to be getting old."""
        wanted, self._wanted = self._wanted, set()
        await self._again(wanted)

    async def _again(self, keys: Iterable[Key]) -> None:
        for key in list(keys):
            async with self._lock(key):
                copy = self._copies.get(key)
                if copy is not None and self._now() - copy.looked_us > FRESH_US:
                    with contextlib.suppress(UpstreamError):
                        await self._ask(key)

    def _forget_unused(self) -> None:
        now = self._now()
        for key, copy in list(self._copies.items()):
            if now - copy.used_us > UNUSED_US and key not in self._sources | self._usual:
                del self._copies[key]

    async def _look(self) -> None:
        """Read anew what is served, at most once in UNKNOWN_US. Raises UpstreamError, also again for the look just before."""
        async with self._look_lock:
            now = self._now()
            if self._looked_us is not None and now - self._looked_us < UNKNOWN_US:
                if self._failed is not None:
                    raise twin(self._failed)
                return
            try:
                await self._learn()
            except UpstreamError as error:
                self._looked_us, self._failed = self._now(), twin(error)
                raise
            self._looked_us, self._failed = self._now(), None

    async def _learn(self) -> None:
        """The documents at /api and /apis; where they only name the group-versions, those too."""
        sources = {key: await self._source(key) for key in ((path, OURS) for path in GROUPS)}
        if tuple(sources.values()) == self._bodies:  # unchanged, and these two say it all
            return
        documents = [await asyncio.to_thread(served.parse, body, path) for (path, _), body in sources.items()]
        named = frozenset[served.GroupVersion]().union(*(served.named(document) for document in documents))
        if not all(served.is_aggregated(document) for document in documents):
            for group, version in sorted(named):
                key = (f"/apis/{group}/{version}" if group else f"/api/{version}", JSON)
                if self.covers(key[0]):
                    with contextlib.suppress(UpstreamError):  # an aggregated API that is down takes only its own kinds with it
                        sources[key] = await self._source(key)
        bodies = tuple(sources.values())
        if bodies != self._bodies:
            listed = [*documents, *[await asyncio.to_thread(served.parse, body, path) for (path, _), body in list(sources.items())[2:]]]
            self._served = Served(named, await asyncio.to_thread(served.kinds_of, listed))
            self._bodies = bodies
        self._sources = frozenset(sources)

    async def _source(self, key: Key) -> bytes:
        """The newest body; an old one if the cluster does not give another."""
        async with self._lock(key):
            old = self._copies.get(key)
            try:
                copy = await self._ask(key)
            except UpstreamError:
                if old is None or key[0] in GROUPS:
                    raise
                copy = old
        if copy is None:
            raise UpstreamError(f"the cluster does not serve {key[0]}; is it a Kubernetes API server?")
        return copy.answer.body

    async def _ask(self, key: Key) -> _Copy | None:
        """One request to the cluster, conditional if there is a copy; its lock is held. None: 404. Raises UpstreamError."""
        path, form = key
        old, now = self._copies.get(key), self._now()
        failed = self._failures.get(key)
        if failed is not None and now - failed[0] < UNKNOWN_US:
            raise twin(failed[1])
        condition = ((b"if-none-match", old.etag),) if old is not None and old.etag else ()
        try:
            reply = await call(self._pool, self._upstream, b"GET", path.encode("ascii"), headers=((b"accept", form), *condition))
            _check(reply, path, conditional=bool(condition))
        except UpstreamError as error:
            self._failures[key] = (self._now(), twin(error))
            if old is not None:
                old.looked_us = self._now()
            raise
        self._failures.pop(key, None)
        if reply.status == 304 and old is not None:
            old.looked_us = self._now()
            return old
        if reply.status == 404:
            self._copies.pop(key, None)
            return None
        headers = tuple((name, value) for name, value in reply.head.headers if name.lower() in VERBATIM)
        packed = await asyncio.to_thread(gzip.compress, reply.body, 1) if len(reply.body) > PACKED_FROM else b""
        copy = _Copy(Answer(200, headers, reply.body, packed), reply.head.get(b"etag"), self._now(), old.used_us if old is not None else now)
        self._copies[key] = copy
        return copy


def _key(path: str, accept: bytes) -> Key:
    return path.removesuffix("/"), form_of(path, accept)


def _conditional(copy: _Copy, if_none_match: bytes) -> Answer:
    """The copy, or 304 if the client has it (RFC 9110, section 13.1.2: weak comparison)."""
    if not if_none_match or not copy.etag:
        return copy.answer
    tags = {tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b",")}
    if copy.etag.removeprefix(b"W/") not in tags and tags != {b"*"}:
        return copy.answer
    return Answer(304, tuple((name, value) for name, value in copy.answer.headers if name.lower() != b"content-type"), b"")


def _check(reply: Reply, path: str, *, conditional: bool) -> None:
    if reply.status not in {200, 404} and (reply.status, conditional) != (304, True):
        raise UpstreamError(f"the cluster answered {reply.status} to {path}, which tells what it serves: {_words(reply)}")


def _words(reply: Reply) -> str:
    """The message of a Status, or the beginning of whatever it is."""
    try:
        return clean(str(foreign.read(reply.body)["message"]))
    except (ValueError, KeyError, TypeError):
        return clean(reply.body[:200].decode("utf-8", "replace")) or "no reason given"
