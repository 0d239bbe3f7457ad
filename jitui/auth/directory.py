"""The directory of a gateway: the ledger's identities, their tokens and SSH keys, and the people of the configuration, in their current state.

A gateway has one directory and reads it at each call, so that a revoked right is gone at the next call. A caller that stays connected without
calling again, as a stream does, waits for its changes.
"""

import asyncio
import hmac
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from jitui.auth.certificates import Trust
from jitui.auth.people import People
from jitui.auth.sshkeys import KeyRow, SshKeys, fingerprint
from jitui.auth.tokens import Row, Tokens
from jitui.policy.persons import Persons, Tie
from jitui.policy.terms import Identity
from jitui.values.errors import ConfigurationError, UnknownCallerError
from jitui.values.instant import rfc3339


class Directory:
    """The one source of names, tokens and people. It belongs to the event loop; entries are on record before they are put in."""

    def __init__(
        self, people: People, identities: Mapping[str, Identity] | None = None, tokens: Tokens | None = None, keys: SshKeys | None = None,
        trust: Trust | None = None,
    ) -> None:  # fmt: skip
        """Raises ConfigurationError as `name_people` does."""
        self.identities: dict[str, Identity] = dict(identities or {})
        self.tokens = tokens or Tokens()
        self.keys = keys or SshKeys()  # of identities; those of people are with them
        self._waiting: set[asyncio.Event] = set()
        self._trust = Trust()
        self.name_people(people, trust)

    @property
    def people(self) -> People:
        return self._people

    def named(self, name: str) -> Identity | None:
        """The identity of that name, or the person of the configuration."""
        return self.identities.get(name) or self._people.by_name(name)

    @property
    def trust(self) -> Trust:
        return self._trust

    def remote(self, name: str) -> Identity | None:
        """The identity or person of that name as they are over SSH: without the role admin. None for a name that is an identity's and a person's."""
        identity, person = self.identities.get(name), self._people.declared(name)
        return None if identity and person else identity or person

    def key_owner(self, blob: bytes) -> str:
        """The name of the identity or person that a presented SSH key is of; empty if it is nobody's, or not any more."""
        found = fingerprint(blob)
        name, kept = self._persons_keys.get(found, ("", b""))
        if self.keys.get(found) is not None or not hmac.compare_digest(kept, blob):
            return self.keys.owner(blob)
        return name

    def key_must_stand(self, of: str, name: str) -> None:
        """Raises UnknownCallerError if the SSH key with that fingerprint is not theirs any more."""
        if self.keys.get(of) is not None or self._persons_keys.get(of, ("", b""))[0] != name:
            self.keys.must_stand(of, name)

    def must_be_free(self, key: str, name: str) -> None:
        """Raises UnknownCallerError if the SSH key with this fingerprint was revoked, is an authority's, or is another's than of `name`."""
        row, (person, _) = self.keys.get(key), self._persons_keys.get(key, (name, b""))
        if key in self._trust.authorities or person != name or (row is not None and (row.revoked_us or row.identity != name)):
            raise UnknownCallerError(f"the key {key} is another's, or was revoked")

    def why_not_new(self, key: str) -> str:
        """The reason why the SSH key with this fingerprint can't become somebody's, in a few words; empty if it can."""
        row = self.keys.get(key)
        if row is not None:
            return f"{row.identity}'s already" if not row.revoked_us else f"revoked, since {rfc3339(row.revoked_us)}, and no revoked key is taken again"
        if key in self._persons_keys:
            return f"{self._persons_keys[key][0]}'s already, in the configuration"
        return "a certificate authority's, of ssh.user_ca" if key in self._trust.authorities else ""

    def put(self, identity: Identity | None = None, tokens: Iterable[Row] = (), keys: Iterable[KeyRow] = ()) -> None:
        """Puts in a new state of an identity, of tokens and of keys, which counts from now on."""
        if identity is not None:
            self.identities[identity.name] = identity
        for row in tokens:
            self.tokens.put(row)
        for key in keys:
            self.keys.put(key)
        self._changed()

    def name_people(self, people: People, trust: Trust | None = None) -> None:
        """Replaces all people, and those who vouch for others, by those of a configuration that was read again.

        Raises ConfigurationError, and changes nothing, if a key there is an identity's here.
        """
        found = {key.fingerprint: (name, key.blob) for name, person in people.named.items() for key in person.keys}
        trust = self._trust if trust is None else trust
        for where, key in [*((f"people.{name}.ssh_keys", key) for key, (name, _) in found.items()), *(("ssh.user_ca", key) for key in trust.authorities)]:
            if (row := self.keys.get(key)) is not None:
                state = "was" if row.revoked_us else "is"
                raise ConfigurationError(f"{where}: {key} {state} a key of {row.identity}; a key is one identity's, and a revoked one nobody's")
        self._people, self._trust, self._persons_keys = people, trust, found
        self._changed()

    def persons(self, since_us: int) -> Persons:
        """The persons behind names: creators, logins, and who issued tokens or added keys that worked at any time after `since_us` (UTC microseconds)."""
        return Persons(partial(self._ties, since_us))

    def _ties(self, since_us: int, name: str) -> Iterator[Tie]:
        if (identity := self.identities.get(name)) is not None and identity.created_by:
            yield Tie(identity.created_by, f"created {name}")
        for row in self.tokens.of(name):
            if row.issued_by and row.expires_us > since_us and (not row.revoked_us or row.revoked_us >= since_us):
                yield Tie(row.issued_by, f"issued a token of {name}")
        for key in self.keys.of(name):  # it may have been the adder's own
            if key.added_by and (not key.revoked_us or key.revoked_us >= since_us):
                yield Tie(key.added_by, f"added an SSH key of {name}")
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
