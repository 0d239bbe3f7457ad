"""A session of the gateway's own, in which it asks something in a pod: its opening, frames, row and end are on record like those of an agent's command."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from jitui.policy import kube
from jitui.policy.action import Hazard
from jitui.policy.streams import PROBE
from jitui.policy.terms import Grant
from jitui.recording.facts import Draft, Fact, SessionEnded, SessionOpened
from jitui.recording.frame import Channel, Frame
from jitui.store.actions import ActionRow, bounded
from jitui.store.rows import GATEWAY
from jitui.values.clock import Clock
from jitui.values.errors import JituiError


class LookError(JituiError):
    """There was no look, or it broke off; the words say why."""


class Record(Protocol):
    """The store, as far as such a session is written to it."""

    def next_session(self) -> int: ...

    def put_all(self, frames: Sequence[Frame], done: Callable[[Exception | None], None]) -> None: ...

    async def commit(self, drafts: Sequence[Draft]) -> Sequence[Fact]: ...

    def note(self, action: ActionRow) -> None: ...


class Asking:
    """One of them: `begin` it, then `ask`, `answered` and `put`, at last `end`."""

    def __init__(self, record: Record, clock: Clock, grant: Grant, connection: str, target: str, audit_id: Callable[[int], str]) -> None:
        """`target`: namespace/pod/container. `audit_id` makes the Audit-ID of a session's request."""
        self.session = 0  # its number, once it is on record
        self._record, self._clock, self._grant, self._connection, self._target, self._audit_id = record, clock, grant, connection, target, audit_id
        self._started = clock.now()
        self._frames = 0
        self._row: Callable[[int | None], None] | None = None  # writes the row of a request that is not answered yet

    @property
    def audit_id(self) -> str:
        return self._audit_id(self.session)

    async def begin(self, *argv: str) -> None:
        """Raises JituiError if it can't be recorded."""
        session, now = self._record.next_session(), self._started
        opened = SessionOpened(grant=self._grant.id, kind=PROBE, target=self._target, argv=argv, started_us=now.wall_us, started_boot_us=now.boot_us,
                               boot_id=now.boot_id)  # fmt: skip
        await self._record.commit([opened.draft(f"s-{session}", GATEWAY)])
        self.session = session

    async def put(self, *pieces: tuple[Channel, bytes]) -> None:
        """On record, in one commit. Raises LookError if they can't be recorded."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def told(why: str) -> None:
            if not done.done():
                done.set_exception(LookError(why)) if why else done.set_result(None)

        self.put_soon(pieces, told)
        await done

    def put_soon(self, pieces: Sequence[tuple[Channel, bytes]], told: Callable[[str], None]) -> None:
        """The same without waiting; `told` is called with the reason why they can't be recorded, or with nothing."""
        at_us, first = max(0, self._clock.now().boot_us - self._started.boot_us), self._frames
        self._frames += len(pieces)
        self._record.put_all([Frame(self.session, first + at, at_us, 0, channel, body) for at, (channel, body) in enumerate(pieces)],
                             lambda error: told(f"a look can't be recorded: {error}" if error else ""))  # fmt: skip

    async def ask(self, method: bytes, target: bytes, hazard: Hazard, clause: str, *pieces: tuple[Channel, bytes], content_type: bytes = b"") -> None:
        """A request, on record before it goes out; its row comes with `answered`, or with `end`. `clause`: why the gateway asks. Raises LookError."""
        action = bounded(kube.read(method, target, content_type=content_type))

        def note(code: int | None) -> None:
            self._record.note(ActionRow(
                at_us=self._clock.now().wall_us, identity=GATEWAY, connection=self._connection, action=action, hazard=hazard.value, verdict="allowed",
                clause=clause, session=self.session, code=code, audit_id=self.audit_id, grant=self._grant.id))  # fmt: skip

        self._row = note
        await self.put(*pieces)

    def answered(self, code: int | None) -> None:
        """Write the row of the request, before its answer is put on record. None: nobody knows what became of it."""
        row, self._row = self._row, None
        if row is not None:
            row(code)

    async def end(self, why: str) -> None:
        """If it has begun. An end that can't be recorded is left to the next start."""
        if self.session:
            self.answered(None)
            told = SessionEnded(why=why, by=GATEWAY, ended_us=self._clock.now().wall_us, conns=(), may_run_on=0)
            with suppress(JituiError):
                await self._record.commit([told.draft(f"s-{self.session}", GATEWAY)])
