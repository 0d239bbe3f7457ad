"""A report over a time, out of a real record; and as Markdown and HTML, with hostile names in it."""

import re
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest

from jitui.api.reports import ReportSection, ReportView
from jitui.api.service.report import report
from jitui.cli.report import html, markdown
from jitui.policy.action import Action
from jitui.policy.terms import Identity, Role
from jitui.recording.facts import (
    Disk,
    GrantEnded,
    GrantFrozen,
    GrantThawed,
    IdentityAdded,
    IdentityDisabled,
    ProcessLeft,
    RequestDenied,
    RequestRefused,
    SessionEnding,
    Viewed,
)
from jitui.store import Files, Store
from jitui.store.report import Asked
from jitui.values import plain
from jitui.values.errors import InvalidError, RefusedError
from tests.fakes.house import ANA, house
from tests.store.life import NOW, added, approved, asked, attempted, began, ended, granted, opened
from tests.support.soak import soak

EVIL: Final = "\x1b]0;x\x07<script>alert(1)</script>|\u202e[x](http://evil.example)`*"
TOKEN: Final = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJrdWJlcm5ldGVzIiwic3ViIjoic3lzdGVtIn0.c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl"
WHOLE: Final = Asked(0, NOW * 2)


async def fill(store: Store) -> None:
    """g-1 of agent-a by ana, who owns it, used in part and revoked; g-2 by its rule; g-3 by bob, of agent-b; a denial, a freeze, a cut, and so on."""
    await store.commit([
        added("ana", ["approver"], ""), added("bob", ["approver"], ""), added(), IdentityAdded(roles=("agent",), owner="bob").draft("agent-b", "root"),
        asked(1, reason=EVIL), approved(1, at_us=NOW), granted(1, 1, scope="read,create pods in web; exec pods in web; get nodes"),
        asked(2, reason=f"with {TOKEN}"), approved(2, "gateway", automatic=True), granted(2, 2, approved_by=[]),
        asked(3, identity="agent-b", connection="staging"), approved(3, "ana"), granted(3, 3, identity="agent-b", connection="staging"),
        asked(4), RequestDenied(why=EVIL, identity="agent-a").draft("r-4", "bob"),
        RequestRefused(connection="prod", scope="* *", duration_s=60, reason="x", why="no rule").draft("agent-a", "agent-a"),
        began(1), began(2, 1, "api"), GrantFrozen(by="ana", streams=1, identity="agent-a", connection="prod").draft("g-1", "ana"),
        GrantThawed(streams=1, held=5, identity="agent-a", connection="prod").draft("g-1", "ana"),
        SessionEnding(why="revoked", by="ana").draft("s-1", "ana"), ended(1, "revoked"), ended(2, "gateway-lost"),
        GrantEnded(state="revoked", why=EVIL, identity="agent-a", connection="prod").draft("g-1", "ana"),
        ProcessLeft(grant=1, session=1, pod="web/web-1", container="app", pid=7, state="unexplained", argv=("sh", EVIL), why="odd").draft("g-1", "gateway"),
        Disk(level="no-streams", free=5, min_free=9).draft("gateway", "gateway"), Viewed(how="unmasked").draft("s-1", "bob"),
        IdentityDisabled(why="left").draft("agent-b", "root"),
    ])
    command = Action("create", resource="pods", subresource="exec", namespace="web")
    for row in (attempted(verdict="allowed", session=1, action=command, clause="exec pods in web"),
                attempted(verdict="allowed", session=2, clause="read,create pods in web"), attempted(), attempted(action=Action("delete", resource=EVIL))):
        store.note(row)
    await store.commit([added("late")])


@asynccontextmanager
async def filled(folder: Path) -> AsyncIterator[Files]:
    async with opened(folder) as store:
        await fill(store)
    files = Files(folder)
    yield files
    files.close()


def section(view: ReportView, title: str) -> ReportSection:
    (found,) = [each for each in view.sections if each.title == title]
    return found


async def test_windows_and_their_use(tmp_path: Path) -> None:
    """Each with who approved it, its rule or its own people; each clause with what it allowed, and which verbs nobody used."""
    async with filled(tmp_path / "state") as files:
        view = report(files, WHOLE, now_us=NOW)
    three, two, one = view.windows
    assert (view.windows_total, view.automatic, view.own) == (3, 1, 1)
    assert (one.grant, one.request, one.approved_by, one.automatic, one.own, one.state) == ("g-1", "r-1", ("ana",), False, ("ana",), "revoked")
    assert (two.approved_by, two.automatic, three.own, three.identity) == ((), True, (), "agent-b")
    assert [(use.clause, use.requests, use.used, use.unused) for use in one.clauses] == [
        ("read,create pods in web", 1, ("list pods",), ("create", "get", "watch")),
        ("exec pods in web", 1, ("create pods/exec",), ()), ("get nodes", 0, (), ())]
    assert (one.sessions, one.first_session, one.denied) == (2, "s-1@2026-11-23T16:00:00Z", 2)
    assert TOKEN not in plain.text(view)


async def test_decisions_of_people(tmp_path: Path) -> None:
    """How often, how fast, and for whom; a rule is nobody."""
    async with filled(tmp_path / "state") as files:
        view = report(files, WHOLE, now_us=NOW)
    assert [(line.person, line.yes, line.no, line.own, line.requests) for line in view.people] == [
        ("ana", 2, 0, 1, ("r-3", "r-1")), ("bob", 0, 1, 0, ("r-4",))]
    assert all(line.median_s >= 0 for line in view.people)


