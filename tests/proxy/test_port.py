"""What the proxy asks of its neighbours is what they have."""

from jitui.access import Broker
from jitui.access.notes import Note, Notes
from jitui.access.windows import Windows
from jitui.listeners.kube.request import KubeRequest
from jitui.proxy import port


def access(broker: Broker) -> port.Access:
    """mypy proves it."""
    return broker


def request(kube: KubeRequest) -> port.ProxyRequest:
    """And that a request of the Kubernetes listener is all that the proxy needs of a listener."""
    return kube


def names(protocol: type) -> set[str]:
    """The methods and attributes that a protocol and those it extends name."""
    return {name for each in protocol.__mro__ for name in (*vars(each), *vars(each).get("__annotations__", ())) if each.__module__ == port.__name__
            and not name.startswith("_")}  # fmt: skip


def test_the_real_ones_have_every_name() -> None:
    """Of a request also those that its steps set later, which are slots of it."""
    for protocol, real in ((port.ProxyRequest, KubeRequest), (port.Sessions, Windows), (port.Notes, Notes), (port.Note, Note)):
        assert sorted(names(protocol) - set(dir(real))) == []


def test_the_proxy_is_handed_a_request_and_not_its_connection() -> None:
    """What only a connection has, its parser for one, is not within reach of the protocol."""
    assert names(port.ProxyRequest).isdisjoint({"parser", "client", "transport", "head"})
