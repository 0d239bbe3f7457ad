"""The end of a window inside real containers: every case that docs/cluster-behaviour.md measured, over SPDY and WebSocket."""

import json
import os
import time
from collections.abc import Iterator, Sequence

import pytest
import yaml

from jitui.api.views import Ended, ProcessView
from tests.journeys.yard import IMAGE, Yard, in_time, pod, yard
from tests.support.clusters import Cluster
from tests.support.gateway import Agent
from tests.support.kubectls import SPDY, VERSIONS, Kubectl, found
from tests.support.processes import Program, until
from tests.support.soak import SOAKING, soak

pytestmark = [pytest.mark.cluster, pytest.mark.kubectl]
NAMESPACE = f"ended-{os.getpid()}"
OLD, NEW = "1.27", "1.34"  # SPDY, WebSocket
EACH = (*SPDY, *VERSIONS) if SOAKING else (OLD, NEW)
AGAIN = "trap 'exit 0' TERM; while true; do sleep 0.1; done"  # ends when it is told to, and is started anew
TOOLS = "cp /bin/busybox /tools/sleep && cp /bin/busybox /tools/echo"  # without a shell among them


SAY = "read -r K; say() { printf '\\n%s %s\\n' $K \"$*\"; }; say hello $$ 1 0\n"
# each lists its container's processes truly until the first order to kill, and only one of them from then on, or never; or answers nothing that it may
SHELLS = {
    "hides": SAY + "while read -r o p s n; do case $o in d) say stat; cat /proc/1/stat;; q) exit;; esac; say done $o; done",
    "kills in words": SAY + "while read -r o p s n; do case $o in d) say stat; [ $X ] && cat /proc/1/stat || cat /proc/[0-9]*/stat;; k) X=1;;"
                      " a) say argv $p $s; cat /proc/$p/cmdline;; q) exit;; esac; say done $o; done",
    "is slow, then hides": SAY + "while read -r o p s n; do case $o in d) say stat; [ $X ] && cat /proc/1/stat || cat /proc/[0-9]*/stat;; k) sleep 2; X=1;;"
                           " a) say argv $p $s; cat /proc/$p/cmdline;; q) exit;; esac; say done $o; done",
    "forges": "printf '\\n0123456789abcdef0123456789abcdef hello 9 9 0\\n'; cat",
    "answers what was not asked": SAY + "say ended 5 5; cat",
    "hangs": "exec sleep 87.002",
}  # fmt: skip


def shell_less() -> str:
    """A pod whose container has two programs, and no shell."""
    both = [{"name": "tools", "mountPath": "/tools"}]
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": {
        "terminationGracePeriodSeconds": 0, "volumes": [{"name": "tools", "emptyDir": {}}, {"name": "none", "emptyDir": {}}],
        "initContainers": [{"name": "copy", "image": IMAGE, "imagePullPolicy": "Never", "command": ["sh", "-c", TOOLS], "volumeMounts": both}],
        "containers": [{"name": "main", "image": IMAGE, "imagePullPolicy": "Never", "command": ["/tools/sleep", "2147483647"],
                        "volumeMounts": [*both, {"name": "none", "mountPath": "/bin"}]}]}}
    return "---\n" + yaml.safe_dump(made)


def powerless() -> str:
    """A pod whose root may become another user, and may not kill that user's processes."""
    made = yaml.safe_load(pod("users", "echo 'other:x:1000:1000::/:/bin/sh' >/etc/passwd; sleep 2147483647"))
    made["spec"]["containers"][0]["securityContext"] = {"capabilities": {"drop": ["KILL"]}}
    return "---\n" + yaml.safe_dump(made)


