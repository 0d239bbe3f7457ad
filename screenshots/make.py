"""The pictures of every screen, from a real run: a cluster, a gateway, agents at work with kubectl, and the app itself.

    make screenshots        needs a real kubectl, chromium, and rsvg-convert (Debian: librsvg2-bin) with a monospace font (fonts-dejavu-core)
"""

import asyncio
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from jitui.api.client import Address, Client
from jitui.tui.app import JituiApp
from tests.support import kubectls
from tests.support.clusters import embedded
from tests.support.gateway import Agent, Gateway, rule
from tests.support.kubectls import Kubectl
from tests.support.processes import Program, until
from tests.support.tmux import Tmux

RULES = [
    rule("agent-deploybot", connection="prod-eks", scope=["read pods,pods/log,deployments.apps in web", "patch deployments.apps in web"]),
    rule("agent-triage", connection="prod-eks", duration="1h", scope=["@debug in web"]),
    rule("agent-sre", connection="prod-eks", scope=["@debug in web"]),
    rule("agent-release", connection="prod-eks", scope=["@debug in web", "create,patch configmaps in web", "patch deployments.apps in web",
                                                        "patch deployments.apps/scale in web"]),
    rule("ci-nightly", connection="prod-eks", duration="1h", scope=["@view in *"], approvals=2),
]
SHELL = (b"ls -la\r", b"cat /etc/hostname\r", b"for i in 1 2 3; do echo step $i; done\r", b"ps | head -5\r")


@dataclass(frozen=True, slots=True)
class Stage:
    """What is going on when the pictures are taken."""

    gateway: Gateway
    agents: dict[str, Agent]
    shell: Program
    then: datetime  # before the newest requests came
    to_shell: tuple[str, ...]  # the keys that lead to the shell's session in History


def ask(gateway: Gateway, agent: Agent, *args: str) -> dict[str, Any]:
    found: dict[str, Any] = gateway.ask_json("request", "prod-eks", *args, by=agent)
    return found


def release(gateway: Gateway, kubectl: Kubectl, agent: Agent) -> None:
    """A window that has ended, and what it wrote."""
    grant = gateway.jitui("approve", ask(gateway, agent, "--duration", "20m", "--reason", "release 1.6 of the shop")["id"], as_json=True).ok().json["grant"]
    for args in (
        ["set", "image", "deployment/shop", "shop=registry.local/shop:1.6"],
        ["patch", "configmap", "shop", "--type=merge", "-p", '{"data":{"LOG_LEVEL":"debug"}}'],
        ["create", "configmap", "release-notes", "--from-literal=version=1.6"], ["scale", "deployment/shop", "--replicas=3"],
        ["exec", "web", "--", "tar", "cf", "-", "/etc/hostname"],
    ):  # fmt: skip
        gateway.kubectl(kubectl, agent, "-n", "web", *args)
    gateway.jitui("revoke", grant, "--reason", "released").ok()


def play(gateway: Gateway) -> Stage:
    """Agents ask, some are granted, one works in a shell, one is refused something."""
    kubectl = next(reversed(kubectls.found().values()))
    agents = {str(entry["identity"]): gateway.agent(str(entry["identity"]), owner="bo") for entry in RULES}
    sre, triage, bot = agents["agent-sre"], agents["agent-triage"], agents["agent-deploybot"]
    gateway.jitui("approve", ask(gateway, sre, "--duration", "4m", "--reason", "pods restart, looking why")["id"]).ok()
    gateway.jitui("approve", ask(gateway, triage, "--duration", "25m", "--reason", "slow checkout, OPS-1190")["id"]).ok()
    for args in (["get", "pods"], ["get", "deployments"], ["get", "secrets"], ["logs", "chatty", "--tail=5"], ["exec", "web", "--", "sh", "-c", "env | sort"]):
        gateway.kubectl(kubectl, sre, "-n", "web", *args)
    release(gateway, kubectl, agents["agent-release"])
    shell = gateway.spawn_kubectl(kubectl, sre, "-n", "web", "exec", "-it", "web", "--", "sh", tty=(24, 80))
    gateway.live("exec")
    gateway.spawn_kubectl(kubectl, triage, "-n", "web", "logs", "-f", "chatty")
    second = gateway.spawn_kubectl(kubectl, sre, "-n", "web", "exec", "-it", "web", "--", "sh", tty=(24, 80))
    time.sleep(1)
    for line in SHELL:
        shell.write(line)
        second.write(b"date; ls /proc/self/fd | wc -l\r")
        time.sleep(0.7)
    then = datetime.now(UTC)
    time.sleep(1.2)
    ask(gateway, bot, "--duration", "30m", "--reason", "roll web back to 1.4, OPS-1182")
    ask(gateway, agents["ci-nightly"], "--duration", "1h", "--scope", "@view in *", "--reason", "nightly inventory")
    newest_first = [view.kind == "exec" and view.tty for view in reversed(gateway.desk(lambda remote: remote.sessions()))]
    last = max(at for at, terminal in enumerate(newest_first) if terminal)
    return Stage(gateway, agents, shell, then, ("3", *["down"] * last))


