"""Finds secrets by the command that takes them: `curl -u me:x`, `mysql -px`, `sshpass -p x`, `identified by 'x'`."""

import re
from collections.abc import Iterator
from typing import Final

from jitui.recording.masking.hit import Hit
from jitui.recording.masking.words import Places

KIND: Final = "credential"
_GAP: Final = rb"(?:[ \t]+|\\*[\"'],\s*\\*[\"']|&command=)"
_VALUE: Final = rb"\\*[\"']?(?P<value>[^\s\"'\\&]+)"

# a word in lower case, and the pattern to match from there
COMMANDS: Final = tuple((word, re.compile(pattern, re.IGNORECASE)) for word, pattern in (
    (b"curl", rb"curl" + _GAP + rb"[^\n|;]{0,120}?(?<=[\s\"'=])(?:-u|--user|--proxy-user)(?:" + _GAP + rb"|=)?\\*[\"']?[^\s:\"'&]{0,64}:"
     rb"(?P<value>[^\s\"'\\&]+)"),
    (b"mysql", rb"mysql(?:dump|admin)?" + _GAP + rb"[^\n|;]{0,120}?(?<=[\s\"'=])-p(?P<value>[^\s\"'\\&]+)"),
    (b"sshpass", rb"sshpass" + _GAP + rb"-p" + _GAP + rb"?" + _VALUE),
    (b"redis-cli", rb"redis-cli" + _GAP + rb"[^\n|;]{0,120}?(?<=[\s\"'=])-a" + _GAP + _VALUE),
    (b"identified by ", rb"identified by [\"'](?P<value>[^\"'\r\n]+)"),
    (b"--from-literal", rb"--from-literal(?:=|" + _GAP + rb")\\*[\"']?[\w.-]+=(?P<value>[^\s\"'\\&]+)"),
    (b"hooks.slack.com/services/", rb"hooks\.slack\.com/services/(?P<value>[\w/-]+)"),
))  # fmt: skip


def look(text: bytes, lower: Places) -> Iterator[Hit]:
    """Every secret argument of such a command, in no order. `lower`: the places of their words."""
    for word, pattern in COMMANDS:
        behind = 0
        for at in lower.get(word, ()):
            match = pattern.match(text, at) if at >= behind else None
            if match is not None:
                yield Hit(at, match.start("value"), match.end(), KIND, match.end() == len(text))
                behind = match.end()
