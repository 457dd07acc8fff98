"""What becomes of pytest's own reports and words while a gate runs; pytest-html's holes closed.

pytest-html does not escape test ids, metadata, extras and summaries, and shows no row without
JavaScript. Registered only where a gate runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO

import pytest

from gonogo import __version__
from gonogo.gate.run import GateRun
from gonogo.plugin.options import DEST
from gonogo.report import pytest_html as evidence

STANDARD_OUTPUT = pytest.StashKey[TextIO]()


@contextmanager
def told_apart(config: pytest.Config) -> Iterator[None]:
    """With ``--json -`` standard output is the record's alone: pytest tells on standard error."""
    if config.getoption(DEST.format("json")) != "-":
        yield
        return
    config.stash[STANDARD_OUTPUT] = sys.stdout
    with redirect_stdout(sys.stderr):
        yield


def stage_reports(config: pytest.Config, run: GateRun) -> None:
    """Have pytest-html and junitxml write for us; where the user asked for a file, it is a copy.

    Both read these options in their own configure, which comes after ours.
    """
    if not all(map(config.pluginmanager.hasplugin, ("html", "metadata", "junitxml"))):
        needed = "pytest-html, pytest-metadata and junitxml"
        raise pytest.UsageError(f"the gate needs {needed}: leave out -p no:…")
    run.copies = {"evidence.html": config.option.htmlpath, "junit.xml": config.option.xmlpath}
    config.option.htmlpath = str(run.staged("evidence.html"))
    config.option.self_contained_html = True
    config.option.xmlpath = str(run.staged("junit.xml"))


def tell_where_reports_are(config: pytest.Config, run: GateRun) -> None:
    """What the report plugins wrote has moved into the record: let no summary line lie."""
    for plugin in list(config.pluginmanager.get_plugins()):
        module = type(plugin).__module__
        if module == "pytest_html.selfcontained_report":
            config.pluginmanager.unregister(plugin)
        elif module == "_pytest.junitxml" and run.directory:
            plugin.logfile = str(run.directory / "junit.xml")
        elif module == "_pytest.junitxml":
            # Without a record it is gone in a moment, and pytest only keeps quiet when it is quiet.
            config.option.verbose = -1


def one_line_a_check(config: pytest.Config) -> None:
    """The reason stands behind each check, so that nothing need be told twice; `-q` omits both."""
    config.option.verbose += 1 if config.option.verbose >= 0 else -1
    config.option.reportchars = ""
    if config.option.tbstyle == "auto":
        config.option.tbstyle = "no"


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