async def picture(stage: Stage, name: str, size: tuple[int, int], *keys: str, shows: str = "", wait: float = 1.2) -> None:
    """Open the app on the gateway, press the keys, and keep what is on the screen, which `shows` that word. Raises AssertionError if it does not."""
    remote = Client(Address.parse(f"unix:{stage.gateway.ready['socket']}"))
    app = JituiApp(remote)
    async with app.run_test(size=size) as pilot:
        await pilot.pause(wait)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(wait)
        svg = app.export_screenshot(title=f"jitui {size[0]}x{size[1]}")
    assert shows in svg, f"{name}: another screen was open after {keys}"
    convert(svg, Path(__file__).with_name(f"{name}.png"))


def convert(svg: str, target: Path) -> None:
    """PNG with this machine's monospace font; no address of any web font is left in it."""
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg).replace("Fira Code", "DejaVu Sans Mono").replace("<text ", '<text xml:space="preserve" ')
    subprocess.run(["rsvg-convert", "--zoom", "1.0", "-o", str(target)], input=svg.encode(), check=True)
    print(target.relative_to(ROOT))


def page(stage: Stage, folder: Path) -> None:
    """The window with two shells as one HTML page, as a browser shows it, when both have said something."""
    file, target = folder / "window.html", Path(__file__).with_name("html.png")
    window = next(view.id for view in stage.gateway.desk(lambda remote: remote.grants(everything=True)) if view.identity == "agent-sre")
    began = stage.gateway.desk(lambda remote: remote.moment(window)).approved
    at_s = (stage.then - datetime.fromisoformat(began)).total_seconds()
    stage.gateway.jitui("export", window, "--format", "html", "--output", str(file)).ok()
    subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1400,800", "--virtual-time-budget=3000",
                    f"--user-data-dir={folder / 'profile'}", f"--screenshot={target}", f"{file.as_uri()}#t={at_s:.1f}"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    print(target.relative_to(ROOT))


def over_ssh(stage: Stage, folder: Path, size: tuple[int, int], *keys: str) -> None:
    """The screens as a person has them who comes by OpenSSH, in a real terminal; in true colour, as that has shown them."""
    gateway, key = stage.gateway, folder / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    public = key.with_suffix(".pub").read_text()
    gateway.desk(lambda remote: remote.identity_add("ana", roles=("approver", "operator"), ssh_keys=public))
    host, _, port = gateway.ready["ssh"].rpartition(":")
    argv = ["ssh", "-F", "none", "-i", str(key), "-o", f"UserKnownHostsFile={folder / 'known'}", "-o", "StrictHostKeyChecking=accept-new",
            "-o", "LogLevel=ERROR", "-o", "SendEnv=COLORTERM", "-t", "-p", port, f"ana@{host}"]  # fmt: skip
    env = {"HOME": str(folder), "PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    with Tmux(folder, argv, env=env, columns=size[0], lines=size[1]) as terminal:
        terminal.until("gateway ok")
        for pressed in keys:
            time.sleep(1.5)
            terminal.press(pressed)
        time.sleep(2)
        shown = terminal.shown(colours=True)
    console = Console(record=True, width=size[0], file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(shown), end="")
    convert(console.export_svg(title="ssh -t ana@gateway"), Path(__file__).with_name("ssh.png"))


SHOTS: list[tuple[str, tuple[int, int], tuple[str, ...]]] = [
    ("desk", (120, 32), ()),
    ("desk-80x24", (80, 24), ()),
    ("desk-200x60", (200, 60), ()),
    ("decide", (120, 32), ("enter",)),
    ("live", (120, 36), ("2", "enter", "end", "enter")),
    ("help", (120, 36), ("question_mark",)),
    ("changes", (120, 36), ("end", "c")),
    ("changes-200x60", (200, 60), ("end", "c", "down")),
    ("residue", (120, 32), ("end", "R")),
]


async def take(stage: Stage, then: Callable[[], Awaitable[None]]) -> None:
    for name, size, keys in SHOTS:
        await picture(stage, name, size, *keys)
    await picture(stage, "replay-window", (200, 50), *stage.to_shell, "r", "space", "e", "e", "e", shows="tenth")
    await picture(stage, "as-of", (120, 32), "at", *f"{stage.then:%H:%M:%S}Z", "enter", shows="ONLY", wait=0.5)
    await then()


def main() -> None:
    if not (shutil.which("rsvg-convert") and shutil.which("chromium")):
        sys.exit("screenshots need rsvg-convert and chromium: apt-get install librsvg2-bin fonts-dejavu-core chromium")
    with tempfile.TemporaryDirectory(prefix="jitui-shots-") as name:
        folder = Path(name)
        with embedded(folder / "cluster") as cluster:
            listen = {"kube": "127.0.0.1:0", "api": "127.0.0.1:0", "ssh": "127.0.0.1:0"}
            gateway = Gateway(folder / "gateway", cluster, rules=RULES, connection="prod-eks", config={"listen": listen})
            with gateway:
                stage = play(gateway)

                async def replay() -> None:
                    stage.shell.write(b"exit\r")
                    await asyncio.sleep(1)
                    await asyncio.to_thread(until, lambda: not stage.gateway.desk(lambda remote: remote.find("shop")).notes[1:], "the index to catch up", 300)
                    await picture(stage, "find", (120, 32), "3", "slash", *"shop", shows="newest")
                    await picture(stage, "replay", (120, 32), *stage.to_shell, "enter", "end", "left", "left", shows="exec")

                over_ssh(stage, folder, (120, 36), "2", "Enter", "End", "Enter")
                asyncio.run(take(stage, replay))
                page(stage, folder)


if __name__ == "__main__":
    main()
