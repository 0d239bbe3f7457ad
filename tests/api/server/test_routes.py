"""Every route reaches its call of the desk, as its caller, and gives the view back as it is."""

import httpx
import pytest

from jitui.values import plain
from tests.api.server.conftest import bearer
from tests.fakes.desk import action_view, grant_view, request_view, session_view
from tests.fakes.gateway import Address


async def test_a_request_from_ask_to_yes(gateway: Address, local: httpx.AsyncClient) -> None:
    """The agent asks with the very file of the design; ana approves less; the desk sees each as who they are."""
    file = {"identity": "agent-a", "connection": "prod", "duration": "20m", "approval": "required", "scope": ["read pods in web", "exec pods in web"]}
    asked = (await local.post("/v1/requests", json=file, headers=bearer(gateway.agent))).json()
    assert (asked["id"], asked["state"], asked["duration_s"], asked["scope"]) == ("r-1", "pending", 1200, "read pods in web; exec pods in web")
    assert [view["id"] for view in (await local.get("/v1/requests", headers=bearer(gateway.ana))).json()] == ["r-1"]
    seen = (await local.get("/v1/requests/r-1", headers=bearer(gateway.ana))).json()
    answer = await local.post("/v1/requests/r-1/approve", json={"digest": seen["digest"], "duration": "10m"}, headers=bearer(gateway.ana))
    assert answer.json() == plain.of(gateway.house.requests["r-1"])
    assert (answer.json()["duration_s"], answer.json()["grant"], answer.json()["decided_by"]) == (600, "g-1", "ana")
    assert [call[:2] for call in gateway.house.calls if call[0] in {"ask", "approve"}] == [("ask", "agent-a"), ("approve", "ana")]


async def test_assertions_are_passed_on(gateway: Address, local: httpx.AsyncClient) -> None:
    """`identity` and `approval` of a request are never inputs: the desk refuses what is not so."""
    for wrong in ({"identity": "agent-b"}, {"approval": "automatic"}):
        answer = await local.post("/v1/requests", json={"connection": "prod"} | wrong, headers=bearer(gateway.agent))
        assert answer.status_code == 403
    assert gateway.house.requests == {}


async def test_an_agent_does_not_decide(gateway: Address, local: httpx.AsyncClient) -> None:
    """The desk is bound to the agent, so the desk's refusal is the answer."""
    gateway.house.requests["r-1"] = request_view("r-1", "agent-a", "prod", 600)
    for path in ("/v1/requests/r-1/approve", "/v1/requests/r-1/deny", "/v1/lockdown", "/v1/stop", "/v1/reload", "/v1/identities"):
        body = {"on": False} if path == "/v1/lockdown" else {"name": "x", "roles": ["agent"]} if path == "/v1/identities" else {"reason": "x"}
        assert (await local.post(path, json=body, headers=bearer(gateway.agent))).status_code == 403, path
    assert gateway.house.requests["r-1"].state == "pending"


async def test_deny_and_withdraw(gateway: Address, local: httpx.AsyncClient) -> None:
    """No takes a reason; the requester may take the ask back; both end it."""
    gateway.house.requests |= {ident: request_view(ident, "agent-a", "prod", 600) for ident in ("r-1", "r-2")}
    assert (await local.post("/v1/requests/r-1/deny", json={}, headers=bearer(gateway.ana))).status_code == 400
    assert (await local.post("/v1/requests/r-1/deny", json={"reason": "no"}, headers=bearer(gateway.ana))).json()["why"] == "no"
    assert (await local.post("/v1/requests/r-2/withdraw", headers=bearer(gateway.agent))).json()["state"] == "withdrawn"
    assert (await local.get("/v1/requests", headers=bearer(gateway.ana))).json() == []
    assert len((await local.get("/v1/requests?everything=true", headers=bearer(gateway.ana))).json()) == 2
    late = await local.post("/v1/requests/r-2/approve", headers=bearer(gateway.ana))
    assert (late.status_code, late.json()["error"]["message"]) == (409, "r-2 is already withdrawn by agent-a")


async def test_windows_and_sessions(gateway: Address, local: httpx.AsyncClient) -> None:
    """Revoke, release, kill: what ended is said."""
    house = gateway.house
    house.grants |= {ident: grant_view(ident, "agent-a", "prod") for ident in ("g-1", "g-2")}
    house.sessions |= {"s-1": session_view("s-1"), "s-2": session_view("s-2", grant="g-2", state="ended")}
    ana, agent = bearer(gateway.ana), bearer(gateway.agent)
    assert (await local.get("/v1/grants/g-1", headers=ana)).json() == plain.of(house.grants["g-1"])
    assert (await local.post("/v1/grants/g-1/revoke", json={"reason": "x"}, headers=ana)).json()["said"] == "g-1 revoked: 1 stream closed in 2.5 ms"
    assert (await local.post("/v1/grants/g-2/release", headers=agent)).json()["streams"] == 1
    assert (await local.get("/v1/grants", headers=agent)).json() == []
    assert len((await local.get("/v1/grants?everything=1", headers=ana)).json()) == 2
    assert [view["id"] for view in (await local.get("/v1/sessions?live=true", headers=ana)).json()] == ["s-1"]
    assert [view["id"] for view in (await local.get("/v1/sessions?grant=g-2", headers=ana)).json()] == ["s-2"]
    assert (await local.post("/v1/sessions/s-1/kill", json={"reason": "x"}, headers=ana)).json()["may_run_on"] == ["web-7c"]
    assert (await local.get("/v1/sessions/s-1", headers=ana)).json()["ended_why"] == "killed"


