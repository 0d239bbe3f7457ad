"""A report over a time, as a view: made in a thread, out of the ledger alone."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from jitui.api.reports import ClauseUse, PersonLine, ReportLine, ReportSection, ReportView, WindowLine
from jitui.api.service.views import fact_view, when
from jitui.recording.facts import Fact, Kind
from jitui.recording.masking.text import masked_text
from jitui.store.archive import Files
from jitui.store.report import CUT, LINES, NOT_WHOLE, WINDOWS, Asked, Reading, Window
from jitui.values import plain
from jitui.values.said import Said, cut

VALUE: Final = 160  # characters of one value in a line
WORDS: Final = 600  # of a line
BEGINNING: Final = 3  # facts of a new record: its tape, its gateway, its log
PERSONS: Final = 5  # requests of a person that are named
FIRST: Final = ("why", "reason", "state", "level", "how")  # keys of facts that a line begins with
LEFT_OUT: Final = frozenset({"boot_id", "boot_us", "asked_boot_us", "head", "hash", "found_hash", "sha256", "digest", "key", "processes", "sessions",
                             "start", "took_ms", "pending_us", "asked_us", "identity", "connection"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Topic:
    """A section made of facts."""

    title: str
    about: str
    kinds: frozenset[Kind]
    wanted: Callable[[Fact], bool] = lambda _: True


def _gap(fact: Fact) -> bool:
    if fact.kind in {Kind.GATEWAY_STARTED, Kind.LOG_BEGUN} and fact.seq <= BEGINNING:
        return False
    return fact.kind is not Kind.DISK or fact.what.get("level") in {"no-streams", "nothing", "no-rows"}


TOPICS: Final = (
    Topic("Requests that got nothing", "CC6.1: refused by rule, denied by a person, withdrawn, or left unanswered",
          frozenset({Kind.REQUEST_REFUSED, Kind.REQUEST_DENIED, Kind.REQUEST_WITHDRAWN, Kind.REQUEST_LAPSED})),
    Topic("Windows that somebody ended", "CC7.4: revoked or released before their time, or ended by a change of rules",
          frozenset({Kind.GRANT_ENDED}), lambda fact: fact.what.get("state") != "expired"),
    Topic("Freezes", "CC7.3: windows and sessions that were held still, and let go on",
          frozenset({Kind.GRANT_FROZEN, Kind.GRANT_THAWED, Kind.SESSION_FROZEN, Kind.SESSION_THAWED})),
    Topic("Processes that nobody explained", "CC7.2: left in containers, or not seen to end", frozenset({Kind.PROCESS_LEFT})),
    Topic("Gaps in recording", "CC7.2: nothing passes that is not recorded; here it could not, a gateway was lost or begun anew, or rows were only counted",
          frozenset({Kind.DISK, Kind.COUNTED, Kind.GATEWAY_STARTED, Kind.GATEWAY_STOPPED, Kind.LEDGER_REPAIRED, Kind.CLOCK_WENT_BACK, Kind.LOG_BEGUN}), _gap),
    Topic("Tapes retired and held", "C1.2: recorded bytes that were disposed of, by which rule; and legal holds",
          frozenset({Kind.TAPE_RETIRED, Kind.TAPES_HELD, Kind.TAPES_RELEASED})),
    Topic("Changes of who may what", "CC6.2, CC6.3, CC8.1: identities, tokens, keys, settings, lockdowns",
          frozenset({Kind.IDENTITY_ADDED, Kind.IDENTITY_DISABLED, Kind.TOKEN_ISSUED, Kind.TOKEN_REVOKED, Kind.TOKENS_ADOPTED, Kind.SSH_KEY_ADDED,
                     Kind.SSH_KEY_REVOKED, Kind.CONFIG_LOADED, Kind.LOCKDOWN_ON, Kind.LOCKDOWN_OFF})),
    Topic("Secrets that were looked at", "CC6.1: recorded content shown unmasked", frozenset({Kind.VIEWED}), lambda fact: fact.what.get("how") == "unmasked"),
)  # fmt: skip


def report(files: Files, asked: Asked, *, now_us: int) -> ReportView:
    """Of a time, an identity and a connection; all of them where none is named."""
    reading = Reading(files, asked)
    first, last, newest = reading.span()
    total, automatic, own, windows = reading.windows()
    notes = [f"only the newest {WINDOWS} of {total} windows are listed; ask for a shorter time"] if total > WINDOWS else []
    sections = [*_denied(reading), *_cut(reading), *(_section(reading, topic, first, last) for topic in TOPICS)]
    notes += [f"{each.title}: {sum(line.count for line in each.lines)} of {each.total} are listed" for each in sections
              if each.total > sum(line.count for line in each.lines)]
    keys = files.keys()
    return ReportView(
        gateway=next(iter(keys), ""), made=when(now_us), since=when(max(asked.since_us, 1)), until=when(asked.until_us), identity=asked.identity,
        connection=asked.connection, first_fact=first, last_fact=last, hash=newest.hex(), windows_total=total, automatic=automatic, own=own,
        windows=tuple(map(_window, windows)), sections=tuple(sections), notes=tuple(notes),
        people=tuple(PersonLine(person=each.person, yes=each.yes, no=each.no, own=each.own, median_s=each.median_s,
                                slowest_s=round(max(each.took_us, default=-1_000_000) / 1e6),
                                requests=tuple(f"r-{request}" for request in each.requests[:PERSONS])) for each in reading.decisions()),
    )  # fmt: skip


def _window(window: Window) -> WindowLine:
    row, (first, began) = window.row, window.first
    return WindowLine(
        grant=f"g-{row['id']}", request=f"r-{row['request']}", identity=row["identity"], connection=row["connection"], reason=_words(row["reason"]),
        approved=when(row["approved_us"]), approved_by=window.approvers, automatic=bool(row["automatic"]), own=window.own, asked=when(row["asked_us"]),
        started=when(row["started_us"]), ended=when(row["ended_us"]), state=row["state"], why=_words(row["why"]), sessions=window.sessions,
        first_session=link(first, began) if first else "", denied=window.denied,
        clauses=tuple(ClauseUse(clause=masked_text(each.clause), requests=each.requests, used=each.used, unused=each.unused) for each in window.uses),
    )  # fmt: skip


def link(session: int, at_us: int) -> str:
    """A moment of a session, as commands take it: s-204@2026-11-28T16:07:52Z."""
    return f"s-{session}@{when(at_us)[:19]}Z"


def _instant(row: dict[str, Any]) -> str:
    """Of a call that was denied: the moment in the window that was live then; without one, a moment of the desk (`jitui --at`)."""
    at = f"{when(row['at_us'])[:19]}Z"
    return f"g-{row['grant_id']}@{at}" if row["grant_id"] else f"--at {at}"


def _words(text: object) -> Said:
    return Said(cut(masked_text(str(text)), WORDS))


def _denied(reading: Reading) -> Iterator[ReportSection]:
    total, rows = reading.denied()
    lines = tuple(ReportLine(at=when(row["at_us"]), who=row["identity"], count=row["count"], links=(_instant(row),), said=_words(
        f"{row['verb']} {row['resource']}{'.' + row['grp'] if row['grp'] else ''}{'/' + row['subresource'] if row['subresource'] else ''}"
        f"{' in ' + row['namespace'] if row['namespace'] else ''} on {row['connection']}: {row['why']}")) for row in rows)
    yield ReportSection(title="Calls that were denied", about="CC6.1: attempts without a window, or beyond it; equal ones as one line with a count",
                        total=total, lines=lines)


def _cut(reading: Reading) -> Iterator[ReportSection]:
    for title, about, whys, streams in (
        ("Streams that were cut", "CC7.4: commands, forwarded ports and followed logs that jitui ended, not their client", CUT, True),
        ("Sessions that are not whole on record", "CC7.2: lost with a gateway, or ended because they could not be recorded", NOT_WHOLE, False),
    ):
        total, rows = reading.sessions(whys, streams=streams)
        lines = tuple(ReportLine(at=when(row["ended_us"]), who=row["identity"], links=(link(row["id"], row["started_us"]), f"g-{row['grant_id']}"),
                                 said=_words(f"{row['kind']} {row['target']} on {row['connection']}: {row['ended_why']}, by {row['ended_by']}"))
                      for row in rows)
        yield ReportSection(title=title, about=about, total=total, lines=lines)


def _section(reading: Reading, topic: Topic, first: int, last: int) -> ReportSection:
    total, newest = 0, deque[ReportLine](maxlen=LINES)
    for fact in reading.facts(topic.kinds, first, last) if first else ():
        if topic.wanted(fact):
            total += 1
            newest.appendleft(_line(fact))
    return ReportSection(title=topic.title, about=topic.about, total=total, lines=tuple(newest))


def _line(fact: Fact) -> ReportLine:
    view = fact_view(fact)
    links = [f"fact {fact.seq}"]
    if fact.subject[:2] in {"g-", "s-", "r-"}:
        links.append(fact.subject)
    links += [fact.grant] if fact.grant not in {"", fact.subject} else []
    told = sorted(((key, value) for key, value in view.what.items() if key not in LEFT_OUT and value not in ("", None, [], 0)),
                  key=lambda one: (FIRST.index(one[0]) if one[0] in FIRST else len(FIRST), one[0]))  # fmt: skip
    named = [f"{view.what[key]}" for key in ("identity", "connection") if view.what.get(key) and view.what[key] not in {fact.who, fact.subject}]
    words = " ".join([fact.kind.value, *([] if fact.subject in links or fact.subject == fact.who else [fact.subject]), *named,
                      *(f"{key}={_value(value)}" for key, value in told)])
    return ReportLine(at=view.at, who=fact.who, said=Said(cut(words, WORDS)), links=tuple(links))


def _value(value: Any) -> str:
    return cut(value if isinstance(value, str) else plain.text(value), VALUE)
