"""`jitui report`, from files and to a file; tests/api/service/test_report.py looks into the pages."""

import asyncio
from pathlib import Path

from tests.cli.conftest import jitui
from tests.store.life import opened, window


def test_each_format_from_files(tmp_path: Path) -> None:
    """Without a gateway; a file is the user's alone."""
    async def fill() -> None:
        async with opened(tmp_path / "state") as store:
            await store.commit(window())

    asyncio.run(fill())
    there = ("--data-dir", str(tmp_path / "state"), "report", "--since", "100y")
    assert jitui(*there).out.startswith("# Access report of jitui\n")
    assert jitui(*there, "--format", "json").json["windows_total"] == 1
    out = tmp_path / "report.html"
    done = jitui(*there, "--format", "html", "--out", str(out))
    assert (done.out, done.code) == ("", 0)
    assert out.read_text().startswith("<!doctype html>")
    assert out.stat().st_mode & 0o077 == 0
    assert jitui(*there[:3], "--since", "soon").code == 2
    assert "ends after it begins" in jitui(*there[:3], "--since", "1d", "--until", "2d").err
