"""The text of a command is split as a POSIX shell splits it, and read as one exec; a shell's meaning of it is refused, never lost."""

import subprocess
import time

import pytest
from hypothesis import given, strategies as st

from jitui.listeners.ssh.command import Asked, read, words
from jitui.policy import kube
from jitui.values.errors import InvalidError

PIECES = st.sampled_from(["a", "-l", " ", "\t", "  ", "'", '"', "\\", "\\\\", "\\'", '\\"', "\\ ", "é", "x y", "/", "=", ",", "''", '""', "\r", "\\\n"])


@given(st.lists(PIECES, max_size=12).map("".join))
def test_words_are_those_of_a_shell(text: str) -> None:
    """Whatever quotes and backslashes there are: as /bin/sh splits them, or refused where that waits for more."""
    shell = subprocess.run(["/bin/sh", "-c", f"for each in {text}\ndo printf '%s\\0' \"$each\"; done"], capture_output=True, check=False)
    try:
        found = words(text.encode())
    except InvalidError:
        unfinished = shell.returncode != 0 or text.endswith("\\")
        assert unfinished
        return
    if shell.returncode == 0:
        assert b"".join(each + b"\0" for each in found) == shell.stdout


@pytest.mark.parametrize(("text", "found"), [
    (r"""sh -c 'echo "$HOME" | wc'""", ["sh", "-c", 'echo "$HOME" | wc']),
    (r'''sh -c "echo \"\$HOME\" \`x\` \n"''', ["sh", "-c", r'echo "$HOME" `x` \n']),
    ("ls $HOME ~ * `x` #no {a,b} !", ["ls", "$HOME", "~", "*", "`x`", "#no", "{a,b}", "!"]),  # nothing is expanded
    ("a''b '' \"\"", ["ab", "", ""]),
    (r"\a\ b\;", ["a b;"]),
    ("a\\\nb", ["ab"]),
])  # fmt: skip
def test_words(text: str, found: list[str]) -> None:
    """Quotes are taken away, and nothing is expanded."""
    assert words(text.encode()) == [each.encode() for each in found]


@pytest.mark.parametrize(("text", "says"), [
    ("a; b", "; outside of quotes"), ("a | b", "| outside"), ("a && b", "& outside"), ("a > b", "> outside"), ("(a)", r"\( outside"),
    ("a\nb", "a line break outside"),
    ("a 'b", "single quote without its end"), ('a "b', "double quote without its end"), ("a \\", "ends with a backslash"), ("a \0", "zero byte"),
])  # fmt: skip
def test_a_shells_own_signs_are_refused(text: str, says: str) -> None:
    """With a sentence: another command than the one that was meant would run."""
    with pytest.raises(InvalidError, match=says):
        words(text.encode())


@pytest.mark.parametrize("piece", [b"a ", b"''", b"'' ", b"\\a", b"x'a'", b'"" '])
def test_many_words_and_quotes_are_refused(piece: bytes) -> None:
    """To read them would keep the gateway from all else for a second."""
    began = time.process_time()
    with pytest.raises(InvalidError, match="more than 10000 words"):
        read(b"prod web/web-1 " + piece * (240_000 // len(piece)))
    assert time.process_time() - began < 0.5


def test_a_long_command_is_read_whole() -> None:
    """It may be as long as a packet of SSH, which has 256 KiB."""
    text = b"prod web/web-1 " + (b"a\\ 'b " + b"c" * 240 + b"'\"d\" ") * 2000
    assert len(read(text).argv) == 2000


@pytest.mark.parametrize(("text", "asked"), [
    ("prod web/web-1 ls", Asked("prod", b"web", b"web-1", b"", (b"ls",))),
    ("prod -- web/web-1/side ls -la /app", Asked("prod", b"web", b"web-1", b"side", (b"ls", b"-la", b"/app"))),
    ("prod web/web-1 -- ls", Asked("prod", b"web", b"web-1", b"", (b"--", b"ls"))),
    ("eu.prod-1 web/web-1.x ''", Asked("eu.prod-1", b"web", b"web-1.x", b"", (b"",))),
])  # fmt: skip
def test_a_command_names_its_pod(text: str, asked: Asked) -> None:
    """Connection, namespace, pod, and a container if it is given; the rest is the command's own."""
    assert read(text.encode()) == asked


@pytest.mark.parametrize("text", ["", "prod", "prod web/web-1", "prod -- web/web-1", "prod web ls", "prod /web-1 ls", "prod web/a/b/c ls", "prod web/../x ls",
                                  "prod web/Web ls", "Prod web/web-1 ls", "prod web/a%2fb ls", "-- prod web/web-1 ls", "pr/od web/a ls"])  # fmt: skip
def test_others_are_told_the_usage(text: str) -> None:
    """Names are those of Kubernetes, so nothing of a path can come in by them."""
    with pytest.raises(InvalidError, match=r"say: ssh AGENT@GATEWAY CONNECTION NAMESPACE/POD\[/CONTAINER\] COMMAND\.\.\.$"):
        read(text.encode())


@pytest.mark.parametrize("text", ["scp -t /tmp", "/usr/lib/openssh/sftp-server", "rsync --server . /x"])
def test_files_are_kubectls(text: str) -> None:
    """Programs that copy files start their other half at the far end."""
    with pytest.raises(InvalidError, match="use kubectl cp"):
        read(text.encode())


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_the_request_line_carries_each_word(argv: list[str], stdin: bool, tty: bool) -> None:
    """It is read back, as the API server reads it, to the same words."""
    target = Asked("prod", b"web", b"web-1", b"side", tuple(word.encode() for word in argv)).target(stdin=stdin, tty=tty)
    query = kube.query_of(target)
    assert (list(query.values["command"]), query.text("container")) == (argv, "side")
    assert [query.flag(name) for name in ("stdin", "stdout", "stderr", "tty")] == [stdin, True, not tty, tty]
