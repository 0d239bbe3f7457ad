"""The state folder: its layout, its modes, its lock, and the reserve that is given up for the last facts.

ledger.db, log.db, tapes/000001.db, index.db, keys/ledger.ed25519, owed, reserve, lock; used.json and ports.json are the gateway's.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from jitui.values.errors import ConflictError, UnsafeError

RESERVE: Final = 64 << 20  # bytes
LOGS: Final = 4 << 20  # bytes of logs that a checkpoint may still have to copy: more than it leaves, and a tenth of a second brings
# file systems that other machines write too, or whose locks and flushes can't be relied on
REMOTE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "gpfs", "ocfs2", "gfs2", "ncpfs",
                           "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.ceph"})


class Folder:
    """Paths and checks of one state folder; holds its lock from `take()` to `close()`."""

    def __init__(self, root: Path, *, reserve_bytes: int = RESERVE) -> None:
        self.root = root
        self.ledger = root / "ledger.db"
        self.log = root / "log.db"
        self.tapes = root / "tapes"
        self.keys = root / "keys"
        self.ledger_key = self.keys / "ledger.ed25519"
        self.adopted = self.keys / "ledger.adopted"
        self.owed = root / "owed"
        self.reserve = root / "reserve"
        self.reserve_bytes = reserve_bytes
        self._lock_path = root / "lock"
        self._lock_fd = -1

    def take(self) -> None:
        """Make what is missing, be the only gateway here, and check what is there.

        Raises UnsafeError with the command that mends it, ConflictError naming the other gateway's pid.
        """
        try:
            for path in (self.root, self.tapes, self.keys):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UnsafeError(f"state folder {self.root} can't be made: {error.strerror}; choose another with --data-dir") from error
        kind = file_system(self.root)
        if kind in REMOTE:
            raise UnsafeError(f"state folder {self.root} is on a network file system ({kind}), where a commit proves nothing; "
                              "choose a local one with --data-dir")
        for path in (self.root, self.tapes, self.keys):
            _check(path)
        self._lock()
        try:
            for path in self._files():
                _check(path)
        except BaseException:
            self.close()
            raise

    def _files(self) -> Iterator[Path]:
        for folder, pattern in ((self.root, "*.db*"), (self.tapes, "*"), (self.keys, "*"), (self.root, "owed"), (self.root, "used.json"),
                                (self.root, "ports.json"), (self.root, "reserve"), (self.root, "lock")):
            yield from sorted(folder.glob(pattern))

    def _lock(self) -> None:
        fd = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise ConflictError(f"another gateway (pid {holder}) holds {self.root}; use it, end it with: jitui stop, "
                                "or choose another folder with --data-dir") from error
        with suppress(OSError):  # on a full disk: the lock is what counts, the pid is for the other one's message
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode("ascii"), 0)
        self._lock_fd = fd

    def close(self) -> None:
        """Let the lock go."""
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def hold_reserve(self) -> bool:
        """Make sure the reserve is there in full; False if the disk has no room for it."""
        if not (self.reserve.exists() and self.reserve.stat().st_size) and self.free_bytes() < self.reserve_bytes:
            return False
        fd = os.open(self.reserve, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(fd, 0, self.reserve_bytes)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                raise
            os.ftruncate(fd, 0)
            return False
        finally:
            os.close(fd)
        return True

    def has_room_for_logs(self) -> bool:
        """Whether the reserve and a checkpoint of the logs fit: else the first checkpoint after a full disk would fill it again."""
        held = self.reserve.stat().st_size if self.reserve.exists() else 0
        logs = sum(path.stat().st_size for path in (*self.root.glob("*.db-wal"), *self.tapes.glob("*.db-wal")))
        return self.free_bytes() >= self.reserve_bytes - held + min(logs, LOGS)

    def hold_what_is_left(self) -> None:
        """Keep for the next start what a full disk left of the reserve; a last checkpoint would use it up."""
        with suppress(OSError):
            fd = os.open(self.reserve, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                size = min(self.free_bytes() - (64 << 10), self.reserve_bytes)
                if size > 0:
                    os.posix_fallocate(fd, 0, size)
            finally:
                os.close(fd)

    def give_up_reserve(self) -> bool:
        """Free the reserve for the last facts; False if it was given up before."""
        try:
            if not self.reserve.stat().st_size:
                return False
            os.truncate(self.reserve, 0)
        except FileNotFoundError:
            return False
        return True

    def free_bytes(self) -> int:
        """Bytes this user can still write to the folder's file system, the reserve not counted."""
        return self.room()[0]

    def room(self) -> tuple[int, int]:
        """The same, and the bytes that the file system has in all."""
        room = os.statvfs(self.root)
        return room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize

    def tape(self, number: int) -> Path:
        return self.tapes / f"{number:06d}.db"

    def tape_numbers(self) -> list[int]:
        """Of the tapes that are there, oldest first."""
        return tape_numbers(self.tapes)


def reserve(folder: Path) -> int:
    """The number of bytes reserved for the last facts: 64 MiB, or a sixteenth of a small file system."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    stat = os.statvfs(there)
    return min(RESERVE, stat.f_blocks * stat.f_frsize // 16)


def tape_numbers(tapes: Path) -> list[int]:
    """Numbers of the tapes in a folder of tapes, oldest first."""
    return sorted(int(path.stem) for path in tapes.glob("*.db") if path.stem.isascii() and path.stem.isdecimal() and path.stem == f"{int(path.stem):06d}")


def _check(path: Path) -> None:
    """Raises UnsafeError if others may read or write it, or we can't."""
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    wanted = 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
    what = "folder" if stat.S_ISDIR(found.st_mode) else "file"
    if mode & 0o077:
        raise UnsafeError(f"{what} {path} is open to others (mode {mode:04o}, {wanted:04o} needed); mend it with: chmod {wanted:o} {path}")
    if mode & wanted != wanted:
        raise UnsafeError(f"{what} {path} is not writable (mode {mode:04o}, {wanted:04o} needed); mend it with: chmod {wanted:o} {path}")
    if not os.access(path, os.R_OK | os.W_OK):
        raise UnsafeError(f"{what} {path} can't be written by uid {os.geteuid()} (its owner is {found.st_uid}); "
                          "run the gateway as its owner, or choose another folder with --data-dir")


def file_system(path: Path) -> str:
    """The kind of file system a path is on, as /proc/self/mountinfo names it; "" if unknown (proc_pid_mountinfo(5))."""
    real = os.path.realpath(path)
    best, kind = "", ""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    for line in lines:
        mounted, _, source = line.partition(" - ")
        point = mounted.split(" ")[4].replace("\\040", " ").replace("\\134", "\\")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, source.split(" ")[0]
    return kind
