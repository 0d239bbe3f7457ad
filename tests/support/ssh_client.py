"""OpenSSH as an agent has it: a key of its own that the gateway knows, and the gateway's host key pinned."""

import os
import subprocess
from pathlib import Path
from typing import Final

from tests.support.gateway import Agent, Gateway
from tests.support.processes import PATIENCE, Program, Result, run

LISTEN: Final = {"kube": "127.0.0.1:0", "api": "127.0.0.1:0", "ssh": "127.0.0.1:0"}


class OpenSsh:
    """`ssh` of one agent, or of a person."""

    def __init__(self, gateway: Gateway, caller: Agent, key: Path | None = None) -> None:
        """Makes a key, unless there is one, and adds it to the identity."""
        self.gateway, self.caller = gateway, caller
        self.key, self.known = key or caller.home / "id_ed25519", caller.home / "known_hosts"
        if key is None:
            _ = subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True)
            public = self.key.with_suffix(".pub").read_text()
            gateway.desk(lambda remote: remote.identity_key_add(caller.name, ssh_keys=public))
        host = subprocess.run(["ssh-keygen", "-y", "-f", str(gateway.data / "keys" / "ssh_host_ed25519_key")], check=True, capture_output=True, text=True)
        self.known.write_text(f"[127.0.0.1]:{self.port} {host.stdout}")

    @property
    def port(self) -> int:
        return int(self.gateway.ready["ssh"].rpartition(":")[2])

    def argv(self, *words: str, options: tuple[str, ...] = ()) -> list[str]:
        return ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i", str(self.key), "-o", "LogLevel=ERROR", "-o",
                f"UserKnownHostsFile={self.known}", *options, "-p", str(self.port), f"{self.caller.name}@127.0.0.1", *words]  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.caller.home), "PATH": os.environ["PATH"], "TERM": "xterm-256color"}

    def run(self, *words: str, stdin: bytes = b"", options: tuple[str, ...] = (), timeout: float = PATIENCE) -> Result:
        return run(self.argv(*words, options=options), env=self.environment, stdin=stdin, timeout=timeout)

    def execute(self, argv: list[str]) -> Result:
        """Another program of OpenSSH."""
        return run(argv, env=self.environment)

    def spawn(self, *words: str, options: tuple[str, ...] = (), tty: tuple[int, int] | None = None) -> Program:
        """In the background; with `tty` (rows, columns) on a terminal of its own, which it asks one for at the far end."""
        return Program(self.argv(*words, options=(*options, "-tt") if tty else options), env=self.environment, tty=tty)
