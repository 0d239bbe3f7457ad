"""Listens for SSH: its socket, the options of the protocol, and every open connection."""

import asyncio
import contextlib
import logging
import socket
from base64 import b64decode
from functools import partial
from pathlib import Path
from typing import Final

from asyncssh import SSHServerConnectionOptions

from jitui.access import Broker
from jitui.auth.sshkeys import fingerprint
from jitui.auth.standing import LOOK_S
from jitui.listeners.address import ListenAddress
from jitui.listeners.admission import Admission
from jitui.listeners.caps import Caps
from jitui.listeners.porch import SHUTDOWN_S, Porch, address_of
from jitui.listeners.ssh import hostkey
from jitui.listeners.ssh.connection import SIGNATURES, Caller, Connection
from jitui.listeners.ssh.person import Admit, Reception
from jitui.listeners.ssh.request import Rooms
from jitui.listeners.ssh.who import Keys
from jitui.listeners.turnstile import Turnstile
from jitui.listeners.visitors import Visitors
from jitui.proxy.entry import Proxy
from jitui.values.errors import TooManyError, UnavailableError

BACKLOG: Final = 128
AT_ONCE: Final = 2  # slices of strangers that are read in one turn of the loop: a key exchange takes some milliseconds
KEX: Final = ["mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"]
CIPHERS: Final = ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr"]
MACS: Final = ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"]
VERSION: Final = "OpenSSH_jitui"  # only a server of that name is told by OpenSSH that nobody reads a command's output any more
REKEY_BYTES: Final = 1 << 30
REKEY_S: Final = 3600
ALIVE_S: Final = 15  # seconds of silence before a client is asked whether it is there
ALIVE_TRIES: Final = 3

logging.getLogger("asyncssh").setLevel(logging.CRITICAL + 1)  # its log has names, commands and variables in it, as clients typed them


class SshListener:
    """The SSH listener of one gateway."""

    options: SSHServerConnectionOptions

    def __init__(self, broker: Broker, proxy: Proxy, keys: Keys, own_uid: int, caps: Caps, admit: Admit) -> None:
        """`own_uid`: the Unix user that the gateway runs as. `admit`: serves a socket as a person's, as the API does."""
        visitors = Visitors(caps, broker.pressure.at_work)
        self.keys, self.turnstile = keys, Turnstile(AT_ONCE)
        self.rooms = Rooms(broker, proxy, visitors, Admission(broker, proxy, visitors, own_uid))
        self.reception = Reception(admit, broker.roster.directory, proxy.spawn, visitors)
        self.connections: set[Connection] = set()
        self.sessions = 0  # of agents: each may have a connection to a cluster; people's processes are counted by `reception`
        self.host, self.port = "", 0
        self.host_key = ""  # its public line, for clients to pin; once it is open
        self._sock: socket.socket | None = None
        self._watching: asyncio.Task[None] | None = None
        self._directory = broker.roster.directory
        self._porch = Porch(visitors, proxy.spawn, address_of, asks_owner=bool(proxy.isolated))

    def bind(self, address: ListenAddress, names: list[str]) -> None:
        """Take the address; a client that connects waits until `open`. Raises UnavailableError if it is taken."""
        try:
            self._sock = address.listen(BACKLOG)
        except OSError as error:
            raise UnavailableError(f"port {address.port} on {address.host} can't be opened for the SSH listener ({error.strerror or error}); "
                                   "set another as listen.ssh") from None
        self.host, self.port = address.public(names), self._sock.getsockname()[1]

    @property
    def place(self) -> str:
        """Host and port, as clients use them."""
        return str(ListenAddress(self.host, self.port))

    @property
    def told(self) -> tuple[str, str]:
        """Its place, and the public line of its key, for clients."""
        return self.place, self.host_key

    @property
    def fingerprint(self) -> str:
        """Of its host key."""
        return fingerprint(b64decode(self.host_key.split()[1]))

    async def open(self, folder: Path) -> str:
        """Let clients in, at the place that is returned. `folder`: has the host key. Raises ConfigurationError."""
        assert self._sock is not None
        host_key = await asyncio.to_thread(hostkey.ensure, folder)
        self.host_key = host_key.export_public_key("openssh").decode("ascii").strip()
        self.options = await SSHServerConnectionOptions.construct(
            None, config=(), server_factory=Caller, server_host_keys=[host_key], send_server_host_keys=False, allow_pty=True, line_editor=False,
            x11_forwarding=False, agent_forwarding=False, allow_scp=False, host_based_auth=False, kbdint_auth=False, gss_host=None, rdns_lookup=False,
            encoding=None, kex_algs=KEX, encryption_algs=CIPHERS, mac_algs=MACS, signature_algs=SIGNATURES, compression_algs=["none"],
            rekey_bytes=REKEY_BYTES, rekey_seconds=REKEY_S, keepalive_interval=ALIVE_S, keepalive_count_max=ALIVE_TRIES, login_timeout=0,
            server_version=VERSION,
        )  # fmt: skip
        sock, self._sock = self._sock, None
        self._porch.open(sock, None, partial(Connection, self))
        self.rooms.proxy.spawn(self._watch)
        return self.place

    def room(self) -> None:
        """For one more session of an agent. Raises TooManyError."""
        most = self.rooms.visitors.caps.agents
        if self.sessions >= most:
            raise TooManyError(f"{most} SSH sessions of agents are open, as many as the descriptors of this gateway allow; end one of them, or try again later")

    async def _watch(self) -> None:
        """Ends the connections of whoever is not known any more: at once after a change of the directory, and within LOOK_S of a key's or a token's expiry."""
        self._watching = asyncio.current_task()
        with self._directory.changes() as news:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await news.wait()
                news.clear()
                for connection in list(self.connections):
                    connection.look()

    async def aclose(self) -> None:
        """Stop listening, then close what is still open; who was told last words has two seconds to read them."""
        if self._sock is not None:
            self._sock.close()
        self._porch.close()
        if self._watching is not None:
            self._watching.cancel()
        loop = asyncio.get_running_loop()
        give_up = loop.time() + SHUTDOWN_S
        for connection in list(self.connections):
            connection.leave("the gateway is stopping; connect again when it is back")
        while self.connections and loop.time() < give_up:  # noqa: ASYNC110 - what changes has no event
            await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.cut()
