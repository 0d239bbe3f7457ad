"""Decide: the only place where a person says yes or no.

What is sent carries the digest of what was drawn; if anything changed since, the gateway refuses. Keys arm 0.7 s after the card was drawn
or changed, so that a key meant for another screen decides nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input, Static

from jitui.api.operations import Operations
from jitui.api.views import RequestView
from jitui.policy.brief import TYPED
from jitui.tui.feed import Seen
from jitui.tui.figures import stamp
from jitui.tui.lines import block, text
from jitui.tui.screens.base import Answered, Board
from jitui.tui.screens.reason import DENY, NameScreen, ReasonScreen
from jitui.tui.widgets.card import request_card, request_times, request_title
from jitui.tui.words import words
from jitui.values import span
from jitui.values.errors import InvalidError

ARM_S: Final = 0.7


class DecideScreen(Board):
    """One request."""

    CSS_PATH = "decide.tcss"
    AUTO_FOCUS = "#card"
    ASKS: ClassVar[frozenset[str]] = frozenset({"approve_read", "approve", "deny", "narrow"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve_read", "approve", id="decide.approve_read", tooltip="what is read only"),
        Binding("A", "approve", "approve", id="decide.approve", tooltip="capital, as it is not read-only"),
        Binding("d", "deny", "deny", id="decide.deny", tooltip="with a reason that the agent is told"),
        Binding("n", "narrow", "narrow", id="decide.narrow", tooltip="to what it really used so far"),
        Binding("c", "changes", "changes", id="decide.changes", tooltip="the objects that the agent wrote in the last 24 hours"),
        Binding("tab", "edit", "edit terms", id="decide.tab", tooltip="duration and scope; they can only be tightened"),
        Binding("escape", "back", "back", id="decide.back"),
    ]

    def __init__(self, desk: Operations, ident: str) -> None:
        super().__init__()
        self._desk, self._ident = desk, ident
        self.view: RequestView | None = None
        self._seen: Seen | None = None
        self._fetched: tuple[object, ...] = ()  # the parts of the request that count for a decision, as fetched last
        self._drawn_at = 0.0  # monotonic, when the card was drawn or changed
        self._gone = False

    def body(self) -> ComposeResult:
        with Horizontal(id="decide-title"):
            yield Static(id="title", markup=False)
            yield Static(id="times", markup=False)
        with VerticalScroll(id="card", classes="body"):
            yield Static(id="card-text", markup=False)
        with Vertical(id="terms"):
            with Horizontal(classes="terms-line"):
                yield Static("duration", classes="label", markup=False)
                yield Input(id="duration", compact=True, max_length=12, select_on_focus=False)
                yield Static("scope", classes="label", markup=False)
                yield Input(id="scope", compact=True, max_length=4000, placeholder="as asked", select_on_focus=False)
            yield Static(id="arming", markup=False)

    def show(self, seen: Seen) -> None:
        found = next((view for view in seen.requests if view.id == self._ident), None)
        if found is not None and seen is not self._seen:
            self._take(self._with_history(found))
            if _matters(found) != self._fetched and "fetch" not in self.busy:
                self._fetched = _matters(found)
                self._fetch()
        elif found is None and not self._gone:
            self._gone = True  # decided, lapsed or withdrawn: fetch how
            self._fetch()
        self._seen = seen
        self._draw(seen)

    def _fetch(self) -> None:
        self.ask("fetch", lambda: self._desk.request(self._ident))

    def _with_history(self, listed: RequestView) -> RequestView:
        """The request as a list has it, which leaves out the history, with the history that was fetched for it."""
        return listed if self.view is None else replace(listed, before=self.view.before, used=self.view.used, still=self.view.still)

    def _take(self, view: RequestView) -> None:
        """A newer view of the same request. What matters to a decision re-arms the keys."""
        before = self.view
        if before is None:
            self.query_one("#duration", Input).placeholder = span.show(view.duration_s)
        if before is None or _matters(before) != _matters(view):
            self._drawn_at = self.shell.monotonic()
        self.view = view

    def _draw(self, seen: Seen) -> None:
        view = self.view
        if view is None:
            return
        passed = seen.passed(self.shell.monotonic())
        self.write("#title", request_title(view))
        self.write("#times", request_times(view, passed))
        self.write("#card-text", block(request_card(view, max(40, min(self.size.width - 4, 160)))))
        if view.state != "pending":
            self.write("#arming", text((f"{view.state} by {view.decided_by} at {stamp(view.decided)}", "$state-quiet")))
        elif not self._may("approve"):
            self.write("#arming", text((view.you_may_not or "you may not decide this one", "$state-ending")))
        elif self.armed and self._below:
            self.write("#arming", text(("more below: pagedown; terms can only be tightened", "$state-waiting")))
        elif self.armed:
            self.write("#arming", text(("terms can only be tightened; empty: as asked", "$state-quiet")))
        else:
            self.write("#arming", text(("read it: the keys come in a moment", "$state-waiting")))

    @property
    def armed(self) -> bool:
        return self.shell.monotonic() - self._drawn_at >= ARM_S

    @property
    def _below(self) -> bool:
        """Whether some of the card is not in view yet."""
        card = self.query_one("#card", VerticalScroll)
        return card.scroll_offset.y < card.max_scroll_y

    def _may(self, move: str) -> bool:
        return self.view is not None and self.view.state == "pending" and move in self.view.you_may

    def able(self) -> Mapping[str, Callable[[], bool]]:
        def may(move: str) -> bool:
            return self.armed and not self.busy and self._may(move)

        read_only = self.view is not None and self.view.hazard == "READ"
        editing = isinstance(self.focused, Input)
        return {
            "approve_read": lambda: may("approve") and read_only and not editing,
            "approve": lambda: may("approve") and not read_only and not editing,
            "deny": lambda: may("deny") and not editing,
            "narrow": lambda: may("approve") and bool(self.view and self.view.used) and not editing,
            "changes": lambda: self.view is not None and not editing and self.may_read_records,
            "edit": lambda: self._may("approve"),
        }

    def action_changes(self) -> None:
        if self.view is not None:
            self.navigator.open_changes(identity=self.view.identity)

    def action_edit(self) -> None:
        self.focus_next()

    def action_back(self) -> None:
        if isinstance(self.focused, Input):
            self.query_one("#card").focus()
        else:
            self.app.pop_screen()

    def on_input_submitted(self) -> None:
        self.query_one("#card").focus()

    def action_narrow(self) -> None:
        if self.view is not None:
            self.query_one("#scope", Input).value = words(self.view.used, 4000)

    def action_approve_read(self) -> None:
        self._approve()

    def action_approve(self) -> None:
        view = self.view
        if view is None:
            return
        if view.hazard in TYPED:
            title = f"Approve {view.id}: {view.hazard}"
            self.app.push_screen(NameScreen(title, "it can reach beyond its window", view.identity), lambda sure: self._approve(view) if sure else None)
        else:
            self._approve()

    def _approve(self, shown: RequestView | None = None) -> None:
        """Send the yes, for exactly what was shown: the terms as typed and the digest of the card."""
        view = shown or self.view
        if view is None:
            return
        try:
            duration_s = self._duration(view)
        except InvalidError as problem:
            self.say(str(problem), bad=True)
            return
        scope = self.query_one("#scope", Input).value.strip()
        self.ask("approve", lambda: self._desk.approve(view.id, digest=view.digest, duration_s=duration_s, scope=scope))

    def _duration(self, view: RequestView) -> int:
        """Seconds as typed; 0: as asked. Raises InvalidError."""
        typed = self.query_one("#duration", Input).value.strip()
        if not typed:
            return 0
        seconds = span.parse(typed)
        if seconds > view.duration_s:
            raise InvalidError(f"{typed} is longer than the {span.show(view.duration_s)} that was asked: terms can only be tightened")
        return seconds

    def action_deny(self) -> None:
        view = self.view
        if view is not None:
            what = f"{view.identity} is told your reason; it may ask again after a while"
            self.app.push_screen(ReasonScreen(f"Deny {view.id}", what, DENY, "deny"), lambda reason: self._deny(view.id, reason or ""))

    def _deny(self, ident: str, reason: str) -> None:
        if reason:
            self.ask("deny", lambda: self._desk.deny(ident, reason=reason))

    def answered(self, message: Answered) -> None:
        view = message.value
        if message.conflict:
            self.say(f"changed since you saw it: {message.problem}", bad=True)
            self._fetch()
        elif message.problem:
            self.say(message.problem, bad=True)
        elif isinstance(view, RequestView):
            self._take(view)
            if self.shell.seen is not None:
                self._draw(self.shell.seen)
            if message.what != "fetch":
                self.shell.look_now()
                self._leave(view)

    def _leave(self, view: RequestView) -> None:
        """Back to where the person came from, with one line of what was decided."""
        if view.state == "approved":
            line = f"{view.id} approved: window {view.grant} of {view.identity} on {view.connection}, {span.show(view.duration_s)}"
        elif view.state == "denied":
            line = f"{view.id} denied: {view.why}"
        else:
            line = f"{view.id}: your yes counts, {len(view.approvals)} of {view.approvals_needed}"
        if self.is_current:
            self.app.pop_screen()
        if isinstance(self.app.screen, Board):
            self.app.screen.say(line)


def _matters(view: RequestView) -> tuple[object, ...]:
    """Everything of a view that is drawn, except the seconds that pass by themselves."""
    return (view.digest, view.state, view.identity, view.connection, view.duration_s, view.scope, view.clauses, view.hazard, view.reason, view.approvals,
            view.rule_scope, view.rule_duration_s, view.you_may, view.used, view.before, view.from_peer, view.same_user)  # fmt: skip
