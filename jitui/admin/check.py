"""`jitui check`: what would be said when a gateway started with this configuration, and whether its clusters answer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

from jitui import config
from jitui.admin import rights
from jitui.admin.rights import Found
from jitui.clusters import reviews
from jitui.clusters.discovery import Discovery
from jitui.clusters.kind import ConnectionSettings
from jitui.clusters.pool import Pool
from jitui.clusters.port import Upstream
from jitui.clusters.registry import kind_of
from jitui.config import Configuration, WrongError
from jitui.policy import rbac
from jitui.policy.advice import advice
from jitui.values import span
from jitui.values.clock import SystemClock
from jitui.values.errors import JituiError
from jitui.values.said import clean


async def checks(path: Path) -> AsyncIterator[Found]:
    """One finding after another; the file first."""
    try:
        settings = await asyncio.to_thread(config.load, path)
    except WrongError as error:
        for problem in error.problems:
            yield Found("wrong", "configuration", problem)
        return
    except JituiError as error:
        yield Found("wrong", "configuration", str(error))
        return
    yield Found("ok", "configuration", f"{path}: connections: {len(settings.connections)}, rules: {len(settings.rules)}, people: {len(settings.people)}")
    for found in (*notes(settings), *await asyncio.to_thread(socket_group, settings.listen.socket_group)):
        yield found
    for name, connection in settings.connections.items():
        async for found in _connection(name, connection, settings):
            yield found


def notes(settings: Configuration) -> list[Found]:
    """Settings that are allowed and still worth a thought."""
    found = []
    if settings.solo:
        found.append(Found("note", "people", "none: whoever runs the gateway decides, also for agents they own; "
                           "against an agent under that user it is a guard rail only"))
    found += ssh(settings)
    for rule in settings.rules:
        what = f"rule for {rule.identity} on {rule.connection}, {span.show(rule.duration_s)}"
        found += [Found("note", what, sentence) for sentence in (*advice(rule.scope, rule.guarded), *rbac.told_at_ends(rule))]
        if rule.automatic and set(rule.automatic_for) != {"READ"}:
            found.append(Found("note", what, f"{', '.join(sorted(rule.automatic_for))} pass without a person"))
    for name, connection in settings.connections.items():
        found += [Found("note", f"connection {name}", sentence) for sentence in kind_of(connection).notes(connection)]
    return found


def ssh(settings: Configuration) -> list[Found]:
    """The ways in over SSH: how many keys stand in the file, who vouches for others, and settings that have no effect."""
    listen, trust = settings.listen, settings.trust
    keys = sum(len(person.keys) for person in settings.people.values())
    if not listen.ssh:
        unused = [what for what, there in (("people's ssh_keys", keys), ("ssh.user_ca", trust.authorities), ("ssh.password_tokens", trust.passwords)) if there]
        said = f"is not set, so {' and '.join(unused)} have no effect; set it as in listen: {{ssh: 127.0.0.1:8422}}"
        return [Found("note", "listen.ssh", said)] if unused else []
    found = [Found("ok", "listen.ssh", f"{listen.ssh}: keys of identities (jitui identity keys NAME), and {keys} of people in the file")]
    found += [Found("note", "ssh.user_ca", f"whoever has {key} can be any identity and person here") for key in trust.authorities]
    if trust.passwords:
        found.append(Found("note", "ssh.password_tokens", "tokens are taken as passwords: a client that trusts a wrong host key gives its token away"))
    return found


def socket_group(name: str) -> list[Found]:
    """Whether the Unix socket can be given to its group: without one of that name the gateway does not start."""
    from jitui.api.server.sockets import gid_of  # noqa: PLC0415 - with the web framework, which no other check needs

    if not name:
        return []
    try:
        gid_of(name)
    except JituiError as error:
        return [Found("wrong", "listen.socket_group", str(error).removeprefix("listen.socket_group: "))]
    return [Found("ok", "listen.socket_group", f"people of the group {name} may use the socket")]


async def _connection(name: str, connection: ConnectionSettings, settings: Configuration) -> AsyncIterator[Found]:
    """Files of its credential that others may read, each step of the way to it, and for a role of the gateway's own its rights against the rules."""
    kind, what = kind_of(connection), f"connection {name}"
    verdict: Literal["wrong", "note"] = "wrong" if connection.isolation == "required" else "note"
    for sentence in await asyncio.to_thread(kind.exposed, connection):
        yield Found(verdict, f"{what}, credential", sentence)
    try:
        upstream = await asyncio.to_thread(kind.load, connection, SystemClock())
        async for step in kind.probe(upstream):
            yield Found("note" if step.doubt else "ok", f"{what}, {step.what}" if step.what else what, step.said)
        if kind.compares_rights:
            async for found in _rights(name, upstream, settings):
                yield found
    except JituiError as error:
        yield Found("wrong", what, str(error))


async def _rights(name: str, upstream: Upstream, settings: Configuration) -> AsyncIterator[Found]:
    """The user that the cluster takes the gateway for, and its rights there against the rules. Raises UpstreamError."""
    what = f"connection {name}"
    pool = Pool(upstream)
    try:
        subject = await reviews.whoami(pool, upstream)
        groups = ", ".join(clean(group, 80) for group in subject.groups)
        yield Found("ok", f"{what}, token", f"accepted: user {clean(subject.user, 120)}, groups {groups}")
        rules = [rule for rule in settings.rules if rule.connection == name]
        wanted = rbac.of_rules(rules, await rights.kinds(Discovery(upstream, pool, SystemClock()), [rule.scope for rule in rules]))
        async for found in rights.compare(f"{what}, rights", f"apply what this prints: jitui rbac {name}", pool, upstream, wanted):
            yield found
    finally:
        pool.close()
