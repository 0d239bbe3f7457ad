"""The identities of the gateway, their tokens and their SSH keys. A change is on record before it counts."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from jitui.auth.certificates import Trust
from jitui.auth.directory import Directory
from jitui.auth.people import RESERVED, People
from jitui.auth.sshkeys import KeyRow, PublicKey, SshKeys
from jitui.auth.tokens import Minted, Tokens, mint
from jitui.policy.terms import Identity, Role
from jitui.recording.facts import Draft, IdentityAdded, IdentityDisabled, SshKeyAdded, SshKeyRevoked, TokenIssued, TokenRevoked
from jitui.store import SshKeyRow, Store, TokenRow
from jitui.values.clock import Clock
from jitui.values.errors import ConflictError, InvalidError, NotFoundError, UnsafeError
from jitui.values.instant import rfc3339
from jitui.values.private_file import write_private

USES_EVERY: Final = 3600.0  # seconds between two times that the newest use of each token is written down


class Roster:
    """The identities of the ledger, and the people of the configuration beside them."""

    def __init__(self, store: Store, clock: Clock, people: People, trust: Trust | None = None) -> None:
        """Raises ConfigurationError if a key of the configuration is an identity's of the ledger."""
        loaded = store.loaded
        self.directory = Directory(people, loaded.identities, Tokens(loaded.tokens), SshKeys(loaded.ssh_keys), trust)
        self._store, self._clock = store, clock
        self._adding: set[str] = set()  # fingerprints of keys that are being put on record

    @property
    def identities(self) -> Mapping[str, Identity]:
        return self.directory.identities

    @property
    def tokens(self) -> Tokens:
        return self.directory.tokens

    @property
    def people(self) -> People:
        return self.directory.people

    def named(self, name: str) -> Identity | None:
        return self.directory.named(name)

    def agent(self, name: str) -> Identity:
        """Returns the agent of that name, with what is known of it; never raises."""
        return self.identities.get(name) or Identity(name, frozenset({Role.AGENT}))

    async def add(self, name: str, roles: list[str], owner: str, *, by: Identity, keys: Sequence[PublicKey] = ()) -> tuple[Identity, Minted]:
        """Adds an identity with its first SSH keys, if it has some, and issues its first token. Raises ConflictError, InvalidError."""
        if self.named(name) is not None:
            raise ConflictError(f"identity {name} exists already; rotate its token with: jitui identity rotate {name}")
        try:
            given = frozenset(Role(role) for role in roles)
        except ValueError:
            raise InvalidError(f"roles are agent, approver, operator, auditor and unmask, not {', '.join(roles)}") from None
        if not given or Role.ADMIN in given:
            raise InvalidError("an identity has the role agent, approver, operator or auditor; admin is the gateway's own user on its socket")
        if Role.AGENT in given and len(given) > 1:
            raise InvalidError("agent and person roles exclude each other; give it two identities")
        if Role.UNMASK in given and Role.AUDITOR not in given:
            raise InvalidError("unmask counts beside the role auditor; give both")
        if Role.AGENT in given and not owner:
            raise InvalidError(f"an agent has an owner: jitui identity add {name} --role agent --owner PERSON")
        if not name or len(name) > 63 or not all(c.isascii() and (c.isalnum() or c in "._@-") for c in name) or name != name.lower():
            raise InvalidError(f"a name is 1 to 63 lower-case letters, digits, dots, dashes, _ or @, not {name!r}")
        if name in RESERVED:
            raise InvalidError(f"{name} is what the record calls a part of the gateway; give it another name")
        identity = Identity(name, given, owner=owner if Role.AGENT in given else "", created_by=by.name)
        minted, row, issued = self._issue(name, by)
        added = IdentityAdded(roles=tuple(sorted(given)), owner=identity.owner, created_by=by.name)
        with self._new(keys):
            await self._store.commit([added.draft(name, by.name), issued, *(_told(key).draft(name, by.name) for key in keys)])
            self.directory.put(identity, [row], self._key_rows(name, by, keys))
        return identity, minted

    async def add_keys(self, name: str, keys: Sequence[PublicKey], *, by: Identity) -> Identity:
        """Adds SSH keys of an identity: all, or none. Raises ConflictError: one is somebody's, or was revoked; NotFoundError."""
        identity = self._with_keys(name)
        if identity.disabled:
            raise ConflictError(f"identity {name} is disabled; a disabled identity gets no key")
        with self._new(keys):
            await self._store.commit([_told(key).draft(name, by.name) for key in keys])
            self.directory.put(keys=self._key_rows(name, by, keys))
        return identity

    async def revoke_key(self, name: str, fingerprint: str, *, by: Identity, why: str) -> Identity:
        """Revokes one SSH key of an identity, for good. Raises NotFoundError, ConflictError: it was revoked before."""
        identity = self._with_keys(name)
        row = next((row for row in self.directory.keys.of(name) if row.fingerprint == fingerprint), None)
        if row is None:
            raise NotFoundError(f"{name} has no key {fingerprint[:60]}; its keys: jitui identity keys {name}")
        if row.revoked_us:
            raise ConflictError(f"the key {fingerprint} was revoked at {rfc3339(row.revoked_us)}")
        rows, drafts = self._without([row], by, why)
        await self._store.commit(drafts)
        self.directory.put(keys=rows)
        return identity

    async def rotate(self, name: str, *, by: Identity) -> tuple[Identity, Minted]:
        """Issues a new token and revokes the older ones in the same commit."""
        identity = self.must(name)
        if identity.disabled:
            raise ConflictError(f"identity {name} is disabled; a disabled identity gets no token")
        revoked, drafts = self._revoked(name, by, "rotated")
        minted, row, issued = self._issue(name, by)
        await self._store.commit([*drafts, issued])
        self.directory.put(tokens=[*revoked, row])
        return identity, minted

    async def disable(self, name: str, *, by: Identity, reason: str) -> Identity:
        """Disables an identity: its tokens and keys are revoked, and it is refused from now on."""
        identity = replace(self.must(name), disabled=True)
        revoked, drafts = self._revoked(name, by, reason)
        keys, more = self._without([row for row in self.directory.keys.of(name) if not row.revoked_us], by, reason)
        await self._store.commit([IdentityDisabled(why=reason).draft(name, by.name), *drafts, *more])
        self.directory.put(identity, revoked, keys)
        return identity

    def must(self, name: str) -> Identity:
        """Returns the identity of that name. Raises NotFoundError."""
        if name not in self.identities:
            raise NotFoundError(f"no identity {name}; jitui identity list names them")
        return self.identities[name]

    def _issue(self, name: str, by: Identity) -> tuple[Minted, TokenRow, Draft]:
        minted = mint(self._clock.now().wall_us)
        row = TokenRow(minted.id, name, by.name, minted.sha256, minted.expires_us)
        issued = TokenIssued(token=minted.id, expires_us=minted.expires_us, sha256=minted.sha256)
        return minted, row, issued.draft(name, by.name)

    def _revoked(self, name: str, by: Identity, why: str) -> tuple[list[TokenRow], list[Draft]]:
        now_us = self._clock.now().wall_us
        old = [row for row in self.tokens.of(name) if not row.revoked_us]
        rows = [TokenRow(row.id, name, row.issued_by, row.sha256, row.expires_us, revoked_us=now_us) for row in old]
        return rows, [TokenRevoked(token=row.id, why=why).draft(name, by.name) for row in rows]

    def _with_keys(self, name: str) -> Identity:
        """The identity of that name. Raises ConflictError for a person of the configuration, where their keys stand too; NotFoundError."""
        if name not in self.identities and self.people.declared(name) is not None:
            raise ConflictError(f"{name} is a person of the configuration: their keys stand there, under people.{name}.ssh_keys, and count after: jitui reload")
        return self.must(name)

    @contextmanager
    def _new(self, keys: Sequence[PublicKey]) -> Iterator[None]:
        """Keys that become somebody's in this block. Raises ConflictError if one can't; nothing else can take them meanwhile."""
        wanted = [key.fingerprint for key in keys]
        for each in wanted:
            if why := self.directory.why_not_new(each) or ("being added just now" if each in self._adding else ""):
                raise ConflictError(f"the key {each} is {why}; a key is one identity's alone: make another with ssh-keygen -t ed25519")
        self._adding.update(wanted)
        try:
            yield
        finally:
            self._adding.difference_update(wanted)

    def _key_rows(self, name: str, by: Identity, keys: Sequence[PublicKey]) -> list[SshKeyRow]:
        now_us = self._clock.now().wall_us
        return [SshKeyRow(fingerprint=key.fingerprint, identity=name, added_by=by.name, added_us=now_us, type=key.type, key=key.blob, comment=key.comment)
                for key in keys]

    def _without(self, old: Sequence[KeyRow], by: Identity, why: str) -> tuple[list[SshKeyRow], list[Draft]]:
        now_us = self._clock.now().wall_us
        rows = [SshKeyRow(fingerprint=row.fingerprint, identity=row.identity, added_by=row.added_by, added_us=row.added_us, type=row.type, key=row.key,
                          comment=row.comment, revoked_us=now_us) for row in old]
        return rows, [SshKeyRevoked(fingerprint=row.fingerprint, why=why).draft(row.identity, by.name) for row in rows]

    async def keep_uses(self, path: Path) -> None:
        """Lets the next gateway know when each token was used last: to the hour after a crash. It is a note, so a full disk does not matter."""
        with suppress(OSError):
            self.tokens.recall(await asyncio.to_thread(path.read_bytes))
        try:
            while True:
                await asyncio.sleep(USES_EVERY)
                with suppress(UnsafeError):
                    await asyncio.to_thread(write_private, path, self.tokens.uses())
        finally:
            with suppress(UnsafeError):
                write_private(path, self.tokens.uses())


def _told(key: PublicKey) -> SshKeyAdded:
    return SshKeyAdded(type=key.type, fingerprint=key.fingerprint, key=key.blob, comment=key.comment)
