"""The form of an answer: the object itself, its metadata, or a Table (kubernetes: API concepts, "Receiving resources as Tables")."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jitui.demo.cluster.http import Request
from jitui.demo.cluster.kinds import Kind, Object
from jitui.demo.cluster.status import StatusError
from jitui.demo.cluster.tables import partial, table


@dataclass(frozen=True, slots=True)
class Form:
    """The form of the answer to one request."""

    content_type: str
    one: Callable[[Object], Object]
    many: Callable[[Kind, Sequence[Object], Object], Object]


def negotiate(request: Request, kind: Kind) -> Form:
    """The first form in Accept that this cluster has. Raises StatusError 406."""
    for offer in (request.header("accept") or "*/*").split(","):
        media, *rest = [part.strip() for part in offer.split(";")]
        options = dict(part.partition("=")[::2] for part in rest)
        if media not in {"application/json", "application/*", "*/*"}:
            continue
        wanted, version = options.get("as", ""), options.get("v", "v1")
        if not wanted:
            return Form("application/json", lambda found: found, _list)
        if options.get("g") != "meta.k8s.io" or version not in {"v1", "v1beta1"}:
            continue
        content_type = f"application/json;as={wanted};g=meta.k8s.io;v={version}"
        if wanted == "Table":
            return _table_form(request, kind, content_type, version)
        if wanted in {"PartialObjectMetadata", "PartialObjectMetadataList"}:
            return Form(content_type, partial, _partials)
    raise StatusError(406, "NotAcceptable", "only the following media types are accepted: application/json")


def _list(kind: Kind, found: Sequence[Object], metadata: Object) -> Object:
    bare = [{key: value for key, value in item.items() if key not in {"kind", "apiVersion"}} for item in found]
    return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata, "items": bare}


def _partials(_: Kind, found: Sequence[Object], metadata: Object) -> Object:
    return {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": [partial(item) for item in found]}


def _table_form(request: Request, kind: Kind, content_type: str, version: str) -> Form:
    include = request.first("includeObject", "Metadata")
    watching = request.flag("watch")
    shown = False

    def one(item: Object) -> Object:
        nonlocal shown
        headers = not (watching and shown)  # a watch names its columns once
        shown = True
        metadata = {"resourceVersion": item["metadata"].get("resourceVersion", "")}
        return table(kind, [item], metadata, include=include, headers=headers, version=version)

    return Form(content_type, one, lambda kind, found, metadata: table(kind, found, metadata, include=include, version=version))
