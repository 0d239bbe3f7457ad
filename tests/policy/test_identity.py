"""Identities: agents and people."""

from jitui.policy.identity import Identity, Role


def test_an_agent_is_one_by_its_role() -> None:
    """Whatever other roles it has; a person has none of it."""
    assert Identity("bot", frozenset({Role.AGENT}), owner="ana").is_agent
    assert Identity("bot", frozenset({Role.AGENT, Role.ADMIN})).is_agent
    assert not Identity("ana", frozenset(set(Role) - {Role.AGENT})).is_agent
