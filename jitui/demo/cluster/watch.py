"""Watches: the changes from a resourceVersion on, as they happen (kubernetes: API concepts, "Efficient detection of changes")."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from jitui.demo.cluster.http import Request
from jitui.demo.cluster.kinds import Object
from jitui.demo.cluster.objects import Change, Objects
from jitui.demo.cluster.resources import Place, selection
from jitui.demo.cluster.selectors import Test
from jitui.demo.cluster.status import StatusError, bad_request

BOOKMARK_S: Final = 60.0
LONGEST_S: Final = 3600.0

Form = Callable[[Object], Object]  # the object in the form that this client wants: itself, its metadata, or a Table


def line(kind: str, found: Object) -> bytes:
    """One event of a watch."""
    return json.dumps({"type": kind, "object": found}, separators=(",", ":")).encode() + b"\n"


def seen(change: Change, place: Place, test: Test) -> str:
    """The event of a change for a watcher with these selectors: ADDED, MODIFIED, DELETED, or ""."""
    if change.kind is not place.kind or (place.namespace and change.new["metadata"].get("namespace") != place.namespace):
        return ""
    was = change.old is not None and test(change.old)
    now = change.verb != "DELETED" and test(change.new)
    if was and now:
        return "MODIFIED"
    return "ADDED" if now else "DELETED" if was else ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one watch."""

    test: Test
    since: int  # resourceVersion; 0: all existing objects come first
    timeout_s: float
    bookmarks: bool
    initial: bool  # sendInitialEvents

    @classmethod
    def of(cls, request: Request) -> "Asked":
        """Reads the options of a request. Raises StatusError 400."""
        test = selection(request)
        try:
            since, timeout_s = int(request.first("resourceVersion") or 0), float(request.first("timeoutSeconds") or 0)
        except ValueError as error:
            raise bad_request(f"invalid watch options: {error}") from error
        return cls(test, since, min(timeout_s, LONGEST_S) if timeout_s > 0 else LONGEST_S, request.flag("allowWatchBookmarks"),
                   request.flag("sendInitialEvents"))


async def events(objects: Objects, place: Place, asked: Asked, form: Form) -> AsyncIterator[bytes]:
    """The lines of one watch until its timeout. A resourceVersion that is too old gives one ERROR event and the end."""
    ends = time.monotonic() + asked.timeout_s
    since = asked.since
    if asked.initial or not since:
        since = objects.version
        for found in objects.of(place.kind, place.namespace):
            if asked.test(found):
                yield line("ADDED", form(found))
        if asked.initial and asked.bookmarks:
            yield line("BOOKMARK", form(_bookmark(place, since, first=True)))
    while (left := ends - time.monotonic()) > 0:
        try:
            changes = objects.since(since)
        except StatusError as error:
            yield line("ERROR", json.loads(error.body()))
            return
        for change in changes:
            if what := seen(change, place, asked.test):
                yield line(what, form(change.new))
        since = changes[-1].version if changes else since
        try:
            async with asyncio.timeout(min(left, BOOKMARK_S)):
                await objects.changed(since)
        except TimeoutError:
            if asked.bookmarks:
                yield line("BOOKMARK", form(_bookmark(place, since)))


def _bookmark(place: Place, version: int, *, first: bool = False) -> Object:
    """A bookmark: an object with nothing but the newest version that the watcher has seen."""
    notes = {"annotations": {"k8s.io/initial-events-end": "true"}} if first else {}
    return {"kind": place.kind.kind, "apiVersion": place.kind.api_version, "spec": {"containers": []},
            "metadata": {"name": "", "resourceVersion": str(version), "creationTimestamp": None} | notes}
