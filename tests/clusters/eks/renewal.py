"""python -m tests.clusters.eks.renewal [SECONDS]: an agent at work while its sessions end every 20 s. Needs the EKS stand-in.

With a node (JITUI_TEST_EKS_UP names a running one) a live exec is part of the work.
"""

import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.clusters.eks.outside import Knock, leaks
from tests.support import eks as stand_in
from tests.support.eks import Eks
from tests.support.gateway import Gateway, rule
from tests.support.processes import Program


@dataclass(frozen=True, slots=True)
class Outcome:
    codes: dict[int, int]  # how often the agent was answered what
    sessions: int  # of the window, one AssumeRole each
    watching: bool  # the watch that began first is still the one that is open
    ticks: int  # that the live exec wrote, each on record and printed; 0: there is no node
    exec_whole: bool  # it is the exec that began first, and no tick is missing
    worst_call_ms: float
    worst_lag_ms: float  # of the gateway's loop
    leaks: list[str]  # where a credential is in what the gateway wrote

    def __str__(self) -> str:
        streams = f"watch {'open' if self.watching else 'LOST'}, exec {f'whole, {self.ticks} ticks' if self.exec_whole else 'LOST'}"
        return (f"{self.codes} over {self.sessions} sessions, {streams}; slowest call {self.worst_call_ms:.0f} ms, "
                f"worst lag {self.worst_lag_ms:.1f} ms")  # fmt: skip


def work(folder: Path, eks: Eks, seconds: float) -> Outcome:
    """A get each 200 ms, one live watch and, where pods run, one live exec that is typed into, through a real gateway."""
    rules = [rule("bot", connection="prod-eks", scope=["read pods in web", "exec pods in web"])]
    with Gateway(folder, eks.cluster, rules=rules, connection="prod-eks", settings=eks.settings, env=eks.aws) as gateway:
        bot = gateway.agent("bot")
        before = len(eks.trail("AssumeRole"))
        grant = gateway.window(bot)
        watch = gateway.spawn_kubectl(eks.kubectl, bot, "get", "pods", "-n", "web", "--watch")
        first = gateway.live("watch", grant)["id"]
        shell = gateway.spawn_kubectl(eks.kubectl, bot, "exec", "-i", "-n", "web", "box", "--", "cat") if eks.node else None
        knock, lag_ms, ticks = Knock(bot), 0.0, 0
        for number, _ in enumerate(knock.poll(seconds)):
            if number % 20 == 0:
                lag_ms = max(lag_ms, gateway.desk(lambda remote: remote.status()).lag_ms)
            if shell is not None and number % 5 == 0 and shell.running:
                shell.write(b"tick %d\n" % ticks)
                ticks += 1
        watching = watch.running and [one["id"] for one in gateway.sessions("watch", live=True)] == [first]
        whole = shell is None or _whole(gateway, shell, ticks)
        found = leaks(gateway, [eks.aws["AWS_SECRET_ACCESS_KEY"], "k8s-aws-v1.", "X-Amz-Security-Token", "FQoGZXIvYXdz"])
        sessions = sum(one["requestParameters"]["roleSessionName"] == f"jitui-{grant}-bot" for one in eks.trail("AssumeRole")[before:])
        return Outcome(dict(knock.codes), sessions, watching, ticks, whole, knock.worst_s * 1000, lag_ms, found)


def _whole(gateway: Gateway, shell: Program, ticks: int) -> bool:
    """Ends it as its user would: all that was typed came back, and one session has it."""
    shell.close_stdin()
    said = b"".join(b"tick %d\n" % number for number in range(ticks))
    ended = shell.end()
    sessions = gateway.sessions("exec")
    return (ended.code, ended.out) == (0, said) and len(sessions) == 1 and gateway.raw(sessions[0]["id"], "stdout") == said


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 180.0
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        eks = stand_in.standing() or stack.enter_context(stand_in.up(place / "eks", "--session-seconds", "20"))
        print(work(place / "gateway", eks, seconds))


if __name__ == "__main__":
    main()
