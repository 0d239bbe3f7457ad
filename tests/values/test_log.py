"""The gateway's own log."""

import logging
import re

import pytest

from jitui.values.log import Log, to_stderr

NAME = "jitui.test-of-log"


def test_an_event_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level, event, and the facts in their order; text of another party can't begin a line or draw on a terminal."""
    to_stderr(NAME)
    Log(NAME).warning("cluster unreachable", connection="prod", why="no\nroute \x1b[31m\u202e", tries=3)
    said = capsys.readouterr().err
    assert re.fullmatch(r"timestamp='\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z' level='warning' event='cluster unreachable' connection='prod' "
                        r"why='no\\nroute \\x1b\[31m\\u202e' tries=3\n", said)


def test_a_traceback_stands_below(capsys: pytest.CaptureFixture[str]) -> None:
    """Only if it is asked for; the line itself names the error."""
    to_stderr(NAME)
    for traceback in (False, True):
        Log(NAME).failed("task failed", KeyError("cluster"), traceback=traceback, work="renew")
    short, long, below = capsys.readouterr().err.splitlines()
    assert short.endswith("level='error' event='task failed' work='renew' error=\"KeyError('cluster')\"")
    assert long.partition("level=")[2] == short.partition("level=")[2]
    assert below == "KeyError: 'cluster'"


def test_it_goes_to_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    """A library's or a program's own logging prints nothing twice; information is shown too."""
    to_stderr(NAME)
    Log(NAME).info("ready")
    assert caplog.records == []
    assert logging.getLogger(NAME).isEnabledFor(logging.INFO)
