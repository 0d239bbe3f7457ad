"""The API's addresses; the Unix socket for the people of a group with other users of this machine at the other end."""

import asyncio
import grp
import json
import os
import pwd
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from jitui import config
from jitui.access.requests import Ask
from jitui.api.client.transport import _no_socket
from jitui.api.server.sockets import bind_tcp, bind_unix, gid_of, open_folder
from jitui.demo.cluster.embedded import EmbeddedCluster
from jitui.listeners.address import ListenAddress
from jitui.serve import Gateway
from jitui.values.clock import SystemClock
from jitui.values.errors import ConfigurationError, ConflictError, UnsafeError

GROUP: Final = grp.getgrgid(os.getegid()).gr_name  # one that the tests' user is in
OTHERS: Final = "daemon"  # one that nobody of the tests is in, on every Linux
ANA, EVE, OUT = 20_001, 20_002, 20_003  # uids: a person; one of the group who is none; one who is not in the group


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users could reach (pytest's own are closed to them), as a runtime folder begins: ours alone."""
    with tempfile.TemporaryDirectory(prefix="jitui-") as made:
        yield Path(made)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_sockets_folder_and_mode(folder: Path) -> None:
    """The folder 0750 and the socket 0660, both the group's; without a group both stay the owner's."""
    with bind_unix(folder / "desk.sock"):
        assert (mode(folder), mode(folder / "desk.sock")) == (0o700, 0o600)
    (folder / "desk.sock").unlink()
    with bind_unix(folder / "desk.sock", GROUP):
        assert (mode(folder), mode(folder / "desk.sock")) == (0o750, 0o660)
        assert {path.stat().st_gid for path in (folder, folder / "desk.sock")} == {grp.getgrnam(GROUP).gr_gid}


def test_nobody_can_connect_before_the_socket_is_the_groups(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While its mode is changed it does not listen yet, and it is never open to more than in the end."""
    seen: list[tuple[int, bool]] = []
    chown = os.chown

    def looking(path: Path, *args: Any, **more: Any) -> None:
        if stat.S_ISSOCK(path.stat().st_mode):
            with socket.socket(socket.AF_UNIX) as client:
                seen.append((mode(path), client.connect_ex(str(path)) == 0))
        chown(path, *args, **more)

    monkeypatch.setattr(os, "chown", looking)
    bind_unix(folder / "desk.sock", GROUP).close()
    assert seen == [(0o600, False)]


def test_a_folder_that_is_not_the_sockets_own_is_not_opened(folder: Path) -> None:
    """A home, a data folder; nor one in which others could put a socket of theirs."""
    (folder / "ledger.db").touch()
    with pytest.raises(UnsafeError, match="not the socket's alone; name one of its own with --socket"):
        bind_unix(folder / "desk.sock", GROUP)
    assert (mode(folder), (folder / "desk.sock").exists()) == (0o700, False)
    folder.chmod(0o770)
    with pytest.raises(UnsafeError, match="can be written by others"):
        open_folder(folder, os.getegid(), GROUP)


def test_a_folder_that_nobody_reaches_is_said(folder: Path) -> None:
    """As $XDG_RUNTIME_DIR is closed to others; nor is one used whose place others could take."""
    inner = folder / "jitui"
    inner.mkdir(mode=0o700)
    with pytest.raises(UnsafeError, match=f"folder {folder} is closed to the group {OTHERS}, so nobody of it reaches {inner}"):
        open_folder(inner, grp.getgrnam(OTHERS).gr_gid, OTHERS)
    folder.chmod(0o777)
    with pytest.raises(UnsafeError, match=f"folder {folder} can be written by others"):
        open_folder(inner, grp.getgrnam(OTHERS).gr_gid, OTHERS)
    assert mode(inner) == 0o700


def test_a_group_that_is_not_there() -> None:
    with pytest.raises(ConfigurationError, match=r"no group no-such on this machine; make it with"):
        gid_of("no-such")


def test_a_group_without_people_is_a_mistake() -> None:
    """Nobody of it could do anything."""
    with pytest.raises(ConfigurationError, match=r"listen.socket_group: nobody is named under people"):
        config.read("listen: {socket_group: desk}\nconnections: {c: {kind: kubernetes, kubeconfig: /k}}\n", Path("/x/jitui.yaml"))


def as_user(uid: int, gids: list[int], call: Callable[[], object]) -> Any:
    """The result of a call in a process of another user and their groups."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.setgroups(gids)
            os.setgid(uid)
            os.setuid(uid)
            said = json.dumps(call())
        except OSError as error:
            said = json.dumps(type(error).__name__)
        with suppress(BaseException):
            os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return json.loads(said)


def ask(path: Path, method: str, what: str) -> tuple[int, Any]:
    """One request over a Unix socket, with nothing but the system's calls."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(f"{method} /v1{what} HTTP/1.1\r\nHost: gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        got = b""
        while data := client.recv(1 << 16):
            got += data
    head, _, body = got.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), json.loads(body)


@pytest.mark.root
async def test_a_member_of_the_group_is_recognised_and_approves(folder: Path, tmp_path: Path) -> None:
    """By the uid that the kernel tells; a member who is nobody here is told how they become somebody; who is no member does not get in."""
    gid = grp.getgrnam(OTHERS).gr_gid
    assert not {uid for uid in (ANA, EVE, OUT) if uid in {entry.pw_uid for entry in pwd.getpwall()}}
    cluster = await EmbeddedCluster.start(tmp_path / "cluster")
    (tmp_path / "jitui.yaml").write_text(yaml.safe_dump({
        "listen": {"kube": "127.0.0.1:0", "api": "127.0.0.1:0", "socket_group": OTHERS}, "people": {"ana": {"uid": ANA, "roles": ["approver"]}},
        "connections": {"test": {"kind": "kubernetes", "kubeconfig": str(cluster.kubeconfig)}},
        "rules": [{"identity": "bot", "connection": "test", "duration": "30m", "scope": "read pods in web"}],
    }))
    sock, ready = folder / "desk.sock", asyncio.Event()
    gateway = Gateway(config.load(tmp_path / "jitui.yaml"), tmp_path / "data", sock, SystemClock())
    running = asyncio.create_task(gateway.run(lambda _: ready.set()))

    async def by(uid: int, gids: list[int], method: str, what: str) -> Any:
        return await asyncio.to_thread(as_user, uid, gids, lambda: ask(sock, method, what))

    try:
        await asyncio.wait_for(ready.wait(), 20)
        agent, _ = await gateway.broker.roster.add("bot", ["agent"], "olga", by=gateway.broker.roster.people.by_uid(0))
        await gateway.broker.requests.ask(agent, Ask("test", 60, "x", "", "", "", same_user=False))
        assert await by(OUT, [], "GET", "/hello") == "PermissionError"
        assert "it is for its gateway's user, and for a group" in await asyncio.to_thread(as_user, OUT, [], lambda: str(_no_socket(sock)))
        code, error = await by(EVE, [gid], "GET", "/hello")
        assert (code, "user uid-20002 (uid 20002) is nobody here; add it under people:" in error["error"]["message"]) == (401, True)
        code, hello = await by(ANA, [gid], "GET", "/hello")
        assert (code, hello["you"], hello["roles"]) == (200, "ana", ["approver"])
        code, done = await by(ANA, [gid], "POST", "/requests/r-1/approve")
        assert (code, done["state"], done["decided_by"]) == (200, "approved", "ana")
    finally:
        gateway.stop()
        await running
        await cluster.aclose()


def test_binding_keeps_the_umask(tmp_path: Path) -> None:
    """The narrow umask is there for the bind alone."""
    before = os.umask(0o022)
    try:
        bind_unix(tmp_path / "s").close()
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600


def test_a_socket_left_behind_is_replaced(tmp_path: Path) -> None:
    """After a crash the next gateway takes its place; what is no socket is left alone."""
    path = tmp_path / "desk.sock"
    bind_unix(path).close()
    bind_unix(path).close()
    path.unlink()
    path.write_text("notes")
    with pytest.raises(UnsafeError, match=r"is there and is no socket"):
        bind_unix(path)
    assert path.read_text() == "notes"


def test_places_that_can_not_be(tmp_path: Path) -> None:
    """A path too long for a Unix socket, or in no folder, is said with what to do."""
    with pytest.raises(UnsafeError, match=r"longer than the 107 bytes"):
        bind_unix(tmp_path / ("x" * 100))
    with pytest.raises(UnsafeError, match=r"can't make the socket .*: No such file"):
        bind_unix(tmp_path / "no" / "s")


def test_a_port_that_is_taken() -> None:
    """One clear line that names the port and the key to change."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConflictError, match=r"port \d+ on 127.0.0.1 is taken; set another one as listen.api"):
        bind_tcp(ListenAddress("127.0.0.1", taken.getsockname()[1]))
    with pytest.raises(ConfigurationError, match=r"can't listen on 192.0.2.1:0"):
        bind_tcp(ListenAddress("192.0.2.1", 0))
