"""One pytest item a check, and what becomes of pytest's own reports while a gate runs.

pytest-html does not escape test ids, metadata, extras and summaries, and shows no row without
JavaScript: its holes are closed here, and only where a gate runs.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import TextIO

import pytest

from gonogo import __version__
from gonogo.gate.run import GateRun
from gonogo.model.finding import Finding
from gonogo.model.kinds import Outcome, Role
from gonogo.plugin.options import DEST
from gonogo.report import pytest_html as evidence
from gonogo.report.text import visible

RUN = pytest.StashKey[GateRun]()
FINDING = "finding"
PASSING = frozenset({Outcome.MET, Outcome.LEFT_OUT})


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one item for each check; its id names the metric and the environment, never a value."""
    if FINDING not in metafunc.fixturenames:
        return
    run = metafunc.config.stash[RUN]
    if run.setting is None:
        # Asked for its fixtures alone, pytest collects without the hook that resolves.
        return
    marker = metafunc.definition.get_closest_marker("asks")
    if marker is None:
        raise pytest.UsageError(f"{metafunc.definition.nodeid} lacks @pytest.mark.asks")
    asked = run.asked(Role(marker.kwargs["role"]), **_groups(marker))
    metafunc.parametrize(
        FINDING,
        [f"{role}:{metric.id}" for role, metric in asked],
        ids=[f"{metric.id}[{run.fixed.environment}]" for _, metric in asked],
        indirect=True,
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out the test of a role or a group of which the criteria file holds no metric."""
    of_nothing = [item for item in items if FINDING in _params(item) and not _check_of(item)]
    if of_nothing:
        items[:] = [item for item in items if item not in of_nothing]
        config.hook.pytest_deselected(items=of_nothing)


@pytest.fixture
def finding(request: pytest.FixtureRequest) -> Finding:
    """The finding that this check asserts; the first one asked for measures everything."""
    run = request.config.stash[RUN]
    found = run.finding(request.param)
    request.node.user_properties += run.properties(request.param)
    if found.outcome is Outcome.LEFT_OUT:
        pytest.skip(run.reason(found))
    return found


@pytest.fixture
def tolerated(request: pytest.FixtureRequest) -> frozenset[Outcome]:
    """The outcomes that a check may pass with: a warning too, unless ``--strict``."""
    strict = request.config.stash[RUN].options.strict
    return frozenset({Outcome.MET} if strict else {Outcome.MET, Outcome.WARNING})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shorten the report of a failed check to its reason; a check that ran has answered."""
    report = yield
    run = item.config.stash.get(RUN, None)
    if run is None:
        return report
    check = _check_of(item)
    asserted = report.when == "call" and (
        report.passed or (call.excinfo is not None and call.excinfo.errisinstance(AssertionError))
    )
    # A check that is skipped has not answered, unless what it asks is left out on purpose.
    if check and (asserted or (report.skipped and run.is_left_out(check))):
        found = run.answer(check)
        if report.failed and found.outcome not in PASSING:
            report.longrepr = f"{found.outcome}: {run.reason(found)}"
            return report
    if report.failed:
        run.unexplained.append(item.nodeid)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(
    report: pytest.TestReport | pytest.CollectReport, config: pytest.Config
) -> tuple[str, str, str | tuple[str, Mapping[str, bool]]] | None:
    """Show a check's outcome and, unless it is met, the reason; with `-q` show nothing."""
    properties = dict(report.user_properties) if isinstance(report, pytest.TestReport) else {}
    if "outcome" not in properties or report.when != ("setup" if report.skipped else "call"):
        return None
    if config.option.verbose < 0:
        return report.outcome, "", ""
    outcome = properties["outcome"]
    word = outcome if outcome == "met" else f"{outcome}: {visible(properties['reason'])}"
    letters = {"passed": ".", "failed": "F", "skipped": "s"}
    colour = {"passed": "green", "failed": "red", "skipped": "yellow"}[report.outcome]
    return report.outcome, letters[report.outcome], (word, {colour: True})


def _check_of(item: pytest.Item) -> str | None:
    """The check that an item asks; None for another test, and for one without a metric."""
    check = _params(item).get(FINDING)
    return check if isinstance(check, str) else None


def _params(item: pytest.Item) -> Mapping[str, object]:
    callspec = getattr(item, "callspec", None)
    return callspec.params if callspec else {}


def _groups(marker: pytest.Mark) -> dict[str, frozenset[str]]:
    return {
        "only": frozenset(marker.kwargs.get("groups", ())),
        "but": frozenset(marker.kwargs.get("others", ())),
    }


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
        properties = dict(getattr(report, "user_properties", ()))
        cells[:] = evidence.row_cells(cells, node, str(properties.get("outcome", "")))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_html(self, report: pytest.TestReport, data: list[str]) -> None:
        """Escape a check's output; one that was left out shows its reason, without a path."""
        properties = dict(getattr(report, "user_properties", ()))
        reason = str(properties.get("reason", "")) if report.skipped else ""
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
