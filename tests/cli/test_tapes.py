"""Frames, replay and exports, from a gateway or from bare files."""

import json
import os
import pty
import shutil
import stat
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from tests.cli.conftest import Front, jitui
from tests.fakes.desk import session_view


def test_frames_as_json(state: Path) -> None:
    """Every frame with its seq, time, connection, channel and bytes; what was not delivered says so."""
    found = jitui("--data-dir", str(state), "frames", "s-2", "--json").jsons
    assert [(one["seq"], one["channel"], one["delivered"]) for one in found] == [
        (0, "stdout", True), (1, "stdout", True), (2, "stdin", False), (3, "gateway", True)]
    assert found[2]["data_b64"] == b64encode(b"in\n").decode()


def test_every_command_takes_a_link(state: Path) -> None:
    """Frames from that moment on; where a moment says nothing it is left out, and one that is none is an error."""
    every = [one["at_us"] for one in jitui("--data-dir", str(state), "frames", "s-1", "--json").jsons]
    later = [one["at_us"] for one in jitui("--data-dir", str(state), "frames", f"s-1@+{every[2] / 1e6}", "--json").jsons]
    assert later == every[2:]
    said, part = (jitui("--data-dir", str(state), "replay", link, "--text").out for link in ("s-1", f"s-1@+{every[-1] / 1e6}"))
    assert said.endswith(part)
    assert 0 < len(part) < len(said)
    events = [jitui("--data-dir", str(state), "replay", link, "--text").out for link in ("g-1", "g-1@9999-01-01T00:00Z")]
    assert (bool(events[0]), events[1]) == (True, "")
    for command in (("replay", "s-1@00:00", "--text"), ("export", "s-1@00:00", "--format", "jsonl"), ("verify", "s-1@00:00"), ("residue", "g-1@00:00")):
        assert jitui("--data-dir", str(state), *command).code == 0
    assert "'25:00' is no moment: write a time as 16:07:52" in jitui("--data-dir", str(state), "frames", "s-1@25:00").err


def test_frames_for_people(state: Path) -> None:
    """A line each, clean."""
    said = jitui("--data-dir", str(state), "frames", "1", "--channel", "stdout").out
    assert said.count("\n") == 6
    assert "\x1b" not in said
    assert jitui("--data-dir", str(state), "frames", "s-1", "--conn", "7").out == ""
    assert "(not delivered)" in jitui("--data-dir", str(state), "frames", "s-2", "--channel", "stdin").out


