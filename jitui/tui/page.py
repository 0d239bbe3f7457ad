"""A window or a session as one HTML page that needs nothing else: its terminals as they were, what it asked, what it changed. It plays in a browser.

The page holds no terminal emulator and no recorded escape code. Terminals are emulated here, in the process of `core.py`, and stand in it as lines of text that
changed from one moment to the next. All that is recorded stands in a block of JSON, which the page's own script (`page.html`) reads and puts into it as
text, never as markup. Its policy (Content-Security-Policy) allows that script and that style sheet by their hashes, and nothing from anywhere else.

A page has an end: where there is more than fits, it says so.
"""

import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from importlib import resources
from itertools import groupby
from typing import Any, Final

from jitui.api.findings import ChangeView, ObjectView
from jitui.api.moments import EventView, ExchangeView, MessageView
from jitui.api.operations import Archive
from jitui.api.views import ActionView, FrameView, SessionView
from jitui.policy.streams import API
from jitui.tui.emulator import Emulator, Look, Run
from jitui.tui.reel import draw
from jitui.tui.words import words
from jitui.values import plain
from jitui.values.errors import JituiError, NotFoundError, RefusedError
from jitui.values.instant import from_rfc3339

APART_US: Final = 33_000  # between two states of a terminal, at first; twice as much each time it has filled DOUBLED
DOUBLED: Final = 2 << 20  # characters
WHOLE: Final = 100  # states of a terminal until one stands there whole, so that a seek is short
ROOM: Final = 48 << 20  # characters of a page, about: its terminals, then its requests
EVENTS: Final = 20_000
EXCHANGES: Final = 2000  # requests that can be opened
LINES: Final = 400  # of a body of theirs
PAGE: Final = 1000  # frames or events that are read at once
TELLS: Final = frozenset({"grant.started", "grant.active", "grant.frozen", "grant.thawed", "process.ended", "process.left", "viewed"})


