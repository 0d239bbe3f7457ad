"""Finds on record everything that a window may have left behind: objects, ephemeral containers, processes, credentials that it has seen, copies."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final

from jitui.policy.streams import ATTACH, PRINT
from jitui.recording.facts import processes
from jitui.recording.facts.processes import ENDED, ProcessTold
from jitui.recording.frame import Channel
from jitui.recording.objects import traces
from jitui.recording.objects.traces import Token
from jitui.recording.objects.writes import Effect, Ref
from jitui.store.archive import Files
from jitui.store.changes import Change, Changes, May, everything
from jitui.store.exchanges import BUDGET, PAGE, Exchanges, Spot
from jitui.store.gone import retired

SAID: Final = frozenset({Channel.STDOUT, Channel.STDERR, Channel.FORWARD_OUT})
EPHEMERAL: Final = "spec.ephemeralContainers["
FACTS: Final = 10_000  # of one window
CREDENTIALS: Final = 500  # that are listed


@dataclass(frozen=True, slots=True)
class Touched:
    """One object that the window wrote."""

    ref: Ref
    version: str  # of its group, as the window spoke of it
    effect: Effect  # of all writes together
    first: Change
    last: Change
    uids: frozenset[str] = frozenset()  # that its answers told of
    only_beside: bool = False  # a pod, to which it added ephemeral containers, and no more


@dataclass(frozen=True, slots=True)
class Seen:
    """A credential that the window has seen, and where."""

    spot: Spot
    token: Token | None = None  # else a Secret
    secret: tuple[str, str, tuple[str, ...]] = ("", "", ())  # namespace, name, keys
    issued: str = ""  # namespace/name of the service account for which the window had it made


@dataclass(frozen=True, slots=True)
class Copy:
    """Files that a command copied."""

    spot: Spot
    way: str  # out or in
    size: int | None  # bytes


@dataclass(frozen=True, slots=True)
class Typed:
    """Bytes for a container's own program: what that started on them looks like its own."""

    spot: Spot
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Residue:
    """All of it, as the record tells it."""

    touched: tuple[Touched, ...]
    ephemeral: tuple[tuple[Touched, str], ...]  # pod, and the name of the container
    processes: tuple[ProcessTold, ...]
    seen: tuple[Seen, ...]
    copies: tuple[Copy, ...]
    typed: tuple[Typed, ...] = ()
    gaps: tuple[str, ...] = ()  # they say which parts were not read


def residue(files: Files, grant: int, budget: int = BUDGET, may: May = everything) -> Residue:
    """Of one window; it reads so many bytes of frames at most. `may`: whether an exchange of another window may be read, for the state before."""
    exchanges = Exchanges(files, budget)
    reading = Changes(exchanges, may)
    changes = reading.of(grant=grant)
    others = {change.write.ref.key for change in changes if not _ephemeral(change)}
    touched = tuple(replace(each, only_beside=each.ref.key not in others) for each in _touched(changes))
    ephemeral = [(each, name) for change in changes if (name := _ephemeral(change)) for each in touched if each.ref.key == change.write.ref.key]
    spots = exchanges.allowed(grant)
    all_seen = chain(_issued(exchanges, changes), _answers(exchanges, spots[-PAGE:]), _streams(exchanges, spots[-PAGE:]))
    seen = list(islice(_once(all_seen), CREDENTIALS + 1))
    told = processes.newest(files.facts(subject=f"g-{grant}", limit=FACTS))
    copies = [Copy(spot, way, spot.bytes_out if way == "out" else spot.bytes_in) for spot in spots if (way := traces.copied(spot.argv))]
    typed = [Typed(spot, size) for spot in spots if spot.kind == ATTACH.session and (size := _size(exchanges, spot.session))]
    gaps = []
    if reading.older or len(spots) > PAGE:
        gaps.append(f"only the newest {PAGE} requests were looked through")
    if len(seen) > CREDENTIALS:
        gaps.append(f"only {CREDENTIALS} credentials are listed: it has seen more")
    if exchanges.retired:
        gaps.append(retired(exchanges.retired))
    if exchanges.left_out:
        gaps.append(f"the record holds more than one reading takes: exchanges and streams that were not looked through: {exchanges.left_out}")
    left = tuple(each for each in told if each.state != ENDED)
    return Residue(touched, tuple(ephemeral), left, tuple(seen[:CREDENTIALS]), tuple(copies), tuple(typed), tuple(gaps))


