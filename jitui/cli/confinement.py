"""Takes from this process every way to files, sockets, other processes and privileges that the screens and commands of a person over SSH don't need.

Such a process runs as the gateway's Unix user, to whom the record, the keys and the credentials of the clusters belong, and whom the API's socket takes
for an administrator. The kernel is told before the first word of the person is read, and no program can take it back:

* Landlock: files can be read beneath the named paths only, none can be written, and no process outside gets a signal or can be traced
* seccomp: no socket can be made or connected, nor can the files, the limits or the memory of others be changed by calls that Landlock leaves alone
* no capabilities, no new privileges, no core dump, no file that grows

It fails closed: without one of them it raises.
"""

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from jitui.values.errors import UnavailableError

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # Landlock's calls, the same on each machine (userspace-api/landlock.rst)
RULESET_VERSION, PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
FILES: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}  # every use of files that a version of Landlock can deny
TCP: Final = 3  # bind and connect, from version 4 on
SCOPES: Final = 3  # abstract Unix sockets and signals, from version 6 on
NET_SINCE, SCOPED_SINCE = 4, 6
NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER = 38, 22, 2  # of prctl(2)
CAPABILITY_VERSION: Final = 0x20080522
ALLOW, DENY, KILL = 0x7FFF0000, 0x00050001, 0x80000000  # of seccomp(2): DENY answers EPERM
LOAD, EQUAL, AT_LEAST, AND, RETURN = 0x20, 0x15, 0x35, 0x54, 0x06  # of BPF
NUMBER, ARCHITECTURE, FIRST, FIRST_HIGH, SECOND = 0, 4, 16, 20, 24  # offsets in struct seccomp_data
X32: Final = 0x40000000  # calls from here on are those of another ABI of the same machine
ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
MEMORY: Final = 4 << 30  # bytes of address space
DESCRIPTORS: Final = 128

DENIED: Final[Mapping[str, tuple[int, int]]] = {  # numbers on x86-64 and arm64; -1: it does not exist there
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    "kcmp": (312, 272), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, -1), "fchown": (93, 55), "lchown": (94, -1),
    "fchownat": (260, 54), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "fremovexattr": (199, 16), "removexattrat": (466, 466), "utime": (132, -1), "utimes": (235, -1), "utimensat": (280, 88),
    "futimesat": (261, -1), "truncate": (76, 45), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "fsopen": (430, 430), "open_tree": (428, 428), "move_mount": (429, 429), "mount_setattr": (442, 442),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193), "semtimedop": (220, 192), "semctl": (66, 191),
    "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181),
    "setpriority": (141, 140), "ioprio_set": (251, 30), "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119), "sched_setattr": (314, 274),
    "sched_setparam": (142, 118), "migrate_pages": (256, 238), "move_pages": (279, 239), "open_by_handle_at": (304, 265), "reboot": (169, 142),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104), "acct": (163, 89),
    "syslog": (103, 116), "fanotify_init": (300, 262), "modify_ldt": (154, -1), "personality": (135, 92),
}  # fmt: skip
SIGNALS: Final[Mapping[str, tuple[int, int]]] = {  # denied where Landlock does not keep them within the process and its children
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}  # fmt: skip
SET_LIMITS: Final = (302, 261)  # prlimit64, which may only name the process itself
PAIR: Final = (53, 199)  # socketpair, whose two may only be streams: datagrams could be sent to any socket of the machine that has a path
KIND, STREAM = 0xF, 1  # the bits of a socket's type that are not flags


