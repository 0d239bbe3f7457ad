"""The errors, each with one sentence that says what, why and what to do next.

Every listener turns them into its own form: a line on stderr with exit code 1, a Kubernetes Status, an API problem.
"""

from typing import ClassVar


class JituiError(Exception):
    """An error that a person or an agent reads as one clear line, never as a traceback."""

    code: ClassVar[int] = 400  # the HTTP status that fits it
    reason: ClassVar[str] = "BadRequest"  # the Kubernetes StatusReason that fits it


class InvalidError(JituiError):
    """The input itself is wrong: a scope that does not parse, a duration of minus one."""


class RefusedError(JituiError):
    """The request was understood, and is not allowed."""

    code = 403
    reason = "Forbidden"


class UnknownCallerError(JituiError):
    """There is no token, or it is unknown, expired or revoked."""

    code = 401
    reason = "Unauthorized"


class NotFoundError(JituiError):
    """There is no such request, grant, session, connection or file."""

    code = 404
    reason = "NotFound"


class RetiredError(NotFoundError):
    """The bytes were on record, and went with a tape that was retired: a fact tells of it."""


class ConflictError(JituiError):
    """The state does not allow the move any more: it is too late, or the state changed since the caller saw it."""

    code = 409
    reason = "Conflict"


class TooManyError(JituiError):
    """A limit is reached: too many connections, streams or requests of one caller. The message says which limit, whose, and what to do."""

    code = 429
    reason = "TooManyRequests"

    def __init__(self, message: str, *, limit: str = "", retry_after: int = 0, close: bool = False) -> None:
        """`limit`: its key under `limits:`. `retry_after`: seconds after which the same request may pass; 0 if waiting alone does not help.
        `close`: the connection is closed with the answer.
        """
        super().__init__(message)
        self.limit, self.retry_after, self.close = limit, retry_after, close


class MisdirectedError(JituiError):
    """The addresses that a request was sent to, by port, TLS and Host header, are not of one connection."""

    code = 421
    reason = "MisdirectedRequest"


class UnrecordableError(JituiError):
    """The bytes can't be recorded, therefore they do not pass."""

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
    """The gateway itself failed at a request: the caller learns only that, the log has the rest."""

    code = 500
    reason = "InternalError"

    def __init__(self, message: str = "the gateway failed at this request; its log says how") -> None:
        super().__init__(message)


class BrokenError(JituiError):
    """The record differs from the one that was written: it was altered, cut, never signed, or signed with another key. Only a good copy helps."""

    code = 500
    reason = "InternalError"
