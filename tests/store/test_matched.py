"""A cluster's audit log beside the record."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from jitui.store import Files
from jitui.store.matched import Found, Matching, Sum, _event
from jitui.values.errors import InvalidError
from tests.store.evidence import life, tampering

AT = "2026-11-23T16:00:00.000000Z"  # when the record is from


def event(ident: str, **more: Any) -> dict[str, Any]:
    return {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": ident, "stage": "ResponseComplete", "verb": "list",
            "requestURI": "/api/v1/namespaces/web/pods", "user": {"username": "jitui"}, "objectRef": {"resource": "pods", "namespace": "web"},
            "responseStatus": {"code": 200},
            "requestReceivedTimestamp": AT, **more}  # fmt: skip


def matched(state: Path, *events: Any, connection: str = "", users: tuple[str, ...] = ()) -> tuple[Sum, list[Found]]:
    matching = Matching(Files(state), connection)
    try:
        matching.read(f"{json.dumps(each)}\n".encode() for each in events)
        told = matching.sum(users)
        return told, list(matching.found(told.users))
    finally:
        matching.close()


@pytest.fixture
async def recorded(tmp_path: Path) -> Path:
    """Four calls of s-1, with the ids that the gateway gave them."""
    await life(tmp_path / "state")
    with tampering(tmp_path / "state" / "ledger.db") as db:
        db.execute("update actions set audit_id = 'jitui-a-' || session || '-' || conn")
        db.execute("delete from actions where session = 2")
    return tmp_path / "state"


def test_all_on_both_sides(recorded: Path) -> None:
    """Nothing is said; other users are counted. An event of several stages is one request."""
    ours = [event(f"jitui-a-1-{conn}", stage=stage) for conn in range(4) for stage in ("RequestReceived", "ResponseStarted", "ResponseComplete")]
    told, found = matched(recorded, *ours, event("x", user={"username": "system:kube-scheduler"}), event("y", user={"username": "system:kube-scheduler"}))
    assert (found, told.events, told.joined, told.users, told.others) == ([], 6, 4, ["jitui"], [("system:kube-scheduler", 2)])


def test_past_jitui(recorded: Path) -> None:
    """A request under jitui's name that it does not know, and one with an id like its own that it never gave."""
    ours = [event(f"jitui-a-1-{conn}") for conn in range(4)]
    eve = {"username": "eve"}
    _, found = matched(recorded, *ours, event("1111-2222", verb="delete"), event("jitui-a-9-9", user=eve), event("z", user=eve))
    assert [(each.why, each.audit_id, each.who, each.verb) for each in found] == [
        ("past", "1111-2222", "jitui", "delete"), ("past", "jitui-a-9-9", "eve", "list")]
    _, found = matched(recorded, *ours, event("z", user={"username": "role/jitui-g-1"}), users=("role/jitui-*",))
    assert [each.audit_id for each in found] == ["z"]


def test_an_id_that_was_used_for_something_else(recorded: Path) -> None:
    """Another object, another verb, or the same id twice."""
    ours = [event("jitui-a-1-0"), event("jitui-a-1-1"), event("jitui-a-1-2", verb="deletecollection")]
    _, found = matched(recorded, *ours, event("jitui-a-1-3", objectRef={"resource": "secrets", "namespace": "web"}), event("jitui-a-1-0"))
    assert sorted((each.why, each.audit_id) for each in found) == [("other", f"jitui-a-1-{conn}") for conn in (0, 2, 3)]


def test_a_rotated_log(recorded: Path) -> None:
    """It begins with the end of a watch that came long before its first line: what came in between is in an older file, and not missing here."""
    watch = event("w", verb="watch", requestReceivedTimestamp="2026-11-23T15:00:00.000000Z", stageTimestamp="2026-11-23T16:30:00.000000Z")
    told, found = matched(recorded, watch, event("z", requestReceivedTimestamp="2026-11-23T16:31:00.000000Z", stageTimestamp="2026-11-23T16:31:00.000000Z"),
                          users=("nobody",))
    assert (found, told.since) == ([], "2026-11-23T16:30:00.000000Z")


def test_missing_in_the_log(recorded: Path) -> None:
    """A recorded request within the log's time that it does not have; not one of another connection."""
    told, found = matched(recorded, *(event(f"jitui-a-1-{conn}") for conn in (0, 2)))
    assert [(each.why, each.audit_id, each.what) for each in found] == [("missing", f"jitui-a-1-{conn}", "/api/v1/namespaces/web/pods") for conn in (1, 3)]
    assert told.joined == 2
    told, found = matched(recorded, event("jitui-a-1-0"), connection="other")
    assert ([each.why for each in found], told.joined) == (["past"], 0)


def test_as_cloudwatch_exports_it(recorded: Path) -> None:
    """The event as an object, or as text, in a message."""
    told, found = matched(recorded, event("jitui-a-1-0"), {"@message": event("jitui-a-1-1")}, {"timestamp": 7, "message": json.dumps(event("jitui-a-1-2"))},
                          {"@message": json.dumps({"message": event("jitui-a-1-3")})})
    assert (told.joined, found) == (4, [])


@pytest.mark.parametrize("line", [b"x", b"{}", b"[]", b"7", b'{"auditID": 7}', b"[" * 100_000, b'{"message": "x"}', b"\xff"])
def test_what_is_no_audit_log(recorded: Path, line: bytes) -> None:
    """One clear line with its number."""
    matching = Matching(Files(recorded))
    with pytest.raises(InvalidError, match="line 2 is no event"):
        matching.read([json.dumps(event("x")).encode() + b"\n", line + b"\n"])
    matching.close()


def test_a_log_that_is_being_written(recorded: Path) -> None:
    """The last line, if it does not come whole, is left out, and that is told."""
    matching = Matching(Files(recorded))
    matching.read([json.dumps(event("jitui-a-1-0")).encode() + b"\n", json.dumps(event("jitui-a-1-1")).encode()[:100]])
    told = matching.sum()
    matching.close()
    assert (told.events, told.joined, told.cut) == (1, 1, True)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.dictionaries(
    st.sampled_from(["auditID", "message", "@message", "user", "objectRef", "stage", "responseStatus", "x"]), inner, max_size=4) | st.lists(inner, max_size=3)))
def test_any_json(told: Any) -> None:
    """Whatever stands in a line, it is an event or it is none."""
    found = _event(json.dumps(told).encode())
    assert found is None or isinstance(found["auditID"], str)
