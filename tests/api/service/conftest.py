"""This room runs on uvloop, as the gateway does; its callers are one of each role."""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Final

import pytest
import uvloop

from jitui.auth.people import People, Person
from jitui.policy.terms import Identity, Role
from tests.fakes.house import AGENT

AGENT_X: Final = Identity(AGENT, frozenset({Role.AGENT}), owner="owner")
OTHER: Final = Identity("agent-y", frozenset({Role.AGENT}), owner="owner")
APPROVER: Final = Identity("ana", frozenset({Role.APPROVER}))
OPERATOR: Final = Identity("oli", frozenset({Role.OPERATOR}))
AUDITOR: Final = Identity("aud", frozenset({Role.AUDITOR}))
PEOPLE: Final = People(os.geteuid(), {name: Person(20001 + at, frozenset({Role.APPROVER})) for at, name in enumerate(("ana", "bea", "cy"))})

def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}
