"""The verbs on objects: get, list, create, update, patch, delete, deletecollection. It applies a request to the objects, without any connection."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import yaml

from jitui.demo.cluster import patch, protobuf
from jitui.demo.cluster.http import Request
from jitui.demo.cluster.kinds import DEPLOYMENTS, EVENTS, NAMESPACES, PODS, REPLICASETS, SERVICES, Kind, Object
from jitui.demo.cluster.objects import Objects, timestamp
from jitui.demo.cluster.selectors import Test, fields, labels
from jitui.demo.cluster.status import StatusError, bad_request, conflict, invalid, method_not_allowed
from jitui.demo.cluster.validation import check

_NAME: Final = re.compile(r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")
_SCALED: Final = (DEPLOYMENTS, REPLICASETS)


@dataclass(frozen=True, slots=True)
class Place:
    """The object or collection that a path names."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def selection(request: Request) -> Test:
    """The test of a list's or watch's selectors."""
    by_label, by_field = labels(request.first("labelSelector")), fields(request.first("fieldSelector"))
    return lambda found: by_label(found) and by_field(found)


def listed(objects: Objects, place: Place, request: Request) -> tuple[list[Object], Object]:
    """The selected objects, and the list's metadata. `limit` and `continue` page by position."""
    test = selection(request)
    found = [item for item in objects.of(place.kind, place.namespace) if test(item)]
    metadata: Object = {"resourceVersion": str(objects.version)}
    try:
        limit, start = int(request.first("limit", "0") or 0), int(request.first("continue", "0") or 0)
    except ValueError as error:
        raise bad_request("limit and continue must be numbers") from error
    rest = found[start:]
    if 0 < limit < len(rest):
        metadata |= {"continue": str(start + limit), "remainingItemCount": len(rest) - limit}
        rest = rest[:limit]
    return rest, metadata


def body_of(request: Request) -> Any:
    """The body, parsed as JSON, YAML or protobuf by its Content-Type. Raises StatusError 400, 415."""
    content_type = request.header("content-type").partition(";")[0].strip()
    try:
        if "protobuf" in content_type:
            return protobuf.loads(request.body)
        return yaml.safe_load(request.body) if "yaml" in content_type else json.loads(request.body or b"{}")
    except protobuf.UnreadableError as error:
        raise StatusError(415, "UnsupportedMediaType", "the body of the request was in an unknown format - accepted media types include: "
                          f"application/json ({error})") from error
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"the object provided is unrecognized: {error}") from error


def write(objects: Objects, place: Place, request: Request) -> tuple[int, Object]:
    """Performs a POST, PUT, PATCH or DELETE. Returns the HTTP status and the answer. Raises StatusError."""
    dry = bool(request.first("dryRun"))
    if request.method == "POST" and not place.name:
        return create(objects, place, body_of(request), dry=dry)
    if request.method == "DELETE" and not place.subresource:
        return _delete(objects, place, request, dry=dry)
    if request.method == "PUT":
        return 200, _update(objects, place, lambda _: body_of(request), dry=dry)
    if request.method == "PATCH":
        return _patch(objects, place, request, dry=dry)
    raise method_not_allowed()


def scale_of(found: Object) -> Object:
    """autoscaling/v1 Scale of a deployment or replica set."""
    kept = {key: found["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")}
    selector = ",".join(f"{key}={value}" for key, value in sorted(found["spec"]["selector"].get("matchLabels", {}).items()))
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": kept, "spec": {"replicas": found["spec"].get("replicas", 1)},
            "status": {"replicas": found.get("status", {}).get("replicas", 0), "selector": selector}}


