"""Views of a report; tests/api/service/test_report.py makes whole ones."""

from jitui.api.reports import ReportLine
from jitui.values import plain
from jitui.values.said import Said


def test_a_line_is_plain_data() -> None:
    """With its links, and one time unless it says more."""
    line = ReportLine(at="t", who="ana", said=Said("x"), links=("g-1", "fact 4"))
    assert plain.of(line) == {"at": "t", "who": "ana", "said": "x", "links": ["g-1", "fact 4"], "count": 1}
