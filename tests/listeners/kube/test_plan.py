"""What a request line asks for, read as the API server reads it."""

import pytest

from jitui.listeners.kube.plan import asked, ports
from jitui.policy import kube
from jitui.recording.frame import Channel
from jitui.values.errors import InvalidError

EXEC = b"/c/prod/api/v1/namespaces/web/pods/web-1/exec?command=sh&"


@pytest.mark.parametrize(("query", "names"), [
    (b"stdin=true&stdout=true&stderr=true", "stdin stdout stderr"),
    (b"stdin=1&stdout=t&stderr=yes", "stdin stdout stderr"),  # whatever is not 0 or false is true, also nothing
    (b"stdin=&stdout&stderr=no", "stdin stdout stderr"),
    (b"stdin=0&stdout=false&stderr=FALSE", ""),
    (b"stdin=FaLsE&stdout=00&stderr=%66alse", "stdout"),
    (b"%73tdin=1&Stdout=1&STDERR=1", "stdin"),  # keys are compared as they are, once decoded
    (b"tty=true&stdout=true&stderr=true", "stdout resize"),  # a terminal has no stderr
    (b"tty=0&stdout=true&stderr=true", "stdout stderr"),
    (b"xstdin=1&stdin.=1", ""),
])  # fmt: skip
def test_streams(query: bytes, names: str) -> None:
    """As Convert_Slice_string_To_bool of apimachinery and NewOptions of the kubelet do; the error stream is everybody's."""
    assert asked(kube.query_of(EXEC + query)) == {Channel.ERROR, *(Channel[name.upper()] for name in names.split())}
    action = kube.read(b"POST", EXEC.removeprefix(b"/c/prod") + query)
    assert (action.stdin, action.tty) == ("stdin" in names.split(), "resize" in names.split())  # what is judged is what may be opened


@pytest.mark.parametrize("query", [b"stdin=false&stdin=true", b"tty=0&%74ty=1", b"stdin=fal\xc5\xbfe", b"stdin=%C5%BF", b"stdin=1;tty=1"])
def test_what_can_be_read_in_two_ways_is_refused(query: bytes) -> None:
    """Twice the same key, a letter that only some take for another, a semicolon."""
    with pytest.raises(InvalidError):
        asked(kube.query_of(EXEC + query))


@pytest.mark.parametrize(("query", "named"), [(b"", None), (b"ports=80", {80}), (b"ports=80,443&ports=8080", {80, 443, 8080})])
def test_ports(query: bytes, named: set[int] | None) -> None:
    """None are named by kubectl, and then any may be opened."""
    assert ports(kube.query_of(b"/c/prod/api/v1/namespaces/web/pods/web-1/portforward?" + query)) == named


@pytest.mark.parametrize("query", [b"ports=", b"ports=http", b"ports=0", b"ports=65536", b"ports=80,", b"ports=+80", b"ports=%D9%A1"])
def test_ports_that_are_none_are_refused(query: bytes) -> None:
    """The API server would not take them either."""
    with pytest.raises(InvalidError, match="ports from 1 to 65535"):
        ports(kube.query_of(b"/c/prod/api/v1/namespaces/web/pods/web-1/portforward?" + query))
