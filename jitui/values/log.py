"""The gateway's own log: one line an event, its facts as key=value. Python's logging carries it; nothing of it is a record."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

from jitui.values.said import clean

FACTS: Final = "facts"  # attribute of a LogRecord
LONG: Final = 4000  # characters of a fact that are shown


class Log:
    """Says what happens, under one logger's name."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, **facts: Any) -> None:
        self._logger.info(event, extra={FACTS: facts})

    def warning(self, event: str, **facts: Any) -> None:
        self._logger.warning(event, extra={FACTS: facts})

    def failed(self, event: str, error: object, *, traceback: bool, **facts: Any) -> None:
        """An error was caught; with `traceback` its traceback stands below the line."""
        shown = error if traceback and isinstance(error, BaseException) else None
        self._logger.error(event, exc_info=shown, extra={FACTS: {**facts, "error": repr(error)}})


class Lines(logging.Formatter):
    """timestamp='...' level='warning' event='...' key='value': in ASCII, for people and for grep."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        said = {"timestamp": at, "level": record.levelname.lower(), "event": record.getMessage()} | getattr(record, FACTS, {})
        line = " ".join(f"{key}={clean(ascii(value), LONG)}" for key, value in said.items())
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info and record.exc_info[0] else line


def to_stderr(name: str) -> None:
    """Everything under this name goes to stderr in such lines, and nowhere else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    logger = logging.getLogger(name)
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