def full() -> str:
    """A pod that may write its own limit of processes, as its kubelet's settings would."""
    made = yaml.safe_load(pod("full"))
    made["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    return "---\n" + yaml.safe_dump(made)


def of_node() -> str:
    """A pod that sees its node's processes, as nobody who might touch another's."""
    made = yaml.safe_load(pod("of-node"))
    made["spec"] |= {"hostPID": True, "securityContext": {"runAsUser": 54321}}
    return "---\n" + yaml.safe_dump(made)


def shared() -> str:
    """A pod with two containers that see each other's processes."""
    made = yaml.safe_load(pod("shared"))
    made["spec"] |= {"shareProcessNamespace": True, "containers": [each | {"name": name} for each in made["spec"]["containers"] for name in ("main", "beside")]}
    return "---\n" + yaml.safe_dump(made)


@pytest.fixture(scope="module")
def ground(real_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """One gateway, and pods that all cases share."""
    admin = found()[NEW]
    scopes = {f"bot-{number}": [f"@debug in {NAMESPACE}"] for number in (1, 2, 3)}
    beside = {"bot-3": {"probe": "ephemeral-container", "probe_image": IMAGE}}
    manifest = "".join(pod(name) for name in ("box", "deleted", "hostile")) + pod("again", AGAIN) + shell_less() + powerless() + full() + of_node() + shared()
    with yard(tmp_path_factory.mktemp("processes"), real_cluster, admin, NAMESPACE, agents=scopes, manifest=manifest, more=beside) as made:
        made.as_admin("-n", NAMESPACE, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
        yield made


@pytest.fixture(scope="module")
def three(ground: Yard) -> tuple[Agent, Agent, Agent]:
    template = ground.template()
    one, two, third = (ground.agent(f"bot-{number}", scope=None, kubeconfig=template) for number in (1, 2, 3))
    return one, two, third


@pytest.fixture(scope="module")
def bots(three: tuple[Agent, Agent, Agent]) -> tuple[Agent, Agent]:
    return three[:2]


@pytest.fixture(scope="module")
def beside(three: tuple[Agent, Agent, Agent]) -> Agent:
    """Its rule names an image for looks at containers without a shell."""
    return three[2]


class Case:
    """A window of an agent with some commands in a pod, and their end."""

    def __init__(self, ground: Yard, agent: Agent, kubectl: Kubectl) -> None:
        self.ground, self.agent, self.kubectl, self.gateway = ground, agent, kubectl, ground.gateway
        self.grant = self.gateway.window(agent)

    def run(self, *argv: str, tty: bool = False, stdin: bool = False, name: str = "box", says: str = "ready") -> Program:
        """A command, once it has said so."""
        flags = ["-it"] if tty else ["-i"] if stdin else []
        program = self.gateway.spawn_kubectl(self.kubectl, self.agent, "exec", *flags, "-n", NAMESPACE, name, "--", *argv, tty=(24, 80) if tty else None)
        program.expect(says)
        return program

    def revoke(self) -> Ended:
        return self.gateway.desk(lambda remote: remote.revoke(self.grant, reason="enough"))

    def processes(self) -> Sequence[ProcessView]:
        return self.gateway.desk(lambda remote: remote.grant(self.grant)).processes


def ps(ground: Yard, name: str = "box") -> str:
    """What lives in the container, by its own kernel; zombies are dead."""
    look = "for p in /proc/[0-9]*; do grep -q '^State:.Z' $p/status || tr '\\0' ' ' <$p/cmdline; echo; done"
    return ground.as_admin("-n", NAMESPACE, "exec", name, "--", "sh", "-c", look).decode()


def all_ended(ended: Ended, ground: Yard, *words: str, runtime: bool = True) -> None:
    """`runtime`: its word is to be had in time."""
    assert {view.state for view in ended.processes} == {"ended"}, ended
    assert "confirmed by the runtime" in ended.said or not runtime, ended.said
    assert all({"gone", "explained"} <= set(view.proof) for view in ended.processes), ended
    assert max(view.took_ms for view in ended.processes) < 2000
    left = ps(ground)
    assert not any(word in left for word in words), left


ENDED: dict[str, tuple[tuple[str, ...], dict[str, bool], tuple[str, ...]]] = {
    "plain": (("sh", "-c", "echo ready; exec sleep 81001"), {}, ("81001",)),
    "a tree that ignores signals": (("sh", "-c", "trap '' TERM HUP INT; (sleep 81002 &) ; sleep 81003 & echo ready; sleep 81004"), {},
                                    ("81002", "81003", "81004")),
    "a terminal": (("sh", "-c", "setsid sleep 81005 & sleep 81006 & (setsid sleep 81007 &) ; echo ready; sleep 81008"), {"tty": True},
                   ("81005", "81006", "81007", "81008")),
    "a session of its own with the pipe": (("sh", "-c", "(setsid sleep 81009 &) ; echo ready; sleep 81010"), {}, ("81009", "81010")),
    "a flood": (("sh", "-c", "echo ready; while true; do echo 81011 and more and more and more; done"), {}, ("81011",)),
    "an orphan that holds the pipe": (("sh", "-c", "(sleep 81012 &) ; echo ready"), {}, ("81012",)),
    "a shell that reads": (("sh", "-c", "echo ready; exec sh"), {"stdin": True}, ()),
}  # fmt: skip


@pytest.mark.parametrize("version", EACH)
@in_time
def test_what_a_command_started_is_ended_and_proved(ground: Yard, bots: tuple[Agent, Agent], version: str) -> None:
    """Each of these is killed from inside, the runtime confirms it, and the last look finds nothing beside what was there before."""
    for name, (argv, how, words) in ENDED.items():
        case = Case(ground, bots[0], found()[version])
        program = case.run(*argv, **how)  # type: ignore[arg-type]
        if name == "an orphan that holds the pipe":
            time.sleep(0.5)  # its first process is gone by then
        ended = case.revoke()
        result = program.end(10)
        assert result.code == 1, (name, result)
        all_ended(ended, ground, *words, runtime=name != "a flood")  # its word stands behind all that waits in the node's buffers


@pytest.mark.parametrize("version", EACH)
@pytest.mark.parametrize("tty", [False, True])
@in_time
def test_equal_commands_of_two_windows(ground: Yard, bots: tuple[Agent, Agent], version: str, tty: bool) -> None:
    """Four with the same words at once, two of each window: those of the ended one end, the others go on, and see no word that the gateway wrote."""
    one, two = (Case(ground, bot, found()[version]) for bot in bots)
    same = ("sh", "-c", "echo ready; while read l; do echo got $l; done; exec sleep 82001")
    programs = [case.run(*same, tty=tty, stdin=True) for case in (one, two, one, two)]
    ended = one.revoke()
    assert [view.state for view in ended.processes] == ["ended"] * 2, ended
    assert all("runtime" in view.proof for view in ended.processes), ended
    for at in (1, 3):
        programs[at].write(b"on\n")
        programs[at].expect("got on")
    two.revoke()
    for program in programs:
        assert program.end(10).code == 1
    for session in (view for view in ground.gateway.sessions("exec") if view["grant"] == two.grant):
        assert b"jitui" not in ground.gateway.raw(session["id"], "stdout")
    assert "82001" not in ps(ground)


@pytest.mark.parametrize("tty", [False, True])
@in_time
def test_containers_that_share_their_processes(ground: Yard, bots: tuple[Agent, Agent], tty: bool) -> None:
    """Another window's command in the container beside, with the same words, or on a terminal of the same number: it goes on, and its client sees no word."""
    one, two = (Case(ground, bot, found()[NEW]) for bot in bots)
    same, how = ("sh", "-c", "echo ready; while read l; do echo got $l; done; exec sleep 82002"), ["-it" if tty else "-i", "-n", NAMESPACE, "shared"]
    programs = [case.gateway.spawn_kubectl(case.kubectl, case.agent, "exec", *how, "-c", name, "--", *same, tty=(24, 80) if tty else None)
                for case, name in ((one, "main"), (two, "beside"))]  # fmt: skip
    for program in programs:
        program.expect("ready")
    ended = one.revoke()
    assert [view.state for view in ended.processes] == ["ended"], ended
    assert "runtime" in ended.processes[0].proof, ended
    programs[1].write(b"on\n")
    programs[1].expect("got on")
    assert b"jitui" not in programs[1].out
    two.revoke()
    assert [program.end(10).code for program in programs] == [1, 1]


def test_what_can_not_be_proved_is_said(ground: Yard, bots: tuple[Agent, Agent]) -> None:
    """A daemon that nobody saw in its command's session is listed and left, and the pod is named; on a slow node a look may see it there, and it is ended.
    Without a shell nothing is claimed but the runtime's word, nor in a pod that sees its node's processes, none of which is touched or told of.
    """
    case = Case(ground, bots[0], found()[NEW])
    case.run("sh", "-c", "(setsid sleep 83001 >/dev/null 2>&1 </dev/null &) ; echo ready").end(10)
    ended = case.revoke()
    ((state, words, session),) = [(view.state, view.argv[1].raw, view.session) for view in ended.processes]
    assert (state, words, bool(session)) in {("unexplained", "83001", False), ("ended", "83001", True)}, ended
    assert ("83001" in ps(ground)) == (state == "unexplained")
    if state == "unexplained":
        assert f"kubectl delete pod -n {NAMESPACE} box" in ended.said
        assert "may still run: pid " in ended.said
        ground.as_admin("-n", NAMESPACE, "exec", "box", "--", "kill", "-9", str(ended.processes[0].pid))

    case = Case(ground, bots[0], found()[NEW])
    program = case.gateway.spawn_kubectl(case.kubectl, case.agent, "exec", "-n", NAMESPACE, "bare", "--", "/tools/sleep", "83002")
    until(lambda: [view for view in case.gateway.sessions("exec") if view["grant"] == case.grant and view["state"] == "open"], "an exec")
    time.sleep(0.5)
    ended = case.revoke()
    program.end(10)
    assert "may still run" in ended.said
    until(case.processes, "facts")  # a slow node may answer behind what is said
    assert [(view.state, view.pid, view.why) for view in case.processes()] == [("not-proved", 0, "no shell in the container")], ended

    case = Case(ground, bots[0], found()[NEW])
    assert case.run("sh", "-c", "sleep 83004 >/dev/null 2>&1 & echo ready", name="of-node").end(30).code == 0
    assert "whatever finished commands left" in case.revoke().said
    until(case.processes, "facts")
    assert [(view.state, view.pid, len(view.argv), "hostPID" in view.why) for view in case.processes()] == [("not-proved", 0, 0, True)], case.processes()


@pytest.mark.parametrize("version", EACH)
@in_time
def test_a_process_of_another_user(ground: Yard, bots: tuple[Agent, Agent], version: str) -> None:
    """The look may not kill it: that is said with its pid, and the pod is named; what the look may kill is ended. Of a first process that became another
    user's the kernel shows no open files: it is known only if somebody looked before, else it is listed, and nothing is claimed.
    """
    lines = {"a child": "su other -c 'exec sleep 83011' & echo ready; exec sleep 83010", "the first": "echo ready; exec su other -c 'exec sleep 83012'"}
    ends: dict[str, Ended] = {}
    for name, line in lines.items():
        case = Case(ground, bots[0], found()[version])
        program = case.run("sh", "-c", line, name="users")
        until(lambda name=name: {"a child": "sleep 83011", "the first": "sleep 83012"}[name] in ps(ground, "users"), "another user's")  # type: ignore[misc]
        ends[name] = case.revoke()
        program.end(10)
        assert f"kubectl delete pod -n {NAMESPACE} users" in ends[name].said
    told = {view.argv[-1].raw: (view.state, "gone" in view.proof, "belongs to another user" in view.why) for view in ends["a child"].processes}
    assert told == {"83010": ("ended", True, False), "83011": ("not-proved", False, True)}, ends
    assert "not-proved" in {view.state for view in ends["the first"].processes} <= {"unexplained", "not-proved"}, ends
    assert ["sleep", "83012"] in [[word.raw for word in view.argv] for view in ends["the first"].processes], ends
    left = ps(ground, "users")
    assert ["8301" + digit in left for digit in "012"] == [False, True, True], left


def test_a_container_at_its_limit_of_processes(ground: Yard, bots: tuple[Agent, Agent]) -> None:
    """The shell of a look can start nothing there: nothing is claimed, the pod is named, and the command runs on."""
    case = Case(ground, bots[0], found()[NEW])
    program = case.run("sh", "-c", "echo ready; exec sleep 83020", name="full")
    ground.as_admin("-n", NAMESPACE, "exec", "full", "--", "sh", "-c", "cd /sys/fs/cgroup; [ ! -d pids ] || cd pids; echo 1 >pids.max")
    ended = case.revoke()
    program.end(10)
    assert [(view.state, view.pid, view.proof) for view in ended.processes] == [("not-proved", 0, ())], ended
    assert f"kubectl delete pod -n {NAMESPACE} full" in ended.said


@pytest.mark.parametrize("version", EACH)
@in_time
def test_a_container_without_a_shell_is_looked_at_from_beside(ground: Yard, beside: Agent, version: str) -> None:
    """Where the rule names an image: commands are ended and proved from one ephemeral container of it, which is on record, ends too, and stays listed."""
    case = Case(ground, beside, found()[version])
    programs = [case.gateway.spawn_kubectl(case.kubectl, beside, "exec", "-n", NAMESPACE, "bare", "--", "/tools/sleep", "83003") for _ in range(2)]
    until(lambda: sum(view["grant"] == case.grant and view["frames"] > 1 for view in case.gateway.sessions("exec")) == 2, "two execs")
    time.sleep(0.5)
    ended = case.revoke()
    results = [program.end(10) for program in programs]
    assert [each.code for each in results] == [1, 1], (results, ended)
    assert [(view.state, [word.raw for word in view.argv]) for view in ended.processes] == [("ended", ["/tools/sleep", "83003"])] * 2, ended
    assert all(set(view.proof) == {"runtime", "gone", "explained"} for view in ended.processes), ended
    assert max(view.took_ms for view in ended.processes) < 2000
    spec = json.loads(ground.as_admin("-n", NAMESPACE, "get", "pod", "bare", "-o", "json"))
    (name,) = [each["name"] for each in spec["spec"]["ephemeralContainers"] if each["name"].startswith(f"jitui-{case.grant}-")]
    until(lambda: "terminated" in state_of(ground, name), "its end")
    left = [json.loads(line) for line in case.gateway.jitui("residue", case.grant, "--json").ok().text.splitlines()]
    assert [each["container"] for each in left if each["kind"] == "ephemeral-container"] == [name], left
    assert not [each for each in left if each["kind"] == "process"], left


def state_of(ground: Yard, name: str) -> dict[str, object]:
    """The state of an ephemeral container."""
    pod = json.loads(ground.as_admin("-n", NAMESPACE, "get", "pod", "bare", "-o", "json"))
    return next(each["state"] for each in pod["status"]["ephemeralContainerStatuses"] if each["name"] == name)


@in_time
def test_containers_that_went_away_meanwhile(ground: Yard, bots: tuple[Agent, Agent]) -> None:
    """With the run of a container, or with its pod, everything in it ended: that is what is said."""
    ways: dict[str, tuple[str, ...]] = {"again": ("exec", "again", "--", "kill", "-TERM", "1"), "deleted": ("delete", "pod", "deleted", "--grace-period=0")}
    for name, way in ways.items():
        case = Case(ground, bots[0], found()[NEW])
        program = case.run("sh", "-c", "trap '' TERM; echo ready; while true; do sleep 84001; done", name=name)
        ground.as_admin("-n", NAMESPACE, *way)
        program.end(30)
        if name == "again":
            ground.as_admin("-n", NAMESPACE, "wait", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/again", "--timeout=30s")
        ended = case.revoke()
        assert all(view.state == "ended" for view in ended.processes), ended


def test_a_half_typed_line_is_never_executed(ground: Yard, bots: tuple[Agent, Agent]) -> None:
    """By revoke, kill and deadline, and in long runs by a stop of the gateway: a shell that reads a pipe is dead before its input ends."""
    ends = ("revoke", "kill", "deadline", *(["stop"] if SOAKING else ()))
    for at, end in enumerate(ends * soak(1, 50)):
        agent = bots[0]
        case = Case(ground, agent, found()[EACH[at // len(ends) % len(EACH)] if SOAKING else NEW])
        if end == "deadline":
            case.revoke()
            case.grant = case.gateway.window(agent, duration="5s")
        program = case.run("sh", "-c", "echo ready; exec sh", stdin=True)
        program.write(f"touch /tmp/made-{at}".encode())
        time.sleep(0.3)
        if end == "kill":
            session = case.gateway.live("exec", case.grant)["id"]
            case.gateway.desk(lambda remote, session=session: remote.kill(session, reason="enough"))  # type: ignore[misc]
        if end == "stop":
            case.gateway.stop()
            case.gateway.restart()
        if end not in {"deadline", "stop"}:
            case.revoke()
        assert program.end(20).code == 1
        until(lambda case=case: case.processes(), "facts")  # type: ignore[misc]
        assert {view.state for view in case.processes()} == {"ended"}
        if end == "stop":  # the window outlives it
            case.revoke()
    assert ground.as_admin("-n", NAMESPACE, "exec", "box", "--", "sh", "-c", "ls /tmp | grep made- || echo none") == b"none\n"


@pytest.mark.parametrize("version", EACH)
@in_time
def test_what_finished_commands_left(ground: Yard, bots: tuple[Agent, Agent], version: str) -> None:
    """It is ended with the window if somebody saw it as a child or in the session of the command, for which those of 0.3 s leave time; all is told."""
    quiet = ">/dev/null 2>&1 </dev/null"
    case = Case(ground, bots[0], found()[version])
    for line in (f"sleep 86001 {quiet} &", f"trap '' HUP; sleep 86002 {quiet} &", f"setsid sleep 86003 {quiet} &"):
        assert case.run("sh", "-c", f"{line} sleep 0.3; echo ready").end(10).code == 0
    ended = case.revoke()
    told = {view.argv[-1].raw: view for view in ended.processes}
    assert set(told) == {"86001", "86002", "86003"}, ended
    tied = [view for view in told.values() if view.state == "ended"]
    assert len(tied) >= 2, ended  # a node with too much to do may begin and end one between two looks
    assert all(view.session and "gone" in view.proof for view in tied), ended
    left = ps(ground)
    assert [word in left for word in sorted(told)] == [told[word].state != "ended" for word in sorted(told)], (ended, left)
    for view in ended.processes:
        if view.state != "ended":
            ground.as_admin("-n", NAMESPACE, "exec", "box", "--", "kill", "-9", str(view.pid))


def in_hostile(ground: Yard, script: str) -> str:
    return ground.as_admin("-n", NAMESPACE, "exec", "hostile", "--", "/bin/busybox", "sh", "-c", script).decode()


@pytest.mark.parametrize("version", EACH if SOAKING else (NEW,))
def test_a_container_with_a_hostile_shell(ground: Yard, bots: tuple[Agent, Agent], version: str) -> None:
    """Its answers are not believed against the runtime's silence: nothing is said to have ended, nor does a command of another window end. The words of a
    command are printed as what they are.
    """
    other = Case(ground, bots[1], found()[version])
    talks = other.run("sh", "-c", "echo ready; while read l; do echo got $l; done", name="hostile", stdin=True)
    for name, shell in SHELLS.items():
        case = Case(ground, bots[0], found()[version])
        line = 'printf "%s\\n" "$0" >/bin/new; chmod +x /bin/new; mv /bin/new /bin/sh; echo ready; while true; do sleep 87.001; done'
        program = case.run("/bin/busybox", "sh", "-c", line, f"#!/bin/busybox sh\n{shell}", "\x1b[2J\r\nFAKE: all ended", name="hostile")
        said, views = "", list[ProcessView]()
        if name == "hides":
            said = case.gateway.jitui("revoke", case.grant, "--reason", "enough").ok().text
            until(lambda case=case: case.processes(), "facts")  # type: ignore[misc]
            views += case.processes()
        else:
            ended = case.revoke()
            said, views = ended.said, [*ended.processes]
        if name == "is slow, then hides":  # the look goes on behind what is said
            time.sleep(4)
            views += case.processes()
        assert program.end(10).code == 1
        assert "not-proved" in {view.state for view in views} <= {"not-proved", "unexplained"}, (name, said)
        assert not any(view.proof for view in views), (name, said)
        assert f"kubectl delete pod -n {NAMESPACE} hostile" in said, (name, said)
        assert "\x1b" not in said, (name, said)
        assert not [one for one in said.splitlines() if one.startswith("FAKE")], (name, said)
        talks.write(b"on\n")
        talks.expect("got on")
        assert "87.001" in in_hostile(ground, "cat /proc/[0-9]*/cmdline"), name
        in_hostile(ground, "for p in $(grep -l 87.001 /proc/[0-9]*/cmdline); do p=${p#/proc/}; [ ${p%/*} = $$ ] || kill -9 ${p%/*}; done; true")
    other.revoke()
    talks.end(10)
    in_hostile(ground, "ln -sf /bin/busybox /bin/sh")


def test_the_json_of_a_window_tells_of_its_processes(ground: Yard, bots: tuple[Agent, Agent]) -> None:
    """`revoke --json` has them, and so does `grants --all --json`."""
    case = Case(ground, bots[0], found()[NEW])
    program = case.run("sh", "-c", "echo ready; exec sleep 85001")
    said = case.gateway.jitui("revoke", case.grant, "--reason", "enough", "--json").ok().json
    program.end(10)
    (view,) = said["processes"]
    assert (view["state"], view["argv"], view["pod"], view["container"]) == ("ended", ["sleep", "85001"], f"{NAMESPACE}/box", "main")
    assert set(view["proof"]) == {"runtime", "gone", "explained"}
    listed = [json.loads(line) for line in case.gateway.jitui("grants", "--all", "--json").ok().text.splitlines()]
    assert next(each for each in listed if each["id"] == case.grant)["processes"] == [view]
    case.gateway.jitui("verify").ok()
