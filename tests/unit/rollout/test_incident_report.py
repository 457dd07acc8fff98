"""The draft of an incident report shows each text as it is, and lets none of it do anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from gonogo.report.html import render_template
from gonogo.rollout.incident_report import IncidentReport, Part

TEMPLATES = Path(__file__).parents[4] / "reports" / "templates"
HOSTILE = "<script>alert(1)</script> | [link](http://evil) `code` \x1b[2J \u202e # *"


@pytest.fixture
def report() -> IncidentReport:
    """A report whose every text is foreign."""
    table = Part("Issues", (), ("Incident", "Why"), ((HOSTILE, HOSTILE), ("plain", "")))
    return IncidentReport(f"IncidentReport {HOSTILE}", (Part("Reason", (HOSTILE,)), table))


def test_markdown_shows_it_as_text(report: IncidentReport) -> None:
    """No link, no tag, no cell more than there are; control characters stand as escapes."""
    lines = report.markdown.splitlines()
    assert lines[0].startswith("# IncidentReport \\<script\\>")
    assert "\x1b" not in report.markdown
    assert "\u202e" not in report.markdown
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 4
    assert {line.replace("\\|", "").count("|") for line in rows} == {3}
    assert "\\[link\\]" in report.markdown


def test_the_page_shows_it_as_text(report: IncidentReport) -> None:
    """The same words, escaped; the page's own policy allows neither script nor request."""
    page = render_template("incident.html.jinja", TEMPLATES, {"report": report})
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\x1b" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_a_part_without_rows_has_no_table() -> None:
    """Neither in Markdown nor on the page."""
    report = IncidentReport("IncidentReport", (Part("Issues", ("none",)),))
    assert report.markdown == "# IncidentReport\n\n## Issues\n\n- none\n"
    assert "<table" not in render_template("incident.html.jinja", TEMPLATES, {"report": report})
