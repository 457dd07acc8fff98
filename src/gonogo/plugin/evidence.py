"""pytest-html's page as evidence: its escaping holes closed, nothing of the environment in it.

pytest-html does not escape test ids, metadata, extras and summaries, and shows no row without
JavaScript. Registered only where a gate runs.
"""

from __future__ import annotations

import pytest

from gonogo import __version__
from gonogo.gate.run import GateRun
from gonogo.report import pytest_html as evidence


class EvidencePage:
    """Hooks of pytest-html, pytest-metadata and pytest for one gate run.

    Args:
        run: The gate's state.
    """

    def __init__(self, run: GateRun) -> None:
        self._run = run

    @pytest.hookimpl(optionalhook=True, trylast=True)
    def pytest_metadata(self, metadata: dict[str, object]) -> None:
        """Of what pytest-metadata gathers, CI variables included, keep what is named here alone."""
        safe = evidence.metadata(metadata, {"gonogo": __version__})
        metadata.clear()
        metadata.update(safe)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """Add the gate's column."""
        cells[:] = evidence.header_cells()

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        """Escape the test id, and fill the gate's column."""
        node = report.nodeid + ("" if report.when == "call" else f"::{report.when}")
        told = dict(getattr(report, "user_properties", ()))
        cells[:] = evidence.row_cells(cells, node, str(told.get("outcome", "")))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_html(self, report: pytest.TestReport, data: list[str]) -> None:
        """Escape what a check said; of one that was left out that is its reason, without a path."""
        told = dict(getattr(report, "user_properties", ()))
        reason = str(told.get("reason", "")) if report.skipped else ""
        data[:] = evidence.log_lines(reason or report.longreprtext)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Put the verdict and a plain table of all answers first: readable without JavaScript."""
        verdict = self._run.verdict
        if verdict:
            answers = [
                evidence.Answer(found.id, found.outcome.value, self._run.reason(found))
                for found in self._run.answers
            ]
            prefix += evidence.summary(verdict.kind.value, self._run.reasons, answers)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """What cannot be collected may have been a check: it is never GO."""
        if report.failed:
            self._run.unexplained.append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Drop extras of other plugins: their HTML would go in as it is."""
        report.extras = []  # type: ignore[attr-defined]  # pytest-html's own attribute
