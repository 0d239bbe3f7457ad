"""The steps of a request's head: in one pass, judged once, and once more behind whatever had to be waited for."""

from pathlib import Path

import pytest

from jitui.policy.action import Action
from jitui.policy.policy import Allow, Deny
from jitui.policy.terms import Identity
from tests.fakes.house import House, house

PODS = "/api/v1/namespaces/web/pods"


def judged(home: House, monkeypatch: pytest.MonkeyPatch) -> list[Action]:
    """The actions that are judged from now on."""
    seen: list[Action] = []
    judge = home.broker.judge

    def counting(who: Identity, connection: str, action: Action, before: Allow | None = None) -> Allow | Deny:
        seen.append(action)
        return judge(who, connection, action, before)

    monkeypatch.setattr(home.broker, "judge", counting)
    return seen


@pytest.mark.interpreted
async def test_a_plain_request_is_judged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first in a window twice: its session is written in between, and meanwhile everything may have changed."""
    async with house(tmp_path) as home:
        await home.window()
        seen, kubectl = judged(home, monkeypatch), await home.dial()
        assert (await kubectl.ask("GET", PODS))[0] == 200
        assert [action.kind for action in seen] == ["pods", "pods"]
        seen.clear()
        assert (await kubectl.ask("GET", PODS, "X-One: more"))[0] == 200
        assert [action.kind for action in seen] == ["pods"]


@pytest.mark.interpreted
@pytest.mark.parametrize(("target", "headers", "code"), [
    ("/c/prod/api/v1/pods", (), 401),
    ("/c/prod/api/v1/pods", ("Authorization: Bearer jt_x_y",), 401),
    ("/api/v1/pods", (), 401),
])  # fmt: skip
async def test_nothing_is_read_of_who_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, headers: tuple[str, ...], code: int) -> None:
    """Neither judged nor on record: one counter goes up."""
    async with house(tmp_path) as home:
        seen, kubectl = judged(home, monkeypatch), await home.dial("")
        kubectl.send("\r\n".join([f"GET {target} HTTP/1.1", "Host: gw", *headers, "", ""]).encode())
        assert (await kubectl.answer())[0] == code
        assert (seen, home.listener.pipeline.admission.unauthenticated, home.files.actions()) == ([], 1, [])


@pytest.mark.interpreted
async def test_what_can_not_be_read_is_a_denial_on_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not judged, as it could be two things."""
    async with house(tmp_path) as home:
        await home.window()
        seen, kubectl = judged(home, monkeypatch), await home.dial()
        assert (await kubectl.ask("GET", "/api/v1/namespaces/web/../pods"))[0] == 400
        await home.until(home.files.actions)
        assert ([row.verdict for row in home.files.actions()], seen, home.cluster.lines) == (["denied"], [], [])


async def test_nothing_passes_while_nothing_can_be_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Allowed, and refused with the reason; the cluster hears nothing."""
    async with house(tmp_path) as home:
        await home.window()
        monkeypatch.setattr(type(home.store), "recording_error", OSError("the disk is full"))
        for path, headers in ((PODS, ()), (f"{PODS}?watch=1", ()), (f"{PODS}/web-1/exec?command=sh&stdout=1", ("Upgrade: SPDY/3.1", "Connection: Upgrade"))):
            code, _, body = await (await home.dial()).ask("GET", path, *headers)
            assert (code, b"can't be recorded, so it does not pass (the disk is full)" in body) == (503, True)
        assert home.cluster.lines == []
