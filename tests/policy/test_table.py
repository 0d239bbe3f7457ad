"""The table of hazards has a row for every verb on every kind of Kubernetes."""

from pathlib import Path

import pytest

from jitui.policy.action import Hazard
from jitui.policy.clause import VERBS
from jitui.policy.hazard import hazard_at
from jitui.policy.table import ANY, READ, TABLE, WRITE, Kind


def test_a_row_of_the_table_decides_its_verbs() -> None:
    """Each verb of a kind stands in one row, which says why."""
    seen: set[tuple[Kind, str]] = set()
    for kind, verbs, hazard, why in TABLE:
        group, resource, subresource = kind
        assert {hazard_at(verb, group, resource, subresource) for verb in verbs} == {hazard}
        assert why
        assert not seen & {(kind, verb) for verb in verbs}
        seen |= {(kind, verb) for verb in verbs}


def served() -> dict[str, tuple[str, str]]:
    """By kind: the first and the last release that serves it (`storage_map.py` made the list)."""
    lines = (Path(__file__).parent / "kinds.txt").read_text(encoding="utf-8").splitlines()
    return {kind: (first, last) for kind, first, last in map(str.split, lines)}


@pytest.mark.parametrize("text", [*served(), *(f"nodes/{part}" for part in ("log", "stats", "metrics", "configz", "pods", "spec", "healthz", "checkpoint"))])
def test_no_kind_of_kubernetes_is_left_to_a_default(text: str) -> None:
    """For every kind and subresource of 1.27 to 1.35, and the kubelet's, each verb that writes has a row, and all of them write or none does."""
    base, _, subresource = text.partition("/")
    resource, _, group = base.partition(".")
    rows = [(verbs, hazard) for kind, verbs, hazard, _ in TABLE if kind == (group, resource, subresource)]
    assert frozenset(verb for verbs, _ in rows for verb in verbs) >= WRITE
    assert len({hazard is Hazard.READ for verbs, hazard in rows for verb in verbs if verb in WRITE}) == 1


def test_the_list_of_kinds_is_the_servers_own() -> None:
    """From the releases that are meant, and with what only a feature gate or the aggregator serves."""
    kinds = served()
    assert len(kinds) > 120
    assert (kinds["pods/exec"], kinds["podschedulingcontexts.resource.k8s.io"], kinds["workloads.scheduling.k8s.io"]) == (
        ("1.27", "1.35"), ("1.27", "1.31"), ("1.35", "1.35"))  # fmt: skip
    assert {"apiservices.apiregistration.k8s.io/status", "customresourcedefinitions.apiextensions.k8s.io", "pods/resize"} <= {*kinds}


def test_reads_and_writes_are_all_verbs() -> None:
    """A new verb has to be put on one side."""
    assert ANY - {"head", "options", "apply"} == set(VERBS)
    assert not READ & WRITE
