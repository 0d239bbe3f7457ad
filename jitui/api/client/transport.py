"""One HTTP client of one gateway: answers into views, errors back into the classes they were."""

import grp
import json
import os
import ssl
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit

from jitui.api.client import shapes
from jitui.api.client.address import Address
from jitui.api.client.connections import Connections, LostError, Place, Response, SlowError, UnreachableError
from jitui.api.client.sse import Decoder, Event, lines
from jitui.api.operations import API
from jitui.values import errors, foreign
from jitui.values.errors import (
    ConflictError,
    InvalidError,
    JituiError,
    NotFoundError,
    RefusedError,
    TooManyError,
    UnavailableError,
    UnknownCallerError,
    UnsafeError,
    UpstreamError,
)
from jitui.values.page import MORE, OLDER, Page

T = TypeVar("T")
PATIENCE_S: Final = 30.0  # for an answer
KEPT_S: Final = 5.0  # for which a connection that nobody uses is kept
INSIDE: Final = 12  # connections of a process that the gateway started, at most
SILENT_S: Final = 15.0  # without so much as a heartbeat: the gateway is gone
START: Final = "start one with: jitui serve --config FILE"

KINDS: Final = {kind.__name__: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, JituiError)}
CODES: Final[Mapping[int, type[JituiError]]] = {
    400: InvalidError, 401: UnknownCallerError, 403: RefusedError, 404: NotFoundError, 409: ConflictError, 413: InvalidError, 429: TooManyError,
    502: UpstreamError, 503: UnavailableError}


