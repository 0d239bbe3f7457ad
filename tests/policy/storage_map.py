"""Makes `kinds.txt`: every kind and subresource that an API server of Kubernetes serves, with the first and the last release that has it.

    go mod download k8s.io/kubernetes@v1.27.16 ... && python -m tests.policy.storage_map $(go env GOMODCACHE)/k8s.io/kubernetes@v* >tests/policy/kinds.txt

Two sources, and each holds what the other lacks. The storage maps in pkg/registry/GROUP/rest/*.go name what the server can serve, also what a feature
gate or `--runtime-config` turns on. The documents in api/discovery (from 1.28 on all groups, with every alpha) add what the aggregator and the server of
custom resources serve. Only names are taken.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

GROUP_NAME: Final = re.compile(r'^const GroupName = "([^"]*)"', re.MULTILINE)
RESOURCE: Final = re.compile(r'resource := "(\w+)"')
STORED: Final = re.compile(r'storage\[(?:resource|"(?P<plural>\w+)")(?:\+"(?P<subresource>/\w+)")?\] = ')
RELEASE: Final = re.compile(r"@v(\d+\.\d+)\.")


def stored(source: Path) -> Iterator[str]:
    """`pods/exec`, from the storage maps."""
    for file in sorted(source.glob("pkg/registry/*/rest/*.go")):
        text = file.read_text(encoding="utf-8")
        if file.name.endswith("_test.go") or "storage[" not in text or "testapigroup" in file.parts:
            continue
        group = _group(source, file.parent.parent.name)
        plural = ""
        for line in text.splitlines():
            if found := RESOURCE.search(line):
                plural = found[1]
            if found := STORED.search(line):
                yield _kind(found["plural"] or plural, group, found["subresource"] or "")


def discovered(source: Path) -> Iterator[str]:
    """`customresourcedefinitions.apiextensions.k8s.io/status`, from the documents of one group and version each."""
    for file in sorted(source.glob("api/discovery/api*__*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        group, slash, _ = str(document.get("groupVersion", "")).partition("/")
        for resource in document.get("resources", ()):
            plural, _, subresource = str(resource["name"]).partition("/")
            yield _kind(plural, group if slash else "", f"/{subresource}" if subresource else "")


def _group(source: Path, package: str) -> str:
    found = GROUP_NAME.search((source / "pkg/apis" / package / "register.go").read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def _kind(plural: str, group: str, subresource: str) -> str:
    return (f"{plural}.{group}" if group else plural) + subresource


def main() -> None:
    releases: dict[str, list[tuple[int, ...]]] = {}
    for source in map(Path, sys.argv[1:]):
        release = RELEASE.search(source.name)
        assert release is not None
        for kind in {*stored(source), *discovered(source)}:
            releases.setdefault(kind, []).append(tuple(map(int, release[1].split("."))))
    for kind, served in sorted(releases.items()):
        first, last = (".".join(map(str, each)) for each in (min(served), max(served)))
        sys.stdout.write(f"{kind} {first} {last}\n")


if __name__ == "__main__":
    main()
