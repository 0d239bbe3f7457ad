"""People see the secrets that an agent read, wrote and typed through a gateway masked, unless they may unmask."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jitui.api.views import FrameView
from jitui.values import plain
from jitui.values.errors import InvalidError, RefusedError
from tests.conftest import MakeGateway
from tests.recording.masking.forms import leaks
from tests.support.clusters import Cluster
from tests.support.gateway import Agent, Gateway, Person, rule
from tests.support.kubectls import Kubectl
from tests.support.processes import Program, until

VALUE = "correct-horse-battery-staple-7"
ENCODED = b64encode(VALUE.encode()).decode()
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ." + "Abc123_-" * 20
SCOPE = ["@debug in web", "get,list,watch,create,delete,patch secrets in web", "create pods/exec in web"]
SECRETS = [VALUE.encode(), ENCODED.encode(), TOKEN.encode()]


@pytest.fixture
def gateway(make_gateway: MakeGateway, embedded_cluster: Cluster) -> Iterator[Gateway]:
    with make_gateway(embedded_cluster, rules=[rule("bot", scope=SCOPE)]) as gateway:
        yield gateway


def bodies(frames: list[FrameView]) -> bytes:
    return b"".join(b64decode(frame.data_b64) for frame in frames)


async def read(remote: Any, session: str, *, unmask: bool = False) -> list[FrameView]:
    found: list[FrameView] = []
    while page := await remote.frames(session, after=found[-1].seq if found else -1, limit=3, unmask=unmask):
        found += page
    return found


def work(gateway: Gateway, agent: Agent, kubectl: Kubectl) -> tuple[str, str]:
    """An agent makes, reads and prints a secret; the sessions of its calls and of its exec."""
    gateway.window(agent)
    gateway.kubectl(kubectl, agent, "create", "secret", "generic", "masked-db", "-n", "web", f"--from-literal=password={VALUE}").ok()
    try:
        assert ENCODED in gateway.kubectl(kubectl, agent, "get", "secret", "masked-db", "-n", "web", "-o", "yaml").ok().text
        script = ("sh", "-c", f"cat; echo token={TOKEN}")
        assert TOKEN in gateway.kubectl(kubectl, agent, "exec", "-i", "-n", "web", "box", "--", *script, stdin=f"password={VALUE}\n".encode()).ok().text
    finally:
        gateway.kubectl(kubectl, agent, "delete", "secret", "masked-db", "-n", "web").ok()
    until(lambda: [one for one in gateway.sessions("exec") if one["ended"]], "the end of the exec")
    return gateway.sessions("api")[-1]["id"], gateway.sessions("exec")[-1]["id"]


def test_who_sees_recorded_secrets(gateway: Gateway, one_kubectl: Kubectl, tmp_path: Path) -> None:
    """Masked for approver, operator and auditor, in frames, replay, export and lists; as they are for who may unmask and asks for it, each look a fact."""
    agent = gateway.agent("bot")
    api, run = work(gateway, agent, one_kubectl)
    people = {role: gateway.person(f"the-{role}", role) for role in ("operator", "auditor")}
    may = Person("eve", gateway.desk(lambda remote: remote.identity_add("eve", roles=("auditor", "unmask"))).token)
    for person in (None, *people.values(), may):
        for session in (api, run):
            frames = gateway.desk(partial(read, session=session), by=person)
            assert not leaks(bodies(frames), SECRETS), "never without asking"
            assert {mask.kind for frame in frames for mask in frame.masked} & {"secret data", "token"}
    with pytest.raises(InvalidError, match="unmask counts beside the role auditor; give both"):
        gateway.desk(lambda remote: remote.identity_add("ed", roles=("operator", "unmask")))
    for person in people.values():
        with pytest.raises(RefusedError, match="may not unmask recorded secrets; that takes the role auditor, and unmask beside it"):
            gateway.desk(lambda remote: read(remote, run, unmask=True), by=person)
    for lists in (lambda remote: remote.sessions(), lambda remote: remote.actions(), lambda remote: remote.facts(limit=1000)):
        said = plain.text([plain.of(one) for one in gateway.desk(lists, by=people["auditor"])])
        assert "echo token=[masked" in said
        assert not leaks(said.encode(), SECRETS)
    for command in (("replay", run, "--text"), ("export", run, "--format", "cast")):
        said = gateway.jitui(*command, by=people["auditor"]).ok().text
        assert "[masked: token, 204 bytes]" in said
        assert not leaks(said.encode(), SECRETS), command
    assert not seen(gateway)
    assert TOKEN.encode() in bodies(gateway.desk(lambda remote: read(remote, run, unmask=True), by=may))
    assert ENCODED in gateway.jitui("frames", api, "--channel", "response", "--raw", "--unmask", by=may).ok().text
    assert seen(gateway) == [("eve", run), ("eve", api)]
    bare = gateway.jitui("--data-dir", str(gateway.data), "replay", run, "--text")
    assert not leaks(bare.ok().text.encode(), SECRETS)
    open_files = gateway.jitui("--data-dir", str(gateway.data), "replay", run, "--text", "--unmask").ok()
    assert TOKEN in open_files.text
    assert "no fact tells of it" in open_files.said
    evidence(gateway, api, tmp_path)


def evidence(gateway: Gateway, session: str, folder: Path) -> None:
    """An evidence file holds secrets: where a gateway answers for the files, its own user gets one only with the right, and that is a fact."""
    gateway.jitui("export", session, "--format", "bundle", "--output", str(folder / "one.jitui")).ok()
    assert seen(gateway)[-1][1] == session
    gateway.configure([rule("bot", scope=SCOPE)], {"people": {"zoe": {"uid": 54321, "roles": ["approver"]}}})
    gateway.desk(lambda remote: remote.reload())
    refused = gateway.jitui("export", session, "--format", "bundle", "--output", str(folder / "two.jitui"))
    assert refused.code == 1
    assert f"use jitui export {session} --format cast" in refused.said
    assert not (folder / "two.jitui").exists()


def seen(gateway: Gateway) -> list[tuple[str, str]]:
    """The facts of unmasked views: person and session."""
    facts = gateway.desk(lambda remote: remote.facts(limit=1000))
    return [(fact.who, fact.subject) for fact in facts if fact.kind == "viewed" and fact.what["how"] == "unmasked"]


def test_a_live_secret_is_masked_for_who_watches(gateway: Gateway, one_kubectl: Kubectl) -> None:
    """Watched while it is printed, in pieces; unmasked for who may, and that is a fact."""
    agent = gateway.agent("bot")
    may = Person("eve", gateway.desk(lambda remote: remote.identity_add("eve", roles=("auditor", "unmask"))).token)
    gateway.window(agent)
    head, tail = TOKEN.split("Abc", 1)[0] + "Abc1" + "23_-Abc1" * 9, "23_-Abc1" * 10 + "23_-"
    assert head + tail == TOKEN
    script = f"printf %s token={head}; sleep 1; a=23_- b=Abc1; for i in 1 2 3 4 5 6 7 8 9 10; do printf %s $a$b; done; echo $a; sleep 60"
    with gateway.spawn_kubectl(one_kubectl, agent, "exec", "-n", "web", "box", "--", "sh", "-c", script):
        session = gateway.live("exec")["id"]
        watchers = [gateway.spawn("watch", session, as_json=True), gateway.spawn("watch", session, "--unmask", as_json=True, by=may)]
        until(lambda: all(watched(watcher).endswith(b"\n") for watcher in watchers), "the end of the line")
        assert watched(watchers[1]) == b"token=" + TOKEN.encode() + b"\n"
        assert watched(watchers[0]).startswith(b"token=")
        assert not leaks(watched(watchers[0]), [TOKEN.encode()])
    assert ("eve", session) in seen(gateway)


def watched(watcher: Program) -> bytes:
    """The part of the output that the viewer was shown."""
    chunks = [json.loads(line) for line in watcher.snapshot().text.splitlines(keepends=True) if line.endswith("\n")]
    return b"".join(b64decode(chunk["frame"]["data_b64"]) for chunk in chunks if chunk["kind"] == "frame" and chunk["frame"]["channel"] == "stdout")
