"""The house itself, for its admin."""

from collections.abc import Sequence

from jitui.api.service import views
from jitui.api.service.bound import Bound
from jitui.api.views import Explained, IdentityView, Issued, Status
from jitui.policy.action import Action
from jitui.policy.hazard import hazard_of
from jitui.policy.policy import Allow, decide
from jitui.policy.rights import Right, require
from jitui.policy.terms import Identity
from jitui.values.errors import NotFoundError
from jitui.values.instant import rfc3339


class ClerkSeat(Bound):
    """desk.Clerk for one caller."""

    async def identity_add(self, name: str, *, roles: Sequence[str], owner: str = "") -> Issued:
        require(self._who, Right.ADMIN)
        if "agent" in roles and not owner:
            owner = self._who.name
        identity, minted = await self._broker.roster.add(name, list(roles), owner, by=self._who)
        return Issued(identity=self._identity_view(identity), token=minted.text, expires=rfc3339(minted.expires_us))

    async def identities(self) -> Sequence[IdentityView]:
        require(self._who, Right.ADMIN)
        return [self._identity_view(identity) for _, identity in sorted(self._broker.roster.identities.items())]

    async def identity_rotate(self, name: str) -> Issued:
        require(self._who, Right.ADMIN)
        identity, minted = await self._broker.rotate(name, by=self._who)
        return Issued(identity=self._identity_view(identity), token=minted.text, expires=rfc3339(minted.expires_us))

    async def identity_disable(self, name: str, *, reason: str) -> IdentityView:
        require(self._who, Right.ADMIN)
        self._reason(reason)
        return self._identity_view(await self._broker.disable(name, by=self._who, reason=reason))

    async def lockdown(self, on: bool, *, reason: str) -> Status:
        require(self._who, Right.STOP if on else Right.ADMIN)
        self._reason(reason)
        await self._broker.lockdown(on, by=self._who, reason=reason)
        return self._status()

    async def reload(self) -> str:
        require(self._who, Right.ADMIN)
        return await self._house.reload()

    async def stop(self) -> None:
        require(self._who, Right.ADMIN)
        self._house.stop()

    async def explain(self, connection: str, action: Action, *, identity: str = "") -> Explained:
        name = identity or self._who.name
        if name != self._who.name:
            require(self._who, Right.SEE)
        if connection not in self._broker.kinds:
            raise NotFoundError(f"no connection {connection} here; known: {', '.join(self._connections())}")
        rule = self._broker.requests.rules.get((name, connection))
        kinds = self._broker.kinds[connection]
        verdict = decide(
            action, agent=name, connection=connection, rule=rule, grants=self._broker.windows.of(name, connection), now=self._broker.clock.now(), kinds=kinds
        )
        covering = rule.allows(action, kinds) if rule else None
        if isinstance(verdict, Allow):
            return Explained(
                verdict="allowed", hazard=str(verdict.hazard), identity=name, connection=connection, rule=str(rule.scope) if rule else "",
                grant=verdict.grant.label, clause=verdict.clause, why=f"{verdict.grant.label} covers it", how="",
            )  # fmt: skip
        return Explained(
            verdict="denied", hazard=str(hazard_of(action, rule.guarded if rule else ())), identity=name, connection=connection,
            rule=str(rule.scope) if rule else "", grant="", clause=covering.text if covering else "", why=verdict.why, how=verdict.how,
        )  # fmt: skip

    async def aclose(self) -> None:
        """Nothing to close: the gateway is this process."""

    def _identity_view(self, identity: Identity) -> IdentityView:
        tokens = self._broker.roster.tokens
        return views.identity_view(identity, tokens.of(identity.name), tokens.used_us)
