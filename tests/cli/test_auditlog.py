"""The audit log of a cluster on the command line."""

import json
from pathlib import Path

from tests.cli.conftest import jitui
from tests.store.test_matched import event, recorded

__all__ = ["recorded"]  # a fixture


def test_match(recorded: Path) -> None:
    """What is not on both sides is a line each, and exit code 1; without any it is 0."""
    log = recorded.parent / "audit.log"
    log.write_text("".join(json.dumps(event(f"jitui-a-1-{conn}")) + "\n" for conn in range(4)))
    done = jitui("--data-dir", str(recorded), "audit-log", "match", str(log))
    assert (done.code, done.err) == (0, "")
    assert "every request is on both sides" in done.out + done.err
    log.write_text("".join(json.dumps(event(ident)) + "\n" for ident in ("jitui-a-1-0", "jitui-a-1-1", "jitui-a-1-2", "from-elsewhere")))
    done = jitui("--data-dir", str(recorded), "audit-log", "match", str(log))
    assert (done.code, done.err) == (1, "jitui: 2 requests are not on both sides\n")
    assert "went past jitui" in done.out
    assert "the log does not have it" in done.out
    *found, told = jitui("--data-dir", str(recorded), "audit-log", "match", str(log), "--json").jsons
    assert ([(one["why"], one["audit_id"]) for one in found], told["joined"]) == ([("past", "from-elsewhere"), ("missing", "jitui-a-1-3")], 3)
    log.write_text("x")
    assert "line 1 is no event" in jitui("--data-dir", str(recorded), "audit-log", "match", str(log)).err
