"""Facts about the gateway itself."""

from jitui.recording.facts.fact import Fact, Kind
from jitui.recording.facts.gateway import Counted, GatewayStarted, LedgerRepaired, Viewed


def test_the_first_gateways_said_less_of_their_start() -> None:
    """Not which key they sign with, nor what they found; there was none to be found."""
    told = GatewayStarted.of(Fact(1, 1, Kind.GATEWAY_STARTED, "gateway", "0.1.0", {"boot_id": "b", "boot_us": 5, "config": "d", "solo": True}, b""))
    assert (told.solo, told.key_id, told.signs, told.found, told.found_hash) == (True, "", "", 0, b"")


def test_what_only_one_of_two_forms_says_is_not_written_in_the_other() -> None:
    """A count as it begins and as it is over; a repair and a new ledger beside the old one; a look at what runs and at a record."""
    began, over = Counted(identity="bot", state="began", why="low"), Counted(identity="bot", state="over", denied=2, since_us=1, until_us=2)
    assert [set(each.json()) - {"identity", "state"} for each in (began, over)] == [{"why"}, {"denied", "since_us", "until_us"}]
    made, anew = LedgerRepaired(tables=2, rows=1, backup="b", first=("x",)), LedgerRepaired(tables=2, beside="b", sha256="", why="lost")
    assert [set(each.json()) - {"tables"} for each in (made, anew)] == [{"rows", "backup", "first"}, {"beside", "sha256", "why"}]
    assert [each.json() for each in (Viewed(how="unmasked", live=True), Viewed(how="live"))] == [{"how": "unmasked", "live": True}, {"how": "live"}]
