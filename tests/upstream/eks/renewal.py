"""python -m tests.upstream.eks.renewal [SECONDS]: an agent at work while its sessions end every 20 s. Needs the EKS stand-in."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support import eks as stand_in
from tests.support.eks import Eks
from tests.support.gateway import Gateway, rule
from tests.support.kubectls import Kubectl
from tests.upstream.eks.outside import Knock, leaks


@dataclass(frozen=True, slots=True)
class Outcome:
    codes: dict[int, int]  # how often the agent was answered what
    sessions: int  # of the window, one AssumeRole each
    watching: bool  # the watch that began first is still the one that is open
    worst_call_ms: float
    worst_lag_ms: float  # of the gateway's loop
    leaks: list[str]  # where a credential is in what the gateway wrote

    def __str__(self) -> str:
        return (f"{self.codes} over {self.sessions} sessions, watch {'open' if self.watching else 'LOST'}; slowest call {self.worst_call_ms:.0f} ms, "
                f"worst lag {self.worst_lag_ms:.1f} ms")  # fmt: skip


def work(folder: Path, eks: Eks, seconds: float) -> Outcome:
    """A get each 200 ms and one live watch, through a real gateway."""
    rules = [rule("bot", connection="prod-eks", scope=["read pods in web"])]
    with Gateway(folder, eks.cluster, rules=rules, connection="prod-eks", settings=eks.settings, env=eks.aws) as gateway:
        bot = gateway.agent("bot")
        grant = gateway.window(bot)
        watch = gateway.spawn_kubectl(Kubectl("1.34", (str(eks.folder / "cluster" / "kubectl"),)), bot, "get", "pods", "-n", "web", "--watch")
        first = gateway.live("watch", grant)["id"]
        knock, lag_ms = Knock(bot), 0.0
        for number, _ in enumerate(knock.poll(seconds)):
            if number % 20 == 0:
                lag_ms = max(lag_ms, gateway.desk(lambda remote: remote.status()).lag_ms)
        watching = watch.running and [one["id"] for one in gateway.sessions("watch", live=True)] == [first]
        found = leaks(gateway, [eks.aws["AWS_SECRET_ACCESS_KEY"], "k8s-aws-v1.", "X-Amz-Security-Token", "FQoGZXIvYXdz"])
        return Outcome(dict(knock.codes), len(eks.trail("AssumeRole", f"jitui-{grant}-bot")), watching, knock.worst_s * 1000, lag_ms, found)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 180.0
    with tempfile.TemporaryDirectory() as place, stand_in.up(Path(place) / "eks", "--session-seconds", "20") as eks:
        print(work(Path(place) / "gateway", eks, seconds))


if __name__ == "__main__":
    main()
