"""A look into a container: the script of a command that the gateway runs there itself, its orders, and the strict reader of its answers.

Sans-io. The script takes one order a line on its standard input and needs nothing but a POSIX shell, and `cat` where there is one. Every line that it
says of itself begins with a key that the gateway makes up for each look; all between two such lines is data that processes in the container chose.
The rules behind it are those of proc(5); measured in docs/cluster-behaviour.md, 2.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from jitui.values.errors import JituiError

LIMIT: Final = 8 << 20  # bytes of one answer: 10,000 processes take 2 MB
ARGV: Final = 4096  # bytes kept of a command line
WORDS: Final = 64  # words kept of it
TOGETHER: Final = 50  # processes of one order to stop or to kill
KEY: Final = re.compile(rb"[0-9a-f]{16,64}")

SCRIPT: Final = r"""read -r K || exit
st(){ S=;{ while IFS= read -r l;do S="$S$l ";done;}</proc/$1/stat 2>/dev/null||return 1;R=${S% };set -- ${S##*") "};P=$2;G=$4;S=${20};}
is(){ st "$1"&&[ "$S" = "$2" ];}
c(){ if command -v cat>/dev/null 2>&1;then cat "$@" 2>/dev/null;else for f;do
{ while IFS= read -r l;do printf '%s\n' "$l";done;printf %s "$l";}<$f;done 2>/dev/null;fi;}
say(){ printf '\n%s %s\n' "$K" "$*";}
w(){ st $1||return 0;say stat;printf '%s\n' "$R";case $P in 0)B=$S;W=;i=0
while [ -z "$W" ]&&[ $i -lt $2 ];do i=$((i+1));[ -e /proc/$1/fd/0 ]&&{ while IFS= read -r l;do W="$W$l
";done;W="$W$l";}</proc/$1/cmdline;done 2>/dev/null
[ "$W" ]&&is $1 $B&&say words $1 $B&&printf %s "$W";;*)[ $P = 1 ]&&P=$G;st $P&&printf '%s\n' "$R";:;;esac;}
news(){ z=$1;set -- /proc/[0-9]*;if [ $# -gt 999 ];then say many $#;j=9999;elif [ " $*" != "$L" ];then A=
for q;do case "$L " in *" $q "*)A="$A $q";;*)if w ${q#/proc/} $z;then A="$A $q";fi;;esac;done;L=$A;fi;}
(read -t 0.01 x)</dev/null 2>/dev/null;case $? in 1)T=1;;*)T=0;;esac
S=;st $$;say hello $$ ${S:-0} $T
while read -r o p s n;do case $o in
'')continue;;
n)news $p;;
w)j=0;while news $p;j=$((j+1));[ $T = 1 ]&&[ $j -lt $s ];do read -t $n -r x&&break;done;;
d)say stat;c /proc/[0-9]*/stat;;
m)read -r g </proc/self/cgroup;for q in /proc/[0-9]*;do if { read -r i <$q/cgroup;} 2>/dev/null&&[ "$i" = "$g" ];then say mine ${q#/proc/};fi;done;;
a)if is $p $s;then say argv $p $s;c /proc/$p/cmdline;fi;;
h)if is $p $s;then for f in 0 1 2;do a=/proc/$p/fd/$f;[ -p $a ]||[ $a -ef /dev/pts/$n ]||continue
for q in /proc/[0-9]*/fd/*;do if [ $q -ef $a ];then q=${q#/proc/};say holds $f ${q%%/*};fi;done;done;fi;;
y)w=undyed;if is $p $s;then for f in 1 2;do a=/proc/$p/fd/$f;if { [ -p $a ]||{ [ -c $a ]&&[ ! $a -ef /dev/null ];};}&&[ ! $a -ef /proc/1/fd/1 ]
then { printf %s "$n">>$a;} 2>/dev/null& D="$D $!";w=dyed;break;fi;done;fi;say $w $p $s;;
k|t)g=-9;[ $o = t ]&&g=-STOP;set -- $p $s $n;while [ $# -gt 1 ];do if is $1 $2;then kill $g $1 2>/dev/null||say denied $1 $2;fi;shift 2;done;;
q)break;;esac;say done $o;done
[ "$D" ]&&kill -9 $D 2>/dev/null
:"""
COMMAND: Final = ("sh", "-c", SCRIPT)


class ProbeError(JituiError):
    """The answer of a look is none that the script gives."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a container, as its kernel tells (proc(5), stat)."""

    pid: int
    ppid: int
    sid: int
    tty: int  # its terminal's number; 0: none
    start: int  # clock ticks, 100 a second, since the boot of the node
    state: str  # one letter; Z and X: it is dead

    @property
    def dead(self) -> bool:
        return self.state in {"Z", "X", "x"}

    @property
    def terminal(self) -> int | None:
        """N of its /dev/pts/N (major numbers 136 to 143)."""
        major, minor = self.tty >> 8 & 0xFFF, self.tty & 0xFF | self.tty >> 12 & 0xFFF00
        return (major - 136) << 20 | minor if 136 <= major <= 143 else None


@dataclass(frozen=True, slots=True)
class Hello:
    """The script runs; all processes of its session are its own."""

    pid: int
    start: int  # 0: the container does not show it
    waits: bool  # it can look again and again by itself


@dataclass(frozen=True, slots=True)
class Stat:
    """Every process that was there."""

    processes: tuple[Process, ...]


@dataclass(frozen=True, slots=True)
class Argv:
    """The command line of a process, in which it may write anything."""

    pid: int
    start: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """The command line of a process without the bytes that part its words, as a shell alone can read it."""

    pid: int
    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Many:
    """There are so many processes that nobody looks for new ones."""

    count: int


@dataclass(frozen=True, slots=True)
class Holds:
    """A process holds the same pipe, or terminal, as the one that was asked about has as its descriptor `fd`."""

    fd: int
    pid: int


@dataclass(frozen=True, slots=True)
class Mine:
    """A process of the container in which the script itself runs, where that is another one than it looks at."""

    pid: int


@dataclass(frozen=True, slots=True)
class Did:
    """The outcome of an order about one process: dyed, undyed, denied."""

    what: str
    pid: int
    start: int


@dataclass(frozen=True, slots=True)
class Done:
    """An order is carried out."""

    order: str


Answer: TypeAlias = Hello | Stat | Argv | Words | Many | Holds | Mine | Did | Done


def order(letter: str, pid: int = 0, start: int = 0, more: str = "") -> bytes:
    """A line for the script: d (dump), n (the processes that are new since the last such order, each with its parent, an orphan with the first of its
    session; and the words of those that an exec began, for which `pid` says how often it looks, as each is one of the runtime's own first), w (the same
    again and again, `start` times, `more` seconds between, until an empty line comes), a (argv), h (holders; `more`: N of /dev/pts/N), y (dye; `more`: the
    nonce), t (stop) and k (kill; `more`: the pids and starts of further ones), m (the script's own container), q (end).
    """
    return f"{letter} {pid} {start} {more}\n".encode() if letter not in "dmq" else f"{letter}\n".encode()


def signals(letter: str, processes: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """The orders to stop (t) or to kill (k) many processes, each by pid and start. An answer for each would take longer than all the kills."""
    for at in range(0, len(processes), TOGETHER):
        (pid, start), *others = processes[at : at + TOGETHER]
        yield order(letter, pid, start, " ".join(f"{pid} {start}" for pid, start in others))


# A name has at most 15 bytes (64 of a kernel thread) and may hold anything, so it ends where a state and only numbers follow to the line's end.
RECORD: Final = re.compile(
    rb"(\d{1,10}) \((?:.{0,64}?)\) ([A-Za-z]) (\d{1,10}) \d{1,10} (\d{1,10}) (-?\d{1,10}) -?\d{1,10}((?: -?\d{1,20}){35,60})\n", re.DOTALL)  # fmt: skip
NUMBERS: Final = {b"hello": 3, b"mine": 1, b"many": 1, b"stat": 0, b"argv": 2, b"words": 2, b"holds": 2, b"dyed": 2, b"undyed": 2, b"denied": 2}
OF_DATA: Final = frozenset({b"stat", b"argv", b"words"})


def records(data: bytes) -> Iterator[Process]:
    """The processes of many stat files, one behind the other. Bytes that are none are passed over: a process may end while its file is read."""
    for found in RECORD.finditer(data):
        start = int(found[6].split()[13])
        yield Process(int(found[1]), int(found[3]), int(found[4]), int(found[5]) & 0xFFFFFFFF, start, found[2].decode())


def joined(words: Iterable[str]) -> str:
    """Words as `Words` has them: as much as is kept of them."""
    return "".join(words).encode("utf-8", "replace")[:ARGV].decode("utf-8", "replace")


def words_of(data: bytes) -> tuple[str, ...]:
    """A command line as its words: bounded, and any bytes are taken."""
    kept = data[:ARGV].rstrip(b"\n")
    return tuple(word.decode("utf-8", "replace") for word in kept.rstrip(b"\0").split(b"\0")[:WORDS]) if kept.strip(b"\0") else ()


class Answers:
    """Reads what the script says, from reads of any size. Raises ProbeError, after which it must not be fed again."""

    def __init__(self, key: bytes) -> None:
        assert KEY.fullmatch(key)
        self._mark = b"\n" + key + b" "
        self._held = bytearray()
        self._looked = 0  # where a mark is looked for next
        self._open: tuple[bytes, list[int]] | None = None  # the keyed line whose data is awaited

    def feed(self, data: bytes) -> list[Answer]:
        self._held += data
        if len(self._held) > LIMIT:
            raise ProbeError(f"the container's answer is longer than {LIMIT >> 20} MiB")
        answers: list[Answer] = []
        while (at := self._held.find(self._mark, self._looked)) >= 0:
            end = self._held.find(b"\n", at + len(self._mark))
            if end < 0:
                if len(self._held) - at > 256:
                    raise ProbeError("a line of the look is too long")
                self._looked = at
                return answers
            before, line = bytes(self._held[:at]), bytes(self._held[at + len(self._mark) : end])
            del self._held[:end]  # its newline may begin the next mark
            self._looked = 0
            answers += self._line(before, line)
        self._looked = max(0, len(self._held) - len(self._mark))
        return answers

    def _line(self, before: bytes, line: bytes) -> Iterator[Answer]:
        """A line of the script's own, and the data before it."""
        if self._open is not None:
            (word, numbers), self._open = self._open, None
            data = before[1:] + b"\n"  # without the newline of the keyed line
            if word == b"stat":
                yield Stat(tuple(records(data)))
            elif word == b"argv":
                yield Argv(numbers[0], numbers[1], words_of(before[1:]))
            else:
                yield Words(numbers[0], numbers[1], before[1 : ARGV + 1].decode("utf-8", "replace"))
        word, *rest = line.split(b" ")
        if word == b"done" and len(rest) == 1 and rest[0] in {b"d", b"a", b"h", b"y", b"t", b"k", b"m", b"n", b"w"}:
            yield Done(rest[0].decode())
            return
        try:
            numbers = [int(part) for part in rest if len(part) <= 20 and part.isdigit()]
        except ValueError:
            numbers = []
        if len(numbers) != len(rest) or len(rest) != NUMBERS.get(word, -1):
            raise ProbeError("the look answers what was not asked")
        if word in OF_DATA:
            self._open = word, numbers
        elif word == b"hello":
            yield Hello(numbers[0], numbers[1], waits=bool(numbers[2]))
        elif word == b"many":
            yield Many(numbers[0])
        elif word == b"mine":
            yield Mine(numbers[0])
        elif word == b"holds":
            yield Holds(*numbers)
        else:
            yield Did(word.decode(), *numbers)
