"""Label and field selectors, as the API server reads them."""

import pytest

from jitui.demo.cluster.selectors import fields, labels, matches
from jitui.demo.cluster.status import StatusError

POD = {"metadata": {"name": "one", "namespace": "web", "labels": {"app": "shop", "tier": "front"}}, "status": {"phase": "Running"}}


@pytest.mark.parametrize(("text", "expected"), [
    ("", True), ("app=shop", True), ("app==shop,tier=front", True), ("app!=shop", False), ("app in (web, shop)", True), ("app notin (web,shop)", False),
    ("tier", True), ("!tier", False), ("zone", False), ("zone!=a", True), ("app=web", False),
])  # fmt: skip
def test_labels(text: str, expected: bool) -> None:
    """All terms have to hold; a comma within parentheses separates values."""
    assert labels(text)(POD) is expected


@pytest.mark.parametrize(("text", "expected"), [
    ("metadata.name=one", True), ("metadata.name!=one", False), ("status.phase=Running,metadata.namespace==web", True), ("spec.nodeName=", True),
])  # fmt: skip
def test_fields(text: str, expected: bool) -> None:
    """A field that is missing is empty."""
    assert fields(text)(POD) is expected


@pytest.mark.parametrize("text", ["a((", "=b", "a in b"])
def test_labels_that_can_not_be_read(text: str) -> None:
    with pytest.raises(StatusError) as caught:
        labels(text)
    assert caught.value.status == 400


@pytest.mark.parametrize("text", ["spec.gizmo=1", "metadata.name"])
def test_fields_that_nobody_can_select_by(text: str) -> None:
    with pytest.raises(StatusError) as caught:
        fields(text)
    assert caught.value.status == 400


def test_the_selector_of_a_deployment() -> None:
    assert matches({"app": "shop"}, POD)
    assert not matches({"app": "shop", "zone": "a"}, POD)
