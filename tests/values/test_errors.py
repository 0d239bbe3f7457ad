"""Every error has the HTTP status and the Kubernetes reason that fit it."""

import pytest

from jitui.values import errors
from jitui.values.errors import JituiError, TooManyError

REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 421: "MisdirectedRequest", 429: "TooManyRequests",
           500: "InternalError", 502: "ServiceUnavailable", 503: "ServiceUnavailable"}  # fmt: skip
ALL = [found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, JituiError)]


@pytest.mark.parametrize("error", ALL)
def test_code_and_reason_fit(error: type[JituiError]) -> None:
    """kubectl prints the reason, programs read the code."""
    assert error.reason == REASONS[error.code]
    assert str(error("one sentence")) == "one sentence"


def test_a_limit_says_which_and_when_again() -> None:
    """A listener makes Retry-After and the close of the connection of it."""
    error = TooManyError("too many", limit="strangers", retry_after=3, close=True)
    assert (error.limit, error.retry_after, error.close) == ("strangers", 3, True)
