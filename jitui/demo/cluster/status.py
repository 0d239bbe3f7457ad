"""The API server's errors: a Status with code, reason and message (apimachinery: pkg/api/errors)."""

import json
from typing import Any

from jitui.demo.cluster.kinds import Kind
from jitui.values.errors import JituiError


class StatusError(JituiError):
    """A request failed; the code that holds the connection answers with its Status."""

    def __init__(self, status: int, reason: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.status_reason = reason
        self.details = details

    def body(self) -> bytes:
        """The Status as JSON."""
        return render(self.status, self.status_reason, str(self), **self.details)


def render(code: int, reason: str, message: str, **details: Any) -> bytes:
    """A Failure Status as JSON, without a trailing newline."""
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason}
    if details:
        status["details"] = details
    return json.dumps(status | {"code": code}, separators=(",", ":")).encode()


def not_found(kind: Kind, name: str) -> StatusError:
    return StatusError(404, "NotFound", f'{kind.qualified} "{name}" not found', name=name, **_group(kind), kind=kind.plural)


def no_such_page() -> StatusError:
    """The error for an unknown path."""
    return StatusError(404, "NotFound", "the server could not find the requested resource")


def already_exists(kind: Kind, name: str) -> StatusError:
    return StatusError(409, "AlreadyExists", f'{kind.qualified} "{name}" already exists', name=name, **_group(kind), kind=kind.plural)


def conflict(kind: Kind, name: str, why: str = "") -> StatusError:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    return StatusError(409, "Conflict", f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}', name=name, **_group(kind), kind=kind.plural)


def forbidden(kind: Kind, name: str, *, user: str, verb: str, namespace: str) -> StatusError:
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    named = f'{kind.qualified} "{name}"' if name else kind.qualified
    message = f'{named} is forbidden: User "{user}" cannot {verb} resource "{kind.plural}" in API group "{kind.group}" {where}'
    return StatusError(403, "Forbidden", message, **({"name": name} if name else {}), **_group(kind), kind=kind.plural)


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def invalid(kind: Kind, name: str, field: str, why: str) -> StatusError:
    causes = [{"reason": "FieldValueInvalid", "message": why, "field": field}]
    return StatusError(422, "Invalid", f'{kind.kind}{"." + kind.group if kind.group else ""} "{name}" is invalid: {field}: {why}',
                       name=name, **_group(kind), kind=kind.kind, causes=causes)


def gone(message: str) -> StatusError:
    """The error for a watch from a version that is too old."""
    return StatusError(410, "Expired", message)


def method_not_allowed() -> StatusError:
    return StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def _group(kind: Kind) -> dict[str, str]:
    return {"group": kind.group} if kind.group else {}
