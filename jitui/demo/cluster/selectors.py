"""Label and field selectors of a list or watch (apimachinery: pkg/labels, pkg/fields)."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from jitui.demo.cluster.kinds import Object
from jitui.demo.cluster.status import bad_request

Test = Callable[[Object], bool]

_SET: Final = re.compile(r"^(?P<key>[^\s,!=()]+)\s+(?P<how>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUAL: Final = re.compile(r"^(?P<key>[^\s,!=()]+)\s*(?P<how>!=|==|=)\s*(?P<value>[^\s,!=()]*)$")
_EXISTS: Final = re.compile(r"^(?P<no>!?)\s*(?P<key>[^\s,!=()]+)$")
_COMMA: Final = re.compile(r",(?![^()]*\))")  # not inside a list of values

# the fields a selector may name, and where they are
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "metadata.name": ("metadata", "name"), "metadata.namespace": ("metadata", "namespace"),
    "spec.nodeName": ("spec", "nodeName"), "status.phase": ("status", "phase"), "type": ("type",), "reason": ("reason",),
    "involvedObject.name": ("involvedObject", "name"), "involvedObject.namespace": ("involvedObject", "namespace"),
    "involvedObject.uid": ("involvedObject", "uid"), "involvedObject.kind": ("involvedObject", "kind"),
    "involvedObject.apiVersion": ("involvedObject", "apiVersion"), "involvedObject.resourceVersion": ("involvedObject", "resourceVersion"),
    "involvedObject.fieldPath": ("involvedObject", "fieldPath"), "spec.unschedulable": ("spec", "unschedulable"),
}


def labels(text: str) -> Test:
    """A test of an object's labels. Raises StatusError 400."""
    tests = [_label(part.strip()) for part in _COMMA.split(text) if part.strip()]
    return lambda found: all(test(found["metadata"].get("labels") or {}) for test in tests)


def matches(selector: Mapping[str, str], found: Object) -> bool:
    """Whether all of `matchLabels` are on the object."""
    have = found["metadata"].get("labels") or {}
    return all(have.get(key) == value for key, value in selector.items())


def _label(text: str) -> Callable[[Mapping[str, str]], bool]:
    if found := _SET.match(text):
        key, wanted = found["key"], {value.strip() for value in found["values"].split(",")}
        if found["how"] == "in":
            return lambda have: have.get(key) in wanted
        return lambda have: have.get(key) not in wanted
    if found := _EQUAL.match(text):
        key, value = found["key"], found["value"]
        if found["how"] == "!=":
            return lambda have: have.get(key) != value
        return lambda have: have.get(key) == value
    if found := _EXISTS.match(text):
        key, absent = found["key"], bool(found["no"])
        return lambda have: (key in have) != absent
    raise bad_request(f"unable to parse requirement: found '{text}'")


def fields(text: str) -> Test:
    """A test of an object's fields. Raises StatusError 400 for a field that can't be selected by."""
    tests: list[Test] = []
    for part in filter(None, text.split(",")):
        found = re.match(r"^([^!=]+)(!=|==|=)(.*)$", part)
        if not found:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        name, how, value = found.groups()
        if name not in _FIELDS:
            raise bad_request(f"field label not supported: {name}")
        tests.append(_field(_FIELDS[name], value, wanted=how != "!="))
    return lambda found: all(test(found) for test in tests)


def _field(path: tuple[str, ...], value: str, *, wanted: bool) -> Test:
    def test(found: Object) -> bool:
        here: object = found
        for step in path:
            here = here.get(step, "") if isinstance(here, dict) else ""
        return (str(here) == value) == wanted

    return test
