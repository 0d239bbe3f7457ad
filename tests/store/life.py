"""Lives of requests, grants and sessions as drafts, and a store to put them in."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from jitui.policy.action import Action
from jitui.recording.facts import Draft, Kind
from jitui.recording.frame import Channel, Frame
from jitui.store import ActionRow, Store
from jitui.store.bus import Bus
from jitui.values.clock import Clock, ManualClock

NOW: Final = 1_795_449_600_000_000
BOOT: Final = 1_000_000_000
DEADLINE: Final = {"wall_us": NOW + 1_800_000_000, "boot_us": BOOT + 1_800_000_000, "boot_id": "boot-1"}
APPROVED: Final = {"wall_us": NOW, "boot_us": BOOT, "boot_id": "boot-1"}
RESERVE: Final = 1 << 20


@asynccontextmanager
async def opened(folder: Path, clock: Clock | None = None, bus: Bus | None = None, **options: Any) -> AsyncIterator[Store]:
    """A store on real files."""
    store = await Store.open(folder, clock or ManualClock(), bus or Bus(), **{"reserve_bytes": RESERVE, **options})
    try:
        yield store
    finally:
        await store.aclose()


async def crashed(folder: Path) -> Path:
    """The files of an open store as a kill would leave them, logs and all, as a copy. One during which nothing was written, and no file came or went."""

    def look() -> dict[Path, tuple[int, int, int]]:
        files = {path: path.stat() for path in folder.rglob("*") if path.suffix != ".db-shm"}
        return {path: (file.st_ino, file.st_size, file.st_mtime_ns) for path, file in files.items()}

    copy = folder.with_name("crashed")
    async with asyncio.timeout(10):
        while True:
            with suppress(FileNotFoundError, shutil.Error):
                before = look()
                shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*-shm"))
                if look() == before:
                    return copy
            shutil.rmtree(copy, ignore_errors=True)
            await asyncio.sleep(0.02)


def frames(session: int, bodies: Iterable[bytes], start: int = 0, channel: Channel = Channel.STDOUT) -> list[Frame]:
    return [Frame(session, seq, seq * 1000, 0, channel, body) for seq, body in enumerate(bodies, start)]


async def record(store: Store, recorded: Sequence[Frame]) -> None:
    """Put them all, and wait until they are on record. Raises what `done` got."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def told(error: Exception | None) -> None:
        if error:
            done.set_exception(error)
        else:
            done.set_result(None)

    store.put_all(recorded, told)
    await done


def added(name: str = "agent-a", roles: Sequence[str] = ("agent",), owner: str = "ana") -> Draft:
    return Draft(Kind.IDENTITY_ADDED, name, "root", {"roles": list(roles), "owner": owner})


def issued(token: str, identity: str = "agent-a", who: str = "root", sha256: bytes = b"h" * 32) -> Draft:
    return Draft(Kind.TOKEN_ISSUED, identity, who, {"token": token, "expires_us": NOW * 2, "sha256": sha256.hex()})


def keyed(fingerprint: str, identity: str = "agent-a", who: str = "root") -> Draft:
    return Draft(Kind.SSH_KEY_ADDED, identity, who, {"type": "ssh-ed25519", "fingerprint": fingerprint, "key": "6b6579", "comment": "laptop"})


def unkeyed(fingerprint: str, identity: str = "agent-a") -> Draft:
    return Draft(Kind.SSH_KEY_REVOKED, identity, "root", {"fingerprint": fingerprint, "why": "lost"})


def asked(ident: int, **what: Any) -> Draft:
    return Draft(Kind.REQUEST_ASKED, f"r-{ident}", "agent-a", {
        "identity": "agent-a", "connection": "prod", "duration_s": 1800, "scope": "read pods in web; exec pods in web", "reason": "why \x1b[31m not",
        "peer": "10.0.0.9:4711", "token": "0a1b2c3d", "same_user": True, "asked_us": NOW, "asked_boot_us": BOOT, "boot_id": "boot-1",
        "pending_us": 3_600_000_000, **what})


def approved(ident: int, person: str = "ana", **what: Any) -> Draft:
    return Draft(Kind.REQUEST_APPROVED, f"r-{ident}", person, {"person": person, "duration_s": 1800, "scope": "read pods in web", "reason": "ok",
                                                               "digest": "d", "automatic": False, **what})


def granted(ident: int, request: int, **what: Any) -> Draft:
    return Draft(Kind.GRANT_STARTED, f"g-{ident}", "ana", {
        "request": request, "identity": "agent-a", "connection": "prod", "scope": "read pods in web", "duration_s": 1800, "approved_by": ["ana"],
        "approved": APPROVED, "state": "active", "started_us": NOW, "deadline": DEADLINE, **what})


def began(ident: int, grant: int = 1, kind: str = "exec", **what: Any) -> Draft:
    return Draft(Kind.SESSION_OPENED, f"s-{ident}", "agent-a", {
        "grant": grant, "kind": kind, "target": "web/web-7c", "argv": ["sh", "-c", "id"], "tty": True, "peer": "10.0.0.9:4711", "command_group": "",
        "started_us": NOW, "started_boot_us": BOOT, "boot_id": "boot-1", **what})


def ended(ident: int, why: str = "exit", **what: Any) -> Draft:
    return Draft(Kind.SESSION_ENDED, f"s-{ident}", "gateway", {"why": why, "by": "agent-a", "delivered_in": 0, "delivered_out": 5, "conns": [],
                                                               "may_run_on": 0, **what})


def window(request: int = 1, grant: int = 1) -> list[Draft]:
    """From the ask to the live grant."""
    return [asked(request), approved(request), granted(grant, request)]


def attempted(**fields: Any) -> ActionRow:
    values: dict[str, Any] = {"at_us": NOW, "identity": "agent-a", "connection": "prod", "hazard": "READ", "verdict": "denied",
                              "action": Action("list", resource="pods", namespace="web", version="v1"), "clause": "no window", "code": 403}
    return ActionRow(**{**values, **fields})


async def until(true: Any, seconds: float = 30.0) -> None:
    """Wait for something of another thread. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what changes is a file, or another thread
            await asyncio.sleep(0.01)
