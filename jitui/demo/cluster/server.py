"""Answers the requests of a connection: it authenticates the caller, reads the path, and chooses the form of the answer."""

import contextlib
import hashlib
import hmac
import json
import re
import uuid
from typing import Any, Final

from jitui.demo.cluster import discovery, openapi, reviews
from jitui.demo.cluster.audit import Audit
from jitui.demo.cluster.forms import Form, negotiate
from jitui.demo.cluster.http import BrokenError, Connection, Request
from jitui.demo.cluster.kinds import GROUPS, REVIEWS, kind_of
from jitui.demo.cluster.kubelet import Kubelet
from jitui.demo.cluster.objects import Objects
from jitui.demo.cluster.podstreams import PodStreams
from jitui.demo.cluster.resources import Place, listed, scale_of, write
from jitui.demo.cluster.status import StatusError, bad_request, forbidden, method_not_allowed, no_such_page, render, unauthorized
from jitui.demo.cluster.watch import Asked, events

_VERBS: Final = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_HEALTH: Final = frozenset({"/healthz", "/livez", "/readyz"})
_GET_ONLY: Final = re.compile("/version|/api(?:/v1)?|/apis/[^/]+/[^/]+")
_STREAMS: Final = frozenset({"attach", "exec", "log", "portforward"})


