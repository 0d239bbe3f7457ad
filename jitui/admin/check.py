"""`jitui check`: what would be said when a gateway started with this configuration, and whether its clusters answer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from jitui import config
from jitui.admin import rights
from jitui.admin.found import Found
from jitui.clusters import reviews
from jitui.clusters.call import call
from jitui.clusters.discovery import Discovery
from jitui.clusters.kubeconfig import Kubeconfig, read_context
from jitui.clusters.pool import Pool
from jitui.clusters.port import Upstream
from jitui.config import Configuration, EksConnection, KubernetesConnection, WrongError
from jitui.policy import rbac
from jitui.policy.advice import advice
from jitui.values import foreign, span
from jitui.values.clock import SystemClock
from jitui.values.errors import JituiError
from jitui.values.said import clean

PATIENCE_S: Final = 10.0


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
    yield Found("ok", "configuration", f"{path}: {len(settings.connections)} connections, {len(settings.rules)} rules, {len(settings.people)} people")
    for found in notes(settings):
        yield found
    for name, connection in settings.connections.items():
        if isinstance(connection, EksConnection):
            async for found in _eks(name, connection, settings):
                yield found
        else:
            for found in await asyncio.to_thread(exposed, name, connection):
                yield found
            yield await _reachable(name, connection)


def notes(settings: Configuration) -> list[Found]:
    """What is allowed and still worth a thought."""
    found = []
    if settings.solo:
        found.append(Found("note", "people", "none: whoever runs the gateway decides, also for agents they own; "
                           "against an agent under that user it is a guard rail only"))
    for rule in settings.rules:
        what = f"rule for {rule.identity} on {rule.connection}, {span.show(rule.duration_s)}"
        found += [Found("note", what, sentence) for sentence in advice(rule.scope, rule.guarded)]
        if rule.automatic and set(rule.automatic_for) != {"READ"}:
            found.append(Found("note", what, f"{', '.join(sorted(rule.automatic_for))} pass without a person"))
    for name, connection in settings.connections.items():
        if isinstance(connection, KubernetesConnection) and connection.insecure_skip_tls_verify:
            said = "its certificate is not verified: whoever stands in between gets the gateway's credential; pin the CA instead"
            found.append(Found("note", f"connection {name}", said))
    return found


def exposed(name: str, connection: KubernetesConnection) -> list[Found]:
    """Files of the credential that other users may read. Reads them, and blocks. What can't be read is for the next check to say."""
    try:
        sentences = read_context(connection.kubeconfig, connection.context, insecure=connection.insecure_skip_tls_verify).exposed
    except JituiError:
        return []
    return [Found("wrong" if connection.isolation == "required" else "note", f"connection {name}, credential", sentence) for sentence in sentences]


async def upstream_of(connection: EksConnection | KubernetesConnection) -> Upstream:
    """For a command that asks a cluster itself. Raises ConfigurationError."""
    if isinstance(connection, KubernetesConnection):
        return await asyncio.to_thread(Kubeconfig.load, connection.kubeconfig, connection.context, SystemClock(), impersonate=connection.impersonate,
                                       insecure=connection.insecure_skip_tls_verify, passed=connection.plugin_environment)
    from jitui.clusters.eks.upstream import Eks  # noqa: PLC0415 - boto3, which only this kind needs

    return await asyncio.to_thread(Eks.load, connection.terms(), SystemClock())


async def _reachable(name: str, connection: KubernetesConnection) -> Found:
    """Whether a cluster answers with the gateway's credential."""
    what = f"connection {name}"
    try:
        upstream = await upstream_of(connection)
        pool = Pool(upstream)
        try:
            reply = await call(pool, upstream, b"GET", b"/version", timeout=PATIENCE_S)
        finally:
            pool.close()
        version = foreign.read(reply.body)["gitVersion"]
    except JituiError as error:
        return Found("wrong", what, str(error))
    except (ValueError, KeyError, TypeError):
        return Found("wrong", what, "what answers there is no Kubernetes")
    return Found("ok", what, f"{upstream.host.decode()} answers, Kubernetes {clean(str(version), 40)}")


async def _eks(name: str, connection: EksConnection, settings: Configuration) -> AsyncIterator[Found]:
    """Each step of the way, and then what the role may do there against what the rules promise."""
    from jitui.clusters.eks.probe import probe  # noqa: PLC0415 - boto3, which only this kind needs
    from jitui.clusters.eks.upstream import Eks  # noqa: PLC0415

    what = f"connection {name}"
    try:
        eks = await asyncio.to_thread(Eks.load, connection.terms(), SystemClock())
        async for step in probe(eks):
            yield Found("note" if step.doubt else "ok", f"{what}, {step.what}", step.said)
        pool = Pool(eks)
        try:
            subject = await reviews.whoami(pool, eks)
            groups = ", ".join(clean(group, 80) for group in subject.groups)
            yield Found("ok", f"{what}, token", f"accepted: user {clean(subject.user, 120)}, groups {groups}")
            rules = [rule for rule in settings.rules if rule.connection == name]
            wanted = rbac.of_rules(rules, await rights.kinds(Discovery(eks, pool, SystemClock()), [rule.scope for rule in rules]))
            async for found in rights.compare(f"{what}, rights", f"apply what this prints: jitui rbac {name}", pool, eks, wanted):
                yield found
        finally:
            pool.close()
    except JituiError as error:
        yield Found("wrong", what, str(error))
