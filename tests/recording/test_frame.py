"""The channels of frames and the names under which people ask for them."""

from jitui.recording.frame import BYTES, NAMES, TO_CLIENT, TO_UPSTREAM, Channel


def test_each_channel_has_one_direction_but_the_marks() -> None:
    """A mark is the gateway's note and goes nowhere; so does what is drained."""
    assert set(Channel) - {Channel.MARK, Channel.DRAINED} == TO_UPSTREAM | TO_CLIENT
    assert not TO_UPSTREAM & TO_CLIENT
    assert BYTES <= TO_UPSTREAM | TO_CLIENT


def test_a_message_has_a_name_for_all_and_for_its_head() -> None:
    """`request` is head and body; every channel is found by its own name, too."""
    assert NAMES["request"] == {Channel.REQUEST, Channel.REQUEST_BODY}
    assert NAMES["response-head"] == {Channel.RESPONSE}
    assert {channel for channels in NAMES.values() for channel in channels} == set(Channel)


def test_remote_command_channels_have_the_numbers_of_kubernetes() -> None:
    assert [Channel.STDIN, Channel.STDOUT, Channel.STDERR, Channel.ERROR, Channel.RESIZE] == [0, 1, 2, 3, 4]
