"""Facts reach collectors at least once, in order, whatever dies in between."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jitui.export import exporter, targets
from jitui.export.exporter import exporting
from jitui.export.settings import ExportSettings
from jitui.recording.facts import RequestAsked, TokenIssued, Viewed
from jitui.store import Files, Store
from jitui.store.bus import Bus
from jitui.values.private_file import write_private
from tests.export.collectors import Collector, OtlpReceiver, SyslogServer, collecting
from tests.store.life import NOW, opened

TOKEN = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJrdWJlcm5ldGVzIiwic3ViIjoic3lzdGVtIn0.c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("LOOK_S", 0.05), ("FIRST_S", 0.05), ("MOST_S", 0.1), ("AT_ONCE", 20)):
        monkeypatch.setattr(exporter, name, value)
    monkeypatch.setattr(targets, "SETTLED", 0.3)


class Gateway:
    """A store, and the tasks that export from it."""

    def __init__(self, store: Store, files: Files) -> None:
        self.store, self.files, self.troubles = store, files, dict[str, str]()

    async def view(self, count: int) -> None:
        for _ in range(count):
            await self.store.commit([Viewed(how="recorded").draft("s-1", "ana")])

    @property
    def whole(self) -> list[int]:
        return [*range(1, self.store.newest_fact + 1)]


@asynccontextmanager
async def gateway(folder: Path, syslog: Collector | None = None, otlp: Collector | None = None) -> AsyncIterator[Gateway]:
    bus = Bus()
    settings = ExportSettings.model_validate({
        **({"syslog": {"address": f"127.0.0.1:{syslog.port}", "protocol": "tcp"}} if syslog else {}),
        **({"otlp": {"endpoint": f"http://127.0.0.1:{otlp.port}"}} if otlp else {})})
    async with opened(folder, bus=bus) as store:
        one = Gateway(store, Files(folder))
        works = exporting(folder, one.files, bus, one.troubles.__setitem__, settings)
        tasks = [asyncio.create_task(work()) for work in works]
        try:
            yield one
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            one.files.close()


async def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - others change it
            await asyncio.sleep(0.02)


async def test_at_least_once_through_every_restart(tmp_path: Path) -> None:
    """Collectors are killed with bytes unread, away for a while, begun again; the gateway is, too: no fact is lost, and each stretch is in order."""
    syslog, otlp = SyslogServer(), OtlpReceiver()
    async with collecting(syslog, otlp):
        async with gateway(tmp_path / "state", syslog, otlp) as one:
            await one.view(50)
            await until(lambda: set(one.whole) <= set(syslog.numbers) & set(otlp.numbers))
            await syslog.kill()
            await otlp.kill()
            await one.view(30)
            await until(lambda: len([why for why in one.troubles.values() if "are not there yet; it is tried again" in why]) == 2)
            assert one.store.recording_error is None
            await syslog.start()
            await otlp.start()
            await until(lambda: set(one.whole) <= set(syslog.numbers) & set(otlp.numbers))
            await until(lambda: not any(one.troubles.values()))
            await one.view(5)
        await syslog.kill()
        await syslog.start()
        async with gateway(tmp_path / "state", syslog, otlp) as one:
            await one.view(5)
            await until(lambda: set(one.whole) <= set(syslog.numbers) & set(otlp.numbers))
            assert len(otlp.numbers) < 2 * len(one.whole), "it goes on from its cursor"
        stretches = [after for before, after in zip(otlp.numbers, otlp.numbers[1:], strict=False) if after != before + 1]
        assert len(stretches) <= 3


async def test_a_busy_collector_is_asked_again(tmp_path: Path) -> None:
    """503, 429, or a mistake in the settings: nothing is passed over, and the trouble says what it answers."""
    otlp = OtlpReceiver()
    otlp.refuse = 503
    async with collecting(otlp), gateway(tmp_path / "state", otlp=otlp) as one:
        await one.view(3)
        await until(lambda: "answers 503: busy" in one.troubles.get("export to otlp", ""))
        assert otlp.numbers == []
        otlp.refuse = 0
        await until(lambda: otlp.numbers == one.whole)


@pytest.mark.parametrize("text", [json.dumps({"seq": 2, "hash": "00" * 32}), "no json", json.dumps({"seq": -5, "hash": ""}), "[]"])
async def test_a_cursor_of_another_ledger_counts_for_nothing(tmp_path: Path, text: str) -> None:
    """A new ledger is sent from its first fact on; so is one whose cursor can't be read."""
    otlp = OtlpReceiver()
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    write_private(folder / "exported-otlp.json", text.encode())
    async with collecting(otlp), gateway(folder, otlp=otlp) as one:
        await one.view(2)
        await until(lambda: otlp.numbers == one.whole)


async def test_no_secret_leaves(tmp_path: Path) -> None:
    """Tokens in reasons are masked, hashes of tokens are left out."""
    syslog, otlp = SyslogServer(), OtlpReceiver()
    async with collecting(syslog, otlp), gateway(tmp_path / "state", syslog, otlp) as one:
        asked = RequestAsked(identity="agent-a", connection="prod", duration_s=60, scope="read pods in web", reason=f"with {TOKEN} password=hunter22",
                             asked_boot_us=1, boot_id="b", pending_us=NOW)
        await one.store.commit([asked.draft("r-1", "agent-a"), TokenIssued(token="0a1b2c3d", expires_us=NOW, sha256=b"\x5c" * 32).draft("agent-a", "root")])
        await until(lambda: set(one.whole) <= set(syslog.numbers) & set(otlp.numbers))
        for text in (*syslog.texts, *otlp.texts):
            assert TOKEN not in text
            assert "hunter22" not in text
            assert "5c" * 32 not in text
        assert any("0a1b2c3d" in text for text in syslog.texts)
