"""The gateway itself, for one caller: who they are, how it stands, what happens, and its switches."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from jitui import __version__
from jitui.api.operations import API, Gateway
from jitui.api.service import views
from jitui.api.service.bound import Bound
from jitui.api.views import Explained, FactView, Hello, Status
from jitui.policy.action import Action
from jitui.policy.hazard import hazard_of
from jitui.policy.policy import Allow, decide
from jitui.policy.rights import Right, require, rights_of
from jitui.recording.facts import Fact
from jitui.store.bus import Gap
from jitui.values.errors import NotFoundError
from jitui.values.instant import rfc3339

FACTS_PAGE: Final = 200  # put into views at a time, a millisecond or two of the loop


def concerns(fact: Fact, name: str) -> bool:
    """Whether an agent may be told of a fact: its own. Everybody else sees all (name empty)."""
    return not name or name in {fact.who, fact.identity}


class GatewayService(Bound, Gateway):
    """Says how the gateway stands, and turns its switches."""

    async def hello(self) -> Hello:
        backend, connections = self._backend, self._connections()
        ssh, ssh_host_key = backend.ssh()
        own = {name: url for name, url in backend.kube_connections.items() if name in connections}
        return Hello(
            version=__version__, api=API, gateway_id=self._broker.gateway, you=self._who.name, roles=tuple(sorted(self._who.roles)),
            rights=tuple(sorted(rights_of(self._who))), solo=self._broker.roster.people.solo, connections=connections, kube=backend.kube,
            kube_connections=own, ca_pem=backend.ca_pem, ledger_key=self._broker.store.public_key.hex(), ssh=ssh,
            ssh_host_key=ssh_host_key,
        )  # fmt: skip

    async def status(self) -> Status:
        broker, now = self._broker, self._broker.clock.now()
        error = broker.store.recording_error
        self._backend.meter.look()
        return Status(
            at=rfc3339(now.wall_us), recording=error is None, recorder_error=str(error) if error else "", record_bytes_s=self._backend.meter.bytes_s,
            disk_free=broker.room.free, lag_ms=self._backend.meter.lag_ms, waiting=len(broker.requests.pending), live=len(broker.windows.live),
            open_streams=sum(window.open_streams for window in broker.windows.live.values() if window.sessions), lockdown=broker.requests.lockdown,
            facts=broker.store.newest_fact, trouble=self._backend.trouble(), limits=broker.pressure.now,
            moved=f"{broker.store.newest_fact}-{broker.store.written_bytes}-{broker.windows.owed}-{broker.roster.tokens.due_us}",
        )  # fmt: skip

    async def events(self, *, since: int = -1) -> AsyncIterator[FactView]:
        with self._backend.bus.subscribe() as subscription:
            last = since if since >= 0 else self._broker.store.newest_fact
            while True:
                missed = await asyncio.to_thread(self._files.facts, after=last, limit=FACTS_PAGE)
                for fact in missed:
                    last = fact.seq
                    if concerns(fact, self._only()):
                        yield views.fact_view(fact)
                if missed:
                    continue
                gap = False
                async for news in subscription:
                    if isinstance(news, Gap):
                        gap = True
                        break
                    if news.seq > last:
                        last = news.seq
                        if concerns(news, self._only()):
                            yield views.fact_view(news)
                if not gap:
                    return

    async def lockdown(self, on: bool, *, reason: str = "") -> Status:
        self._reason(reason)
        await self._broker.lockdown(on, by=self._who, reason=reason)
        return await self.status()

    async def reload(self) -> str:
        return await self._backend.reload()

    async def stop(self) -> str:
        self._backend.stop()
        return "stopping"

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
