"""Where pytest's own reports and output go while a gate runs; pytest-html's holes are closed.

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

NEEDED = ("html", "metadata", "junitxml", "terminal")
STANDARD_OUTPUT = pytest.StashKey[TextIO]()


@contextmanager
def record_alone_on_stdout(config: pytest.Config) -> Iterator[None]:
    """With ``--json -``, pytest writes to standard error: standard output is the record alone."""
    if config.getoption(DEST.format("json")) != "-":
        yield
        return
    config.stash[STANDARD_OUTPUT] = sys.stdout
    with redirect_stdout(sys.stderr):
        yield


def stage_reports(config: pytest.Config, run: GateRun) -> None:
    """Have pytest-html and junitxml write into the record; a file that the user names is a copy.

    Both read these options in their own configure, which runs after ours.
    """
    if not all(map(config.pluginmanager.hasplugin, NEEDED)):
        needed = "pytest-html, pytest-metadata, junitxml and terminal"
        raise pytest.UsageError(f"the gate needs {needed}: leave out -p no:…")
    run.copies = {"evidence.html": config.option.htmlpath, "junit.xml": config.option.xmlpath}
    config.option.htmlpath = str(run.staged("evidence.html"))
    config.option.self_contained_html = True
    config.option.xmlpath = str(run.staged("junit.xml"))


def correct_summary_lines(config: pytest.Config, run: GateRun) -> None:
    """Keep the summary of the report plugins true: what they wrote has moved into the record."""
    for plugin in list(config.pluginmanager.get_plugins()):
        module = type(plugin).__module__
        if module == "pytest_html.selfcontained_report":
            config.pluginmanager.unregister(plugin)
        elif module == "_pytest.junitxml" and run.directory:
            plugin.logfile = str(run.directory / "junit.xml")
        elif module == "_pytest.junitxml":
            # Without a record the file is removed at once; only a quiet pytest does not name it.
            config.option.verbose = -1


def one_line_a_check(config: pytest.Config) -> None:
    """Show each check on a line with its reason, and no second summary; `-q` omits both."""
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
        """Keep only the listed entries of what pytest-metadata gathers, CI variables included."""
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
        """Escape a check's output; one that was left out shows its reason, without a path."""
        told = dict(getattr(report, "user_properties", ()))
        reason = str(told.get("reason", "")) if report.skipped else ""
        data[:] = evidence.log_lines(reason or report.longreprtext)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Put the verdict and a plain table of all answers first, readable without JavaScript."""
        verdict = self._run.verdict
        if verdict:
            answers = [
                evidence.Answer(found.id, found.outcome.value, self._run.reason(found))
                for found in self._run.answers
            ]
            prefix += evidence.summary(verdict.kind.value, self._run.reasons, answers)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what cannot be collected: it may have been a check, so the verdict is never GO."""
        if report.failed:
            self._run.unexplained.append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Drop the extras of other plugins: pytest-html would insert their HTML unescaped."""
        report.extras = []  # type: ignore[attr-defined]  # pytest-html's own attribute
