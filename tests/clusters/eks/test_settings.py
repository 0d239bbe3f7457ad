"""Names and numbers that STS takes."""

import re

from hypothesis import given, strategies as st

from jitui.clusters.eks.settings import cleaned, duration_s, session_name
from jitui.values.clock import ManualClock
from tests.clusters.eks.made import grant, settings


@given(st.text())
def test_any_text_becomes_a_name_that_sts_takes(text: str) -> None:
    """botocore checks the length alone; what STS refuses is replaced by a hyphen."""
    assert re.fullmatch(r"[A-Za-z0-9_+=,.@-]{2,64}", cleaned(text))


def test_session_names() -> None:
    """Grant and identity, cut to 64; the gateway's own is of no grant."""
    clock = ManualClock()
    assert session_name(grant(17, clock, "agent-deploybot")) == "jitui-g-17-agent-deploybot"
    assert session_name(grant(123456, clock, "a" * 63)) == "jitui-g-123456-" + "a" * 49
    assert (session_name(None, "host one"), session_name(None)) == ("jitui-gateway-host-one", "jitui-gateway-own")


def test_durations() -> None:
    """Not under what STS gives, not over what every role and every chain allows."""
    assert [duration_s(left) for left in (0, 899.6, 900, 1800, 2700.4, 3600, 86400)] == [900, 900, 900, 1800, 2700, 3600, 3600]


def test_what_is_filled_in() -> None:
    """{grant} and {identity}, and in their place what the gateway's own session is; as STS takes it."""
    it = grant(17, ManualClock(), "bot ü")
    full = settings(source_identity="by-{identity}", tags={"g": "{grant}/{identity}", "free": "x" * 300})
    assert (full.source(it), full.source(None), settings().source(it)) == ("by-bot--", "by-gateway", "")
    assert full.tags_of(it) == (("g", "g-17/bot ü"), ("free", "x" * 256))
    assert full.tags_of(None)[0] == ("g", "none/gateway")
    assert settings().tags_of(it) == ()