async def test_freezing(gateway: Address, local: httpx.AsyncClient) -> None:
    """A window, a session, all; without a body; what stands under /grants is never a session's id."""
    house = gateway.house
    house.grants |= {ident: grant_view(ident, "agent-a", "prod") for ident in ("g-1", "g-2")}
    house.sessions["s-1"] = session_view("s-1", held=9)
    ana = bearer(gateway.ana)
    frozen = (await local.post("/v1/grants/g-1/freeze", headers=ana)).json()
    assert frozen == {"id": "g-1", "frozen_by": "ana", "windows": ["g-1"], "streams": 1, "held": 0, "said": "g-1 frozen: 1 held"}
    again = await local.post("/v1/grants/1/freeze", headers=ana)
    assert (again.status_code, again.json()["error"]["message"]) == (409, "g-1 was already frozen by ana")
    session = (await local.get("/v1/sessions/s-1", headers=ana)).json()
    assert (session["frozen_by"], session["held"]) == ("ana", 9)
    assert (await local.post("/v1/sessions/s-1/thaw", headers=ana)).json()["held"] == 9
    assert (await local.post("/v1/sessions/s-1/freeze", headers=ana)).json()["windows"] == []
    assert (await local.post("/v1/grants/g-1/thaw", headers=ana)).json()["frozen_by"] == ""
    assert (await local.post("/v1/freeze", headers=ana)).json()["windows"] == ["g-1", "g-2"]
    assert (await local.post("/v1/thaw", headers=ana)).json()["id"] == "all"
    for path in ("grants/s-1/freeze", "grants/all/freeze", "sessions/g-1/thaw", "sessions/all/thaw"):
        assert (await local.post(f"/v1/{path}", headers=ana)).status_code == 404
    assert (await local.post("/v1/freeze", headers=bearer(gateway.agent))).status_code == 403


async def test_archive(gateway: Address, local: httpx.AsyncClient) -> None:
    """Pages of frames, actions and facts, and the proof."""
    house = gateway.house
    house.sessions["s-1"] = session_view("s-1")
    for at in range(120):
        await house.record("s-1", "stdout", b"line %d" % at)
        await house.happen("viewed", "ana", "s-1", how="live")
    house.actions += [action_view(grant="g-1"), action_view(grant="g-2", code=None)]
    assert (await local.get("/v1/sessions/s-1/frames")).json() == plain.of(house.frames["s-1"])
    assert [frame["seq"] for frame in (await local.get("/v1/sessions/s-1/frames?after=9&limit=3")).json()] == [10, 11, 12]
    assert [fact["seq"] for fact in (await local.get("/v1/facts?after=117")).json()] == [118, 119, 120]
    assert [action["code"] for action in (await local.get("/v1/actions?grant=g-2")).json()] == [None]
    assert (await local.get("/v1/verify?session=s-9")).json() == []
    assert (await local.get("/v1/facts?limit=1001")).status_code == 400
    assert (await local.get("/v1/status")).json()["facts"] == 120


async def test_clerk(gateway: Address, local: httpx.AsyncClient) -> None:
    """The local user runs the house; the token of a new identity is in that one answer."""
    made = (await local.post("/v1/identities", json={"name": "agent-b", "roles": ["agent"], "owner": "bo"})).json()
    assert (made["identity"]["name"], made["identity"]["owner"], made["token"][:12]) == ("agent-b", "bo", "jt_00000000_")
    assert (await local.post("/v1/identities", json={"name": "agent-b", "roles": ["agent"], "owner": "bo"})).status_code == 409
    assert (await local.post("/v1/identities", json={"name": "../x", "roles": ["agent"]})).status_code == 400
    assert (await local.post("/v1/identities", json={"name": "root2", "roles": ["admin"]})).status_code == 400
    assert (await local.post("/v1/identities/agent-b/rotate")).json()["token"].startswith("jt_00000001_")
    assert (await local.post("/v1/identities/agent-b/disable", json={"reason": "x"})).json()["disabled"] is True
    assert "token" not in (await local.get("/v1/identities")).json()[0]
    assert (await local.post("/v1/lockdown", json={"on": True, "reason": "x"})).json()["lockdown"] is True
    assert (await local.post("/v1/reload")).json() == {"said": "nothing changed"}
    assert (await local.post("/v1/stop")).json() == {"said": "stopping"}
    assert gateway.house.stopped.is_set()


@pytest.mark.parametrize(("body", "why"), [
    ({"verb": "get", "resource": "deployments", "group": "apps", "subresource": "scale", "namespace": "web"}, "no window for get deployments.apps/scale"),
    ({"verb": "create", "resource": "pods", "subresource": "exec", "argv": ["sh"]}, "no window for create pods/exec"),
])
async def test_explain(local: httpx.AsyncClient, body: dict[str, object], why: str) -> None:
    """One action in RequestInfo's terms."""
    assert (await local.post("/v1/explain", json={"connection": "prod"} | body)).json()["why"] == why
