"""People gain and lose rights on a running gateway as its configuration changes."""

import os
import signal
from typing import Any

import pytest

from jitui.auth.people import user_name
from jitui.values.errors import RefusedError, UnknownCallerError
from tests.conftest import MakeGateway
from tests.support.clusters import Cluster
from tests.support.gateway import Gateway, Person, rule
from tests.support.processes import until

ME = user_name(os.getuid())
EVERYTHING = {"admin", "approver", "operator", "auditor"}


def reloaded(gateway: Gateway, people: dict[str, Any], *, hangup: bool = False) -> tuple[str, set[str]]:
    """The configuration with these people, read again as `jitui reload` does it or by SIGHUP; then who the gateway's own user is, and their roles."""
    gateway.configure([rule("bot")], {"people": people})
    if hangup:
        before = gateway.program.snapshot().said.count("people in force")
        gateway.program.signal(signal.SIGHUP)
        until(lambda: gateway.program.snapshot().said.count("people in force") > before, "the configuration read again")
    else:
        gateway.desk(lambda remote: remote.reload())
    hello = gateway.desk(lambda remote: remote.hello())
    return hello.you, set(hello.roles)


def token(gateway: Gateway, name: str, role: str) -> Person:
    """An identity by its token alone."""
    return Person(name, gateway.desk(lambda remote: remote.identity_add(name, roles=(role,), owner="olga")).token)


def test_a_reload_gives_and_takes_rights(make_gateway: MakeGateway, embedded_cluster: Cluster) -> None:
    """Named, given less, left out, and solo again: each holds from the next call on, on the socket, for who sees and for who decides."""
    with make_gateway(embedded_cluster, rules=[rule("bot")]) as gateway:
        bot, ida = token(gateway, "bot", "agent"), token(gateway, "ida", "auditor")
        ask = gateway.desk(lambda remote: remote.ask("test", duration_s=60, reason="x"), by=bot).id
        me, other = {"uid": os.getuid()}, {"uid": 54321, "roles": ["approver"]}
        assert reloaded(gateway, {}) == (ME, EVERYTHING)
        assert reloaded(gateway, {"otto": other}) == (ME, {"admin"})
        with pytest.raises(RefusedError, match="may not approve or deny"):
            gateway.desk(lambda remote: remote.approve(ask))
        assert reloaded(gateway, {"mia": me | {"roles": ["approver", "operator"]}}, hangup=True) == ("mia", {"admin", "approver", "operator"})
        assert reloaded(gateway, {"mia": me | {"roles": ["auditor"]}}) == ("mia", {"admin", "auditor"})
        with pytest.raises(RefusedError, match="mia may not approve or deny"):
            gateway.desk(lambda remote: remote.approve(ask))
        assert gateway.desk(lambda remote: remote.hello(), by=ida).roles == ("auditor",)
        assert reloaded(gateway, {"ida": other}, hangup=True) == (ME, {"admin"})
        assert gateway.desk(lambda remote: remote.hello(), by=ida).roles == ("auditor",), "a name in the configuration gives a token nothing"
        gateway.desk(lambda remote: remote.identity_disable("ida", reason="left"))
        with pytest.raises(UnknownCallerError, match="revoked"):
            gateway.desk(lambda remote: remote.hello(), by=ida)
        assert reloaded(gateway, {}) == (ME, EVERYTHING)
        assert gateway.desk(lambda remote: remote.approve(ask)).state == "approved"
