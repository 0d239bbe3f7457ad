"""The cluster's memory: versions rise with each write, and a reader keeps what it read."""

import asyncio

import pytest

from jitui.demo.cluster import objects as module
from jitui.demo.cluster.kinds import CONFIGMAPS
from jitui.demo.cluster.objects import Objects, timestamp
from jitui.demo.cluster.status import StatusError


def config(name: str, **data: str) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": "web"}, "data": data}


def test_each_write_has_a_version_and_leaves_the_old_object_as_it_was() -> None:
    """Created, changed, deleted: three changes, in order; one that changes nothing is none."""
    objects = Objects("01234567")
    first = objects.create(CONFIGMAPS, config("a", key="one"))
    second = objects.replace(CONFIGMAPS, first | {"data": {"key": "two"}})
    assert objects.replace(CONFIGMAPS, second) is second
    objects.remove(CONFIGMAPS, "web", "a")
    assert [change.verb for change in objects.since(1000)] == ["ADDED", "MODIFIED", "DELETED"]
    assert (first["data"], second["metadata"]["uid"]) == ({"key": "one"}, first["metadata"]["uid"])
    assert first["metadata"]["uid"].startswith("01234567-")
    assert [change.verb for change in objects.since(int(first["metadata"]["resourceVersion"]))] == ["MODIFIED", "DELETED"]


@pytest.mark.parametrize("code", [404, 409])
def test_a_write_that_does_not_fit(code: int) -> None:
    """Of an object that is not there, or of a version that is no longer the newest."""
    objects = Objects("01234567")
    first = objects.create(CONFIGMAPS, config("a", key="one"))
    objects.replace(CONFIGMAPS, first | {"data": {"key": "two"}})
    with pytest.raises(StatusError) as caught:
        objects.replace(CONFIGMAPS, config("b") if code == 404 else first | {"data": {"key": "three"}})
    assert caught.value.status == code
    with pytest.raises(StatusError, match="already exists"):
        objects.create(CONFIGMAPS, config("a"))


def test_too_far_back_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """410, as at a real API server: the client lists again."""
    monkeypatch.setattr(module, "REMEMBERED", 2)
    objects = Objects("01234567")
    objects._changes = type(objects._changes)(maxlen=2)
    for name in "abcd":
        objects.create(CONFIGMAPS, config(name))
    with pytest.raises(StatusError) as caught:
        objects.since(1000)
    assert caught.value.status == 410


async def test_who_waits_for_a_change_hears_of_it() -> None:
    objects = Objects("01234567")
    waiting = asyncio.ensure_future(objects.changed(objects.version))
    await asyncio.sleep(0)
    assert not waiting.done()
    objects.create(CONFIGMAPS, config("a"))
    await asyncio.wait_for(waiting, 5)


def test_times_are_whole_seconds_in_utc() -> None:
    assert timestamp(1.9) == "1970-01-01T00:00:01Z"
