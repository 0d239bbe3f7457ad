"""A terminal of its own, as a person has it: tmux, without a terminal around it."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.processes import until


class Tmux:
    """One program on one terminal. It stays on the screen when it has ended."""

    def __init__(self, folder: Path, argv: Sequence[str], *, env: Mapping[str, str], columns: int = 120, lines: int = 32) -> None:
        self._base, self._env = ("tmux", "-S", str(folder / "tmux.sock"), "-f", "/dev/null"), dict(env)
        self._tmux("new-session", "-d", "-x", str(columns), "-y", str(lines), "sleep 1000")
        self._tmux("set-option", "-g", "remain-on-exit", "on")
        self._tmux("set-option", "-g", "status", "off")
        self._tmux("set-option", "-ga", "terminal-features", ",*:RGB")
        self._code = folder / "tmux.code"  # written by a shell: tmux 3.3 sometimes knows that a program has ended, and not how
        self._code.unlink(missing_ok=True)
        self._tmux("respawn-pane", "-k", "sh", "-c", '"$@"; printf %s "$?" >"$0.new"; mv "$0.new" "$0"', str(self._code), *argv)

    def _tmux(self, *words: str) -> str:
        return subprocess.run([*self._base, *words], env=self._env, check=True, capture_output=True, text=True).stdout

    def shown(self, *, colours: bool = False) -> str:
        """The text of the screen and of the lines that left it at its top; with `colours` the screen alone, with its escape sequences."""
        return self._tmux("capture-pane", "-p", *(["-e"] if colours else ["-S", "-20"]))

    def until(self, words: str) -> str:
        """The screen once it shows these words."""
        self._look(lambda: words in self.shown(), repr(words))
        return self.shown()

    def press(self, *keys: str) -> None:
        """By their names: Enter, Escape, A."""
        self._tmux("send-keys", *keys)

    def resize(self, columns: int, lines: int) -> None:
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def ended(self) -> int:
        """The exit code of the program; waits for it."""
        self._look(self._code.exists, "end of the program")
        return int(self._code.read_text())

    def _look(self, true: Callable[[], bool], what: str) -> None:
        """Raises AssertionError with the screen as it is then."""
        try:
            until(true, what, 30)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen:\n{self.shown()}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        subprocess.run([*self._base, "kill-server"], env=self._env, check=False, capture_output=True)