def _touched(changes: list[Change]) -> Iterator[Touched]:
    """Object by object; one that was created and deleted again is a deleted one with both."""
    found: dict[tuple[str, ...], Touched] = {}
    for change in changes:
        write = change.write
        if write.effect in {Effect.ISSUED, Effect.INSIDE} or not write.ref.name:
            continue
        key, uids = write.ref.key, frozenset({write.ref.uid} - {""})
        known = found.get(key)
        if known is None:
            found[key] = Touched(write.ref, write.exchange.action.version, write.effect, change, change, uids)
            continue
        effect = known.effect if known.effect is Effect.CREATED and write.effect is Effect.CHANGED else write.effect
        ref = replace(known.ref, uid=write.ref.uid or known.ref.uid)
        found[key] = replace(known, ref=ref, effect=effect, last=change, uids=known.uids | uids)
    yield from found.values()


def _ephemeral(change: Change) -> str:
    """The name of the ephemeral container that a write added to a pod."""
    if change.write.exchange.action.subresource != "ephemeralcontainers":
        return ""
    return next((each.path.removeprefix(EPHEMERAL).partition("]")[0] for each in change.fields if each.path.startswith(EPHEMERAL)), "?")


def _issued(exchanges: Exchanges, changes: list[Change]) -> Iterator[Seen]:
    """Tokens that the window had made."""
    for change in changes:
        if change.write.effect is Effect.ISSUED:
            ref = change.write.ref
            body = exchanges.exchange(change.spot)
            token = next(traces.tokens([body.answer.body]), None) if body is not None else None
            yield Seen(change.spot, token, issued=f"{ref.namespace}/{ref.name}")


def _answers(exchanges: Exchanges, spots: list[Spot]) -> Iterator[Seen]:
    """Secrets and tokens in answers to plain requests and in the events of watches."""
    for spot in spots:
        if spot.code == 101 or spot.kind in PRINT or spot.subresource == "token":
            continue
        if spot.resource == "secrets" and not spot.grp and spot.verb != "create":
            body = exchanges.objects(spot, 1 << 62)
            yield from (Seen(spot, secret=found) for found in traces.secrets(body)) if body is not None else ()
        exchange = exchanges.exchange(spot)
        if exchange is not None and b"eyJ" in exchange.answer.body:
            yield from (Seen(spot, token) for token in traces.tokens([exchange.answer.body]))


def _streams(exchanges: Exchanges, spots: list[Spot]) -> Iterator[Seen]:
    """Tokens that a program printed, or a forwarded connection brought."""
    for session, spot in {spot.session: spot for spot in spots if spot.code == 101 or spot.kind in PRINT}.items():
        frames = exchanges.frames(session, channels=SAID)
        yield from (Seen(spot, token) for token in traces.tokens(frame.body for frame in frames))


def _size(exchanges: Exchanges, session: int) -> int:
    """How many bytes were typed in a stream."""
    return sum(len(frame.body) for frame in exchanges.frames(session, channels=frozenset({Channel.STDIN})))


def _once(seen: Iterable[Seen]) -> Iterator[Seen]:
    """Each credential where it was seen first."""
    known = set[object]()
    for each in seen:
        key = (each.token.issuer, each.token.subject, each.token.ident, each.token.expires_s) if each.token is not None else (*each.secret[:2], each.issued)
        if key not in known:
            known.add(key)
            yield each
