"""One pytest item for each check: its id, what it asserts, and how its outcome is shown."""

from __future__ import annotations

from collections.abc import Generator, Mapping

import pytest

from gonogo.gate.run import GateRun
from gonogo.model.finding import Finding
from gonogo.model.kinds import Outcome, Role
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
    told = dict(report.user_properties) if isinstance(report, pytest.TestReport) else {}
    if "outcome" not in told or report.when != ("setup" if report.skipped else "call"):
        return None
    if config.option.verbose < 0:
        return report.outcome, "", ""
    outcome = told["outcome"]
    word = outcome if outcome == "met" else f"{outcome}: {visible(told['reason'])}"
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
