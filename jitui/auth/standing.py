"""A caller for as long as they are heard: who they are at each moment, and why they are not any more."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from jitui.auth.directory import Directory
from jitui.policy.terms import Identity
from jitui.values.clock import Clock
from jitui.values.errors import JituiError, UnknownCallerError

LOOK_S: Final = 1.0  # at the longest, between two looks at a token's age


class Standing:
    """One caller: the name they came under, held by a token or by the Unix user at the other end of the socket."""

    def __init__(self, directory: Directory, clock: Clock, name: str, *, token: str = "", uid: int | None = None) -> None:
        self.token = token  # its id; empty for a person on the socket
        self._directory, self._clock, self._name, self._uid = directory, clock, name, uid

    @property
    def who(self) -> Identity:
        """The caller as they are now. Raises UnknownCallerError if the token or the identity has ended since they came."""
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
        """Waits until they are nobody here any more or `may` raises, and says why: at once for what is changed here, to the second for a token's age."""
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
        """Seconds until the token's end, or until the next look, as the wall clock may be set; None for a person on the socket, who ends by a change alone."""
        if not self.token:
            return None
        left_us = self._directory.tokens.expires_us(self.token) - self._clock.now().wall_us
        return min(LOOK_S, max(0.001, left_us / 1e6))
