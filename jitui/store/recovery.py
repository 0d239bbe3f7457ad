"""After a crash: sessions nobody ended are ended now, from what is on their tape."""

from jitui.facts import Draft, Kind
from jitui.store.ledger import Batch, Ledger
from jitui.store.tapes import Tapes


def end_lost_sessions(ledger: Ledger, tapes: Tapes) -> int:
    """End, as gateway-lost, every session the last gateway left open; how many. What was delivered stays unknown."""
    tapes.recover()
    lost = [row[0] for row in ledger.db.execute("select id from sessions where state <> 'ended' order by id")]
    for session in lost:
        tapes.chains[session] = tapes.chain_on_tape(session)
    if lost:
        drafts = [Draft(Kind.SESSION_ENDED, f"s-{session}", "gateway", {"why": "gateway-lost", "by": "gateway"}) for session in lost]
        (result,) = ledger.commit([Batch(drafts)], (), {})
        if isinstance(result, Exception):
            raise result
    for session in lost:
        tapes.end(session)
    return len(lost)
