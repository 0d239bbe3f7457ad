"""The text of an agent's command, read as the request line of one exec: `CONNECTION [--] NAMESPACE/POD[/CONTAINER] COMMAND...`.

OpenSSH joins its arguments with blanks, so quotes have to reach it. The text is split as a POSIX shell splits words (XCU 2.2); nothing is expanded: `$`, `*`
and `~` stay as they are. A shell's operators have no meaning here, and are refused outside of quotes.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_from_bytes

from jitui.values.errors import InvalidError

OPERATORS: Final = frozenset(b";&|<>()\n")
PLAIN: Final = re.compile(rb"[^\s;&|<>()'\"\\]+|[\r\v\f]+")  # of the blanks, a shell splits at space and tab alone
DOUBLE: Final = re.compile(rb'((?:[^"\\]|\\.)*+)"', re.DOTALL)
SPECIAL: Final = re.compile(rb"\\([$`\"\\\n])")
STEPS: Final = 20_000  # a word without quotes takes two; ten thousand words are as many as a request may have
NAME: Final = re.compile(rb"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
USAGE: Final = "say: ssh AGENT@GATEWAY CONNECTION NAMESPACE/POD[/CONTAINER] COMMAND..."
COPY: Final = "files are not copied over SSH here; use kubectl cp, whose window and record are those of an exec"
COPIES: Final = frozenset({b"scp", b"rsync", b"sftp-server"})  # other programs start these at the far end to copy files


@dataclass(frozen=True, slots=True)
class Asked:
    """One command in one pod."""

    connection: str
    namespace: bytes
    pod: bytes
    container: bytes  # empty: the pod's default one
    argv: tuple[bytes, ...]

    def target(self, *, stdin: bool, tty: bool) -> bytes:
        """Path and query of the exec. A terminal has no standard error of its own."""
        pairs = [(b"container", self.container)] if self.container else []
        pairs += [(b"command", word) for word in self.argv]
        pairs += [(b"stdin", b"true")] if stdin else []
        pairs += [(b"stdout", b"true"), (b"tty", b"true") if tty else (b"stderr", b"true")]
        query = "&".join(f"{key.decode()}={quote_from_bytes(value, safe='')}" for key, value in pairs)
        return b"/api/v1/namespaces/%b/pods/%b/exec?" % (self.namespace, self.pod) + query.encode()


def read(text: bytes) -> Asked:
    """Raises InvalidError with a sentence for the client."""
    parts = words(text)
    if parts and parts[0].rpartition(b"/")[2] in COPIES:
        raise InvalidError(COPY)
    if len(parts) > 1 and parts[1] == b"--":
        del parts[1]
    if len(parts) < 3:
        raise InvalidError(f"a connection, a pod and a command are needed; {USAGE}")
    connection, place, *argv = parts
    namespace, *names = place.split(b"/")
    if len(names) not in {1, 2} or not all(NAME.fullmatch(each) for each in (connection, namespace, *names)):
        raise InvalidError(f"{_shown(connection)} {_shown(place)} does not name a connection and a pod; {USAGE}")
    return Asked(connection.decode(), namespace, names[0], names[1] if len(names) == 2 else b"", tuple(argv))


def words(text: bytes) -> list[bytes]:
    """The words of a command. Raises InvalidError for a quote without its end, a zero byte, an operator outside of quotes, and too many of them."""
    if b"\0" in text:
        raise InvalidError("a zero byte can't be part of a command; leave it out")
    found: list[bytes] = []
    word: bytearray | None = None
    at, steps, end = 0, 0, len(text)
    while at < end:
        steps += 1
        if steps > STEPS:
            raise InvalidError(f"the command has more than {STEPS // 2} words and quotes; put what it needs into its standard input or a file")
        plain = PLAIN.match(text, at)
        if plain is not None:
            word = (bytearray() if word is None else word) + plain[0]
            at = plain.end()
            continue
        if text.startswith(b"\\\n", at):  # a line that goes on
            at += 2
            continue
        char = text[at]
        at += 1
        if char in OPERATORS:
            shown = "a line break" if char == 10 else chr(char)
            raise InvalidError(f"{shown} outside of quotes means something to a shell, and there is none here; quote it for both: sh -c \"'a; b'\"")
        if char not in QUOTES:  # a blank
            if word is not None:
                found.append(bytes(word))
            word = None
            continue
        word = bytearray() if word is None else word
        at = QUOTES[char](text, at, word)
    if word is not None:
        found.append(bytes(word))
    return found


def _single(text: bytes, at: int, word: bytearray) -> int:
    close = text.find(b"'", at)
    if close < 0:
        raise InvalidError("the command has a single quote without its end; close it, or write \\'")
    word += text[at:close]
    return close + 1


def _double(text: bytes, at: int, word: bytearray) -> int:
    """Within double quotes a backslash is for itself, unless a special character is behind it."""
    close = DOUBLE.match(text, at)
    if close is None:
        raise InvalidError('the command has a double quote without its end; close it, or write \\"')
    word += SPECIAL.sub(lambda found: found[1].replace(b"\n", b""), close[1])
    return close.end()


def _escaped(text: bytes, at: int, word: bytearray) -> int:
    """The character behind a backslash."""
    if at >= len(text):
        raise InvalidError("the command ends with a backslash; write two for one")
    word.append(text[at])
    return at + 1


QUOTES: Final = {39: _single, 34: _double, 92: _escaped}  # by the character: ' " and the backslash


def _shown(word: bytes) -> str:
    return word[:100].decode("utf-8", "replace")
