"""The EKS stand-in: a real API server behind EKS's own token verifier, and an AWS account that checks signatures, policies and expiry."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.support.clusters import Cluster
from tests.support.kubectls import Kubectl

NEEDED: Final = "JITUI_TEST_EKS"
HOW: Final = f"name its folder, the one with the script `eks`, in {NEEDED}, or put it beside the repository as ../shared/eks"
BESIDE: Final = Path(__file__).parents[3] / "shared" / "eks"
STANDING: Final = "JITUI_TEST_EKS_UP"
HOW_STANDING: Final = f"start one, `eks up DIR --session-seconds 20`, and name DIR in {STANDING}"


def standing() -> "Eks | None":
    """One with a node that was started before the tests, if it is named. Raises AssertionError if it is named and not there."""
    named = os.environ.get(STANDING)
    if not named:
        return None
    assert (Path(named) / "env").is_file(), f"{STANDING}={named}: no stand-in there; {HOW_STANDING}"
    return _at(Path(named))


def folder() -> Path | None:
    """Where the stand-in's script is."""
    named = os.environ.get(NEEDED)
    found = Path(named) if named else BESIDE
    return found if (found / "eks").is_file() else None


@dataclass(frozen=True)
class Eks:
    """A running one."""

    folder: Path
    env: Mapping[str, str]  # of the gateway
    admin: Mapping[str, str]  # of somebody who may do everything in the account

    @property
    def cluster(self) -> Cluster:
        return Cluster(self.folder / "cluster" / "admin.kubeconfig", real=True)

    @property
    def node(self) -> bool:
        """Whether pods run in it."""
        return (self.folder / "cluster" / "run" / "kubelet.pid").is_file()

    @property
    def kubectl(self) -> Kubectl:
        """Of the cluster's own version."""
        return Kubectl("1.34", (str(self.folder / "cluster" / "kubectl"),))

    @property
    def settings(self) -> dict[str, object]:
        """The connection's, as the configuration has them."""
        return {"kind": "kubernetes-eks", "cluster_name": self.env["EKS_CLUSTER_NAME"], "region": self.env["AWS_REGION"], "role_arn": self.env["EKS_ROLE_ARN"]}

    @property
    def aws(self) -> dict[str, str]:
        """The gateway's environment, without what the configuration says."""
        return {name: value for name, value in self.env.items() if name.startswith("AWS_")}

    def trail(self, event: str = "", name: str = "") -> list[dict[str, Any]]:
        """CloudTrail's events, oldest first."""
        found = [yaml.safe_load(line) for line in (self.folder / "cloudtrail.jsonl").read_text().splitlines()]
        return [one for one in found if event in {"", one["eventName"]} and name in str((one.get("requestParameters") or {}).get("roleSessionName", ""))]

    def client(self, service: str) -> Any:
        """boto3's, as the account's admin."""
        import boto3  # noqa: PLC0415

        admin = self.admin
        return boto3.client(service, endpoint_url=admin["AWS_ENDPOINT_URL"], region_name=admin["AWS_REGION"],
                            aws_access_key_id=admin["AWS_ACCESS_KEY_ID"], aws_secret_access_key=admin["AWS_SECRET_ACCESS_KEY"])  # fmt: skip


@contextmanager
def up(place: Path, *more: str) -> Iterator[Eks]:
    """Start it, without a node: about 16 s. Raises AssertionError if there is none."""
    there = folder()
    assert there is not None, f"no EKS stand-in; {HOW}"
    done = subprocess.run([there / "eks", "up", place, "--control-plane", "--python", sys.executable, *more], capture_output=True, text=True, check=False)
    try:
        assert done.returncode == 0, done.stderr
        yield _at(place)
    finally:
        with suppress(FileNotFoundError):  # it takes away the network namespaces that are newer than this: those of another cluster's pods
            (place / "cluster" / "run" / "started").touch(exist_ok=True)
        subprocess.run([there / "eks", "down", place], capture_output=True, check=False)


def _at(place: Path) -> Eks:
    return Eks(place, _variables(place / "env"), _variables(place / "admin.env"))


def _variables(file: Path) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in file.read_text().splitlines())
