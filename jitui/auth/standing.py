"""A caller that stays connected is authenticated again at each moment, until it has lost its right."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from jitui.auth.certificates import Certificate
from jitui.auth.directory import Directory
from jitui.policy.terms import Identity
from jitui.values.clock import Clock
from jitui.values.errors import JituiError, UnknownCallerError

LOOK_S: Final = 1.0  # seconds at most between two checks of a token's age


class Current(Protocol):
    """A caller, as they are at each moment."""

    @property
    def who(self) -> Identity:
        """Raises UnknownCallerError if they are nobody here any more."""
    @property
    def token(self) -> str:
        """Its id; empty without one."""
    @property
    def how(self) -> str:
        """How they were known over SSH; empty elsewhere."""
    async def lost(self, may: Callable[[Identity], None]) -> JituiError:
        """Waits until `may` raises, or `who` does, and gives that."""


class Standing:
    """One caller: its name, and the token, the SSH key or certificate, or the Unix user that it was authenticated by."""

    def __init__(
        self, directory: Directory, clock: Clock, name: str, *, token: str = "", uid: int | None = None, how: str = "", key: str = "",
        certificate: Certificate | None = None,
    ) -> None:  # fmt: skip
        self.token = token  # its id; empty without one
        self.how = how  # over SSH: how it was authenticated
        self._key, self._certificate = key, certificate
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
        if self._key or self._certificate is not None:
            return self._by_ssh()
        assert self._uid is not None
        found = self._directory.people.by_uid(self._uid)
        if found.name != self._name:
            raise UnknownCallerError(f"uid {self._uid} is {found.name} here now, no longer {self._name}; connect again")
        return found

    def _by_ssh(self) -> Identity:
        directory, certificate = self._directory, self._certificate
        found = directory.remote(self._name)
        if found is None or found.disabled:
            raise UnknownCallerError(f"{self._name} is disabled here; ask an admin")
        if certificate is None:
            directory.key_must_stand(self._key, self._name)
        else:
            directory.trust.must_stand(certificate, self._clock.now().wall_us)
            directory.must_be_free(certificate.key, self._name)
        return found

    async def lost(self, may: Callable[[Identity], None]) -> JituiError:
        """Waits until the caller has ended or `may` raises, and returns the reason.

        It looks at once after a change of the directory, and within LOOK_S of the expiry of a token or certificate.
        """
        return await _lost(self._directory, lambda: may(self.who), self._patience)

    def _patience(self) -> float | None:
        """Seconds until the token or certificate expires, at most LOOK_S because the wall clock may be set; None where only a change ends it."""
        until_us = self._directory.tokens.expires_us(self.token) if self.token else self._certificate.until_us if self._certificate else 0
        if not until_us:
            return None
        left_us = until_us - self._clock.now().wall_us
        return min(LOOK_S, max(0.001, left_us / 1e6))


class Visiting:
    """A person on a connection of another listener, which authenticated them and knows until when they stand."""

    token = ""

    def __init__(self, directory: Directory, standing: Callable[[], Identity], how: str) -> None:
        """`standing`: the person's current identity; it raises UnknownCallerError once their key or they themselves have ended. `how`: they were known."""
        self._directory, self._standing, self.how = directory, standing, how
        self._left = False

    @property
    def who(self) -> Identity:
        if self._left:
            raise UnknownCallerError("the connection that you came by is over; connect again")
        return self._standing()

    def leave(self) -> None:
        """The connection is over: nothing more is done for them."""
        self._left = True

    async def lost(self, may: Callable[[Identity], None]) -> JituiError:
        """As that of `Standing`: at once after a change of the directory, and within LOOK_S of all else that ends them."""
        return await _lost(self._directory, lambda: may(self.who), lambda: LOOK_S)


async def _lost(directory: Directory, check: Callable[[], None], patience: Callable[[], float | None]) -> JituiError:
    """The error that `check` raises in the end: it is called at each change of the directory, and after `patience` seconds."""
    with directory.changes() as news:
        while True:
            news.clear()
            try:
                check()
            except JituiError as error:
                return error
            with suppress(TimeoutError):
                async with asyncio.timeout(patience()):
                    await news.wait()
