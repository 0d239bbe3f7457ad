"""Identities, their tokens and their SSH keys, for an administrator."""

from collections.abc import Sequence

from jitui.api.operations import Identities
from jitui.api.service import views
from jitui.api.service.bound import Bound
from jitui.api.views import IdentityView, Issued, SshKeyView
from jitui.auth.sshkeys import read_keys
from jitui.auth.tokens import Minted
from jitui.policy.terms import Identity
from jitui.values.instant import rfc3339


class IdentityService(Bound, Identities):
    """Adds and ends them."""

    async def identities(self) -> Sequence[IdentityView]:
        return [self._identity_view(identity) for _, identity in sorted(self._broker.roster.identities.items())]

    async def identity_add(self, name: str, *, roles: Sequence[str], owner: str = "", ssh_keys: str = "") -> Issued:
        if "agent" in roles and not owner:
            owner = self._who.name
        keys = read_keys(ssh_keys) if ssh_keys else ()
        return self._issued(*await self._broker.roster.add(name, list(roles), owner, by=self._who, keys=keys))

    async def identity_rotate(self, name: str) -> Issued:
        return self._issued(*await self._broker.rotate(name, by=self._who))

    async def identity_disable(self, name: str, *, reason: str) -> IdentityView:
        self._reason(reason)
        return self._identity_view(await self._broker.disable(name, by=self._who, reason=reason))

    async def identity_keys(self, name: str) -> Sequence[SshKeyView]:
        person = self._broker.roster.people.named.get(name)
        if person is None:
            self._broker.roster.must(name)
        return [*(views.person_key_view(key) for key in (person.keys if person else ())), *self._keys(name)]

    async def identity_key_add(self, name: str, *, ssh_keys: str) -> Sequence[SshKeyView]:
        await self._broker.roster.add_keys(name, read_keys(ssh_keys), by=self._who)
        return self._keys(name)

    async def identity_key_revoke(self, name: str, *, fingerprint: str, reason: str) -> Sequence[SshKeyView]:
        self._reason(reason)
        await self._broker.roster.revoke_key(name, fingerprint, by=self._who, why=reason)
        return self._keys(name)

    def _keys(self, name: str) -> list[SshKeyView]:
        return [views.key_view(row) for row in self._broker.roster.directory.keys.of(name)]

    def _issued(self, identity: Identity, minted: Minted) -> Issued:
        return Issued(identity=self._identity_view(identity), token=minted.text, expires=rfc3339(minted.expires_us))

    def _identity_view(self, identity: Identity) -> IdentityView:
        tokens = self._broker.roster.tokens
        return views.identity_view(identity, tokens.of(identity.name), tokens.used_us, self._broker.roster.directory.keys.of(identity.name))
