"""What goes wrong, each in one sentence that says what, why and what to do next.

Every door turns these into its own form: a line on stderr with exit code 1, a Kubernetes Status, an API problem.
"""

from typing import ClassVar


class JituiError(Exception):
    """Something a person or an agent is told in one clear line; never a traceback."""

    code: ClassVar[int] = 400  # the HTTP status that fits it
    reason: ClassVar[str] = "BadRequest"  # the Kubernetes StatusReason that fits it


class InvalidError(JituiError):
    """The input itself is wrong: a scope that does not parse, a duration of minus one."""


class RefusedError(JituiError):
    """Understood, and not allowed."""

    code = 403
    reason = "Forbidden"


class UnknownCallerError(JituiError):
    """No token, or one that is unknown, expired or revoked."""

    code = 401
    reason = "Unauthorized"


class NotFoundError(JituiError):
    """No such request, grant, session, connection or file."""

    code = 404
    reason = "NotFound"


class ConflictError(JituiError):
    """Too late, or changed since it was seen: the state does not allow the move any more."""

    code = 409
    reason = "Conflict"


class TooManyError(JituiError):
    """A limit is reached: too many connections, streams or requests of one caller. Says which limit, whose, and what to do."""

    code = 429
    reason = "TooManyRequests"

    def __init__(self, message: str, *, limit: str = "", retry_after: int = 0, close: bool = False) -> None:
        """`limit`: its key under `limits:`. `retry_after`: seconds after which the same may pass; 0 if time alone changes nothing.
        `close`: the connection is closed with the answer.
        """
        super().__init__(message)
        self.limit, self.retry_after, self.close = limit, retry_after, close


class UnrecordableError(JituiError):
    """It can't be recorded, therefore it does not pass."""

    code = 503
    reason = "ServiceUnavailable"


class UpstreamError(JituiError):
    """The cluster can't be reached, or does not accept the gateway's credential."""

    code = 502
    reason = "ServiceUnavailable"


class UnavailableError(JituiError):
    """The gateway itself does not answer, stops, or is silent."""

    code = 503
    reason = "ServiceUnavailable"


class ConfigurationError(JituiError):
    """The configuration is wrong; the message names file, line and key."""


class UnsafeError(JituiError):
    """A file or folder is not as private, or not as writable, as it must be."""


class FailedError(JituiError):
    """The gateway itself failed at a request: whoever asked is told that much, the log has the rest."""

    code = 500
    reason = "InternalError"

    def __init__(self, message: str = "the gateway failed at this request; its log says how") -> None:
        super().__init__(message)


class BrokenError(JituiError):
    """The record is not what was written: altered, cut, unsigned, or of another key. Nothing makes it good; a copy does."""

    code = 500
    reason = "InternalError"
