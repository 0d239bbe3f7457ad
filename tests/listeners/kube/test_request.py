"""One request is one object, which the proxy takes as it is."""

from pathlib import Path

import pytest

from jitui.listeners.kube.request import KubeRequest
from jitui.proxy.port import ProxyRequest
from tests.fakes.house import house

PODS = "/api/v1/namespaces/web/pods"


def taken(request: KubeRequest) -> ProxyRequest:
    """mypy proves that the proxy can take it."""
    return request


@pytest.mark.interpreted
def test_it_has_a_place_for_each_thing_and_no_other() -> None:
    """Slots: nothing is hung on a request that its class does not name."""
    assert not hasattr(KubeRequest.__new__(KubeRequest), "__dict__")


async def test_the_words_that_group_a_run_are_cut(tmp_path: Path) -> None:
    """Kubectl-Session is the client's own: 64 characters of it are kept with a session, and the client's address."""
    async with house(tmp_path) as home:
        await home.window()
        await (await home.dial()).exec(headers=(f"Kubectl-Session: {'5f0c' * 100}",))
        (opened,) = await home.facts("session.opened")
        assert (opened.what["command_group"], opened.what["peer"].split(":")[0]) == ("5f0c" * 16, "127.0.0.1")


async def test_a_limit_says_when_to_come_again(tmp_path: Path) -> None:
    """In the header that client-go heeds, and in the Status."""
    async with house(tmp_path) as home:
        await home.window()
        home.limit(rate=1, burst=1)
        home.listener.visitors.owners.clear()
        kubectl = await home.dial()
        answers = [await kubectl.ask("GET", PODS) for _ in range(2)]
        code, headers, body = answers[-1]
        assert (code, headers["retry-after"], b'"retryAfterSeconds":1' in body) == (429, "1", True)