async def test_everything_else_that_is_sampled(tmp_path: Path) -> None:
    """Each section has its facts, newest first, with links that commands take."""
    async with filled(tmp_path / "state") as files:
        view = report(files, WHOLE, now_us=NOW)
    totals = {each.title: each.total for each in view.sections}
    assert totals == {
        "Calls that were denied": 2, "Streams that were cut": 1, "Sessions that are not whole on record": 1, "Requests that got nothing": 2,
        "Windows that somebody ended": 1, "Freezes": 2, "Processes that nobody explained": 1, "Gaps in recording": 1, "Tapes retired and held": 0,
        "Changes of who may what": 6, "Secrets that were looked at": 1}
    assert {line.links for line in section(view, "Calls that were denied").lines} == {("g-2@2026-11-23T16:00:00Z",)}
    assert all(line.links for each in view.sections for line in each.lines)
    (cut,) = section(view, "Streams that were cut").lines
    assert (cut.links, cut.said.raw) == (("s-1@2026-11-23T16:00:00Z", "g-1"), "exec web/web-7c on prod: revoked, by agent-a")
    assert section(view, "Freezes").lines[0].links[1] == "g-1"
    assert re.fullmatch(r"fact \d+", section(view, "Gaps in recording").lines[0].links[0])


async def test_of_one_agent_one_connection_and_one_time(tmp_path: Path) -> None:
    """The others' windows, decisions, denials and facts are not in it; what concerns everybody is."""
    async with filled(tmp_path / "state") as files:
        of_b, of_staging = report(files, WHOLE._replace(identity="agent-b"), now_us=NOW), report(files, WHOLE._replace(connection="staging"), now_us=NOW)
        later = report(files, Asked(NOW + 3_600_000_000, NOW * 2), now_us=NOW)
    for view in (of_b, of_staging):
        assert [line.grant for line in view.windows] == ["g-3"]
        assert {each.title for each in view.sections if each.total} <= {"Gaps in recording", "Changes of who may what"}
        assert section(view, "Gaps in recording").total == 1
    assert ([line.grant for line in later.windows], later.first_fact, later.people) == (["g-3", "g-2"], 0, ())


class Page(HTMLParser):
    """Tags and attributes of a page, and the text between."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.given: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self.given |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in {"href", "src"}]


async def test_the_page_is_one_file_that_loads_nothing(tmp_path: Path) -> None:
    """No script, no address, no attribute of an event; names, reasons and scopes of others are text; links stay in the page."""
    async with filled(tmp_path / "state") as files:
        text = "\n".join(html(report(files, WHOLE, now_us=NOW)))
    page = Page()
    page.feed(text)
    assert page.tags == {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "br", "a", "code", "span"}
    assert page.given <= {"lang", "charset", "name", "content", "http-equiv", "class", "id", "href"}
    assert set(page.links) == {"#g-1", "#g-2", "#g-3"}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert not set(text) & {"\x1b", "\x07", "\u202e"}
    assert "http://" not in text.replace("http://evil.example", "")
    assert "OWN: ana owns or made it" in text
    assert "get nodes: NOT USED" in text


async def test_markdown_keeps_its_form(tmp_path: Path) -> None:
    """Every row has the cells of its table, and hostile words neither make markup nor end a cell."""
    async with filled(tmp_path / "state") as files:
        lines = "\n".join(markdown(report(files, WHOLE, now_us=NOW))).splitlines()
    lines = [re.sub(r"`(?:[grs]-\d+|fact \d+)(?:@[\d:TZ-]+)?`", "", line) for line in lines]  # links are its own
    rows = [line for line in lines if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", line)) - 1 for line in rows} == {4, 6, 8}
    assert not any(re.search(r"(?<!\\)<(?!br>)|(?<!\\)\]\(|(?<!\\)://|evil\.example|(?<!\\)[`*]", line) for line in lines)


async def test_only_auditors_may(tmp_path: Path) -> None:
    """Who sees the queue is no auditor yet; an end before the beginning is refused."""
    async with house(tmp_path) as home:
        await home.window()
        with pytest.raises(RefusedError, match="that takes the role auditor"):
            await home.desk(ANA).report()
        desk = home.desk(Identity("bob", frozenset({Role.AUDITOR})))
        assert [line.grant for line in (await desk.report()).windows] == ["g-1"]
        with pytest.raises(InvalidError, match="ends after it begins"):
            await desk.report(since_s=60, until_s=60)


async def test_many_facts(tmp_path: Path) -> None:
    """Memory stays the same for four times as many, and lists say what they leave out."""
    many, peaks = soak(2000, 25_000), []
    for number in (many, 4 * many):
        async with opened(tmp_path / f"state-{number}") as store:
            for first in range(0, number, 1000):
                await store.commit([Viewed(how="unmasked").draft(f"s-{first + each}", "bob") for each in range(1000)])
        files = Files(tmp_path / f"state-{number}")
        tracemalloc.start()
        view = report(files, WHOLE, now_us=NOW)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        files.close()
        looked = section(view, "Secrets that were looked at")
        assert (looked.total, len(looked.lines)) == (number, 200)
        assert f"Secrets that were looked at: 200 of {number} are listed" in view.notes
    assert peaks[1] < 1.2 * peaks[0] < 64 << 20
