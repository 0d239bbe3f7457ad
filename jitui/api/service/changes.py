"""The changes that windows made, as views: object by object in the order in which each was written first, and what happened inside pods behind them."""

from typing import Any, Final

from jitui.api.findings import ChangesView, ChangeView, FieldView, ObjectView
from jitui.api.service.views import when
from jitui.policy.streams import UPGRADES
from jitui.recording.masking.text import masked_text
from jitui.recording.objects.writes import Effect, Ref
from jitui.store.archive import Files
from jitui.store.changes import Change, Changes, May
from jitui.store.exchanges import PAGE, Exchanges, Spot
from jitui.store.gone import retired
from jitui.values import plain
from jitui.values.said import Said, cut

FIELDS: Final = 1000  # of one write
VALUE: Final = 16 << 10  # characters of a value
UNSEEN: Final = "not seen before"
INSIDE: Final = "inside pods: not visible to the API; replay them"
BEHIND: Final = "behind the API server's proxy: not visible as objects; replay it"


def changes(files: Files, may: May, *, grant: int, identity: str, since_us: int, unmask: bool) -> ChangesView:
    """Every write of a window, or of an identity (of all, if empty) since then (UTC)."""
    exchanges = Exchanges(files)
    reading = Changes(exchanges, may)
    found = reading.of(grant=grant, identity=identity, since_us=since_us)
    objects = dict.fromkeys((each.spot.connection, *each.write.ref.key) for each in found)
    order = {key: at for at, key in enumerate(objects)}
    found.sort(key=lambda each: order[each.spot.connection, *each.write.ref.key])
    inside = [spot for spot in exchanges.inside(grant=grant, identity=identity, since_us=since_us) if may(spot)]
    notes = []
    if reading.older or len(inside) > PAGE:
        notes.append("only the newest of them are here: ask for a shorter time, or window by window")
    if reading.left_out:
        notes.append(f"writes of windows whose record you may not read are left out: {reading.left_out}")
    if exchanges.retired:
        notes.append(retired(exchanges.retired))
    if exchanges.left_out:
        notes.append(f"the record holds more than one reading takes: exchanges that were not read: {exchanges.left_out}")
    shown = [*(_change(each, unmask=unmask) for each in found), *(_inside(spot) for spot in inside[-PAGE:])]
    return ChangesView(changes=tuple(shown), notes=tuple(notes))


def _change(change: Change, *, unmask: bool) -> ChangeView:
    write, spot, seen = change.write, change.spot, change.before
    known = seen is not None or write.effect in {Effect.CREATED, Effect.ISSUED} or write.last is not None
    fields = change.fields if unmask else change.masked()
    more = (f"{len(fields) - FIELDS} further fields are left out",) if len(fields) > FIELDS else ()
    at = spot.started_us + write.exchange.at_us
    return ChangeView(
        object=object_view(write.ref), effect=write.effect.value, verb=write.verb, at=when(at), session=f"s-{spot.session}", conn=spot.conn,
        code=None if write.exchange.unknown else write.exchange.code, subresource=write.exchange.action.subresource, identity=spot.identity,
        connection=spot.connection, grant=f"g-{spot.grant}", seen=when(seen.spot.at_us) if seen else "",
        seen_in=f"s-{seen.spot.session}" if seen else "", asked=not change.known, notes=(*map(masked_text, change.notes), *more),
        fields=tuple(FieldView(path=Said(masked_text(cut(each.path, VALUE))), after=_value(each.after),
                               before=_value(each.before) if known or each.before is not None else UNSEEN) for each in fields[:FIELDS]),
    )  # fmt: skip


def _value(value: Any) -> Any:
    """The value; of a very long one its beginning, the number of characters left out, and a hash of the whole."""
    if isinstance(value, str):
        return cut(value, VALUE)
    text = plain.text(value) if isinstance(value, dict | list) else ""
    return cut(text, VALUE) if len(text) > VALUE else value


def _inside(spot: Spot) -> ChangeView:
    kind = UPGRADES.get(spot.subresource)
    ref = Ref(spot.grp, spot.resource, spot.namespace, spot.name)
    return ChangeView(
        object=object_view(ref), effect=Effect.INSIDE.value, verb=kind.verb if kind else spot.verb, at=when(spot.at_us), session=f"s-{spot.session}",
        conn=spot.conn, code=spot.code, subresource=spot.subresource, identity=spot.identity, connection=spot.connection, grant=f"g-{spot.grant}",
        seen="", seen_in="", notes=(INSIDE if kind else BEHIND,), fields=(),
    )  # fmt: skip


def object_view(ref: Ref) -> ObjectView:
    return ObjectView(group=ref.group, resource=ref.resource, namespace=Said(ref.namespace), name=Said(ref.name), uid=ref.uid)