class Server:
    """Answers all requests of the one cluster."""

    def __init__(self, objects: Objects, kubelet: Kubelet, audit: Audit, *, token: str, chatter_s: float) -> None:
        self._objects = objects
        self._audit = audit
        self._token = token
        self._streams = PodStreams(objects, kubelet, chatter_s)

    async def serve(self, connection: Connection) -> None:
        """Serves one connection to its end."""
        with contextlib.suppress(BrokenError, ConnectionError, TimeoutError):
            while not connection.finished and (request := await connection.request()) is not None:
                ident = request.header("audit-id") or str(uuid.uuid4())
                self._audit.started(ident, request)
                try:
                    await self._answer(connection, request, [("Audit-Id", ident), ("Cache-Control", "no-cache, private")])
                finally:
                    self._audit.ended(ident, request, connection.code)

    async def _answer(self, connection: Connection, request: Request, headers: list[tuple[str, str]]) -> None:
        try:
            scheme, _, token = request.header("authorization").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token.encode()):
                raise unauthorized()
            await self._route(connection, request, headers)
        except StatusError as error:
            if connection.replied:
                raise ConnectionResetError(str(error)) from error
            await connection.reply(error.status, error.body() + b"\n", headers=headers)
        except (KeyError, TypeError, ValueError, AttributeError) as error:  # an object of an unforeseen shape
            if connection.replied:
                raise
            await connection.reply(500, render(500, "InternalError", f"Internal error occurred: {error!r}") + b"\n", headers=headers)

    async def _route(self, connection: Connection, request: Request, headers: list[tuple[str, str]]) -> None:
        parts = request.path.strip("/").split("/")
        group, rest = ("", parts[1:]) if parts[0] == "api" else ("/".join(parts[1:2]), parts[2:])
        if parts[0] in {"api", "apis"} and len(rest) >= 2 and rest[0] == "v1":
            await self._resource(connection, request, self._place(group, rest[1:]), headers)
        else:
            await self._page(connection, request, headers)

    async def _page(self, connection: Connection, request: Request, headers: list[tuple[str, str]]) -> None:
        """Answers the paths that name no object: discovery, version, OpenAPI, health."""
        path, accept = request.path.rstrip("/"), request.header("accept")
        if request.method != "GET" and _GET_ONLY.fullmatch(path):
            raise method_not_allowed()
        if path in _HEALTH or path.partition("/")[0] in _HEALTH:
            await connection.reply(200, b"ok", "text/plain; charset=utf-8", headers)
        elif path in {"/api", "/apis"}:
            await self._discovery(connection, request, headers, core=path == "/api")
        elif path == "/openapi/v2" and "proto-openapi" in accept:
            await connection.reply(200, openapi.v2_protobuf(), openapi.V2_PROTOBUF, headers)
        else:
            document = self._document(path)
            if document is None:
                raise no_such_page()
            await connection.json(200, document, headers=headers)

    @staticmethod
    def _document(path: str) -> Any:
        match path.strip("/").split("/"):
            case ["version"]:
                return discovery.version()
            case ["api", "v1"]:
                return discovery.resources("")
            case ["apis", group] if group in GROUPS:
                return {"kind": "APIGroup", "apiVersion": "v1"} | discovery.group(group)
            case ["apis", group, "v1"] if group in GROUPS:
                return discovery.resources(group)
            case ["openapi", "v2"]:
                return openapi.v2()
            case ["openapi", "v3"]:
                return openapi.index()
            case ["openapi", "v3", *rest]:
                return openapi.document("/".join(rest))
        return None

    async def _discovery(self, connection: Connection, request: Request, headers: list[tuple[str, str]], *, core: bool) -> None:
        content_type, document = "application/json", discovery.versions() if core else discovery.groups()
        for offer in request.header("accept").split(","):
            options = dict(part.strip().partition("=")[::2] for part in offer.split(";")[1:])
            if offer.strip().startswith("application/json") and options.get("as") == "APIGroupDiscoveryList" and options.get("v") in {"v2", "v2beta1"}:
                form = options["v"]
                document, content_type = discovery.aggregated(core=core, form=form), f"application/json;g=apidiscovery.k8s.io;v={form};as=APIGroupDiscoveryList"
                break
            if offer.partition(";")[0].strip() in {"application/json", "*/*"} and "as" not in options:
                break
        body = json.dumps(document, separators=(",", ":")).encode() + b"\n"
        tag = f'"{hashlib.sha256(body).hexdigest().upper()}"'
        headers = [*headers, ("Vary", "Accept"), ("ETag", tag)]
        if request.header("if-none-match") == tag:
            connection.send_head(304, headers)
            await connection.writer.drain()
            return
        await connection.reply(200, body, content_type, headers)

    @staticmethod
    def _place(group: str, rest: list[str]) -> Place:
        """Reads the path after group and version, as RequestInfo does (apiserver: pkg/endpoints/request/requestinfo.go)."""
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in {"status", "finalize"}:
            namespace, rest = rest[1], rest[2:]
        kind = kind_of(group, "v1", rest[0])
        if kind is None or len(rest) > 3 or (namespace and not kind.namespaced):
            raise no_such_page()
        name, subresource = [*rest[1:], "", ""][:2]
        if subresource and not kind.has(subresource):
            raise no_such_page()
        return Place(kind, namespace, name, subresource)

    async def _resource(self, connection: Connection, request: Request, place: Place, headers: list[tuple[str, str]]) -> None:
        verb = _VERBS.get(request.method, "")
        if not verb:
            raise method_not_allowed()
        if not place.name and verb == "get":
            verb = "watch" if request.flag("watch") else "list"
        if not reviews.may(verb, place.kind):
            raise forbidden(place.kind, place.name, user=reviews.USER, verb=verb, namespace=place.namespace)
        if place.kind in REVIEWS:
            if request.method != "POST":
                raise method_not_allowed()
            await connection.json(201, reviews.answer(place.kind, request), headers=headers)
            return
        if place.name and place.kind.namespaced and not place.namespace:
            raise no_such_page()
        if place.subresource in _STREAMS:
            await self._streams.answer(connection, request, place, headers)
            return
        form = negotiate(request, place.kind)
        if verb == "watch":
            await self._watch(connection, request, place, form, headers)
        elif verb == "list":
            found, metadata = listed(self._objects, place, request)
            await connection.json(200, form.many(place.kind, found, metadata), form.content_type, headers)
        elif verb == "get":
            item = self._objects.get(place.kind, place.namespace, place.name)
            await connection.json(200, scale_of(item) if place.subresource == "scale" else form.one(item), form.content_type, headers)
        else:
            if not place.name and request.method in {"PUT", "PATCH"}:
                raise method_not_allowed()
            if place.kind.namespaced and not place.namespace:
                raise method_not_allowed()
            code, item = write(self._objects, place, request)
            if place.kind.plural == "pods" and request.method == "DELETE":
                self._streams.forget_missing()
            plain = item["kind"] != place.kind.kind or place.subresource == "scale"
            await connection.json(code, item if plain else form.one(item), form.content_type, headers)

    async def _watch(self, connection: Connection, request: Request, place: Place, form: Form, headers: list[tuple[str, str]]) -> None:
        if place.name:
            raise bad_request("a watch of one object is a watch of the collection with fieldSelector=metadata.name")

        asked = Asked.of(request)

        async def stream() -> None:
            connection.begin(form.content_type, headers)
            await connection.writer.drain()
            async for line in events(self._objects, place, asked, form.one):
                await connection.chunk(line)
            await connection.end()

        await connection.while_there(stream())
