"""The tables of fields that are shown: a value that no table allows is hidden."""

import pytest

from jitui.recording.masking.fields import BODY, KINDS, MASK, NOTE, NOTE_LIMIT, SHOW, WORDS, Rule, shown


@pytest.mark.parametrize(("rule", "value", "whole", "expected"), [
    (SHOW, b"anything {", False, True),
    (MASK, b"x", True, False),
    (NOTE, b"kept", True, True), (NOTE, b"kept", False, False), (NOTE, b'{"data":{}}', True, False), (NOTE, b"H4sIAAAA", True, False),
    (NOTE, b"x" * (NOTE_LIMIT + 1), True, False),
    (WORDS, b'secrets "db" not found', True, True), (WORDS, b"Invalid value: hunter2", True, False), (WORDS, b"cannot unmarshal", True, False),
])  # fmt: skip
def test_a_rule_shows_or_hides(rule: Rule, value: bytes, whole: bool, expected: bool) -> None:
    """Notes are short and hold no object, words quote none, and both are judged whole."""
    assert shown(rule, value, whole=whole) is expected


def test_the_values_of_a_secret_are_never_shown() -> None:
    """In JSON by name, in protobuf by number."""
    assert BODY["data"] == {"*": MASK}
    assert BODY["stringData"] == {"*": MASK}
    secret = KINDS["Secret"]
    assert isinstance(secret, dict)
    assert secret[2] == secret[4] == {1: SHOW, 2: MASK}