MORE_HEADER, OLDER_HEADER = MORE.lower().encode(), OLDER.lower().encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the gateway that is no refusal."""

    more: str  # the cursor of the next page, empty if there is none
    older: bool  # a limit left out older items
    body: bytes


class Transport:
    """Speaks to one gateway. Raises UnavailableError where it does not answer, and whatever error it answers."""

    def __init__(self, address: Address, *, token: str = "", ca: Path | None = None, ca_pem: str = "") -> None:
        self.address = address
        self._headers = {"host": address.url.removeprefix("https://") or "gateway", "accept": "application/json"}
        self._headers |= {"authorization": f"Bearer {token}"} if token else {}
        url = urlsplit(address.url)
        if address.inherited is not None:
            self._connections = Connections(Place(inherited=address.inherited), KEPT_S, INSIDE)
        elif address.unix is not None:
            self._connections = Connections(Place(address.unix), KEPT_S)
        else:
            self._connections = Connections(Place(None, url.hostname or "", url.port or 443, _trust(ca, ca_pem)), KEPT_S)

    async def get(self, shape: type[T], path: str, **params: Any) -> T:
        """A view of `shape`; parameters that are None are left out."""
        return _view(shape, (await self._answer("GET", path + _query(params))).body)

    async def pages(self, shape: type[T], path: str, *, limit: int = 0, cursor: str = "", **params: Any) -> Page[T]:
        """A whole list of views of `shape`, page by page; with a `limit` at most so many."""
        found: Page[T] = Page()
        while True:
            given = {**params, "limit": limit - len(found) if limit else None, "cursor": cursor or None}
            answer = await self._answer("GET", path + _query(given))
            found += _view(list[shape], answer.body)  # type: ignore[valid-type]
            found.older |= answer.older
            cursor = answer.more
            if not cursor or (limit and len(found) >= limit):
                return found

    async def post(self, shape: type[T], path: str, body: Mapping[str, Any] | None = None) -> T:
        return _view(shape, (await self._answer("POST", path, body)).body)

    async def _answer(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        async with self._open(method, path, PATIENCE_S, body) as answer:
            try:
                content = await answer.read()
            except LostError as error:
                raise self._lost(error) from None
            said = {name.lower(): value.decode("latin-1") for name, value in answer.headers}
            return Answer(said.get(MORE_HEADER, ""), OLDER_HEADER in said, content)

    async def events(self, path: str, **params: Any) -> AsyncIterator[Event]:
        """Until the gateway ends the stream, goes, or is silent for 15 s; parameters as in `get`."""
        async with self._open("GET", path + _query(params), SILENT_S) as answer:
            decoder = Decoder()
            try:
                async for line in lines(answer.pieces()):
                    if (event := decoder.feed(line)) is None:
                        continue
                    if event.name == "error":
                        raise refusal(500, event.data.encode())
                    yield event
            except LostError:
                return

    @asynccontextmanager
    async def _open(self, method: str, path: str, patience: float, body: Mapping[str, Any] | None = None) -> AsyncIterator[Response]:
        """An answer that has begun and is no refusal."""
        headers, content = dict(self._headers), b""
        if body is not None:
            content = json.dumps(body, separators=(",", ":")).encode()
            headers["content-type"] = "application/json"
        if method == "POST":
            headers["content-length"] = str(len(content))
        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        try:
            answer = await self._connections.ask(method, f"/v{API}{path}", lines, content, patience)
        except LostError as error:
            raise self._lost(error) from None
        try:
            if answer.status >= 400:
                raise await self._refused(answer)
            yield answer
        finally:
            await answer.close()

    async def _refused(self, answer: Response) -> JituiError:
        try:
            return refusal(answer.status, await answer.read())
        except LostError as error:
            return self._lost(error)

    async def aclose(self) -> None:
        await self._connections.close()

    def _lost(self, error: LostError) -> JituiError:
        """Why no answer came, in one sentence."""
        if self.address.unix is not None and isinstance(error, UnreachableError):
            return _no_socket(self.address.unix)
        if isinstance(error, UnreachableError):
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                return UnsafeError(f"{self.address} shows a certificate that is not trusted here: {_tls_words(error)}; "
                                   "name the gateway's ca.crt with --ca or JITUI_CA")
            return UnavailableError(f"no gateway running at {self.address}: {error}; {START}")
        if isinstance(error, SlowError):
            return UnavailableError(f"gateway at {self.address} does not answer in time; windows still end on time")
        return UnavailableError(f"gateway at {self.address} went away: {str(error) or type(error).__name__}; windows still end on time")


def refusal(status: int, body: bytes) -> JituiError:
    """The error that an answer carries."""
    try:
        said = foreign.read(body)["error"]
        kind, code, message = KINDS.get(str(said.get("kind"))), int(said["code"]), str(said["message"])
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return UnavailableError(f"what answers there is no jitui gateway of API {API} (status {status})")
    return (kind or CODES.get(code, UnavailableError))(message)


def _view(shape: type[T], body: bytes) -> T:
    try:
        made: T = shapes.read(shape, foreign.read(body))
    except ValueError as error:
        name = getattr(shape, "__name__", str(shape))
        raise UnavailableError(f"gateway's {name} is not what this version knows ({error}); update jitui on the older side") from None
    return made


def view(shape: type[T], text: str) -> T:
    """A view out of one line of JSON. Raises UnavailableError if its form is of another version."""
    return _view(shape, text.encode())


def _query(params: Mapping[str, Any]) -> str:
    """As they stand in an address, with the question mark; without those that are None."""
    given = {key: str(value).lower() if isinstance(value, bool) else value for key, value in params.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


def _trust(ca: Path | None, ca_pem: str) -> ssl.SSLContext:
    """Trust that one authority, or the system's if none is given. Raises UnsafeError."""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # create_default_context would write the keys of TLS wherever SSLKEYLOGFILE says
        if ca is not None or ca_pem:
            context.load_verify_locations(cafile=ca, cadata=None if ca is not None else ca_pem)
        else:
            context.load_default_certs()
    except (OSError, ssl.SSLError) as error:
        raise UnsafeError(f"{ca}: no certificate authority can be read there: {error.strerror or error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def _no_socket(path: Path) -> JituiError:
    """Why a Unix socket can't be connected to."""
    token = "come over https with a token (--gateway, --token-file)"  # noqa: S105 - a sentence
    foreign = f"{path} is not yours to open: it is for its gateway's user, and for a group if listen.socket_group names one; {token}"
    try:
        found = path.stat()
        mode = found.st_mode
    except FileNotFoundError:
        return UnavailableError(f"no gateway running: {path} is not there; {START}")
    except PermissionError:
        return RefusedError(foreign)
    except OSError as error:
        return UnavailableError(f"no gateway running: {path}: {error.strerror}; {START}")
    if not stat.S_ISSOCK(mode):
        return UnavailableError(f"no gateway running: {path} is no socket; {START}")
    if not os.access(path, os.W_OK):
        if mode & stat.S_IWGRP:
            foreign = f"{path} is not yours to open: it is for the group {_group(found.st_gid)}; have yourself added and log in anew, or {token}"
        return RefusedError(foreign)
    return UnavailableError(f"no gateway running: nobody answers at {path}; {START}")


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _tls_words(error: Exception) -> str:
    """`unable to get local issuer certificate` of OpenSSL's long line."""
    return str(error).rpartition("verify failed: ")[2].partition(" (_ssl")[0]
