"""The identities and tokens of the gateway. A change is on record before it counts."""

from collections.abc import Mapping
from dataclasses import replace

from jitui.auth.directory import Directory
from jitui.auth.people import RESERVED, People
from jitui.auth.tokens import Minted, Tokens, mint
from jitui.policy.terms import Identity, Role
from jitui.recording.facts import Draft, IdentityAdded, IdentityDisabled, TokenIssued, TokenRevoked
from jitui.store import Store, TokenRow
from jitui.values.clock import Clock
from jitui.values.errors import ConflictError, InvalidError, NotFoundError


class Roster:
    """The identities of the ledger, and the people of the configuration beside them."""

    def __init__(self, store: Store, clock: Clock, people: People) -> None:
        self.directory = Directory(people, store.loaded.identities, Tokens(store.loaded.tokens))
        self._store, self._clock = store, clock

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

    async def add(self, name: str, roles: list[str], owner: str, *, by: Identity) -> tuple[Identity, Minted]:
        """Adds an identity and issues its first token. Raises ConflictError, InvalidError."""
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
        await self._store.commit([added.draft(name, by.name), issued])
        self.directory.put(identity, [row])
        return identity, minted

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
        """Disables an identity: its tokens are revoked, and it is refused from now on."""
        identity = replace(self.must(name), disabled=True)
        revoked, drafts = self._revoked(name, by, reason)
        await self._store.commit([IdentityDisabled(why=reason).draft(name, by.name), *drafts])
        self.directory.put(identity, revoked)
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