@dataclass
class Film:
    """One terminal, as the lines that changed from moment to moment."""

    session: SessionView
    looks: dict[Look, int]
    offset_us: int  # from the page's beginning to the session's
    steps: list[list[Any]] = field(default_factory=list)  # milliseconds, columns, lines, cursor or null, [[line, runs]...], 1 if that is all of it
    size: int = 0  # characters, about
    _drawn: int = 0  # frames that are not in a step yet
    _at_us: int = 0

    def __post_init__(self) -> None:
        self._emulator = Emulator(80, 24, newline=not self.session.tty)
        self._rows: list[tuple[Run, ...]] = []

    def feed(self, frames: Sequence[FrameView]) -> None:
        """The frames that come next."""
        for frame in frames:
            if frame.channel == "stdin":
                continue
            at_us = max(frame.at_us, self._at_us)
            if self._drawn and at_us - self._at_us >= APART_US << min(self.size // DOUBLED, 16):
                self._step()
            self._at_us = at_us
            for _ in draw(self._emulator, self.session.kind, frame.channel, frame.body, delivered=frame.delivered):
                self._drawn += 1
            self._drawn += frame.channel == "resize"

    def end(self) -> None:
        """Nothing comes any more."""
        if self._drawn:
            self._step()

    def _step(self) -> None:
        self._drawn = 0
        screen = self._emulator
        rows = [screen.line(y) for y in range(screen.lines)]
        whole = len(self.steps) % WHOLE == 0 or len(rows) != len(self._rows)
        changed: list[tuple[int, list[Any]]] = [(y, [self._run(run) for run in row]) for y, row in enumerate(rows) if (row if whole else row != self._rows[y])]
        self._rows = rows
        cursor = screen.cursor
        self.steps.append([(self.offset_us + self._at_us) // 1000, screen.columns, screen.lines, list(cursor) if cursor else None, changed, int(whole)])
        self.size += 40 + sum(12 + len(run[0]) for _, runs in changed for run in runs)

    def _run(self, run: Run) -> list[Any]:
        look = self.looks.setdefault(run.look, len(self.looks))
        return [run.text, look, run.width] if run.width else [run.text, look]


async def page(at: Archive, ident: str, *, unmask: bool = False) -> str:
    """The page of a window (`g-17`) or a session (`s-204`). Raises JituiError."""
    return _written(await Recorded(at, unmask=unmask).read(ident))


class Recorded:
    """The content of a page, as it is read from an archive."""

    def __init__(self, at: Archive, *, unmask: bool) -> None:
        self._at, self._unmask = at, unmask
        self._looks: dict[Look, int] = {}
        self._notes: list[str] = []
        self._began_us = 0
        self._room = ROOM

    async def read(self, ident: str) -> dict[str, Any]:
        """The whole of it, as JSON data."""
        only = await self._at.session(ident) if ident.startswith("s-") else None
        grant = only.grant if only else ident
        moment = await self._at.moment(grant)
        self._began_us = from_rfc3339(only.started if only else moment.approved)
        events = [event async for event in self._events(grant) if only is None or event.session == only.id]
        streams = [only] if only else list({event.stream.id: event.stream for event in events if event.stream}.values())
        films = [film for session in streams if session.kind != API if (film := await self._film(session)) is not None]
        return {
            "title": f"{ident}: {words(moment.identity, 80)} on {words(moment.connection, 80)}", "began": self._began_us // 1000,
            "scope": words(moment.scope, 2000), "ended": moment.ended, "why": words(moment.why, 300),
            "films": [{"id": film.session.id, "name": _stream(film.session), "steps": film.steps} for film in films],
            "events": [self._event(event) for event in events], "exchanges": await self._exchanges(events),
            "changes": await self._changes(grant, only), "looks": [_look(look) for look in self._looks], "notes": self._notes,
        }  # fmt: skip

    async def _events(self, grant: str) -> AsyncIterator[EventView]:
        behind, count = "", 0
        while found := await self._at.timeline(grant, behind=behind, limit=PAGE):
            behind = found[-1].key
            for event in found:
                if event.fact is None or event.kind in TELLS or event.mark:
                    count += 1
                    yield event
            if count >= EVENTS:
                self._notes.append(f"the list ends after {count} events; jitui replay shows the others")
                return

    async def _film(self, session: SessionView) -> Film | None:
        film, after = Film(session, self._looks, from_rfc3339(session.started) - self._began_us), -1
        try:
            while frames := await self._at.frames(session.id, after=after, limit=PAGE, unmask=self._unmask):
                film.feed(frames)
                after = frames[-1].seq
                if film.size > self._room:
                    self._notes.append(f"{session.id} is shown up to its frame {after}: there is no room for the rest; jitui replay {session.id} shows it")
                    break
        except RefusedError as error:
            self._notes.append(f"{session.id}: {words(str(error), 300)}")
        film.end()
        self._room = max(0, self._room - film.size)
        return film if film.steps else None

    def _event(self, event: EventView) -> list[Any]:
        """Milliseconds, mark, session, connection or -1, hazard or kind, text, outcome."""
        at_ms = (from_rfc3339(event.at) - self._began_us) // 1000
        if (action := event.action) is not None:
            denied = action.verdict == "denied"
            outcome = "denied" if denied else "" if action.code is None else str(action.code)
            return [at_ms, event.mark, event.session, action.conn if action.session else -1, action.hazard, _action(action), outcome]
        if (stream := event.stream) is not None:
            why = words(stream.ended_why, 80) if event.kind == "ended" else ""
            return [at_ms, event.mark, stream.id, -1, event.kind, f"{event.kind} {_stream(stream)}", why]
        assert event.fact is not None
        return [at_ms, event.mark, event.session, -1, "fact", f"{event.fact.kind} {words(event.fact.subject, 80)} by {words(event.fact.who, 80)}", ""]

    async def _exchanges(self, events: Sequence[EventView]) -> dict[str, Any]:
        """The requests that can be opened, by `s-204/3`."""
        found: dict[str, Any] = {}
        for event in events:
            action = event.action
            if action is None or not action.session or action.argv:
                continue
            key = f"{action.session}/{action.conn}"
            if len(found) >= EXCHANGES or self._room <= 0:
                self._notes.append(f"{len(found)} requests can be opened here; the others: jitui replay")
                break
            try:
                opened = await self._at.exchange(action.session, conn=action.conn, unmask=self._unmask)
            except (NotFoundError, RefusedError):
                continue
            found[key] = _exchange(opened)
            self._room -= sum(len(line) + 4 for message in found[key] for line in message)
        return found

    async def _changes(self, grant: str, only: SessionView | None) -> list[list[Any]]:
        """Object, whether it was written, and each time: verb and effect, session, milliseconds, [[path, before, after]...], notes."""
        try:
            found = await self._at.changes(grant=grant, unmask=self._unmask)
        except JituiError as error:
            self._notes.append(f"changes: {words(str(error), 300)}")
            return []
        self._notes += [words(note, 300) for note in found.notes]
        ours = [change for change in found.changes if only is None or change.session == only.id]
        grouped = [(thing, list(several)) for thing, several in groupby(ours, lambda change: change.thing)]
        return [[_object(several[0].object), int(not thing[-1]), [self._change(change) for change in several]] for thing, several in grouped]

    def _change(self, change: ChangeView) -> list[Any]:
        fields = [[words(each.path, 300), _value(each.before), _value(each.after)] for each in change.fields]
        at_ms = (from_rfc3339(change.at) - self._began_us) // 1000
        return [f"{change.verb} {change.effect}", change.session, at_ms, fields, [words(note, 300) for note in change.notes]]


def _action(action: ActionView) -> str:
    argv = " ".join(words(part, 120) for part in action.argv)
    name = f"/{words(action.name, 80)}" if action.name.raw else ""
    namespace = f" in {words(action.namespace, 60)}" if action.namespace.raw else ""
    again = f" x{action.count}" if action.count > 1 else ""
    return f"{action.verb} {words(action.resource, 80)}{name}{namespace}{f' [{argv}]' if argv else ''}{again}"


def _object(thing: ObjectView) -> str:
    kind = f"{thing.resource}.{thing.group}" if thing.group else thing.resource
    where = f"{words(thing.namespace, 80)}/" if thing.namespace.raw else ""
    return f"{kind} {where}{words(thing.name, 200)}"


def _stream(session: SessionView) -> str:
    argv = " ".join(words(part, 120) for part in session.argv)
    return f"{session.kind} {words(session.target, 120)} {argv}".rstrip()


def _value(value: Any) -> str:
    return "" if value is None else words(plain.text(value) if not isinstance(value, str) else value, 2000)


def _exchange(opened: ExchangeView) -> list[list[str]]:
    """The lines of the request, and of the answer."""
    return [_message(opened.request), _message(opened.answer) if opened.answer else ["no answer is on record"], [words(line, 500) for line in opened.words]]


def _message(message: MessageView) -> list[str]:
    body = [words(line, 1000) for line in message.body[:LINES]]
    more = [f"({len(message.body) - LINES} further lines)"] if len(message.body) > LINES else []
    note = [f"({message.note})"] if message.note else []
    return [*(words(line, 500) for line in message.head), *([""] if body else []), *body, *more, *note]


def _look(look: Look) -> list[Any]:
    return [look.foreground, look.background, sorted(look.styles), int(look.undelivered)]


def _written(data: dict[str, Any]) -> str:
    """The page with the data in it. A block of JSON ends at `</`, and a comment begins at `<!`: no `<` is left in it."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    template = resources.files("jitui.tui").joinpath("page.html").read_text(encoding="utf-8")
    hashes = {name: b64encode(sha256(_inside(template, name).encode()).digest()).decode() for name in ("script", "style")}
    policy = f"default-src 'none'; script-src 'sha256-{hashes['script']}'; style-src 'sha256-{hashes['style']}'; base-uri 'none'; form-action 'none'"
    return "".join(_put(template, {"POLICY": policy, "TITLE": escape(str(data["title"])), "DATA": text}))


def _put(template: str, values: dict[str, str]) -> Iterator[str]:
    for piece in re.split(r"(@@[A-Z]+@@)", template):
        yield values[piece[2:-2]] if piece.startswith("@@") and piece[2:-2] in values else piece


def _inside(template: str, name: str) -> str:
    found = re.search(rf"<{name}>(.*?)</{name}>", template, re.DOTALL)
    assert found is not None
    return found[1]