def test_raw_bytes(state: Path) -> None:
    """The bytes of one channel and nothing else, for a pipe or a file; a terminal never gets them."""
    command = [sys.executable, "-m", "jitui", "--data-dir", str(state), "frames", "s-1", "--raw", "--channel", "stdout"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"/ $ ls\r\n\x1b[31mred\x1b[0m\r\n/ $ one\rtwo\x1b]0;title\x07"
    assert jitui("--data-dir", str(state), "frames", "s-1", "--raw").code == 2
    main, side = pty.openpty()
    try:
        done = subprocess.run(command, stdout=side, stderr=subprocess.PIPE, check=False)
        os.set_blocking(main, False)
        with pytest.raises(BlockingIOError):
            os.read(main, 1)
    finally:
        os.close(main)
        os.close(side)
    assert (done.returncode, b"do not go to a terminal raw" in done.stderr) == (1, True)


def test_frames_of_a_gateway(front: Front) -> None:
    """Page by page over the API, as who one is."""
    front.house.sessions["s-1"] = session_view("s-1")

    async def fill() -> None:
        for at in range(1005):
            await front.house.record("s-1", "stdout", b"%d " % at)

    front.do(fill())
    assert len(front("frames", "s-1", "--json", by="ana").jsons) == 1005
    assert {call[1] for call in front.house.calls if call[0] == "frames"} == {"ana"}


def test_the_final_text(state: Path) -> None:
    """Of a terminal what it showed last; of an exec without one all it said; no escape, no control character."""
    assert jitui("--data-dir", str(state), "replay", "s-1", "--text").out == "/ $ ls\nred\ntwo one\n"
    lines = jitui("--data-dir", str(state), "replay", "s-2", "--text").out.splitlines()
    assert lines[:3] == ["caf\N{LATIN SMALL LETTER E WITH ACUTE}", "plain bold", "x"]
    assert (len(lines), lines[-1]) == (253, "window ended")
    assert jitui("--data-dir", str(state), "replay", "s-1", "--text", "--json").jsons[1] == {"line": "red"}


def test_a_replay_needs_a_terminal(state: Path) -> None:
    """It names the way without one."""
    assert jitui("--data-dir", str(state), "replay", "s-1").err == "jitui: a replay needs a terminal; without one: jitui replay s-1 --text\n"


def test_a_page(state: Path, tmp_path: Path) -> None:
    """Of a session, and of a whole window; readable for its owner alone."""
    for what, count in (("s-1", 1), ("g-1", 2)):
        file = tmp_path / f"{what}.html"
        said = jitui("--data-dir", str(state), "export", what, "--format", "html", "--output", str(file)).out
        assert said == f"{file}: open it in a browser\n"
        assert file.stat().st_mode & 0o777 == 0o600
        assert f'"title":"{what}: ' in file.read_text()
        assert file.read_text().count('"steps":') >= count


def test_cast(state: Path, tmp_path: Path) -> None:
    """asciicast v3: header, then events; to a file it is private."""
    lines = jitui("--data-dir", str(state), "export", "s-1", "--format", "cast").out.splitlines()
    assert "--format html; its sessions one by one: jitui sessions --grant g-1" in jitui("--data-dir", str(state), "export", "g-1", "--format", "cast").err
    header = json.loads(lines[0])
    assert (header["version"], header["command"], header["title"]) == (3, "sh -c id", "s-1 exec web/web-7c agent-a g-1")
    assert [json.loads(line)[1] for line in lines[1:]] == ["o"] * 6
    file = tmp_path / "s-1.cast"
    jitui("--data-dir", str(state), "export", "s-1", "--format", "cast", "--output", str(file))
    assert (file.read_text().splitlines(), stat.S_IMODE(file.stat().st_mode)) == (lines, 0o600)


def test_jsonl(state: Path) -> None:
    """The frames, as `frames --json` gives them."""
    where = ("--data-dir", str(state))
    assert jitui(*where, "export", "s-1", "--format", "jsonl").out == jitui(*where, "frames", "s-1", "--json").out


def test_a_bundle_stands_alone(state: Path, tmp_path: Path) -> None:
    """One file: it verifies, replays and lists its frames with no gateway and no data folder."""
    file = tmp_path / "evidence.bundle"
    assert jitui("--data-dir", str(state), "export", "s-1", "--format", "bundle").code == 2
    done = jitui("--data-dir", str(state), "export", "s-1", "--format", "bundle", "--output", str(file), "--json")
    assert done.json == {"file": str(file), "frames": 6}
    shutil.rmtree(state)
    assert jitui("verify", str(file)).code == 0
    assert jitui("replay", str(file), "--text").out.startswith("/ $ ls\nred\n")
    assert len(jitui("frames", str(file), "--json").jsons) == 6
    assert jitui("export", str(file), "--format", "jsonl").out.count("\n") == 6


def test_without_a_gateway_the_files_it_left_are_read(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that nobody answers at, in a data folder: the record is still there, and it is said that no gateway answers."""
    monkeypatch.setenv("JITUI_GATEWAY", f"unix:{state}/desk.sock")
    done = jitui("frames", "s-1", "--json")
    assert (done.code, len(done.jsons)) == (0, 6)
    assert done.err.endswith(f"read from {state}\n")
    assert jitui("frames", "s-9").err.splitlines()[-1].startswith("jitui: no session s-9")
    monkeypatch.setenv("JITUI_GATEWAY", f"unix:{state.parent}/none/desk.sock")
    assert jitui("frames", "s-1").code == 1


def test_what_is_no_session(state: Path) -> None:
    """An unknown id, a file that is not there, a folder of many sessions: one line each."""
    for what in ("s-9", "nonsense", str(state), "/nowhere/x"):
        done = jitui("--data-dir", str(state), "frames", what)
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1), what
