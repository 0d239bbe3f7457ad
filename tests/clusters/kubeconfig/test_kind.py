"""The kind `kubernetes`."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from jitui.clusters.kind import Step
from jitui.clusters.kubeconfig.kind import KubeconfigKind, KubernetesConnection
from jitui.clusters.kubeconfig.upstream import Kubeconfig
from jitui.values.clock import ManualClock, SystemClock
from jitui.values.errors import UpstreamError
from tests.clusters.authority import Pair
from tests.clusters.conftest import Write
from tests.clusters.peer import listen, ok
from tests.support.clusters import Cluster

KIND = KubeconfigKind()


def connection(path: Path, **more: object) -> KubernetesConnection:
    return KubernetesConnection.model_validate({"kind": "kubernetes", "kubeconfig": str(path), **more})


async def test_the_way_to_a_cluster_is_one_step(embedded_cluster: Cluster) -> None:
    """It answers, and says its version."""
    upstream = KIND.load(connection(embedded_cluster.kubeconfig), SystemClock())
    (step,) = [step async for step in KIND.probe(upstream)]
    assert (step.what, step.doubt) == ("", False)
    assert step.said.startswith(f"{upstream.host.decode()} answers, Kubernetes v1.")


@pytest.mark.parametrize(("body", "status", "says"), [
    (b"<html>", "200 OK", "200 to GET /p/version, and not in JSON: it is no Kubernetes"), (b"[]", "200 OK", "it is no Kubernetes"),
    (b"7", "200 OK", "it is no Kubernetes"),
    (b'{"gitVersion": 7}', "200 OK", "it is no Kubernetes"), (b'{"message": "no such user"}', "403 Forbidden", "403 to GET /p/version: no such user; correct"),
    (b'{"gitVersion": "v1"}', "404 Not Found", "404 to GET /p/version: it is no Kubernetes"),
])  # fmt: skip
async def test_what_is_no_kubernetes(server: Pair, kubeconfig: Write, clock: ManualClock, tmp_path: Path, body: bytes, status: str, says: str) -> None:
    """A server that answers something else: what it answers is said."""
    async with listen(lambda _: ok(body, status=status), server, tmp_path / "peer") as peer:
        upstream = Kubeconfig.load(kubeconfig(f"{peer.url}/p", {"token": "t"}), "", clock)
        with pytest.raises(UpstreamError, match=rf"^127\.0\.0\.1:{peer.port} answers .*{says}"):
            assert [step async for step in KIND.probe(upstream)] == list[Step]()


def test_several_files_start_at_the_folder_of_the_settings(tmp_path: Path) -> None:
    """Each of them, as in KUBECONFIG; an empty part is none."""
    made = KubernetesConnection.model_validate({"kind": "kubernetes", "kubeconfig": ":a:/b/c::"}, context=tmp_path)
    assert made.kubeconfig == (tmp_path / "a", Path("/b/c"))
    for wrong in ("", "::", "~nobody-here/x", "a\0b"):
        with pytest.raises(ValidationError):
            KubernetesConnection.model_validate({"kind": "kubernetes", "kubeconfig": wrong}, context=tmp_path)


def test_a_kubeconfig_that_can_not_be_read_exposes_nothing(tmp_path: Path) -> None:
    """`load` says what is wrong with it."""
    assert KIND.exposed(connection(tmp_path / "none")) == ()


def test_a_start_believes_the_credential_that_was_loaded(embedded_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens to the file afterwards: it is not read a second time."""
    monkeypatch.setattr("jitui.clusters.kubeconfig.context.readers", lambda path: "everybody")
    path = tmp_path / "kubeconfig"
    path.write_text(embedded_cluster.kubeconfig.read_text())
    upstream = KIND.load(connection(path), SystemClock())
    path.unlink()
    assert KIND.exposed(connection(path)) == ()
    assert "may be read or changed by everybody" in KIND.exposed_by(upstream)[0]


def test_notes_and_impersonation_are_as_configured(tmp_path: Path) -> None:
    """Both are off unless they are written out."""
    plain, both = connection(tmp_path / "k"), connection(tmp_path / "k", insecure_skip_tls_verify=True, impersonate=True)
    assert (list(KIND.notes(plain)), KIND.impersonates(plain)) == ([], False)
    assert (len(list(KIND.notes(both))), KIND.impersonates(both)) == (1, True)


def test_it_renews_nothing_in_the_background(kubeconfig: Write, clock: ManualClock) -> None:
    """A plugin's credential is renewed when somebody needs it."""
    assert KIND.renewing(Kubeconfig.load(kubeconfig("https://127.0.0.1:1", {"token": "t"}), "", clock)) is None