def create(objects: Objects, place: Place, given: Any, *, dry: bool, created: str = "") -> tuple[int, Object]:
    """Creates an object with defaults, and checks it. `created`: a creationTimestamp in the past, for the objects of the start."""
    kind = place.kind
    if not isinstance(given, dict) or not isinstance(given.get("metadata", {}), dict):
        raise bad_request("the object provided is unrecognized: a JSON object was expected")
    if given.get("kind", kind.kind) != kind.kind:
        raise bad_request(f"{given.get('kind')} in version {given.get('apiVersion')!r} cannot be handled as a {kind.kind}")
    metadata = dict(given.get("metadata") or {})
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"] + objects.uid().rpartition("-")[2][:5]
    name = str(metadata.get("name") or "")
    metadata["name"] = name
    if not name:
        raise invalid(kind, "", "metadata.name", "Required value: name or generateName is required")
    if not _NAME.match(name):
        raise invalid(kind, name, "metadata.name", f'Invalid value: "{name}": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric '
                      "characters, '-' or '.', and must start and end with an alphanumeric character")
    if kind.namespaced:
        if metadata.get("namespace", place.namespace) != place.namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        objects.get(NAMESPACES, "", place.namespace)
        metadata["namespace"] = place.namespace
    for server_side in ("uid", "creationTimestamp", "resourceVersion", "generation", "managedFields"):
        metadata.pop(server_side, None)
    metadata |= {"creationTimestamp": created} if created else {}
    given = {**given, "metadata": metadata}
    check(kind, given)
    new = _defaulted(objects, kind, given)
    if dry:
        marks = {"uid": objects.uid(), "creationTimestamp": timestamp()}
        return 201, {"kind": kind.kind, "apiVersion": kind.api_version, **new, "metadata": {**marks, **new["metadata"]}}
    return 201, objects.create(kind, new)


