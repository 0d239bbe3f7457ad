"""Which gateway, as whom; and where its files are."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from jitui.api.client import Address, Client
from jitui.cli.credential import read_token
from jitui.values import places
from jitui.values.clock import use_utc
from jitui.values.errors import UnknownCallerError

T = TypeVar("T")
OPTIONS: Final = ("--gateway", "--token-file", "--ca", "--data-dir")  # which each command takes


@dataclass(frozen=True, slots=True)
class Reach:
    """The values of the options and the environment."""

    gateway: str
    token_file: str
    ca: str
    data_dir: Path | None
    named: bool  # the gateway was named, or is the machine's; none is started in its place

    @property
    def address(self) -> Address:
        return Address.parse(self.gateway)

    @property
    def token(self) -> str:
        """Raises UnknownCallerError if a token is named and can't be read."""
        try:
            return read_token(self.token_file, os.environ)
        except ValueError as error:
            raise UnknownCallerError(str(error)) from None

    def remote(self) -> Client:
        return Client(self.address, token=self.token, ca=places.written(self.ca) if self.ca else None)

    @property
    def folder(self) -> Path | None:
        """The data folder: as named, or the one behind the gateway's socket; None if there is none to be read from here."""
        if self.data_dir is not None:
            return self.data_dir
        sock = self.address.unix
        return places.data_behind(sock, os.environ) if sock is not None else None


def reach() -> Reach:
    """Of the command that runs."""
    given: dict[str, Any] = click.get_current_context().find_root().ensure_object(dict)
    data_dir = places.written(given["data_dir"]).absolute() if given.get("data_dir") else None
    named = given.get("gateway") or os.environ.get("JITUI_GATEWAY", "")
    found, service = places.found_socket(os.environ, data_dir)
    return Reach(named or f"unix:{found}", given.get("token_file") or "", given.get("ca") or os.environ.get("JITUI_CA", ""), data_dir, bool(named) or service)


@asynccontextmanager
async def gateway() -> AsyncIterator[Client]:
    """A client of the gateway, for one command."""
    remote = reach().remote()
    try:
        yield remote
    finally:
        await remote.aclose()


def _remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    """A global option given after the command counts like one given before it."""
    if value is not None and parameter.name:
        ctx.find_root().ensure_object(dict)[parameter.name] = value


def _utc(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: ARG001 - click's signature
    if value:
        use_utc()


def reaching(command: Callable[..., T]) -> Callable[..., T]:
    """Gives a command the global options too, and --json."""
    for name in OPTIONS:
        command = click.option(name, expose_value=False, hidden=True, callback=_remember)(command)
    command = click.option("--utc", is_flag=True, expose_value=False, hidden=True, callback=_utc)(command)
    return click.option("--json", "as_json", is_flag=True, help="JSON: one object, or one a line.")(command)


def asynchronous(command: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., T]:
    """A command that is a coroutine."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> T:
        return asyncio.run(command(*args, **kwargs))

    return run
