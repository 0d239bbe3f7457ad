"""The archive over bare files, a data folder or one exported file, for commands without a gateway."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from jitui.api.client import Client
from jitui.api.operations import Archive
from jitui.api.service import views
from jitui.api.service.record import Record
from jitui.api.views import ActionView, FactView, FrameView, Proof, SessionView
from jitui.cli.reach import reach
from jitui.cli.show import note
from jitui.store.archive import Files
from jitui.values import places
from jitui.values.errors import InvalidError, JituiError, UnavailableError

IDENT: Final = re.compile(r"(?:[sg]-)?([1-9][0-9]{0,14})", re.ASCII)


class Shelf(Archive):
    """The same operations over the same reader as the gateway's. It checks no right: the files' own permissions decide."""

    def __init__(self, place: Path) -> None:
        """Raises NotFoundError if nothing recorded is there, InvalidError if it is damaged."""
        self.files = Files(place)
        self.files.check_facts()
        self._record = Record(self.files)

    async def session(self, ident: str) -> SessionView:
        return await asyncio.to_thread(self._record.session, number(ident))

    async def frames(self, ident: str, *, after: int = -1, limit: int = 1000, unmask: bool = False) -> Sequence[FrameView]:
        """As of a gateway, but for the fact that somebody looked: bare files take none."""
        row = await asyncio.to_thread(self.files.session, number(ident))
        return await asyncio.to_thread(self._record.frames, row, after=after, limit=limit, unmask=unmask)

    async def actions(
        self, *, grant: str = "", audit_id: str = "", limit: int = 1000, cursor: str = "", brief: bool = False
    ) -> Sequence[ActionView]:
        """All pages, up to the limit."""
        at = number(grant) if grant else 0
        found: list[ActionView] = []
        while len(found) < limit:
            page = await asyncio.to_thread(self._record.actions, grant=at, audit_id=audit_id, limit=limit - len(found), cursor=cursor)
            found += [views.brief(view) for view in page] if brief else page
            if not (cursor := page.more):
                break
        return sorted(found, key=lambda view: view.at)

    async def facts(self, *, after: int = 0, limit: int = 1000) -> Sequence[FactView]:
        return await asyncio.to_thread(self._record.facts, after=after, limit=limit)

    async def verify(self, session: str = "", *, key: bytes = b"", witness: Mapping[int, bytes] | None = None) -> Sequence[Proof]:
        return await asyncio.to_thread(self._record.verify, number(session) if session else 0, key=key, witness=witness)

    async def only_session(self) -> str:
        """Of an exported file. Raises InvalidError if there is more than one to choose from."""
        rows = await asyncio.to_thread(self.files.sessions, limit=2)
        if len(rows) != 1:
            raise InvalidError(f"{self.files.place} holds {'no session' if not rows else 'more than one session'}; name one: jitui --data-dir DIR ... s-17")
        return f"s-{rows[0].id}"

    async def aclose(self) -> None:
        await asyncio.to_thread(self.files.close)


def number(ident: str) -> int:
    """17 of s-17. Raises InvalidError."""
    found = IDENT.fullmatch(ident)
    if found is None:
        raise InvalidError(f"{ident[:40]!r} is no id and no file; ids look like s-17")
    return int(found[1])


def folder() -> Path:
    """The data folder that commands without a gateway read."""
    return reach().folder or places.state_folder(os.environ)


@asynccontextmanager
async def shelf(place: Path) -> AsyncIterator[Shelf]:
    opened = await asyncio.to_thread(Shelf, place)
    try:
        yield opened
    finally:
        await opened.aclose()


def is_ident(text: str) -> bool:
    """s-17 or 17, unless it is a file."""
    return IDENT.fullmatch(text) is not None and not Path(text).exists()


async def held(session: str) -> tuple[Shelf | Client, str]:
    """Where a session is, and its id: an exported file, the named data folder, the gateway, or, if none answers, the files it left.

    Without a session: where everything is. Whoever asks closes it.
    """
    there = reach()
    if session and not is_ident(session):
        bare = await asyncio.to_thread(Shelf, Path(session))
        return bare, await bare.only_session()
    if there.data_dir is not None:
        return await asyncio.to_thread(Shelf, there.data_dir), session
    remote = there.remote()
    try:
        await (remote.session(session) if session else remote.hello())
    except UnavailableError as error:
        await remote.aclose()
        if there.folder is None:
            raise
        note(f"{error}; read from {there.folder}")
        return await asyncio.to_thread(Shelf, there.folder), session
    except JituiError:
        await remote.aclose()
        raise
    return remote, session


def note_unmasked(found: Archive) -> None:
    """Say that no fact tells of this unmasking, if it is read from bare files."""
    if isinstance(found, Shelf):
        note(f"secrets are shown as they are, read from {found.files.place}: no fact tells of it")


@asynccontextmanager
async def archive(session: str) -> AsyncIterator[tuple[Archive, str]]:
    """`held`, for one command."""
    found, ident = await held(session)
    try:
        yield found, ident
    finally:
        await found.aclose()
