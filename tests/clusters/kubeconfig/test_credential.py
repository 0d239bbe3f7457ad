"""When a credential is read, run or kept."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jitui.clusters.kubeconfig.credential import Fixed, Plugin, Proof, TokenFile
from jitui.clusters.kubeconfig.plugin import API_VERSIONS, Command
from jitui.clusters.port import bearer
from jitui.values.clock import ManualClock
from jitui.values.errors import UpstreamError


def rfc(clock: ManualClock, seconds: float) -> str:
    return datetime.fromtimestamp(clock.wall_us / 1e6 + seconds, UTC).isoformat()


class Script:
    """A plugin that prints what stands in a file, and counts its runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / "plugin"
        path.write_text(f"#!/bin/sh\necho run >> {folder}/runs\nsleep 0.05\ncat {folder}/answer || exit 4\n")
        path.chmod(0o755)
        self.command = Command((str(path),), API_VERSIONS[0])

    def says(self, **status: str) -> None:
        (self.folder / "answer").write_text(json.dumps({"kind": "ExecCredential", "apiVersion": API_VERSIONS[0], "status": status}))

    @property
    def runs(self) -> int:
        path = self.folder / "runs"
        return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
def script(tmp_path: Path) -> Script:
    return Script(tmp_path)


async def test_a_fixed_token_is_all_there_is() -> None:
    """It stays what it is, also after the cluster refused it."""
    source = Fixed(bearer("t"))
    await source.refused(bearer("t"))
    assert source.ready() == await source.get() == Proof(((b"authorization", b"Bearer t"),))


async def test_a_token_file_is_read_again_when_it_changes(tmp_path: Path, clock: ManualClock) -> None:
    """Looked at once a second; white space around the token is not part of it."""
    path = tmp_path / "token"
    path.write_text("one\n")
    source = TokenFile(path, clock)
    assert source.ready() == Proof(bearer("one"))
    path.write_text("second\n")
    assert source.ready() == Proof(bearer("one"))
    clock.advance(1)
    assert source.ready() == Proof(bearer("second"))


async def test_a_token_file_in_the_middle_of_a_rotation(tmp_path: Path, clock: ManualClock) -> None:
    """Missing, empty or unusable for a moment: the last good token stays."""
    path = tmp_path / "token"
    path.write_text("one")
    source = TokenFile(path, clock)
    source.ready()
    for text in (None, "", "not a token", "n\u00e9"):
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
        clock.advance(2)
        assert source.ready() == Proof(bearer("one"))


async def test_a_refused_token_file_is_read_at_once(tmp_path: Path, clock: ManualClock) -> None:
    """After a 401 nobody waits for the next look, and a stamp that did not move does not matter."""
    path = tmp_path / "token"
    path.write_text("one")
    source = TokenFile(path, clock)
    source.ready()
    path.write_text("two")
    await source.refused(bearer("older"))
    assert source.ready() == Proof(bearer("one"))
    await source.refused(bearer("one"))
    assert source.ready() == Proof(bearer("two"))


async def test_a_token_file_that_was_never_good(tmp_path: Path, clock: ManualClock) -> None:
    """There is nothing to send, and the sentence names the file."""
    source = TokenFile(tmp_path / "none", clock)
    assert source.ready() is None
    with pytest.raises(UpstreamError, match=r"token file .*/none can't be read"):
        await source.get()


async def test_a_plugin_runs_once_for_all_who_wait(script: Script, clock: ManualClock) -> None:
    """Twenty requests at once start one process."""
    script.says(token="t")
    source = Plugin(script.command, clock)
    assert source.ready() is None
    assert {proof.headers for proof in await asyncio.gather(*(source.get() for _ in range(20)))} == {bearer("t")}
    assert (script.runs, source.ready()) == (1, Proof(bearer("t")))


async def test_a_plugin_runs_again_before_its_credential_expires(script: Script, clock: ManualClock) -> None:
    """30 s before; of a short-lived credential after nine tenths of its life."""
    script.says(token="t-1", expirationTimestamp=rfc(clock, 900))
    source = Plugin(script.command, clock)
    await source.get()
    clock.advance(869)
    assert source.ready() == Proof(bearer("t-1"))
    clock.advance(1)
    assert source.ready() is None
    script.says(token="t-2", expirationTimestamp=rfc(clock, 10))
    assert (await source.get()).headers == bearer("t-2")
    clock.advance(8.9)
    assert source.ready() == Proof(bearer("t-2"))
    clock.advance(0.1)
    assert (source.ready(), script.runs) == (None, 2)


async def test_without_an_expiry_it_is_kept(script: Script, clock: ManualClock) -> None:
    """Only a 401 ends it."""
    script.says(token="t")
    source = Plugin(script.command, clock)
    await source.get()
    clock.advance(1e6)
    assert source.ready() == Proof(bearer("t"))


async def test_a_failing_plugin_rests(script: Script, clock: ManualClock) -> None:
    """Requests can't start processes at will: the same error is given for five seconds."""
    source = Plugin(script.command, clock)
    for _ in range(3):
        with pytest.raises(UpstreamError, match="exit code 4"):
            await source.get()
    assert script.runs == 1
    clock.advance(5)
    script.says(token="t")
    assert ((await source.get()).headers, script.runs) == (bearer("t"), 2)


async def test_an_expired_credential_is_an_error(script: Script, clock: ManualClock) -> None:
    """Sending it would only be a 401; the sentence says where it came from."""
    script.says(token="t", expirationTimestamp=rfc(clock, -1))
    source = Plugin(script.command, clock)
    for _ in range(2):
        with pytest.raises(UpstreamError, match="expired already"):
            await source.get()
    assert (script.runs, source.ready()) == (1, None)


async def test_a_refused_credential_is_made_anew_once(script: Script, clock: ManualClock) -> None:
    """Not by those who were refused with an older one, and not again within five seconds."""
    script.says(token="t-1")
    source = Plugin(script.command, clock)
    await source.get()
    clock.advance(60)
    script.says(token="t-2")
    await asyncio.gather(*(source.refused(bearer("t-1")) for _ in range(5)))
    assert (source.ready(), script.runs) == (Proof(bearer("t-2")), 2)
    await source.refused(bearer("t-2"))
    assert (source.ready(), script.runs) == (Proof(bearer("t-2")), 2)
