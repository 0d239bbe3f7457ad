"""Folds the changes that windows made out of the record: each write with the state of its object before and after, as far as anybody saw it.

The state before is the newest body of the object on record before the write: of any read or write through the same connection, also in other windows. A
change that others make past the gateway in between shows as part of the write, unless the generation of the object tells of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jitui.recording.masking.requests import holds_secrets
from jitui.recording.objects import difference, masked
from jitui.recording.objects.bodies import Object, Tree
from jitui.recording.objects.difference import Field
from jitui.recording.objects.writes import DOUBTFUL, Effect, Ref, Write, writes
from jitui.store.exchanges import Exchanges, Spot

LOOKS: Final = 40  # exchanges at most in which the state before a write is looked for
MOST: Final = 1000  # writes of one reading
OTHERS: Final = "its generation was {} when it was seen and {} before this write: others changed it in between, and that is in the difference too"
VERSIONS: Final = "it was seen before as {}, and this write speaks of {}: the fields are not compared"
HIDDEN: Final = "{} changed it in between, and the answer does not show how: that is in the difference too"
UNSURE: Final = "{} may have changed it in between, as nobody knows whether it was carried out: that is in the difference too"
FARTHER: Final = "before: looked for in the newest {} exchanges alone"
UNREAD: Final = "before: not looked for in all of the record, which holds more than one reading takes"

READS: Final = frozenset({"get", "list", "watch"})
TELLING: Final = frozenset({Effect.CHANGED, Effect.UNKNOWN, Effect.CREATED})

May = Callable[[Spot], bool]


def everything(_: Spot) -> bool:
    """Every exchange may be read."""
    return True


@dataclass(frozen=True, slots=True)
class State:
    """One state of an object, as somebody saw it; `document` None: it was gone then."""

    document: Object | None
    spot: Spot


@dataclass(frozen=True, slots=True)
class Change:
    """One write."""

    spot: Spot
    write: Write
    before: State | None  # None: not seen before
    fields: tuple[Field, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()
    known: bool = True  # the fields are those that differ; otherwise those that were asked for

    @property
    def secret(self) -> bool:
        """Whether its documents are of a kind that holds secrets."""
        return holds_secrets(self.write.exchange.action.path.encode())

    def masked(self) -> tuple[Field, ...]:
        """The fields with secrets masked."""
        old = self.before.document if self.before else None
        new = (self.write.after or self.write.last) if self.known else self.write.asked
        if self.known and self.write.effect is Effect.DELETED:
            old, new = self.write.last or old, None
        return tuple(masked.shown(self.fields, _part(old, self.write), _part(new, self.write) if self.known else new, secret=self.secret))


class Changes:
    """One reading of the record."""

    def __init__(self, exchanges: Exchanges, may: May = everything) -> None:
        """`may`: whether the exchange of a row may be read by whom this is for."""
        self.left_out = 0  # writes that may not be read
        self.older = False  # there are more than MOST
        self._exchanges, self._may = exchanges, may
        self._nameless: set[int] = set()  # rows of reads whose answers hold no whole object
        self._states: dict[tuple[str, ...], State] = {}  # by connection and object: the newest

    def of(self, *, grant: int = 0, identity: str = "", since_us: int = 0) -> list[Change]:
        """Every write since then (UTC), of a window and of an identity if they are given, that succeeded or whose outcome is unknown; oldest first."""
        found: list[Change] = []
        spots = self._exchanges.writing(grant=grant, identity=identity, since_us=since_us, limit=MOST)
        self.older = len(spots) > MOST
        for spot in spots[-MOST:]:
            if not self._may(spot):
                self.left_out += 1
                continue
            exchange = self._exchanges.exchange(spot)
            if exchange is None:
                continue
            found += [self._change(spot, write) for write in writes(exchange, self._exchanges.kinds)]
        return found

    def _change(self, spot: Spot, write: Write) -> Change:
        key = (spot.connection, *write.ref.key)
        known = self._states.get(key)
        if write.effect in {Effect.ISSUED, Effect.INSIDE}:
            return Change(spot, write, None, tuple(difference.difference(None, write.after, status=True)))
        doubts: list[str] = []
        before = None if write.effect is Effect.CREATED else self._before(spot, write, known, doubts)
        notes = [note for note in (write.why, *doubts, *self._doubts(write, before)) if note]
        if before is None and write.effect is not Effect.CREATED and self._exchanges.left_out:
            notes.append(UNREAD)
        change = self._compared(spot, write, before, notes)
        if write.part == "scale" and before is not None and before.spot.subresource == "scale":
            before = self._before(spot, write, known, [], scales=False)  # the object itself
        self._after(spot, write, key, before)
        return change

    def _compared(self, spot: Spot, write: Write, before: State | None, notes: list[str]) -> Change:
        old = before.document if before is not None else None
        if write.effect is Effect.DELETED:
            return Change(spot, write, before, tuple(difference.difference(write.last or old, None)), tuple(notes))
        if old is not None and write.after is not None and not write.part and (was := old.get("apiVersion")) != (now := write.after.get("apiVersion")):
            return Change(spot, write, None, (), (*notes, VERSIONS.format(was, now)))
        if write.after is None or (write.effect is Effect.CHANGED and old is None and write.exchange.action.verb == "patch"):
            return Change(spot, write, before, tuple(difference.asked(write.asked, _part(old, write))), tuple(notes), known=False)
        status = write.exchange.action.subresource in {"status", "approval"}
        return Change(spot, write, before, tuple(difference.difference(_part(old, write), _part(write.after, write), status=status)), tuple(notes))

    def _before(self, spot: Spot, write: Write, known: State | None, doubts: list[str], *, scales: bool = True) -> State | None:
        """The newest state on record before the write; a Scale counts for a write of one if `scales`. What may have changed it since then goes to `doubts`."""
        ref = write.ref
        since = known.spot.at_us if known is not None else -1
        rows = self._exchanges.seen(spot, ref.namespace, ref.name, LOOKS) if ref.name else []
        missed: list[str] = []
        for each in rows:
            if each.at_us <= since and each.verb != "watch":
                break
            if each.id in self._nameless or not self._may(each):
                continue
            state, doubt = self._seen(spot, each, ref, scales=scales and write.part == "scale")
            missed += [doubt] if doubt else []
            if state is not None:
                doubts += missed[:1]
                return state
        if known is not None:
            doubts += missed[:1]
        elif len(rows) == LOOKS:
            doubts.append(FARTHER.format(LOOKS))
        return known

    def _seen(self, spot: Spot, each: Spot, ref: Ref, *, scales: bool) -> tuple[State | None, str]:
        """The state of the object in the answer of a row, and else whether that was a write of it, in words."""
        whole = each.verb in READS or (each.code is not None and each.code not in DOUBTFUL)
        body = self._exchanges.objects(each, spot.at_us) if whole and not each.verb.startswith("delete") else None
        exchange = None if each.verb in READS else self._exchanges.exchange(each)
        if exchange is not None and exchange.action.dry_run:
            return None, ""
        if body is not None and not body.partial and (each.subresource != "scale" or scales):
            for at in range(len(body.items) - 1, -1, -1):
                if _is(body.items[at], ref):
                    return State(None if at in body.gone else body.items[at], each), ""
        if body is not None and (body.partial or not body.items) and each.verb in {"get", "list"}:
            self._nameless.add(each.id)
        if exchange is None or each.name != ref.name or not any(one.effect in TELLING for one in writes(exchange, self._exchanges.kinds)):
            return None, ""
        return None, (HIDDEN if whole else UNSURE).format(f"{each.verb} in s-{each.session}/{each.conn}")

    def _after(self, spot: Spot, write: Write, key: tuple[str, ...], before: State | None) -> None:
        """Remember the state that the write left."""
        if write.effect is Effect.DELETED:
            self._states[key] = State(None, spot)
        elif write.after is not None and not write.part:
            self._states[key] = State(write.after, spot)
        elif write.part == "scale" and write.after is not None and before is not None and before.document is not None:
            spec = {**_tree(before.document.get("spec")), "replicas": _tree(write.after.get("spec")).get("replicas", 0)}
            self._states[key] = State({**before.document, "spec": spec}, spot)

    @staticmethod
    def _doubts(write: Write, before: State | None) -> list[str]:
        """The reasons to doubt that nobody else changed the object between the state before and the write."""
        if before is None or before.document is None or write.after is None or write.part:
            return []
        was, now = _generation(before.document), _generation(write.after)
        return [OTHERS.format(was, now - 1)] if was and now and now > was + 1 else []


def _part(document: Object | None, write: Write) -> Tree | None:
    """Of an object the part that the write's document speaks of."""
    if write.part == "scale" and document is not None:
        return {"spec": {"replicas": _tree(document.get("spec")).get("replicas", 0)}}  # a Scale leaves out a zero
    return document


def _tree(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is(each: Object, ref: Ref) -> bool:
    meta = _tree(each.get("metadata"))
    return meta.get("name") == ref.name and meta.get("namespace", "") in {ref.namespace, ""} and (not ref.uid or meta.get("uid", ref.uid) == ref.uid)


def _generation(document: Object) -> int:
    found = _tree(document.get("metadata")).get("generation")
    return found if isinstance(found, int) else 0
