"""Identities and their tokens, for an administrator."""

from collections.abc import Sequence

from jitui.api.operations import Identities
from jitui.api.service import views
from jitui.api.service.bound import Bound
from jitui.api.views import IdentityView, Issued
from jitui.auth.tokens import Minted
from jitui.policy.terms import Identity
from jitui.values.instant import rfc3339


class IdentityService(Bound, Identities):
    """Adds and ends them."""

    async def identities(self) -> Sequence[IdentityView]:
        return [self._identity_view(identity) for _, identity in sorted(self._broker.roster.identities.items())]

    async def identity_add(self, name: str, *, roles: Sequence[str], owner: str = "") -> Issued:
        if "agent" in roles and not owner:
            owner = self._who.name
        return self._issued(*await self._broker.roster.add(name, list(roles), owner, by=self._who))

    async def identity_rotate(self, name: str) -> Issued:
        return self._issued(*await self._broker.rotate(name, by=self._who))

    async def identity_disable(self, name: str, *, reason: str) -> IdentityView:
        self._reason(reason)
        return self._identity_view(await self._broker.disable(name, by=self._who, reason=reason))

    def _issued(self, identity: Identity, minted: Minted) -> Issued:
        return Issued(identity=self._identity_view(identity), token=minted.text, expires=rfc3339(minted.expires_us))

    def _identity_view(self, identity: Identity) -> IdentityView:
        tokens = self._broker.roster.tokens
        return views.identity_view(identity, tokens.of(identity.name), tokens.used_us)
