"""The desk: what waits for a decision, what is live, what ended lately. Nothing is decided here."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from jitui.api.operations import Operations
from jitui.api.views import Ended, Frozen, GrantView, RequestView
from jitui.tui.feed import Seen
from jitui.tui.figures import age_s
from jitui.tui.lines import Cell, block, row, rule, text
from jitui.tui.order import Order
from jitui.tui.screens.base import Answered, Board
from jitui.tui.screens.reason import REVOKE, ReasonScreen
from jitui.tui.widgets.card import preview_grant, preview_request
from jitui.tui.widgets.grants import ended_row, live_row, request_row
from jitui.tui.widgets.rows import Row, Rows
from jitui.values.errors import ConflictError

RECENT_S: Final = 3600.0


class DeskScreen(Board):
    """Three lists in one, each in its own stable order."""

    CSS_PATH = "desk.tcss"
    AUTO_FOCUS = "#queue"
    ASKS: ClassVar[frozenset[str]] = frozenset({"freeze", "thaw", "freeze_all", "thaw_all", "revoke"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "freeze", "freeze", id="desk.freeze", tooltip="nothing passes in the window until it is thawed; nothing is lost, its clock runs on"),
        Binding("f", "thaw", "thaw", id="desk.thaw", tooltip="what was held in the window goes on, in order"),
        Binding("F", "freeze_all", "freeze all", id="desk.freeze-all", tooltip="nothing passes in any window until it is thawed; nothing is lost"),
        Binding("F", "thaw_all", "thaw yours", id="desk.thaw-all", tooltip="what you froze goes on, in order; what others froze is thawed one by one"),
        Binding("x", "revoke", "revoke", id="desk.revoke", tooltip="end the window now, with everything in it"),
        Binding("c", "changes", "changes", id="desk.changes", tooltip="the objects that the window, or the agent that asks, wrote, field by field"),
        Binding("R", "residue", "residue", id="desk.residue", tooltip="everything that outlives the window; asks the cluster which objects still exist"),
        Binding("r", "replay", "replay", id="desk.replay", tooltip="replay the window with everything in it"),
        Binding("s", "sort", "sort", id="desk.sort", tooltip="oldest request first, the window that ends soonest first"),
    ]

    def __init__(self, desk: Operations) -> None:
        super().__init__()
        self._desk = desk
        self._waiting, self._live = Order(), Order()
        self._requests: dict[str, RequestView] = {}
        self._grants: dict[str, GrantView] = {}

    def body(self) -> ComposeResult:
        with Horizontal(id="desk"):
            yield Rows(id="queue")
            with VerticalScroll(id="preview", can_focus=False, classes="body"):
                yield Static(id="preview-text", markup=False)

    @property
    def queue(self) -> Rows:
        return self.query_one("#queue", Rows)

    def show(self, seen: Seen) -> None:
        self._requests = {view.id: view for view in seen.requests}
        self._grants = {view.id: view for view in (*seen.grants, *seen.ended)}
        self._waiting.update([view.id for view in seen.requests])
        self._live.update([view.id for view in seen.grants])
        self.queue.show(self._rows(seen))
        self._preview(seen)

    def _rows(self, seen: Seen) -> list[Row]:
        passed = seen.passed(self.shell.monotonic())
        waiting = [Row(request_row(self._requests[ident], passed, new=ident in self._waiting.new), ident) for ident in self._waiting.ids]
        live = [Row(live_row(self._grants[ident], passed, new=ident in self._live.new), ident) for ident in self._live.ids]
        ended = [Row(ended_row(view), view.id) for view in seen.ended if age_s(view.ended, seen.status.at) < RECENT_S]
        rows = [_head(f"Waiting for a decision ({len(waiting)})", "oldest first" if len(waiting) > 1 else "", "$state-waiting"), *waiting]
        if seen.no_queue:
            rows.append(_note(seen.no_queue))
        elif not waiting:
            rows.append(_note("Nobody asks. An agent asks with: jitui request CONNECTION --reason TEXT"))
        rows += [BLANK, _head(f"Live windows ({len(live)})", "ends soonest first" if len(live) > 1 else "", "$state-live"), *live]
        if not live:
            rows.append(_note("No window is open: no agent has any permission now."))
        if ended:
            note = f"the newest {len(ended)}, further ones are left out" if seen.older and len(ended) == len(seen.ended) else ""
            rows += [BLANK, _head(f"Ended in the last hour ({len(ended)})", note, "$state-ended"), *ended]
        return rows

    def _preview(self, seen: Seen) -> None:
        ident, passed = self.queue.cursor, seen.passed(self.shell.monotonic())
        width = 58
        if view := self._requests.get(ident):
            self.write("#preview-text", block(preview_request(view, passed, width)))
        elif grant := self._grants.get(ident):
            self.write("#preview-text", block(preview_grant(grant, passed, width)))
        else:
            self.write("#preview-text", text(""))

    def able(self) -> Mapping[str, Callable[[], bool]]:
        def may(move: str) -> bool:
            return move in getattr(self._grants.get(self.queue.cursor), "you_may", ())

        def any_may(move: str) -> bool:
            return any(move in view.you_may for view in self._grants.values())

        return {
            "freeze": lambda: may("freeze"),
            "thaw": lambda: may("thaw"),
            "freeze_all": lambda: any_may("freeze"),
            "thaw_all": lambda: bool(self._own) and not any_may("freeze"),
            "revoke": lambda: may("revoke"),
            "changes": lambda: bool(self.queue.cursor) and self.may_read_records,
            "residue": lambda: bool(getattr(self._grants.get(self.queue.cursor), "ended", "")) and self.may_read_records,
            "replay": lambda: self.queue.cursor in self._grants and self.may_read_records,
            "sort": self._unsorted,
        }

    @property
    def _own(self) -> list[str]:
        """Windows that this person froze and may thaw."""
        seen = self.shell.seen
        return [view.id for view in self._grants.values() if seen is not None and view.frozen_by == seen.hello.you and "thaw" in view.you_may]

    def _unsorted(self) -> bool:
        seen = self.shell.seen
        return seen is not None and (self._waiting.ids != [*self._requests] or self._live.ids != [view.id for view in seen.grants])

    def on_rows_moved(self, event: Rows.Moved) -> None:
        self._waiting.seen(event.ident)
        self._live.seen(event.ident)
        self.look()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        if event.ident in self._requests:
            self.navigator.open_request(event.ident)
        elif (grant := self._grants.get(event.ident)) is not None and grant.ended and self.may_read_records:
            self.navigator.open_replay(event.ident)
        elif grant is not None:
            self.navigator.open_grant(event.ident)

    def action_sort(self) -> None:
        if seen := self.shell.seen:
            self._waiting.sort([view.id for view in seen.requests])
            self._live.sort([view.id for view in seen.grants])
            self.look()

    def action_changes(self) -> None:
        request = self._requests.get(self.queue.cursor)
        self.navigator.open_changes(grant="" if request else self.queue.cursor, identity=request.identity if request else "")

    def action_replay(self) -> None:
        self.navigator.open_replay(self.queue.cursor)

    def action_residue(self) -> None:
        self.navigator.open_residue(self.queue.cursor)

    def action_freeze(self) -> None:
        """At once, without a reason: it loses nothing."""
        grant = self.queue.cursor
        self.ask("freeze", lambda: self._desk.freeze(grant))

    def action_thaw(self) -> None:
        grant = self.queue.cursor
        self.ask("thaw", lambda: self._desk.thaw(grant))

    def action_freeze_all(self) -> None:
        self.ask("freeze_all", lambda: self._desk.freeze("all"))

    def action_thaw_all(self) -> None:
        """A person froze a window for a reason: it is thawed by its own line, never along with all the others."""
        own = self._own
        others = sorted({view.id for view in self._grants.values() if view.frozen_by} - {*own})
        self.ask("thaw_all", lambda: self._thaw(own, others))

    async def _thaw(self, own: Sequence[str], others: Sequence[str]) -> Frozen:
        done: list[Frozen] = []
        for grant in own:
            with suppress(ConflictError):  # it ended, or somebody was quicker
                done.append(await self._desk.thaw(grant))
        said = f"{len(done)} window{'' if len(done) == 1 else 's'} thawed"
        if others:
            said += f"; {', '.join(others[:3])}{' and more' if len(others) > 3 else ''} stay frozen by others: thaw each with f"
        return Frozen(id="all", frozen_by="", windows=tuple(each.id for each in done), streams=sum(each.streams for each in done),
                      held=sum(each.held for each in done), said=said)

    def action_revoke(self) -> None:
        view = self._grants.get(self.queue.cursor)
        if view is None:
            return
        grant = view.id
        words = f"window {grant} of {view.identity} on {view.connection}: every stream of it ends now"
        self.app.push_screen(ReasonScreen(f"Revoke {grant}", words, REVOKE, "revoke"), lambda reason: self._revoke(grant, reason or ""))

    def _revoke(self, grant: str, reason: str) -> None:
        if reason:
            self.ask("revoke", lambda: self._desk.revoke(grant, reason=reason))

    def answered(self, message: Answered) -> None:
        if isinstance(message.value, Ended):
            self.say(f"{message.value.id} revoked: {message.value.said}")
            self.shell.look_now()
        elif isinstance(message.value, Frozen):
            self.say(message.value.said)
            self.shell.look_now()
        else:
            super().answered(message)


def _head(title: str, note: str, style: str) -> Row:
    return Row(lambda width: rule(title, note, width, style))


def _note(words: str) -> Row:
    return Row(lambda width: row([Cell("", 3), Cell(words, -1, "$state-quiet")], width))


BLANK: Final = Row(lambda width: row([Cell("", width)], width))
