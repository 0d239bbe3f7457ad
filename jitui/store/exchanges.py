"""Finds exchanges on record by the rows of `actions`, which tell where to look; what is found stands in the frames."""

import json
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as package_files
from typing import Any, Final

from jitui.policy.streams import PROBE, UPGRADES
from jitui.recording.frame import Frame
from jitui.recording.objects import bodies
from jitui.recording.objects.bodies import Body
from jitui.recording.objects.exchange import CHANNELS, Exchange, exchange
from jitui.recording.objects.kinds import Kinds
from jitui.recording.objects.writes import DOUBTFUL, VERBS
from jitui.store.frames import Frames
from jitui.store.rows import named
from jitui.values.errors import RetiredError

KEPT: Final = 8  # exchanges that are remembered
BUDGET: Final = 64 << 20  # bytes that one reading takes: of frames, and of the bodies made of them
PAGE: Final = 1000

_ROWS: Final = (
    "select actions.id, actions.session, actions.conn, actions.at_us, actions.identity, actions.connection, actions.verb, actions.grp, actions.resource,"
    " actions.subresource, actions.namespace, actions.name, actions.argv, actions.code, sessions.grant_id, sessions.kind, sessions.started_us,"
    " sessions.ended_us, sessions.bytes_in, sessions.bytes_out from actions join sessions on sessions.id = actions.session"
)
# without the sessions in which the gateway itself looks into pods, of the kind `probe`: those are no doing of an agent; but a container that it put there stays
_DONE: Final = f"(sessions.kind <> '{PROBE}' or actions.subresource = 'ephemeralcontainers')"
_WRITES: Final = f"actions.verb in ({', '.join(f'{verb!r}' for verb in VERBS)})"
_DOUBT: Final = f"(actions.code is null or actions.code in ({', '.join(map(str, sorted(DOUBTFUL)))}))"
_WRITING: Final = f"actions.verdict = 'allowed' and (actions.code < 400 or {_DOUBT}) and {_WRITES}"
_INSIDE: Final = ("actions.verdict = 'allowed' and (actions.code is null or actions.code < 400) and actions.grp = '' and (actions.resource = 'pods' and"
                  f" actions.subresource in ({', '.join(f'{each!r}' for each in UPGRADES)}) or actions.subresource = 'proxy' and actions.verb <> 'get')")
_SEEN: Final = (f"actions.verdict = 'allowed' and (actions.code between 200 and 299 or actions.name <> '' and {_DOUBT} and {_WRITES})"
                " and actions.connection = :connection and actions.grp = :grp and actions.resource = :resource"
                " and actions.namespace in (:namespace, '') and actions.name in (:name, '') and actions.at_us <= :at and actions.id <> :id"
                " and actions.subresource in ('', 'scale', 'status', 'ephemeralcontainers', 'resize')")  # fmt: skip


def _within(grant: int, identity: str) -> str:
    """The condition of the rows since a time, of a window and of an identity if they are given."""
    of_whom = " and actions.identity = :identity" if identity else ""
    of_which = "actions.session in (select id from sessions where grant_id = :grant) and " if grant else ""
    return f"{of_which}actions.at_us >= :since{of_whom}"


@dataclass(frozen=True, slots=True)
class Spot:
    """A row of `actions`, with its session."""

    id: int
    session: int
    conn: int
    at_us: int  # UTC
    identity: str
    connection: str
    verb: str
    grp: str
    resource: str
    subresource: str
    namespace: str
    name: str
    argv: tuple[str, ...]
    code: int | None
    grant: int
    kind: str  # of the session
    started_us: int
    ended_us: int | None  # of the session
    bytes_in: int | None  # of the session
    bytes_out: int | None


def _spot(row: dict[str, Any]) -> Spot:
    row |= {"argv": tuple(json.loads(row["argv"])), "grant": row.pop("grant_id")}
    return Spot(**row)


@cache
def kinds() -> Kinds:
    """The table of Kubernetes' own kinds, read once."""
    table: Mapping[str, Any] = json.loads(package_files("jitui.recording.objects").joinpath("kinds.json").read_text(encoding="utf-8"))
    return Kinds(table)


