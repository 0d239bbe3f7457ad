"""The operations of a gateway that is another process, over its API."""

import re
from collections.abc import AsyncIterator
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, get_args
from urllib.parse import quote

from jitui.api.client.address import Address
from jitui.api.client.transport import Transport, view
from jitui.api.inputs import Spread
from jitui.api.operation import NAMED, Given, Operation
from jitui.api.operations import API, Operations
from jitui.api.views import Hello
from jitui.values import plain
from jitui.values.errors import InvalidError, NotFoundError, UnavailableError
from jitui.values.page import Page
from jitui.values.said import clean

IDENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)


class Client(Operations):
    """Sends each operation of the table. Hold it as long as you like; it connects when it is asked, and `aclose` lets go."""

    def __init__(self, address: Address | str, *, token: str = "", ca: Path | None = None, ca_pem: str = "") -> None:
        """`token` empty: who you are is your Unix user, which only the Unix socket can tell. `ca`: the authority to pin, or `ca_pem` itself."""
        self.address = Address.parse(address) if isinstance(address, str) else address
        self._transport = Transport(self.address, token=token, ca=ca, ca_pem=ca_pem)

    async def perform(self, operation: Operation, given: Given) -> Any:
        """One request, or for a list as many as it has pages. Raises the error that the gateway answers, or UnavailableError."""
        path, gives = path_of(operation, given), operation.gives
        if operation.method == "POST":
            answer = await self._transport.post(dict[str, str] if gives is str else gives, path, _body(operation, given))
            return answer["said"] if gives is str else answer
        query = _query(operation, given)
        if not operation.paged:
            return await self._transport.get(gives, path, **query)
        (item,) = get_args(gives)
        pages = await self._transport.pages(item, path, **query | {"limit": given.get("limit", 0)})
        found: list[Any] = pages
        if found and hasattr(found[0], "id"):
            found = list({each.id: each for each in found}.values())  # one that ends between two pages is on both
        return Page(sorted(found, key=attrgetter(operation.order)) if operation.order else found, older=pages.older)

    async def follow(self, operation: Operation, given: Given) -> AsyncIterator[Any]:
        """The items of a stream, until the gateway ends it, goes, or is silent for 15 s."""
        async for event in self._transport.events(path_of(operation, given), **_query(operation, given)):
            yield view(operation.gives, event.data)

    async def hello(self) -> Hello:
        """Raises UnavailableError if the two sides are of different major versions, and says which to update."""
        said = await super().hello()
        if said.api != API:
            older = "on the gateway's side" if said.api < API else "here"
            raise UnavailableError(f"gateway {said.version} speaks API {said.api}, this jitui speaks {API}; update jitui {older}")
        return said

    async def aclose(self) -> None:
        await self._transport.aclose()


def path_of(operation: Operation, given: Given) -> str:
    """The path of one call. Raises NotFoundError for an argument that no id and no name can be, InvalidError where none of several paths fits."""
    path = operation.paths.get("")
    if path is None:
        (target,) = (str(given[name]) for name in operation.in_path)
        fits = [each for prefix, each in operation.paths.items() if target == prefix or (prefix.endswith("-") and target.startswith(prefix))]
        if not fits:
            raise InvalidError(f'"{clean(target, 64)}" is no window, no session and not all; those look like g-17, s-204, all')
        path = fits[0]
    return NAMED.sub(lambda name: _part(str(given[name[1]])), path)


def _part(ident: str) -> str:
    """One segment of a path. Raises NotFoundError for what no id and no name can be."""
    if not IDENT.fullmatch(ident):
        raise NotFoundError(f'nothing is called "{clean(ident, 64)}": ids are like r-41, g-17 and s-204')
    return quote(ident)


def _query(operation: Operation, given: Given) -> dict[str, Any]:
    """The query of a GET: what is not as it would be anyway."""
    return {name: value for name, value in given.items() if name not in operation.in_path and value != operation.parameters[name].default}


def _body(operation: Operation, given: Given) -> dict[str, Any] | None:
    """The JSON object of a POST; None if every argument stands in the path."""
    body: dict[str, Any] = {}
    for name in (name for name in given if name not in operation.in_path):
        spread = any(isinstance(note, Spread) for note in getattr(operation.parameters[name].annotation, "__metadata__", ()))
        body |= plain.of(given[name]) if spread else {name: plain.of(given[name])}
    return body or None
