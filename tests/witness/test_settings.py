"""The settings of a witness: a file, or a url with a key."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from jitui.recording.tlog.note import ED25519, Key
from jitui.witness.settings import WitnessSettings
from tests.recording.tlog.test_policy import KEYS

URL = "https://w.example/log"
WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "a witness is one of file, url, syslog, s3, timestamps, ml_dsa_44; none is given"),
    ({"url": URL}, "needs the witness's verifier key"), ({"file": "x", "key": "k"}, "nothing else has one"),
    ({"url": "ftp://x", "key": "k"}, "pattern"), ({"file": "x", "url": URL, "key": str(KEYS[0])}, "file and url is given"),
    ({"url": URL, "key": "k"}, "no verifier key"), ({"s3": {"bucket": "b-c", "retain_days": 0}}, "greater than or equal to 1"),
    ({"s3": {"bucket": "B", "retain_days": 1}}, "pattern"), ({"timestamps": {"url": URL, "every": "5s"}}, "greater than or equal to 60"),
    ({"url": URL, "key": str(Key("l", ED25519, bytes(32)))}, "is not one of a witness"),
]  # fmt: skip


def test_what_it_may_be(tmp_path: Path) -> None:
    """A relative path starts at the folder of the settings."""
    assert WitnessSettings.model_validate({"file": "x"}, context=tmp_path).file == tmp_path / "x"
    assert WitnessSettings.model_validate({"url": URL, "key": str(KEYS[0])}).url == URL


@pytest.mark.parametrize(("told", "why"), WRONG)
def test_what_it_may_not_be(tmp_path: Path, told: dict[str, Any], why: str) -> None:
    """Each with its reason."""
    with pytest.raises(ValidationError, match=why):
        WitnessSettings.model_validate(told, context=tmp_path)
