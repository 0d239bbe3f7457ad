"""Where a gateway is."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from jitui.api.client import Address
from jitui.values.errors import InvalidError


@pytest.mark.parametrize(("text", "made", "shown"), [
    ("unix:/run/jitui/desk.sock", Address(unix=Path("/run/jitui/desk.sock")), "unix:/run/jitui/desk.sock"),
    ("https://gw.example:8444", Address(url="https://gw.example:8444"), "https://gw.example:8444"),
    ("https://gw.example/", Address(url="https://gw.example:443"), "https://gw.example:443"),
    ("fd:7", Address(inherited=7), "fd:7"),
    ("https://[::1]:8444", Address(url="https://[::1]:8444"), "https://[::1]:8444"),
])
def test_parse(text: str, made: Address, shown: str) -> None:
    """A socket's path, or https with a host."""
    assert (Address.parse(text), str(Address.parse(text))) == (made, shown)


@pytest.mark.parametrize("text", ["", "unix:", "http://gw:1", "gw:8444", "https://", "https://a:x", "https://a/b", "https://u:p@a", "https://a?x", "https://[::1",
                                  "fd:", "fd:x", "fd:-1"])
def test_refused(text: str) -> None:
    """Plain http would show the token to the network; anything else has no meaning."""
    with pytest.raises(InvalidError, match=r"a gateway is unix:PATH or https://HOST:PORT"):
        Address.parse(text)


@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    """One or the other, or one InvalidError; what is shown parses to the same again."""
    try:
        made = Address.parse(text)
    except InvalidError:
        return
    assert Address.parse(str(made)) == made


def test_home() -> None:
    """`~` is home, as a shell leaves it after `unix:`."""
    assert Address.parse("unix:~/s").unix == Path.home() / "s"
