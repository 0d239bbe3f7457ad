"""Tapes that are kept, from the command line."""

from tests.cli.conftest import Front


def test_holding_and_letting_go(front: Front) -> None:
    """One line each, with what is gone already; the list; as JSON the view itself."""
    assert front("hold-tapes").out == "no window's tapes are held\n"
    said = front("hold-tapes", "g-17@16:07:52", "--reason", "a court\x1b[31m asks").out
    assert said.startswith("g-17: its tapes are held by ")
    assert said.endswith('asks"; gone before: tapes/000001.db was retired\n')
    assert "\x1b" not in said
    (held,) = front("hold-tapes", "--json").jsons
    assert (held["grant"], held["held"]) == ("g-17", True)
    assert 'let its tapes go: "closed"' in front("release-tapes", "g-17@16:07:52", "--reason", "closed").out
    assert front("hold-tapes").out == "no window's tapes are held\n"
