"""Secrets that a command takes as an argument."""

import pytest

from jitui.recording.masking.commands import look
from jitui.recording.masking.text import LOWER


@pytest.mark.parametrize(("text", "secret"), [
    (b"curl -s -u admin:hunter2 https://a/\n", b"hunter2"), (b"curl --user admin:hunter2 https://a/\n", b"hunter2"),
    (b"mysql -h db -phunter2 shop\n", b"hunter2"), (b"sshpass -p hunter2 ssh db\n", b"hunter2"), (b"redis-cli -a hunter2 ping\n", b"hunter2"),
    (b"CREATE USER a IDENTIFIED BY 'hunter2';\n", b"hunter2"), (b"kubectl create secret generic a --from-literal=k=hunter2\n", b"hunter2"),
    (b'["curl", "-u", "admin:hunter2"]', b"hunter2"), (b"?command=curl&command=-u&command=a:hunter2&x=1", b"hunter2"),
    (b"https://hooks.slack.com/services/T0/B0/hunter2\n", b"T0/B0/hunter2"),
])  # fmt: skip
def test_the_argument_is_found(text: bytes, secret: bytes) -> None:
    """On a command line, in JSON and in a query."""
    hits = list(look(text, LOWER.within(text.lower())))
    assert [text[hit.value : hit.end] for hit in hits] == [secret]


@pytest.mark.parametrize("text", [b"curl -s https://a/ -o /dev/null\n", b"mysql -h db -P 3306 -e 'select 1'\n", b"redis-cli -h redis ping\n", b"sshpass\n"])
def test_other_arguments_are_none(text: bytes) -> None:
    assert list(look(text, LOWER.within(text.lower()))) == []


def test_an_argument_at_the_end_may_go_on() -> None:
    """Then the rest of it is masked, too."""
    text = b"sshpass -p hunt"
    assert [hit.open for hit in look(text, LOWER.within(text))] == [True]
