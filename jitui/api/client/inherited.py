"""Connections of a process that the gateway started for a person: it may make none itself, and asks for each over a socket that it inherited.

One packet asks; the answer is a packet with a connected socket, or without one if there are too many. Whoever the gateway started it for, is
the caller on each of these. There is no address and no token that another process could use.
"""

import socket
from threading import Lock
from typing import Final

ASKS, GIVES, REFUSES = b"?", b"+", b"-"
ASKING: Final = Lock()  # one thread asks at a time: the answers come in order


def asked(control: int, patience: float) -> socket.socket:
    """A connected socket, asked for over the descriptor `control`, a sequenced-packet socket to the gateway. It blocks.

    Raises ConnectionError: the gateway, or the right to ask it, is gone.
    """
    with ASKING, socket.socket(fileno=control) as over:
        try:
            over.settimeout(patience)
            over.send(ASKS)
            said, given, _, _ = socket.recv_fds(over, 1, 1)
        except OSError as error:
            raise ConnectionError(f"the connection to the gateway is over: {error.strerror or error}") from None
        finally:
            over.detach()
    if not given:
        raise ConnectionError("the gateway gives no more connections" if said else "the connection to the gateway is over")
    return socket.socket(fileno=given[0])
