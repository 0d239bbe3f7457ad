"""Facts as OCSF events."""

import json
import re
from pathlib import Path
from typing import Any

from jitui.recording.facts import Kind
from jitui.recording.ocsf import CATEGORIES, CLASSES, EVENTS, SEVERITIES, event
from tests.recording.facts.written import WRITTEN

PAGE = Path(__file__).parents[2] / "docs/siem.md"


def made(kind: str, what: dict[str, Any], subject: str = "g-1") -> dict[str, Any]:
    return event(seq=7, at_us=1_795_449_600_123_456, kind=kind, who="ana", subject=subject, what=what, hash_hex="ab", version="1")


def test_every_kind_has_its_form() -> None:
    """A class that is in the table, an activity and a severity; the page lists the same."""
    assert set(EVENTS) == set(Kind)
    assert all(form.cls in CLASSES and form.cls // 1000 in CATEGORIES and form.severity in SEVERITIES and form.name for form in EVENTS.values())
    told = {found[1]: (int(found[2]), found[3]) for found in re.finditer(r"^\| `([a-z.-]+)` \| (\d+) [^|]*\| ([^|]+?) \|", PAGE.read_text(), re.MULTILINE)}
    assert told == {kind.value: (form.cls, form.name) for kind, form in EVENTS.items()}


def test_every_fact_that_was_ever_written_becomes_an_event() -> None:
    """With its number, time and actor where OCSF has them; it is JSON."""
    for payload, _ in WRITTEN:
        one = json.loads(json.dumps(made(payload.KIND.value, payload.json())))
        assert (one["metadata"]["uid"], one["metadata"]["event_code"], one["time"], one["actor"]["user"]["name"]) == (
            "7", payload.KIND.value, 1_795_449_600_123, "ana")
        assert (one["type_uid"], one["category_uid"]) == (one["class_uid"] * 100 + one["activity_id"], one["class_uid"] // 1000)
        assert not {"sha256", "tokens", "key"} & one["unmapped"]["what"].keys()


def test_whom_it_is_about() -> None:
    """The agent of a window; of an account the account; a kind that is not known yet is an event all the same."""
    assert made("grant.started", {"identity": "agent-a"})["user"] == {"name": "agent-a"}
    assert made("identity.disabled", {"why": "left"}, "bob")["user"] == {"name": "bob"}
    assert made("disk", {"level": "nothing"}, "gateway")["finding_info"] == {"title": "disk", "uid": "7"}
    assert made("of.tomorrow", {})["metadata"]["event_code"] == "of.tomorrow"
