"""What is wrong with the gateway's credentials for its clusters, as the screens show it; where it begins, changes and ends is a fact."""

from jitui import span
from jitui.broker.windows import Spawn
from jitui.facts import Draft, Kind
from jitui.store import Store
from jitui.upstream.trouble import Trouble


class Troubles:
    """Told by the ways to the clusters; asked by the counter."""

    def __init__(self, store: Store, spawn: Spawn) -> None:
        self._store, self._spawn = store, spawn
        self._now: dict[tuple[str, str], str] = {}  # by connection and holder, oldest first

    def tell(self, connection: str, trouble: Trouble) -> None:
        """News of one credential."""
        key = (connection, trouble.holder)
        self._now.pop(key, None)
        if trouble.why:
            until = f"goes on for {span.show(trouble.left_s)}" if trouble.left_s >= 1 else "gets 503"
            self._now[key] = f"{connection} {trouble.holder} {until}: {trouble.why}"
        kind = Kind.CREDENTIAL_FAILING if trouble.why else Kind.CREDENTIAL_RENEWED
        what = {"holder": trouble.holder, "why": trouble.why, "left_s": round(trouble.left_s)} if trouble.why else {"holder": trouble.holder}

        async def write() -> None:
            await self._store.commit([Draft(kind, connection, "gateway", what)])

        self._spawn(write)

    @property
    def newest(self) -> str:
        """One sentence; empty if nothing is wrong."""
        return next(reversed(self._now.values()), "")
