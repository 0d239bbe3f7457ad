"""Views of a report; tests/api/service/test_report.py makes whole ones."""

import json

from jitui.api.client.shapes import read
from jitui.api.reports import ReportLine, ReportSection, ReportView
from jitui.values import plain
from jitui.values.said import Said


def test_a_report_comes_over_the_wire_as_it_was_sent() -> None:
    """Every field of it has a shape that the client reads."""
    line = ReportLine(at="t", who="ana", said=Said("x"), links=("g-1", "fact 4"))
    view = ReportView(gateway="k", made="t", since="t", until="t", identity="", connection="", first_fact=1, last_fact=9, hash="ab", windows_total=0,
                      automatic=0, own=0, windows=(), people=(), sections=(ReportSection(title="Freezes", about="CC7.3", total=1, lines=(line,)),))
    assert read(ReportView, json.loads(plain.text(view))) == view
