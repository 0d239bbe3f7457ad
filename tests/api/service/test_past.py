"""The operations about a past moment: nothing in them can be decided, and nothing that came later is said."""

from pathlib import Path

import pytest

from jitui.cli.shelf import Shelf
from jitui.values import plain
from jitui.values.errors import InvalidError, RefusedError
from jitui.values.instant import rfc3339
from tests.api.service.conftest import AGENT_X, APPROVER, AUDITOR
from tests.fakes.house import house
from tests.proxy.test_relay import connected


async def test_a_window_that_was_open(tmp_path: Path) -> None:
    """It counts down from then; nobody may do anything with it; what was denied, asked or ended since is not there. The same from bare files."""
    async with house(tmp_path) as home:
        grant = await home.window(duration_s=600)
        kubectl, _ = await connected(home, "sh")
        await home.until(lambda: home.store.recorded(1))
        home.clock.advance(60)
        then = rfc3339(home.clock.wall_us)
        home.clock.advance(60)
        await home.desk(APPROVER).revoke(grant.label, reason="enough")
        await home.store.commit([])
        kubectl.close()
        desk = home.desk(AUDITOR)
        found = await desk.past(at=then)
        (view,) = found.grants
        assert (view.state, view.remaining_s, view.open_streams, view.you_may, view.ended, found.ended) == ("active", 540.0, 1, (), "", ())
        (session,) = await desk.past_sessions(at=then, grant=grant.label)
        assert (session.state, session.ended_why, session.you_may) == ("open", "", ("watch", "replay"))
        (over,) = (await desk.past(at=rfc3339(home.clock.wall_us))).ended
        assert (over.state, str(over.why), over.you_may) == ("revoked", "enough", ())
        shelf = Shelf(home.files.place)
        assert plain.of(await shelf.past(at=then)) == plain.of(found)
        await shelf.aclose()


async def test_what_is_no_past(tmp_path: Path) -> None:
    """A time to come, or none, is an error; agents may not look."""
    async with house(tmp_path) as home:
        for at, why in ((rfc3339(home.clock.wall_us + 1), "is still to come"), ("16:04", "is no time"), ("9" * 300, "is no time")):
            with pytest.raises(InvalidError, match=why):
                await home.desk(AUDITOR).past(at=at)
        with pytest.raises(RefusedError):
            await home.desk(AGENT_X).past(at=rfc3339(home.clock.wall_us))
