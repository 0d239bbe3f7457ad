"""How what a fact holds stands in JSON, and is read again."""

import json
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar

import pytest

from jitui.recording.facts import FOREIGN, PAYLOADS, Kind
from jitui.recording.facts.fact import Fact, canonical
from jitui.recording.facts.payload import COUNT, SCOPE, Payload, label, of_store
from jitui.values.errors import InvalidError
from jitui.values.instant import Deadline
from tests.recording.facts.written import WRITTEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything(Payload):
    """A field of each form."""

    KIND: ClassVar = Kind.VIEWED
    text: str
    number: int = 3
    flag: bool = False
    words: tuple[str, ...] = ()
    raw: bytes = b""
    until: Deadline | None = None
    scope: Annotated[str, SCOPE] = ""
    grant: Annotated[int, label("g")] = 0
    ran_on: Annotated[int, COUNT] | None = None
    late: int = of_store()


def read(what: dict[str, Any]) -> Everything:
    return Everything.of(Fact(9, 1, Kind.VIEWED, "ana", "s-1", what, b""))


WHOLE = Everything(text="a", number=-1, flag=True, words=("b", "c"), raw=b"\x0f", until=Deadline(1, 2, "boot"), scope="read pods", grant=4, ran_on=2, late=5)
JSON = {"text": "a", "number": -1, "flag": True, "words": ["b", "c"], "raw": "0f", "until": {"wall_us": 1, "boot_us": 2, "boot_id": "boot"},
        "scope": "read pods", "grant": 4, "ran_on": 2, "late": 5}


def test_every_form_is_written_and_read() -> None:
    """Each value in its place, as the same value."""
    assert WHOLE.json() == JSON
    assert read(JSON) == WHOLE


def test_none_is_no_key() -> None:
    """A field with None, and one that the store will fill in, is not written; a default is."""
    assert Everything(text="a").json() == {"text": "a", "number": 3, "flag": False, "words": [], "raw": "", "scope": "", "grant": 0}


def test_what_older_gateways_did_not_write_is_its_default() -> None:
    """Also where they wrote null; keys that nobody knows are passed over."""
    assert read({"text": "a", "late": 5, "number": None, "until": None, "unheard": [{}]}) == Everything(text="a", late=5)


def test_forms_of_older_gateways_are_read() -> None:
    """A label for a number, a list of clauses for a scope, one text for a list of one, a list of things for how many they are."""
    found = read({"text": "a", "late": 5, "grant": "g-4", "scope": ["read pods", "exec pods"], "words": "b", "ran_on": ["web/a", "web/b"]})
    assert (found.grant, found.scope, found.words, found.ran_on) == (4, "read pods; exec pods", ("b",), 2)


@pytest.mark.parametrize("lacks", ["text", "late"])
def test_a_fact_that_lacks_what_every_gateway_wrote(lacks: str) -> None:
    """One error with its number, its kind and the name."""
    with pytest.raises(InvalidError, match=rf"^fact 9 can't be read: viewed about s-1 has no {lacks}, which every gateway wrote$"):
        read({key: value for key, value in JSON.items() if key != lacks})


@pytest.mark.parametrize(("name", "value"), [
    ("text", None), ("text", 5), ("number", "5"), ("number", True), ("flag", 1), ("words", [1]), ("words", 5), ("raw", "xx"), ("raw", 5),
    ("until", {"wall_us": 1}), ("until", {"wall_us": "1", "boot_us": 2, "boot_id": "b"}), ("until", []), ("scope", 5), ("grant", "s-4"), ("grant", {}),
    ("ran_on", 5.0), ("late", None),
])  # fmt: skip
def test_a_fact_that_holds_something_else(name: str, value: object) -> None:
    """One error with its number, the name and the value."""
    with pytest.raises(InvalidError, match=rf"^fact 9 can't be read: viewed about s-1 has the {name} .*, which no gateway wrote$"):
        read({**JSON, name: value})


def test_a_draft_is_the_fact_as_the_store_takes_it() -> None:
    """Kind, subject, who, and the JSON."""
    draft = WHOLE.draft("s-1", "ana")
    assert (draft.kind, draft.subject, draft.who, draft.what) == (Kind.VIEWED, "s-1", "ana", JSON)


def test_every_kind_has_its_class() -> None:
    """And each class one kind; one of each is among what is compared with the bytes of before."""
    assert set(PAYLOADS) == set(Kind)
    assert len(set(PAYLOADS.values())) == len(Kind)
    assert {payload.KIND for payload, _ in WRITTEN} == set(Kind)


@pytest.mark.parametrize(("payload", "text"), WRITTEN, ids=[f"{number}-{payload.KIND}" for number, (payload, _) in enumerate(WRITTEN)])
def test_the_bytes_are_those_of_before(payload: Payload, text: str) -> None:
    """A text of a gateway without these classes is read as the value, and the value is written as that text, byte for byte."""
    fact = Fact(1, 1, payload.KIND, "ana", "s-1", json.loads(text), b"")
    assert type(payload).of(fact) == payload
    assert canonical(payload.json()) == text


def test_texts_of_others_are_fields() -> None:
    """Each name under which a secret is looked for is one of a payload."""
    assert FOREIGN - {each.name for payload in PAYLOADS.values() for each in fields(payload)} == set()
