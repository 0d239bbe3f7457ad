"""`jitui demo --script`: the whole story with real programs."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from jitui.demo.script import NotSoError, Story
from tests.support.processes import run

STEPS = ["denied", "asked", "cannot approve its own", "approved", "kubectl get", "kubectl exec", "exec", "countdown", "expired", "ended in the pod",
         "denied again", "replayed", "frames", "verified"]


def story(tmp_path: Path, path: str) -> list[str]:
    """The names of the steps that were done, in order; each must have its check mark, and nothing may be left."""
    environment = {"PATH": path, "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "LANG": "C.UTF-8"}
    result = run([sys.executable, "-m", "jitui", "demo", "--script", "--window", "120s"], env=environment, timeout=300).ok()
    lines = result.text.splitlines()
    assert list(tmp_path.glob("jitui-demo-*")) == []
    assert "as it should be" in lines[-1]
    assert {line[0] for line in lines[1:-1]} == {"✓"}
    return [line[2:25].strip() for line in lines[1:-1]]


def in_order(names: list[str]) -> bool:
    left = iter(names)
    return all(step in left for step in STEPS)


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[list[str]]]]:
    """Both stories, at the same time: they wait for their windows to expire."""
    empty = tmp_path_factory.mktemp("bin")
    paths = {"with": os.environ["PATH"], "without": f"{empty}:/bin" if not Path("/bin/kubectl").exists() else str(empty)}
    with ThreadPoolExecutor() as pool:
        yield {name: pool.submit(story, tmp_path_factory.mktemp(name), path) for name, path in paths.items()}


@pytest.mark.kubectl
@pytest.mark.usefixtures("one_kubectl")
def test_with_kubectl(stories: dict[str, Future[list[str]]]) -> None:
    """Denied, asked, approved, at work, expired, denied, replayed, verified; with a kubectl of this machine."""
    names = stories["with"].result()
    assert in_order(names), names


def test_without_kubectl(stories: dict[str, Future[list[str]]]) -> None:
    """The same with the demo's own small one, on a machine that has none."""
    names = stories["without"].result()
    assert in_order(names), names


def test_a_step_that_is_not_so_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    """It is crossed, and the story breaks there."""
    told = Story.__new__(Story)
    told.step("good", lambda: (True, "fine"))
    with pytest.raises(NotSoError, match="breaks at: bad"):
        told.step("bad", lambda: (False, "\x1b[31mno\x1b[0m"))
    assert [line[:6].strip() for line in capsys.readouterr().out.splitlines()] == ["✓ good", "✗ bad"]
