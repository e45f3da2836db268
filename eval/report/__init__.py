"""A run as one HTML page: figures with their intervals, what changed, and every example opened to its sources.

Path("report.html").write_text(render(data), encoding="utf-8")
"""

from eval.report.figures import metric_rows
from eval.report.model import Base, Event, ExampleRow, Figure, Judging, MetricRow, ReportData
from eval.report.page import render

__all__ = [
    "Base",
    "Event",
    "ExampleRow",
    "Figure",
    "Judging",
    "MetricRow",
    "ReportData",
    "metric_rows",
    "render",
]
