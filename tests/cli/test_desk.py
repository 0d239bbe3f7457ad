"""Approvers and operators at the plain-text desk."""

import os
import re
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from jitui.api.views import ClauseView, GrantView, LiveChunk, RequestView
from jitui.cli import desk
from jitui.values import plain
from jitui.values.said import Said
from tests.cli.conftest import Front
from tests.fakes.desk import FakeDesk, grant_view, request_view, session_view
from tests.fakes.gateway import ANA
from tests.support.processes import Program

HOSTILE = Said("\x1b]0;x\x07[@click=app.approve]\u202eroll back\n2")


def test_requests_for_people(front: Front) -> None:
    """One line each, warnings, hazard and scope before the agent's own words, which are clean."""
    assert "nobody asks; an agent asks with: jitui request" in front("requests").out
    front.house.requests["r-1"] = request_view("r-1", "agent-a", "prod", 1800, reason=HOSTILE, same_user=True)
    said = front("requests").out
    assert said.startswith("r-1  pending  CAN BYPASS JITUI HERE (same Unix user)  agent-a  prod  30m  READ  read pods in web  0/1  lapses in 59m59s  says ")
    assert said.count("\n") == 1
    assert not set(said) & {"\x1b", "\x07", "\u202e"}
    assert "CAN BYPASS JITUI HERE" in said


MANY: Final = [*(f"get configmaps:settings-of-number-{at:03} in web" for at in range(14)), "delete pods in payments"]


def long_request(**more: Any) -> RequestView:
    """Fourteen harmless clauses before the one that is not; a reason; by the gateway's own user."""
    clauses = tuple(ClauseView(text=text, hazard="CHANGE" if "delete" in text else "READ") for text in MANY)
    return request_view("r-1", "agent-a", "prod", 1800, scope="; ".join(MANY), clauses=clauses, hazard="CHANGE", same_user=True,
                        reason=Said("roll web back, OPS-1182"), you_may=("approve", "deny"), **more)  # fmt: skip


def test_no_clause_hides_behind_harmless_ones(front: Front) -> None:
    """In one line: the warning, the worst clause, how many are not shown and how bad they are, and the reason."""
    front.house.requests["r-1"] = long_request()
    said = front("requests").out
    assert said.startswith("r-1  pending  CAN BYPASS JITUI HERE (same Unix user)  agent-a  prod  30m  CHANGE  CHANGE delete pods in payments; READ get ")
    assert re.search(r" \+1[0-3] READ  0/1", said)
    assert 'says "roll web back, OPS-1182"' in said
    front.house.grants["g-1"] = grant_view("g-1", "agent-a", "prod", scope="; ".join(MANY), hazard="CHANGE")
    assert re.search(r"CHANGE +0 +CHANGE delete pods in payments \+14 READ", front("grants").out)


