"""The process of one command of a person over SSH: `python -m jitui.cli.visit N`, started by the gateway, with its socket to it as descriptor N.

It is confined before it reads the person's words, which come over that socket and not as arguments, where every user of the machine could read them.
"""

import fcntl
import json
import os
import socket
import sys
import termios
from pathlib import Path
from typing import NoReturn

from jitui.cli.confinement import confine, python
from jitui.values.errors import UnavailableError

LONGEST = 256 << 10  # bytes of an errand: of the longest command, with each byte escaped in JSON


def main(control: int) -> NoReturn:
    """Does what the gateway hands over: JSON with `words`."""
    os.set_inheritable(control, False)
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that it gets the signals of its terminal
    sys.dont_write_bytecode = True
    try:
        confine(*python(), [Path("/dev/null")])
    except UnavailableError as error:
        print(f"jitui: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    with socket.socket(fileno=control) as channel:
        errand = json.loads(channel.recv(LONGEST))
        channel.detach()
    os.environ["JITUI_GATEWAY"] = f"fd:{control}"
    from jitui.cli.offered import tree  # noqa: PLC0415 - not before the process is confined

    tree().main(args=errand["words"], prog_name="jitui", obj={"local": False})
    sys.exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
