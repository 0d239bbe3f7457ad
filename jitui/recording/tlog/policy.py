"""A policy: which logs are known, which witnesses, and whose cosignatures suffice (c2sp.org/tlog-policy).

It is obtained elsewhere, never from the record that it judges.
"""

from collections.abc import Mapping, Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from jitui.recording.tlog.note import COSIGNED, COSIGNED_ML_DSA_44, ED25519, Key, Note, parse_key, verified
from jitui.values.errors import InvalidError

MOST_TEXT: Final = 1 << 20
NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Group:
    """As many of these as `least`."""

    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """The judgement of a policy on one checkpoint."""

    log: Key | None  # the known log that signed it
    cosigned: Mapping[str, int]  # the witnesses that did, by their names in the policy, and when (seconds since 1970)
    enough: bool  # the quorum is there, and the log is known

    @property
    def at(self) -> int:
        """When the last of those witnesses saw it; 0 if none did."""
        return max(self.cosigned.values(), default=0)


@dataclass(frozen=True, slots=True)
class Policy:
    """Logs, witnesses by name, groups by name in the order of the file, and the name that has to be met."""

    logs: tuple[Key, ...]
    witnesses: Mapping[str, Key]
    groups: Mapping[str, Group]
    quorum: str

    def judge(self, note: Note) -> Judged:
        """Judge a checkpoint. Raises InvalidError if a signature of a known key is false."""
        signed = verified(note, [*self.logs, *self.witnesses.values()])
        cosigned = {name: signed[key] for name, key in self.witnesses.items() if key in signed}
        origin = note.text.partition("\n")[0]
        log = next((key for key in self.logs if key in signed and key.name == origin), None)
        return Judged(log, cosigned, log is not None and self.met(set(cosigned)))

    def met(self, cosigned: AbstractSet[str]) -> bool:
        """Whether these witnesses suffice."""
        met = {NONE, *(cosigned & self.witnesses.keys())}
        for name, group in self.groups.items():  # a group names only what stands before it
            if sum(member in met for member in group.members) >= group.least:
                met.add(name)
        return self.quorum in met

    @property
    def text(self) -> str:
        """As a file."""
        lines = [f"log {key}" for key in self.logs]
        lines += [f"witness {name} {key}" for name, key in self.witnesses.items()]
        lines += [f"group {name} {group.least} {' '.join(group.members)}" for name, group in self.groups.items()]
        return "\n".join([*lines, f"quorum {self.quorum}", ""])


def policy_of(text: str) -> Policy:
    """The policy of a file's text. Raises InvalidError with the number of the line."""
    reading = _Reading()
    if len(text) > MOST_TEXT:
        raise InvalidError(f"a policy has at most {MOST_TEXT} characters, this one {len(text)}")
    for number, line in enumerate(text.split("\n"), 1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reading.line(words)
        except InvalidError as error:
            raise InvalidError(f"line {number} of the policy: {error}") from None
    if reading.quorum is None:
        raise InvalidError("the policy has no line with its quorum")
    return Policy(tuple(reading.logs), reading.witnesses, reading.groups, reading.quorum)


class _Reading:
    """The lines of a policy, one by one."""

    def __init__(self) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None

    def line(self, words: list[str]) -> None:
        """Take in one line. Raises InvalidError."""
        match words:
            case ["log", key] | ["log", key, _]:
                self.logs.append(self._key(key, {ED25519}, self.logs))
            case ["witness", name, key] | ["witness", name, key, _]:
                self.witnesses[self._new(name)] = self._key(key, {COSIGNED, COSIGNED_ML_DSA_44}, list(self.witnesses.values()))
            case ["group", name, least, *members] if members:
                self.groups[self._new(name)] = self._group(least, members)
            case ["quorum", name] if self.quorum is None:
                if name != NONE:
                    self._known(name)
                self.quorum = name
            case _:
                raise InvalidError(f"{' '.join(words)[:80]!r} is not log KEY, witness NAME KEY, group NAME N MEMBER..., or the one quorum NAME")

    def _key(self, text: str, kinds: AbstractSet[int], others: list[Key]) -> Key:
        key = parse_key(text)
        if key.kind not in kinds:
            raise InvalidError(f"the key of {key.name} is not of a type for this ({key.kind})")
        if any(key.public == other.public for other in others):
            raise InvalidError(f"the key of {key.name} stands here twice")
        return key

    def _new(self, name: str) -> str:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise InvalidError(f"the name {name[:60]!r} is taken")
        return name

    def _known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise InvalidError(f"no line before tells of {name[:60]!r}")

    def _group(self, least: str, members: list[str]) -> Group:
        for member in members:
            self._known(member)
            if any(member in group.members for group in self.groups.values()):
                raise InvalidError(f"{member[:60]!r} is a member already")
        if len(set(members)) != len(members):
            raise InvalidError("a member stands here twice")
        count = {"any": 1, "all": len(members)}.get(least) or (int(least) if least.isascii() and least.isdecimal() and len(least) < 6 else 0)
        if not 1 <= count <= len(members):
            raise InvalidError(f"{least[:20]!r} of {len(members)} members is no number of them, any, or all")
        return Group(count, tuple(members))
