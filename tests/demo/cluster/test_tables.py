"""The Tables that kubectl prints in columns."""

import pytest

from jitui.demo.cluster import tables
from jitui.demo.cluster.kinds import CONFIGMAPS, KINDS
from jitui.demo.cluster.objects import timestamp


@pytest.mark.parametrize(("seconds", "words"), [
    (0, "0s"), (119, "119s"), (120, "2m"), (192, "3m12s"), (599, "9m59s"), (600, "10m"), (10_799, "179m"), (10_800, "3h"), (11_400, "3h10m"), (28_800, "8h"),
    (172_799, "47h"), (172_800, "2d"), (260_000, "3d"), (176_400, "2d1h"), (691_200, "8d"), (86_400 * 400, "400d"), (-5, "0s")])
def test_age(seconds: int, words: str) -> None:
    """In kubectl's steps: seconds to two minutes, minutes with seconds to ten, and so on."""
    assert tables.age(timestamp(2_000_000_000 - seconds), 2_000_000_000) == words


def test_every_kind_has_columns() -> None:
    """And the first is its name, but for events."""
    assert set(tables.COLUMNS) == set(KINDS)
    assert [kind.plural for kind in KINDS if tables.COLUMNS[kind][0] is not tables.NAME] == ["events"]


@pytest.mark.parametrize(("include", "beside"), [("Metadata", "PartialObjectMetadata"), ("Object", "ConfigMap"), ("None", None)])
def test_what_stands_beside_the_cells(include: str, beside: str | None) -> None:
    """As `includeObject` asks."""
    found = {"kind": "ConfigMap", "metadata": {"name": "a", "creationTimestamp": timestamp()}, "data": {"x": "1"}}
    (row,) = tables.table(CONFIGMAPS, [found], {}, include=include)["rows"]
    assert row["cells"] == ["a", 1, "0s"]
    assert (row["object"] or {}).get("kind") == beside
