"""Facts about requests."""

from jitui.recording.facts.fact import Fact, Kind
from jitui.recording.facts.requests import RequestApproved, RequestAsked


def test_an_approval_of_an_older_gateway_says_less() -> None:
    """Neither what stood nor, in the first version, who it was beside the fact's own `who`."""
    told = RequestApproved.of(Fact(1, 1, Kind.REQUEST_APPROVED, "ana", "r-1", {"duration_s": 60, "scope": "read pods"}, b""))
    assert (told.person, told.digest, told.reason, told.at_us, told.automatic) == ("", None, None, None, False)


def test_a_rule_says_yes_without_a_reason() -> None:
    """Nobody was shown anything: neither a digest nor a time of its own is written."""
    told = RequestApproved(identity="bot", person="automatic", duration_s=60, scope="read pods", automatic=True)
    assert set(told.json()) == {"identity", "person", "duration_s", "scope", "automatic"}


def test_when_it_was_asked_may_be_unknown() -> None:
    """Then it is the time of the fact."""
    what = {"identity": "bot", "connection": "prod", "duration_s": 60, "scope": ["read pods", "exec pods"], "reason": "", "asked_boot_us": 1, "boot_id": "b",
            "pending_us": 2}
    told = RequestAsked.of(Fact(1, 1, Kind.REQUEST_ASKED, "bot", "r-1", what, b""))
    assert (told.asked_us, told.scope, told.same_user) == (None, "read pods; exec pods", False)
