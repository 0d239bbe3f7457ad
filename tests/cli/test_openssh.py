"""The Host block is tried with OpenSSH, as it is printed."""

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from jitui.api.views import Hello
from jitui.auth.sshkeys import read_keys
from jitui.cli.openssh import block, pinned
from jitui.demo.cluster import EmbeddedCluster
from jitui.values.errors import InvalidError, NotFoundError
from tests.cli.conftest import Front, jitui
from tests.fakes.house import ADMIN
from tests.support import openssh
from tests.test_serve import running

KEY: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPQRwL59NKq/AZfGJ/7m4zjDjFKqCo7e2vwy7mt9hqdq"
HELLO: Final = Hello(version="1", api=1, gateway_id="a1b2c3d4", you="bot", roles=("agent",), rights=(), solo=False, connections=("prod",),
                     ssh="10.0.0.5:8422", ssh_host_key=f"{KEY} comment")  # fmt: skip


async def ssh(file: Path, key: Path, *words: str) -> str:
    """Its words on stderr."""
    process = await asyncio.create_subprocess_exec("ssh", "-F", str(file), "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i", str(key), *words,
                                                   stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE)  # fmt: skip
    async with asyncio.timeout(20):
        return (await process.communicate())[1].decode()


async def test_openssh_takes_it_and_nobody_elses_key(tmp_path: Path) -> None:
    """With the key in the block, and in a file; any other key is refused. The key stays the same at the next start, and ready.json has its fingerprint."""
    key, file, hosts = openssh.made(tmp_path / "id"), tmp_path / "config", tmp_path / "hosts"
    cluster = await EmbeddedCluster.start(tmp_path / "cluster")
    prints = []
    for more in ((), ("--known-hosts", str(hosts))):
        async with running(tmp_path, cluster, {"ssh": "127.0.0.1:0"}, ["prod"]) as gateway:
            roster = gateway.broker.roster
            if roster.named("bot") is None:
                await roster.add("bot", ["agent"], "ana", by=ADMIN, keys=read_keys(openssh.public(key)))

            def command(*args: str) -> Any:
                return jitui("ssh-config", *args, env={"JITUI_GATEWAY": f"unix:{tmp_path / 'socket'}"})

            made = await asyncio.to_thread(command, "--user", "bot", "--host", "gw", *more)
            assert "put this into ~/.ssh/config" in made.err
            file.write_text(made.out)
            assert "bot has no live window on prod" in await ssh(file, key, "gw", "prod web/web-0 true")
            prints.append(gateway.addresses["ssh_fingerprint"])
            shown = await asyncio.to_thread(command, "--json")
            (tmp_path / "host.pub").write_text(json.loads(shown.out)["known_hosts"].partition(" ")[2])
            assert openssh.printed(tmp_path / "host.pub") == prints[-1]
            for place in (file, hosts):
                if place.exists():
                    place.write_text(re.sub(r"ssh-ed25519 AAAA\S+", KEY, place.read_text()))
            assert "Host key verification failed" in await ssh(file, key, "gw", "prod web/web-0 true")
    assert prints[0] == prints[1]
    await cluster.aclose()


def test_without_a_listener(front: Front) -> None:
    """It says which line of the configuration is missing."""
    assert front("ssh-config").err == "jitui: this gateway has no SSH listener; its configuration may have one: listen: {ssh: 127.0.0.1:8422}\n"


def test_nothing_slips_into_the_block(tmp_path: Path) -> None:
    """Neither from the gateway's answer nor from the command line: a line more would be an order to ssh."""
    assert pinned(HELLO) == f"jitui-a1b2c3d4 {KEY}"
    assert "\n    HostName ::1\n    Port 22\n" in block(replace(HELLO, ssh="[::1]:22"), "gw", "bot", None)
    for wrong in (replace(HELLO, ssh="gw:22\nProxyCommand id"), replace(HELLO, ssh_host_key=f"{KEY}\nx"), replace(HELLO, ssh_host_key="ssh-rsa AAAA"),
                  replace(HELLO, gateway_id="a b")):  # fmt: skip
        with pytest.raises(InvalidError):
            block(wrong, "gw", "bot", None)
    for name, user, file in (("gw *", "bot", None), ("gw", "bot\nProxyCommand id", None), ("gw", "%h", None), ("gw", "bot", tmp_path / 'a"b'),
                             ("gw", "bot", tmp_path / "%h")):  # fmt: skip
        with pytest.raises(InvalidError):
            block(HELLO, name, user, file)
    with pytest.raises(NotFoundError):
        pinned(replace(HELLO, ssh=""))
