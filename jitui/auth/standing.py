"""A caller that stays connected is authenticated again at each moment, until it has lost its right."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from jitui.auth.directory import Directory
from jitui.policy.terms import Identity
from jitui.values.clock import Clock
from jitui.values.errors import JituiError, UnknownCallerError

LOOK_S: Final = 1.0  # seconds at most between two checks of a token's age


class Standing:
    """One caller: its name, and the token or the Unix user that it was authenticated by."""

    def __init__(self, directory: Directory, clock: Clock, name: str, *, token: str = "", uid: int | None = None) -> None:
        self.token = token  # its id; empty for a person on the socket
        self._directory, self._clock, self._name, self._uid = directory, clock, name, uid

    @property
    def who(self) -> Identity:
        """The caller's current identity. Raises UnknownCallerError if its token or identity has ended meanwhile."""
        if self.token:
            self._directory.tokens.must_stand(self.token, self._clock.now().wall_us)
            found = self._directory.named(self._name)
            if found is None or found.disabled:
                raise UnknownCallerError(f"{self._name} is disabled here; ask an admin")
            return found
        assert self._uid is not None
        found = self._directory.people.by_uid(self._uid)
        if found.name != self._name:
            raise UnknownCallerError(f"uid {self._uid} is {found.name} here now, no longer {self._name}; connect again")
        return found

    async def lost(self, may: Callable[[Identity], None]) -> JituiError:
        """Waits until the caller has ended or `may` raises, and returns the reason.

        It looks at once after a change of the directory, and within LOOK_S of a token's expiry.
        """
        with self._directory.changes() as news:
            while True:
                news.clear()
                try:
                    may(self.who)
                except JituiError as error:
                    return error
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._patience()):
                        await news.wait()

    def _patience(self) -> float | None:
        """Seconds until the token expires, at most LOOK_S because the wall clock may be set; None for a person on the socket, who ends only by a change."""
        if not self.token:
            return None
        left_us = self._directory.tokens.expires_us(self.token) - self._clock.now().wall_us
        return min(LOOK_S, max(0.001, left_us / 1e6))
