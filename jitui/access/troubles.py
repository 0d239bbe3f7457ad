"""Troubles with the gateway's credentials for its clusters, as the screens show them; each beginning, change and end of one is a fact."""

from jitui.access.windows import Spawn
from jitui.clusters.port import Trouble
from jitui.recording.facts import CredentialFailing, CredentialRenewed, Payload
from jitui.store import Store
from jitui.values import span
from jitui.values.clock import Clock


class Troubles:
    """Keeps the newest trouble of each credential. The connections tell it; the API's service reads it."""

    def __init__(self, store: Store, clock: Clock, spawn: Spawn) -> None:
        self._store, self._clock, self._spawn = store, clock, spawn
        self._now: dict[tuple[str, str], tuple[Trouble, int]] = {}  # by connection and holder, oldest first; and when it was told (boot clock)
        self._said: dict[str, str] = {}  # by name: those of anything else, oldest first

    def tell(self, connection: str, trouble: Trouble) -> None:
        """Notes the state of one credential."""
        key = (connection, trouble.holder)
        self._now.pop(key, None)
        if trouble.gone:
            return
        if trouble.why:
            self._now[key] = trouble, self._clock.now().boot_us
        told: Payload = CredentialRenewed(holder=trouble.holder)
        if trouble.why:
            told = CredentialFailing(holder=trouble.holder, why=trouble.why, left_s=round(trouble.left_s))

        async def write() -> None:
            await self._store.commit([told.draft(connection, "gateway")])

        self._spawn(write)

    def say(self, name: str, why: str) -> None:
        """Notes a trouble of something else than a credential; "" ends it."""
        self._said.pop(name, None)
        if why:
            self._said[name] = why

    @property
    def newest(self) -> str:
        """Describes the newest trouble in one sentence; empty if there is none."""
        if not self._now:
            return ": ".join(next(reversed(self._said.items()), ()))
        (connection, holder), (trouble, told_us) = next(reversed(self._now.items()))
        left_s = trouble.left_s - (self._clock.now().boot_us - told_us) / 1e6
        until = f"goes on for {span.show(round(left_s))}" if left_s >= 1 else "gets 503"
        return f"{connection} {holder} {until}: {trouble.why}"