def confine(readable: Iterable[Path], runnable: Iterable[Path], writable: Iterable[Path] = (), *, grows: int = 0) -> None:
    """From here on only `readable` can be read, files and all beneath folders, `runnable` be started, `writable` be written, a file up to `grows` bytes. For
    this process, its threads that start later, and its children. Raises UnavailableError where the kernel can't do it; then the process must end.
    """
    machine = platform.machine()
    library = ctypes.CDLL(None, use_errno=True)
    version = int(library.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), RULESET_VERSION)) if sys.platform == "linux" else 0
    if version < 1 or machine not in ARCHITECTURES:
        raise UnavailableError("people's commands over SSH are confined by Landlock and seccomp, which this machine does not have (Linux 5.13 or newer on "
                               "x86-64 or arm64 does); use jitui there, or over https with a token")
    _drop_capabilities(library)
    _limit(grows)
    if library.prctl(NO_NEW_PRIVILEGES, *map(ctypes.c_ulong, (1, 0, 0, 0))):
        raise _failed("no new privileges")
    _shut_files(library, version, [*((path, READ_FILE | READ_DIR) for path in readable), *((path, EXECUTE | READ_FILE) for path in runnable),
                                   *((path, READ_FILE | WRITE_FILE) for path in writable)])  # fmt: skip
    program = b"".join(filtered(machine, signals=version < SCOPED_SINCE))
    held = ctypes.create_string_buffer(program, len(program))
    prog = struct.pack("@HP", len(program) // 8, ctypes.addressof(held))
    if library.prctl(SET_SECCOMP, ctypes.c_ulong(FILTER), prog, ctypes.c_ulong(0), ctypes.c_ulong(0)):
        raise _failed("seccomp")


def python() -> tuple[list[Path], list[Path]]:
    """The paths that Python, the installed packages, the locale, the time zone and the terminal's description are read from, and the programs that a
    second Python is started by.
    """
    import site  # noqa: PLC0415 - for this alone
    import sysconfig  # noqa: PLC0415

    paths = sysconfig.get_paths()
    places = [*(paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")), *site.getsitepackages(), str(Path(__file__).parents[1]),
              str(Path(sys.base_prefix, "lib")), "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib",
              *os.environ.get("LD_LIBRARY_PATH", "").split(":"),
              str(Path(sys.prefix, "pyvenv.cfg")), "/usr/share/zoneinfo", "/usr/share/terminfo", "/etc/terminfo", "/etc/localtime", "/etc/ld.so.cache",
              "/etc/passwd", "/etc/nsswitch.conf", "/dev/urandom"]  # fmt: skip
    mapped = {line.split(maxsplit=5)[-1] for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines() if "/ld-" in line}
    loaders = [Path(name) for name in mapped if Path(name).name.startswith("ld-")]
    return [Path(place) for place in dict.fromkeys(places) if place], [Path(sys.executable).resolve(), *loaders]


def filtered(machine: str, *, signals: bool) -> Iterator[bytes]:
    """The filter of calls, each instruction 8 bytes. `signals`: deny those too."""
    column = list(ARCHITECTURES).index(machine)

    def step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
        return struct.pack("=HBBI", code, then, otherwise, value)

    yield step(LOAD, ARCHITECTURE)
    yield step(EQUAL, ARCHITECTURES[machine], 1, 0)
    yield step(RETURN, KILL)
    yield step(LOAD, NUMBER)
    yield step(AT_LEAST, X32, 0, 1)
    yield step(RETURN, DENY)
    for numbers in (*DENIED.values(), *(SIGNALS.values() if signals else ())):
        if numbers[column] >= 0:
            yield step(EQUAL, numbers[column], 0, 1)
            yield step(RETURN, DENY)
    yield step(EQUAL, PAIR[column], 0, 5)
    yield step(LOAD, SECOND)
    yield step(AND, KIND)
    yield step(EQUAL, STREAM, 1, 0)
    yield step(RETURN, DENY)
    yield step(RETURN, ALLOW)
    yield step(EQUAL, SET_LIMITS[column], 1, 0)
    yield step(RETURN, ALLOW)
    for half in (FIRST, FIRST_HIGH):
        yield step(LOAD, half)
        yield step(EQUAL, 0, 1, 0)
        yield step(RETURN, DENY)
    yield step(RETURN, ALLOW)


def _shut_files(library: ctypes.CDLL, version: int, allowed: Iterable[tuple[Path, int]]) -> None:
    handled = max(FILES[since] for since in FILES if since <= version)
    rules = struct.pack("=QQQ", handled, TCP, SCOPES)[: 24 if version >= SCOPED_SINCE else 16 if version >= NET_SINCE else 8]
    held = library.syscall(CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), 0)
    if held < 0:
        raise _failed("Landlock")
    for path, rights in allowed:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # not on this machine
        kept = rights if path.is_dir() else rights & ~READ_DIR
        if library.syscall(ADD_RULE, held, PATH_BENEATH, struct.pack("=Qi", kept, place), 0):
            raise _failed("Landlock")
        os.close(place)
    if library.syscall(RESTRICT_SELF, held, 0):
        raise _failed("Landlock")
    os.close(held)


def _drop_capabilities(library: ctypes.CDLL) -> None:
    if library.capset(struct.pack("=Ii", CAPABILITY_VERSION, 0), bytes(24)):
        raise _failed("dropping capabilities")


def _limit(grows: int) -> None:
    for limit, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, grows), (resource.RLIMIT_NOFILE, DESCRIPTORS), (resource.RLIMIT_AS, MEMORY)):
        _, hard = resource.getrlimit(limit)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (least, least))


def _failed(which: str) -> UnavailableError:
    return UnavailableError(f"this process can't be confined: {which}: {os.strerror(ctypes.get_errno())}; people's commands over SSH need it")
