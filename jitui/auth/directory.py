"""The directory of a gateway: the ledger's identities, their tokens, and the people of the configuration, in their current state.

A gateway has one directory and reads it at each call, so that a revoked right is gone at the next call. A caller that stays connected without
calling again, as a stream does, waits for its changes.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from jitui.auth.people import People
from jitui.auth.tokens import Row, Tokens
from jitui.policy.persons import Persons, Tie
from jitui.policy.terms import Identity


class Directory:
    """The one source of names, tokens and people. It belongs to the event loop; entries are on record before they are put in."""

    def __init__(self, people: People, identities: Mapping[str, Identity] | None = None, tokens: Tokens | None = None) -> None:
        self.identities: dict[str, Identity] = dict(identities or {})
        self.tokens = tokens or Tokens()
        self._people = people
        self._waiting: set[asyncio.Event] = set()

    @property
    def people(self) -> People:
        return self._people

    def named(self, name: str) -> Identity | None:
        """The identity of that name, or the person of the configuration."""
        return self.identities.get(name) or self._people.by_name(name)

    def put(self, identity: Identity | None = None, tokens: Iterable[Row] = ()) -> None:
        """Puts in a new state of an identity and of tokens, which counts from now on."""
        if identity is not None:
            self.identities[identity.name] = identity
        for row in tokens:
            self.tokens.put(row)
        self._changed()

    def name_people(self, people: People) -> None:
        """Replaces all people by those of a configuration that was read again."""
        self._people = people
        self._changed()

    def persons(self, since_us: int) -> Persons:
        """The persons behind names, by creators, logins, and issuers of tokens that worked at any time after `since_us` (UTC microseconds)."""
        return Persons(partial(self._ties, since_us))

    def _ties(self, since_us: int, name: str) -> Iterator[Tie]:
        if (identity := self.identities.get(name)) is not None and identity.created_by:
            yield Tie(identity.created_by, f"created {name}")
        for row in self.tokens.of(name):
            if row.issued_by and row.expires_us > since_us and (not row.revoked_us or row.revoked_us >= since_us):
                yield Tie(row.issued_by, f"issued a token of {name}")
        for login in self._people.logins(name):
            yield Tie(login, f"can be {name} on this machine")

    @contextmanager
    def changes(self) -> Iterator[asyncio.Event]:
        """An event that is set at each change until the block ends; the waiter clears it."""
        news = asyncio.Event()
        self._waiting.add(news)
        try:
            yield news
        finally:
            self._waiting.discard(news)

    def _changed(self) -> None:
        for news in self._waiting:
            news.set()