def test_approving_shows_everything_and_decides_on_that(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every clause, the worst first, before the yes; what changed between the look and the yes is not decided."""
    front.house.requests["r-1"] = long_request()
    lines = front("approve", "r-1", by="ana").out.splitlines()
    assert lines[1] == "  CAN BYPASS JITUI HERE (same Unix user): it runs as the gateway's own user"
    assert lines[3:6] == ["  asks for 15 clauses, the worst first:", "    CHANGE  delete pods in payments", f"    READ    {MANY[0]}"]
    assert all(any(clause in line for line in lines) for clause in MANY)
    assert lines[-2:][0] == "  digest   d-1"
    assert lines[-1].startswith("r-1  approved")
    front.house.requests["r-1"] = long_request()
    real = FakeDesk.request

    async def then_it_changes(desk: FakeDesk, ident: str, **given: int) -> RequestView:
        seen = await real(desk, ident, **given)
        front.house.requests[ident] = replace(seen, digest=f"{seen.digest}x")
        return seen

    monkeypatch.setattr(FakeDesk, "request", then_it_changes)
    done = front("approve", "r-1", by="ana")
    assert (done.code, "changed since you saw it" in done.err, front.house.requests["r-1"].state) == (1, True, "pending")
    done = front("approve", "r-1", "--json", by="ana")
    assert (done.code, done.out) == (1, "")


def test_approving_by_digest(front: Front) -> None:
    """A script sends what it saw; nothing is shown again, and another digest decides nothing."""
    front.house.requests["r-1"] = long_request()
    other = front("approve", "r-1", "--digest", "d-0", by="ana")
    assert (other.code, other.out) == (1, "")
    done = front("approve", "r-1", "--digest", "d-1", by="ana")
    assert (done.code, len(done.out.splitlines())) == (0, 1)


@pytest.mark.parametrize(("hazard", "typed", "state"), [
    ("CHANGE", "y", "approved"), ("CHANGE", "", "pending"), ("SPAWN", "agent-a", "approved"), ("ESCAPE", "y", "pending"),
])
def test_a_terminal_asks_first(tmp_path: Path, front: Front, hazard: str, typed: str, state: str) -> None:
    """y or n; for what starts code or can leave the window, the agent's name. Anything else leaves the request as it is."""
    front.house.requests["r-1"] = replace(long_request(), hazard=hazard, clauses=(ClauseView(text="create jobs.batch in web", hazard=hazard),))
    env = dict(os.environ) | {"JITUI_GATEWAY": front.address.url, "JITUI_CA": str(front.address.ca), "JITUI_TOKEN": front.address.ana}
    with Program([sys.executable, "-m", "jitui", "approve", "r-1"], env=env, tty=(100, 30)) as program:
        asks = f"{hazard}: type agent-a to grant 30m" if hazard in {"SPAWN", "ESCAPE"} else "grant 30m? [y/N]"
        program.expect(asks, 20)
        assert b"create jobs.batch in web" in program.out
        program.write(f"{typed}\r".encode())
        done = program.end()
    assert (done.code, front.house.requests["r-1"].state) == (0 if state == "approved" else 1, state)
    assert (b"nothing was decided; r-1 goes on waiting" in done.out + done.err) is (state == "pending")


def test_requests_for_programs(front: Front) -> None:
    """One object a line, ASCII, with the agent's words as they are."""
    front.house.requests["r-1"] = request_view("r-1", "agent-a", "prod", 1800, reason=HOSTILE)
    front.house.requests["r-2"] = request_view("r-2", "agent-a", "prod", 60, state="denied", decided_by="ana")
    out = front("requests", "--json")
    assert out.jsons == [plain.of(front.house.requests["r-1"])]
    assert out.out.isascii()
    assert "\x1b" not in out.out
    assert [one["state"] for one in front("requests", "--all", "--json").jsons] == ["pending", "denied"]


def test_deciding(front: Front) -> None:
    """Approve less, deny, withdraw; too late is one line and exit code 1."""
    front.house.requests |= {f"r-{at}": request_view(f"r-{at}", "agent-a", "prod", 1800) for at in (1, 2, 3)}
    approved = front("approve", "r-1", "--duration", "10m", "--scope", "get pods in web", "--scope", "list pods in web", "--json", by="ana").json
    assert (approved["state"], approved["grant"], approved["duration_s"], approved["scope"]) == ("approved", "g-1", 600, "get pods in web; list pods in web")
    assert front("deny", "r-2", "--reason", "not now", by="ana").out.startswith('r-2  denied  agent-a  prod  30m  READ  read pods in web  by ana: "not now"')
    assert front("withdraw", "r-3", by="agent").out.startswith("r-3  withdrawn")
    late = front("approve", "r-2", by="ana")
    assert (late.code, late.out, late.err) == (1, "", "jitui: r-2 is already denied by ana\n")


@pytest.mark.parametrize("args", [
    ("deny", "r-1"), ("approve",), ("approve", "r-1", "--duration", "soon"), ("kill", "s-1"), ("revoke", "g-1"), ("freeze",), ("thaw",), ("nonsense",),
])  # fmt: skip
def test_wrong_usage_is_2(front: Front, args: tuple[str, ...]) -> None:
    """A missing or misspelt argument is a usage error, before any gateway is asked."""
    done = front(*args)
    assert (done.code, done.out) == (2, "")
    assert "Usage: jitui" in done.err
    assert front.house.calls == []


def test_windows_and_sessions(front: Front) -> None:
    """Tables for people; what ended is said in one line."""
    assert front("grants").out == "no window is live\n"
    front.house.grants["g-1"] = grant_view("g-1", "agent-a", "prod", last=HOSTILE)
    front.house.sessions["s-1"] = session_view("s-1", target=HOSTILE, bytes_out=123_456)
    head, row = front("grants").out.splitlines()
    assert head.split() == ["id", "state", "identity", "connection", "remains", "hazard", "open", "scope", "last"]
    assert row.split()[:6] == ["g-1", "active", "agent-a", "prod", "30m", "READ"]
    assert "\x1b" not in row
    assert "123 KB" in front("sessions", "--live").out
    assert front("sessions", "--grant", "g-2").out == "no session yet\n"
    assert front("kill", "s-1", "--reason", "x", by="ana").out == "s-1 killed: 1 process may go on in web-7c\n"
    assert front("release", "g-1", by="agent").out == "g-1 released: 1 stream closed in 2.5 ms\n"
    assert front("grants", "--all", "--json").json["state"] == "released"
    front.house.grants["g-2"] = grant_view("g-2", "agent-a", "prod")
    revoked = front("revoke", "g-2", "--reason", "x", "--json", by="ana").json
    assert (revoked["streams"], revoked["state"], revoked["identity"]) == (1, "revoked", "agent-a")


def test_freezing(front: Front) -> None:
    """A session, a window or all; the tables say FROZEN, by whom, and what is held; too late is one line."""
    front.house.grants["g-1"] = grant_view("g-1", "agent-a", "prod", held=12_345)
    front.house.sessions["s-1"] = session_view("s-1", held=12_345)
    assert front("freeze", "g-1", by="ana").out == "g-1 frozen: 1 held\n"
    assert "FROZEN by ana, 12 KB held" in front("grants").out
    assert "FROZEN by ana, 12 KB held" in front("sessions", "--live").out
    view = front("grants", "--json").json
    assert (view["frozen_by"], view["held"]) == ("ana", 12_345)
    again = front("freeze", "g-1", by="ana")
    assert (again.code, again.out, again.err) == (1, "", "jitui: g-1 was already frozen by ana\n")
    thawed = front("thaw", "s-1", "--json", by="ana").json
    assert (thawed["id"], thawed["kind"], thawed["frozen_by"], thawed["held"]) == ("s-1", "exec", "", 12_345)
    assert front("thaw", "all", by="ana").code == 0
    assert "FROZEN" not in front("grants").out + front("sessions").out
    assert front("freeze", "17", by="ana").err == 'jitui: "17" is no window, no session and not all; those look like g-17, s-204, all\n'
    assert front("freeze", "all", by="agent").err == "jitui: agent-a may not freeze\n"


def test_watching(front: Front) -> None:
    """A live session line by line, clean, until it ends."""
    front.house.sessions["s-1"] = session_view("s-1")
    front.do(front.house.record("s-1", "stdout", b"one\x1b[2J\ntwo\n"))

    def kill() -> None:
        while not front.house.listeners:
            time.sleep(0.01)
        time.sleep(0.5)  # it reads what is there by then
        front.do(FakeDesk(front.house, ANA, "", "", False).kill("s-1", reason="x"))

    killer = threading.Thread(target=kill)
    killer.start()
    lines = front("watch", "s-1", by="ana").out.splitlines()
    killer.join()
    assert [line.split()[1:] for line in lines] == [["stdout", "one\N{REPLACEMENT CHARACTER}[2J"], ["stdout", "two"], ["killed"]]
    assert front("watch", "s-9", by="ana").err == "jitui: no session s-9\n"


@pytest.mark.parametrize("args", [("requests", "--follow"), ("facts", "--follow"), ("watch", "s-1")])
def test_who_follows_is_told_that_their_token_ended(front: Front, args: tuple[str, ...]) -> None:
    """One line that says which, exit code 1; nothing is asked again."""
    front.house.sessions["s-1"] = session_view("s-1")

    async def rotate() -> None:
        (row,) = front.address.directory.tokens.of("ana")
        front.address.directory.put(tokens=[replace(row, revoked_us=1)])  # type: ignore[type-var]

    def revoke() -> None:
        while not front.house.listeners:
            time.sleep(0.01)
        front.do(rotate())

    revoker = threading.Thread(target=revoke)
    revoker.start()
    done = front(*args, by="ana")
    revoker.join()
    assert done.code == 1
    assert re.fullmatch(r"jitui: your token jt_[0-9a-f]{8} was revoked at 1970-01-01T00:00:00.000001Z; "
                        r"an admin issues another with: jitui identity rotate ana\n", done.err)  # fmt: skip
    assert len(front.house.calls) <= 3


def test_a_gap_is_said() -> None:
    """A viewer that fell behind is told how much it did not see."""
    assert desk.chunk_lines(LiveChunk(kind="gap", lost_bytes=4096)) == ["... 4096 bytes not shown here: it is faster than this viewer; they are on record"]


def test_an_end_that_is_not_on_record_yet_is_not_called_open(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk the ledger still says active: then only what was done is told."""
    front.house.grants["g-1"] = active = grant_view("g-1", "agent-a", "prod")

    async def behind(_: FakeDesk, ident: str) -> GrantView:
        assert ident == "g-1"
        return active

    monkeypatch.setattr(FakeDesk, "grant", behind)
    revoked = front("revoke", "g-1", "--reason", "x", "--json", by="ana").json
    assert (revoked["id"], "state" in revoked, "revoked" in revoked["said"]) == ("g-1", False, True)
