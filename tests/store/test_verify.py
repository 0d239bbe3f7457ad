"""verify.py alone: the right verdict on good and broken evidence files, where nothing but Python and cryptography is."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
import zstandard

from jitui.recording.facts import Kind
from jitui.recording.tlog.note import ED25519, Key
from jitui.store import Files, verify
from tests.recording.tlog.test_note import PUBLIC
from tests.store.evidence import append, seal, sign, tampering
from tests.store.life import opened
from tests.store.seen import bundled
from tests.store.test_bundled import proof_with
from tests.store.test_logged import key_of, policy

Change = Callable[[sqlite3.Connection], object]
RUN = """
import contextlib, io, json, runpy, sys
sys.path.insert(0, sys.argv[1])
for line in sys.stdin:
    sys.argv, out = ["verify.py", *json.loads(line)], io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            runpy.run_path(SCRIPT, run_name="__main__")
    except SystemExit as end:
        code = end.code
    print(json.dumps([code, out.getvalue()]), flush=True)
loaded = {name.partition(".")[0] for name in sys.modules}
print(json.dumps(sorted(loaded - set(sys.stdlib_module_names) - {"__main__"})))
"""


@dataclass(frozen=True)
class Case:
    """A change to a good file, what is brought, and the verdict; `why` empty: it holds."""

    name: str
    change: Change
    why: str = ""
    brought: str = ""  # key, policy, all, stranger


def sql(text: str) -> Change:
    return lambda db: db.executescript(text)


def unsigned(db: sqlite3.Connection) -> None:
    append(db, Kind.GRANT_FROZEN, "g-1", {"by": "ana"})


def signed_by_another(db: sqlite3.Connection) -> None:
    sign(db, append(db, Kind.GRANT_FROZEN, "g-1", {"by": "ana"}))


def exchanged(db: sqlite3.Connection) -> None:
    """The facts as a view that could tell every reader something else."""
    db.executescript("alter table facts rename to kept; create view facts as select * from kept")


def flipped(db: sqlite3.Connection, name: str) -> None:
    """One character of a signature in the proofs."""
    for each, body in db.execute("select name, body from evidence where name like '%proof'").fetchall():
        lines = body.split("\n")
        at = next(n for n, line in enumerate(lines) if line.startswith(f"— {name}"))
        lines[at] = lines[at][:-9] + ("A" if lines[at][-9] != "A" else "B") + lines[at][-8:]
        db.execute("update evidence set body = ? where name = ?", ("\n".join(lines), each))


CASES = [
    Case("good", sql("")),
    Case("good, with the key", sql(""), brought="key"),
    Case("good, with the policy", sql(""), brought="policy"),
    Case("good, with both", sql(""), brought="all"),
    Case("good, of no log", sql("delete from evidence")),
    Case("no log, and a policy", sql("delete from evidence"), "no witness speaks of it", "policy"),
    Case("a policy of another log", sql(""), "is signed by the key that was given", "stranger"),
    Case("another key", sql(""), "none of its heads is signed by the key that was given", "other"),
    Case("a body", sql("update frames set body = x'00' where seq = 7"), "s-1: altered: frame 7 is not what was recorded"),
    Case("a time", sql("update frames set at_us = at_us + 1 where seq = 3"), "s-1: altered: frame 3"),
    Case("a channel", sql("update frames set channel = 17 where seq = 0"), "s-1: altered: frame 0"),
    Case("the last frame", sql("delete from frames where seq = 11"), "s-1: cut: frame 11 is missing"),
    Case("a frame in the middle", sql("delete from frames where seq = 5"), "s-1: reordered or cut: frame 6"),
    Case("two frames exchanged", sql("update frames set id = 99 where seq = 4"), "s-1: reordered or cut: frame 5"),
    Case("frames of another session", sql("update frames set session = 2"), "is not in the clear"),
    Case("a frame behind the end", sql("insert into frames select 99, session, 12, at_us, conn, channel, flags, hash, body from frames where seq = 11"),
         "s-1: altered: frame 12"),
    Case("a packed frame", lambda db: db.execute("update frames set flags = 1, body = ? where seq = 2", (zstandard.compress(bytes(1 << 24)),)), "is packed"),
    Case("a fact", sql("update facts set who = 'eve' where kind = 'request.approved'"), "altered: fact "),
    Case("a fact that is gone", sql("delete from facts where kind = 'request.approved'"), "cut: fact "),
    Case("a sealed approval", lambda db: seal(db, Kind.REQUEST_APPROVED, "r-1"), "the approval of r-1 by 'ana' is not in the clear"),
    Case("a sealed request", lambda db: seal(db, Kind.REQUEST_ASKED, "r-1"), "request.asked of r-1 is not in the clear"),
    Case("a sealed end", lambda db: seal(db, Kind.SESSION_ENDED, "s-1"), "its end is not in this file"),
    Case("a fact that nobody signed", unsigned, "is not signed"),
    Case("a fact that another signed", signed_by_another, "and no gateway here said that it signs with that"),
    Case("no signature", sql("delete from heads"), "nothing in it is signed"),
    Case("a signature", sql("update heads set sig = zeroblob(64)"), "has no valid signature"),
    Case("a head of another time", sql("update heads set at_us = at_us + 1"), "has no valid signature"),
    *(Case(f"{column} of a head, with the {brought}", sql(f"update heads set {column} = {value} where id = 1"), "has no valid signature", brought)
      for column, value in (("sig", "zeroblob(64)"), ("at_us", "at_us + 1"), ("key_id", "'0000000000000000'")) for brought in ("key", "policy")),
    Case("an action of another session", sql("update actions set session = 2 where conn = 0"), "an action tells of the Audit-ID"),
    Case("an action of another connection", sql("update actions set conn = 3 where conn = 0"), "an action tells of the Audit-ID 'jitui-a-1-0'"),
    Case("a leaf of the session", lambda db: proof_with(db, "session.tlog-proof", '"frames":12', '"frames":13'), "does not lead to the root"),
    Case("a leaf of the facts", lambda db: proof_with(db, "facts.tlog-proof", '"grants":2', '"grants":1'), "does not lead to the root"),
    Case("a cosignature", lambda db: flipped(db, "w.example/0"), "log: altered: the signature of w.example/0", "policy"),
    Case("the log's signature", lambda db: flipped(db, "jitui/"), "log: altered: the signature of jitui/"),
    Case("one proof alone", sql("update evidence set body = body || '— x AAAAAAA=\n' where name like 'facts%'"), "of different checkpoints"),
    Case("an action", sql("update actions set audit_id = 'jitui-other'"), "an action tells of the Audit-ID 'jitui-other'"),
    Case("a trigger", sql("create trigger t after insert on keys begin delete from facts; end"), "it holds a trigger 't'"),
    Case("a view", exchanged, "it holds a view 'facts'"),
    Case("a virtual table", sql("create virtual table x using fts5(a)"), "it holds a table 'x'"),
    Case("a generated column", sql("alter table frames add column more integer generated always as (seq) virtual"), "generated column"),
    Case("no table", sql("drop table sealed"), "it is no evidence file of jitui"),
]


def alone(folder: Path) -> Path:
    """A folder with cryptography and what it is built on, and nothing else."""
    folder.mkdir()
    for name in ("cryptography", "cffi", "_cffi_backend"):
        path = Path(str(import_module(name).__file__))
        path = path.parent if path.name == "__init__.py" else path
        (folder / path.name).symlink_to(path)
    return folder


def run(folder: Path, calls: list[list[str]]) -> list[tuple[int, str]]:
    """The verdicts of verify.py in an interpreter of its own."""
    script = RUN.replace("SCRIPT", repr(str(verify.__file__)))
    python = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    done = subprocess.run([python, "-I", "-S", "-c", script, alone(folder)], input="".join(f"{json.dumps(call)}\n" for call in calls), capture_output=True,
                          text=True, check=False, timeout=120)
    assert done.stderr == ""
    *found, loaded = [json.loads(line) for line in done.stdout.splitlines()]
    assert set(loaded) <= {"cryptography", "_openssl", "cffi", "_cffi_backend"}
    return [(code, said) for code, said in found]


async def test_the_right_verdict(tmp_path: Path) -> None:
    """On each case; the fault is named with session and frame, and nothing but one line is said of it."""
    state = tmp_path / "state"
    good = await bundled(state)
    (tmp_path / "key").write_text(key_of(state).public.hex())
    (tmp_path / "other").write_text(PUBLIC.hex())
    (tmp_path / "policy").write_text(policy(state, "all").text)
    (tmp_path / "stranger").write_text(f"log {Key(f'jitui/{key_of(state).id}', ED25519, PUBLIC)}\nquorum none\n")
    options = {"": [], "key": ["--key", f"{tmp_path}/key"], "other": ["--key", f"{tmp_path}/other"], "policy": ["--policy", f"{tmp_path}/policy"],
               "stranger": ["--policy", f"{tmp_path}/stranger"], "all": ["--key", f"{tmp_path}/key", "--policy", f"{tmp_path}/policy"]}
    calls = []
    for number, case in enumerate(CASES):
        file = tmp_path / f"{number}.jitui"
        shutil.copy(good, file)
        with tampering(file) as db:
            case.change(db)
        calls.append([str(file), *options[case.brought]])
    verdicts = run(tmp_path / "alone", calls)
    wrong = [(case.name, said) for case, (code, said) in zip(CASES, verdicts, strict=True)
             if (code, bool(case.why)) not in {(0, False), (1, True)} or case.why not in said or (code and (said.count("\n") != 1 or "NOT proved" not in said))]
    assert wrong == []
    assert len(CASES) >= 20
    told = dict(zip((case.name for case in CASES), (said for _, said in verdicts), strict=True))
    assert "cosigned: by a at 2027-01-15T08:00:00Z, b at 2027-01-15T08:00:01Z; of s-1 12 frames" in told["good, with both"]
    assert "approved: r-1 by ana at 2026-11-23T16:00:00Z, digest d" in told["good"]
    assert "actions: 4 with an Audit-ID" in told["good"]
    assert "jitui-a-1-3\n" in told["good"]
    assert "only a key from elsewhere shows" in told["good"]
    assert "not judged: what else stands in actions, and the tables that are folded from facts" in told["good"]


async def test_what_is_no_evidence_file(tmp_path: Path) -> None:
    """Anything else, or half a file, is one line; and so is a policy that is none."""
    good = await bundled(tmp_path / "state")
    data = good.read_bytes()
    files = {"text": b"x" * 100_000, "empty": b"", "half": data[:len(data) // 2], "head": data[:100] + bytes(len(data) - 100), "zeros": bytes(1 << 20)}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    calls = [[str(tmp_path / name)] for name in (*files, "gone", "state", "state/ledger.db")]
    for code, said in run(tmp_path / "alone", [*calls, [str(good), "--policy", str(tmp_path / "text")], [str(good), "--key", str(tmp_path / "text")]]):
        assert (code, said.count("\n"), said[:10]) == (1, 1, "NOT proved")


async def test_a_session_that_had_not_ended(tmp_path: Path) -> None:
    """It holds as far as it is signed, and says that it had not ended; where facts are sealed behind its beginning nothing can be concluded."""
    await bundled(tmp_path / "state")
    async with opened(tmp_path / "running") as store:
        from tests.store.life import added, began, frames, record, window  # noqa: PLC0415 - for this one

        await store.commit([added(), *window(), began(1)])
        await record(store, frames(1, [b"one"]))
        Files(tmp_path / "running").export(1, tmp_path / "running.jitui")
        ((code, said),) = run(tmp_path / "alone", [[str(tmp_path / "running.jitui")]])
    assert (code, "s-1 with 1 frames, not ended: the last 1 are not signed" in said, "no proof of a log" in said) == (0, True, True)


@pytest.mark.parametrize("module", ["jitui", "zstandard", "pydantic"])
def test_it_stands_alone(module: str) -> None:
    """It imports nothing of this house, and an auditor can read it: it has at most 500 lines."""
    text = Path(str(verify.__file__)).read_text(encoding="utf-8")
    assert f"import {module}" not in text
    assert f"from {module}" not in text
    assert text.count("\n") <= 500