def _defaulted(objects: Objects, kind: Kind, new: Object) -> Object:
    """Fills in the server's defaults."""
    if kind in _SCALED:
        spec = dict(new.get("spec") or {})
        spec["replicas"] = spec.get("replicas", 1) if spec.get("replicas") is not None else 1
        if kind is DEPLOYMENTS:
            spec.setdefault("strategy", {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}})
            spec = {"revisionHistoryLimit": 10, "progressDeadlineSeconds": 600} | spec
        return new | {"spec": spec, "status": new.get("status") or {}}
    if kind is PODS:
        spec = dict(new.get("spec") or {})
        spec = {"restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst", "serviceAccountName": "default"} | spec
        return new | {"spec": spec, "status": new.get("status") or {"phase": "Pending", "qosClass": "BestEffort"}}
    if kind is SERVICES:
        number = len(objects.of(SERVICES)) + 1
        spec = {"type": "ClusterIP", "clusterIP": f"10.96.0.{number % 250 + 1}"} | (new.get("spec") or {})
        return new | {"spec": spec, "status": {"loadBalancer": {}}}
    if kind is NAMESPACES:
        labels = {"kubernetes.io/metadata.name": new["metadata"]["name"]} | (new["metadata"].get("labels") or {})
        return new | {"metadata": new["metadata"] | {"labels": labels}, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
    return _plain(kind, new)


def _plain(kind: Kind, new: Object) -> Object:
    """Normalises an object as the server does on every write: a Secret's stringData becomes data, and an Event gets its times."""
    if kind.kind == "Secret":
        import base64  # noqa: PLC0415

        text = {key: base64.b64encode(str(value).encode()).decode() for key, value in (new.get("stringData") or {}).items()}
        rest = {key: value for key, value in new.items() if key != "stringData"}
        return {"type": "Opaque"} | rest | ({"data": (rest.get("data") or {}) | text} if text else {})
    if kind is EVENTS:
        return {"type": "Normal", "count": 1, "firstTimestamp": timestamp(), "lastTimestamp": timestamp(), "involvedObject": {}} | new
    return new


def _update(objects: Objects, place: Place, change: Callable[[Object], Any], *, dry: bool) -> Object:
    old = objects.get(place.kind, place.namespace, place.name)
    if place.subresource == "scale":
        scale = change(scale_of(old))
        new = old | {"spec": old["spec"] | {"replicas": (scale.get("spec") or {}).get("replicas", 0) if isinstance(scale, dict) else None}}
        check(place.kind, new)
        return scale_of(new if dry else objects.replace(place.kind, new))
    wanted = change(old)
    if not isinstance(wanted, dict) or not isinstance(wanted.get("metadata"), dict):
        raise bad_request("the object provided is unrecognized: it has no metadata")
    if wanted["metadata"].get("name", place.name) != place.name:
        raise bad_request(f"the name of the object ({wanted['metadata'].get('name')}) does not match the name on the URL ({place.name})")
    check(place.kind, wanted)
    if place.subresource == "status":
        wanted = old | {"status": wanted.get("status", {})}
    elif "status" in old:
        wanted = wanted | {"status": old["status"]}
    identity = {"name": place.name} | ({"namespace": place.namespace} if place.kind.namespaced else {})
    wanted = _plain(place.kind, wanted | {"metadata": wanted["metadata"] | identity})
    return wanted if dry else objects.replace(place.kind, wanted)


def _patch(objects: Objects, place: Place, request: Request, *, dry: bool) -> tuple[int, Object]:
    content_type = request.header("content-type")
    given = body_of(request)
    exists = objects.find(place.kind, place.namespace, place.name) is not None
    if content_type.startswith("application/apply-patch") and not exists and not place.subresource:
        if not isinstance(given, dict):
            raise bad_request("error decoding patch: an object was expected")
        metadata = (given.get("metadata") or {}) | {"name": place.name}
        return create(objects, place, given | {"metadata": metadata}, dry=dry)
    return 200, _update(objects, place, lambda old: patch.apply(old, given, content_type), dry=dry)


def _delete(objects: Objects, place: Place, request: Request, *, dry: bool) -> tuple[int, Object]:
    options = body_of(request) if request.body and "protobuf" not in request.header("content-type") else {}
    options = options if isinstance(options, dict) else {}
    dry = dry or bool(options.get("dryRun"))
    grace = options.get("gracePeriodSeconds", request.first("gracePeriodSeconds") or None)
    orphan = (options.get("propagationPolicy") or request.first("propagationPolicy")) == "Orphan"
    if not place.name:
        found, _ = listed(objects, place, request)
        for item in found:
            if not dry:
                remove(objects, place.kind, item, grace=grace, orphan=orphan)
        metadata = {"resourceVersion": str(objects.version)}
        return 200, {"kind": f"{place.kind.kind}List", "apiVersion": place.kind.api_version, "metadata": metadata, "items": found}
    item = objects.get(place.kind, place.namespace, place.name)
    expected = (options.get("preconditions") or {}).get("uid")
    if expected and expected != item["metadata"]["uid"]:
        raise conflict(place.kind, place.name, f"Precondition failed: UID in precondition: {expected}, UID in object meta: {item['metadata']['uid']}")
    if dry or not remove(objects, place.kind, item, grace=grace, orphan=orphan):
        return 200, objects.find(place.kind, place.namespace, place.name) or item
    details = {"name": place.name, "kind": place.kind.plural, "uid": item["metadata"]["uid"]} | ({"group": place.kind.group} if place.kind.group else {})
    return 200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def remove(objects: Objects, kind: Kind, item: Object, *, grace: Any = None, orphan: bool = False) -> bool:
    """Deletes an object, at once or (a running pod) after its grace period. True if it is gone already."""
    metadata = item["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    if orphan:
        for other, dependent in objects.everything():
            owners = dependent["metadata"].get("ownerReferences") or []
            if any(owner.get("uid") == metadata["uid"] for owner in owners):
                kept = [owner for owner in owners if owner.get("uid") != metadata["uid"]]
                objects.replace(other, dependent | {"metadata": dependent["metadata"] | {"ownerReferences": kept}})
    seconds = int(item["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace) if kind is PODS else 0
    if seconds <= 0:
        objects.remove(kind, namespace, name)
        if kind is NAMESPACES:
            for other, inside in objects.everything():
                if inside["metadata"].get("namespace") == name:
                    objects.remove(other, name, inside["metadata"]["name"])
        return True
    if not metadata.get("deletionTimestamp"):
        objects.replace(kind, item | {"metadata": metadata | {"deletionTimestamp": timestamp(), "deletionGracePeriodSeconds": seconds}})
    return False
