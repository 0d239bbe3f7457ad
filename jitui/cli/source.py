"""Where a command reads what was recorded: an exported file, a data folder, or the gateway, which needs none of the files' readers."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jitui.api.client import Client
from jitui.api.operations import Archive
from jitui.cli.kinds import is_ident
from jitui.cli.reach import reach
from jitui.cli.show import note
from jitui.values import places
from jitui.values.errors import JituiError, UnavailableError

if TYPE_CHECKING:
    from jitui.cli.shelf import Shelf


def folder() -> Path:
    """The data folder that commands without a gateway read."""
    return reach().folder or places.state_folder(os.environ)


@asynccontextmanager
async def shelf(place: Path) -> AsyncIterator["Shelf"]:
    """The files in a folder, or one exported file, for one command."""
    opened = await _files(place)
    try:
        yield opened
    finally:
        await opened.aclose()


async def held(session: str) -> "tuple[Shelf | Client, str]":
    """Where a session or a window is, and its id: an exported file, the named data folder, the gateway, or, if none answers, the files it left.

    Without a session: where everything is. Whoever asks closes it.
    """
    there = reach()
    if session and not is_ident(session):
        bare = await _files(Path(session))
        return bare, await bare.only_session()
    if there.data_dir is not None:
        return await _files(there.data_dir), session
    remote = there.remote()
    try:
        await (remote.moment(session) if session.startswith("g-") else remote.session(session) if session else remote.hello())
    except UnavailableError as error:
        await remote.aclose()
        if there.folder is None:
            raise
        note(f"{error}; read from {there.folder}")
        return await _files(there.folder), session
    except JituiError:
        await remote.aclose()
        raise
    return remote, session


def note_unmasked(found: Archive) -> None:
    """Say that no fact tells of this unmasking, if it is read from bare files."""
    if (files := getattr(found, "files", None)) is not None:
        note(f"secrets are shown as they are, read from {files.place}: no fact tells of it")


@asynccontextmanager
async def archive(session: str) -> AsyncIterator[tuple[Archive, str]]:
    """`held`, for one command."""
    found, ident = await held(session)
    try:
        yield found, ident
    finally:
        await found.aclose()


async def _files(place: Path) -> "Shelf":
    """Raises NotFoundError if nothing recorded is there, InvalidError if it is damaged."""
    from jitui.cli.shelf import Shelf  # noqa: PLC0415 - with the readers of all files, which a command that asks a gateway does without

    return await asyncio.to_thread(Shelf, place)
