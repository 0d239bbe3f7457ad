"""The nurse ends what carries a mark, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

from jitui.demo.cluster import nurse

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")


def test_it_kills_the_marked_and_removes_the_folder(tmp_path: Path) -> None:
    """Once its stdin is closed: also a process in a session of its own, and none without the mark."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    mark = f"JITUI_TEST_NURSE={os.getpid()}"
    marked = subprocess.Popen(SLEEP, env={"JITUI_TEST_NURSE": f"{os.getpid()}-one"}, start_new_session=True)
    other = subprocess.Popen(SLEEP, env={"JITUI_TEST_NURSE": "other"})
    try:
        subprocess.run([sys.executable, "-I", nurse.__file__, str(folder), mark], input=b"", check=True, timeout=60, env={})
        assert marked.wait(10) == -9
        assert (other.poll(), folder.exists()) == (None, False)
    finally:
        for process in (marked, other):
            process.kill()
            process.wait()


def test_without_a_marked_process_there_is_nothing_to_end() -> None:
    assert nurse.end(f"JITUI_TEST_NURSE={os.getpid()}-nobody") == 0
