"""Input that a shell would execute though its client had not finished it: told as busybox ash, dash and bash take the end of their input."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from jitui.protocol.speech import mark
from jitui.proxy.typed import Typed
from jitui.recording.frame import Channel

# by input whether it is unfinished
INPUTS = {
    b"": False,
    b"touch made": True,
    b"touch made\n": False,
    b"touch made\\\n": True,
    b"touch made\\\n\n": False,
    b"cat >made <<E\n": True,
    b"cat >made <<E\nE": True,
    b"cat >made <<E\nline\n E\n\tE\n": True,
    b"cat >made <<E\nline\nE\n": False,
    b"cat >made <<-'E F'\nline\n\tE F\n": False,
    b'cat >made <<\\E <<"F"; true\nline\nE\n': True,
    b'cat >made <<\\E <<"F"; true\nline\nE\nF\n': False,
    b"cat >made <<E\nold <<F\nE\n": False,
    b"echo $((1<<2)) >made\n": False,
    b"\n\n": False,
}


def typed(*pieces: bytes) -> Typed:
    made = Typed()
    for piece in pieces:
        made.see([(0, Channel.STDIN, piece)])
    return made


@pytest.mark.parametrize("whole", INPUTS)
def test_it_is_told_however_the_bytes_come(whole: bytes) -> None:
    """In one piece, and byte by byte."""
    assert typed(whole).unfinished is INPUTS[whole]
    assert typed(*(whole[at : at + 1] for at in range(len(whole)))).unfinished is INPUTS[whole]


def shells() -> Sequence[Sequence[str]]:
    return [["dash"], ["bash"], *([["busybox", "sh"]] if shutil.which("busybox") else [])]


@pytest.mark.parametrize("line", [b'touch made "abc\n', b"if true; then touch made\n", b"touch made &&\n", b"{ touch made\n", b"(touch made\n"])
def test_what_is_open_in_other_ways_no_shell_executes(line: bytes, tmp_path: Path) -> None:
    """A real shell takes it for an error, so it is nothing that the end of the input would have executed."""
    assert not typed(line).unfinished
    for shell in shells():
        subprocess.run(shell, input=line, cwd=tmp_path, capture_output=True, check=False)
        assert not (tmp_path / "made").exists(), (shell, line)


@pytest.mark.parametrize("ends", ["closes", "resets"])
def test_an_input_that_its_client_ended_is_finished(ends: str) -> None:
    """The shell has executed its last line by then: `printf %s "$script" | kubectl exec -i` leaves nothing unfinished."""
    made = typed(b"sleep 1000; touch made")
    made.see([(0, Channel.MARK, mark("opens", "stdin"))])
    assert made.unfinished
    made.see([(0, Channel.MARK, mark(ends, "stdin", b',"status":5'))])
    assert not made.unfinished


def test_a_long_line_is_not_kept_whole() -> None:
    """A megabyte without a newline, as of a binary file: its end is what counts."""
    made = typed(b"x" * 1_000_000, b"y" * 1_000_000)
    assert len(made._last) <= 4096
    made.see([(0, Channel.STDIN, b"\n")])
    assert not made.unfinished
