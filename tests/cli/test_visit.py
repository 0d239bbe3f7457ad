"""The process of one command, without a gateway behind it."""

import json
import socket
import subprocess
import sys
from pathlib import Path

from jitui.listeners.ssh.child import MODULE


def test_it_reads_its_words_from_the_socket_and_has_no_other_way(tmp_path: Path) -> None:
    """They stand in no argument; a token or a gateway in its environment does not count, and the end of its socket is the end of the gateway."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.send(json.dumps({"words": ["requests"]}).encode())
        ours.shutdown(socket.SHUT_WR)
        env = {"JITUI_GATEWAY": f"unix:{tmp_path}/desk.sock", "JITUI_TOKEN": str(tmp_path / "token")}
        done = subprocess.run(
            [sys.executable, "-I", "-m", MODULE, str(theirs.fileno())], env=env, pass_fds=[theirs.fileno()], capture_output=True,
            stdin=subprocess.DEVNULL, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("jitui: ")