class Exchanges:
    """The exchanges of one record, for one reading: it takes BUDGET bytes at most, and `left_out` says what it did not read."""

    def __init__(self, files: Frames, budget: int = BUDGET) -> None:
        self.left_out = 0
        self.retired: set[int] = set()  # sessions with exchanges that went with their tapes
        self.kinds = kinds()
        self._files, self._budget = files, budget
        self._places: dict[int, dict[int, tuple[int, int]]] = {}  # by session: by connection its first frame and its last
        self._read: OrderedDict[tuple[int, int, int | None], tuple[Exchange | None, Body | None]] = OrderedDict()

    # -- where to look -----------------------------------------------------------------------------------------------------

    def writing(self, *, grant: int = 0, identity: str = "", since_us: int = 0, limit: int = PAGE) -> list[Spot]:
        """The newest rows that may have changed something, oldest first; one more than the limit if there are more."""
        return self._spots(f"{_WRITING} and {_within(grant, identity)}", limit + 1, grant=grant, identity=identity, since=since_us)[::-1]

    def inside(self, *, grant: int = 0, identity: str = "", since_us: int = 0, limit: int = PAGE) -> list[Spot]:
        """The newest rows of streams into pods and of requests through the API server's proxy, in the same way."""
        return self._spots(f"{_INSIDE} and {_within(grant, identity)}", limit + 1, grant=grant, identity=identity, since=since_us)[::-1]

    def allowed(self, grant: int, limit: int = PAGE) -> list[Spot]:
        """The newest rows of what passed in a window and was not refused by the cluster, in the same way."""
        where = f"actions.verdict = 'allowed' and (actions.code is null or actions.code < 400) and {_within(grant, '')}"
        return self._spots(where, limit + 1, grant=grant, since=0)[::-1]

    def seen(self, spot: Spot, namespace: str, name: str, limit: int) -> list[Spot]:
        """Rows before that one, newest first, whose answers may hold the object, and writes of it that have none."""
        return self._spots(_SEEN, limit, connection=spot.connection, grp=spot.grp, resource=spot.resource, namespace=namespace, name=name, at=spot.at_us,
                           id=spot.id)  # fmt: skip

    def _spots(self, where: str, limit: int, **values: Any) -> list[Spot]:
        with self._files.reading(self._files.ledger) as db:
            sql = f"{_ROWS} where {_DONE} and {where} order by actions.at_us desc, actions.id desc limit {limit:d}"
            rows = list(named(db, sql, values))
        return [_spot(row) for row in rows]

    # -- what stands there -------------------------------------------------------------------------------------------------

    def exchange(self, spot: Spot) -> Exchange | None:
        """The exchange of a row; None if it is not whole on record, or the budget is spent."""
        return self._found(spot, None)[0]

    def objects(self, spot: Spot, until_us: int) -> Body | None:
        """The objects in the answer of a row; of a watch, as far as it had come then (UTC)."""
        watch = spot.verb == "watch"
        return self._found(spot, until_us if watch else None, parse=True)[1]

    def frames(self, session: int, conn: int | None = None, *, channels: Collection[int] = ()) -> Iterator[Frame]:
        """Frames of a session, or of one connection of it, as far as the budget goes, and up to what was retired."""
        try:
            yield from self._here(session, conn, channels=channels)
        except RetiredError:
            self.retired.add(session)

    def _here(self, session: int, conn: int | None, *, channels: Collection[int]) -> Iterator[Frame]:
        """The same. Raises RetiredError."""
        places = self._conns(session)
        if conn is not None and conn not in places:
            return
        first, last = places[conn] if conn is not None else (0, max((last for _, last in places.values()), default=-1))
        after = first - 1
        while after < last:
            if self._budget <= 0:
                self.left_out += 1
                return
            page = self._files.frames(session, after=after, upto=last, conn=conn, channels=channels)  # type: ignore[arg-type]
            if not page:
                return
            yield from page
            self._budget -= sum(len(frame.body) for frame in page)
            after = page[-1].seq

    def _conns(self, session: int) -> dict[int, tuple[int, int]]:
        found = self._places.get(session)
        if found is None:
            end = self._files.end_of(session)
            newest = self._files.newest_frames(session, after=-1, room=1) if end is None else []
            top = end.frames - 1 if end is not None else newest[-1].seq if newest else -1
            found = {}
            if top >= 0:
                for seq, size in enumerate(self._files.sizes(session, upto=top)):
                    found[size.conn] = (found.get(size.conn, (seq, seq))[0], seq)
            self._places[session] = found
        return found

    def _found(self, spot: Spot, until_us: int | None, *, parse: bool = False) -> tuple[Exchange | None, Body | None]:
        key = (spot.session, spot.conn, until_us)
        known = self._read.pop(key, None)
        if known is None:
            frames = self._here(spot.session, spot.conn, channels=CHANNELS)
            if until_us is not None:
                frames = (frame for frame in frames if spot.started_us + frame.at_us < until_us)
            try:
                known = exchange(frames), None
            except RetiredError:
                self.retired.add(spot.session)
                known = None, None
            if known[0] is not None:
                self._budget -= len(known[0].request.body) + len(known[0].answer.body)
        whole, body = known
        if parse and whole is not None and body is None:
            body = bodies.read(whole.answer.body, whole.answer.media, self.kinds, watch=spot.verb == "watch")
            known = whole, body
        self._read[key] = known
        while len(self._read) > KEPT:
            self._read.popitem(last=False)
        return known
