"""Who is who here, now: the ledger's identities, their tokens, and the people of the configuration.

There is one of it in a gateway, and it is read at each call: a right that was taken away is gone with the next one. Whoever goes on being
heard without calling again, as a stream is, waits for its changes.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from jitui.identity.people import People
from jitui.identity.tokens import Row, Tokens
from jitui.rules.terms import Identity


class Directory:
    """The one source for names, tokens and people. Lives on the loop; what is put in is on record already."""

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
        """A new state of an identity and of tokens; it counts from now on."""
        if identity is not None:
            self.identities[identity.name] = identity
        for row in tokens:
            self.tokens.put(row)
        self._changed()

    def name_people(self, people: People) -> None:
        """The people of a configuration that was read again, in place of all there were."""
        self._people = people
        self._changed()

    @contextmanager
    def changes(self) -> Iterator[asyncio.Event]:
        """An event that is set at each change, until the block ends; who waits clears it."""
        news = asyncio.Event()
        self._waiting.add(news)
        try:
            yield news
        finally:
            self._waiting.discard(news)

    def _changed(self) -> None:
        for news in self._waiting:
            news.set()
