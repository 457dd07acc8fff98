"""A gate run in pytest: one item a check, the verdict as the exit code, the record.

Registered only where ``checks/`` is what pytest is asked to run. The order within a run:

configure → collection resolves what is asked and parametrizes the checks → the record is opened
with every expected check → the first check measures everything → each check asserts its own
finding → the verdict is decided, the evidence is written, the record is closed → the terminal
shows the verdict. Exit code 0 is that of a closed GO record, whatever pytest was asked to do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from gonogo import interruption
from gonogo.config.project import MARKER, Project, judged_by
from gonogo.config.sections import RolloutConfig
from gonogo.errors import GonogoError, UsageError
from gonogo.gate.run import GateRun
from gonogo.gate.setting import Options
from gonogo.masking import Mask
from gonogo.model.finding import Finding
from gonogo.model.kinds import EXIT_CODES, Outcome, Role, VerdictKind
from gonogo.model.measurement import parse_duration, parse_moment
from gonogo.plugin import DEST, STANDARD_OUTPUT, assumptions, evidence, require_there
from gonogo.postgres.dsn import database_settings, named_environment
from gonogo.postgres.readonly import Manners
from gonogo.record.files import refusal_explained
from gonogo.report.text import visible
from gonogo.screen import guarded_output, unarmed

T = TypeVar("T")
ROOT = pytest.StashKey[Path]()
RUN = pytest.StashKey[GateRun]()
FINDING = "finding"
JSON, DSN = DEST.format("json"), DEST.format("dsn")
PASSING = frozenset({Outcome.MET, Outcome.LEFT_OUT})


def carried_out(
    config: pytest.Config, root: Path
) -> Generator[None, object, pytest.ExitCode | object]:
    """The whole of pytest's run, as a gate: registers this module's hooks.

    Asked to end, a run of the checks ends as with Ctrl-C. Only collecting and checking are
    interrupted at once: what prepares a run and what closes it is finished first.

    Args:
        config: pytest's.
        root: The project whose checks are asked for.
    """
    config.stash[ROOT] = root
    config.pluginmanager.register(sys.modules[__name__], __name__)
    config.stash[STANDARD_OUTPUT], mask = sys.stdout, Mask.of(os.environ)
    guarded = guarded_output(mask, all_to_stderr=config.getoption(JSON) == "-")
    try:
        with interruption.heard(), interruption.held(), guarded:
            try:
                code = yield
            finally:
                if run := config.stash.get(RUN, None):
                    run.clean_up()
            code = evidence.borne_out(config.stash.get(RUN, None), code)
    except KeyboardInterrupt:
        code = pytest.ExitCode.INTERRUPTED
    except pytest.UsageError as error:
        # pytest itself prints it, where output is not guarded any more.
        lines = (unarmed(visible(mask(line))) for line in error.args)
        raise pytest.UsageError(*lines) from None
    return pytest.ExitCode.INTERRUPTED if interruption.was_received() else code


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Prepare the run and its evidence files."""
    if config.getoption("dist", "no") != "no" or hasattr(config, "workerinput"):
        raise pytest.UsageError("checks measure once, in one process: leave out -n and --dist")
    require_there(config)
    with _as_usage_error():
        project = Project.find(config.stash[ROOT])
        run = config.stash[RUN] = GateRun(project, _options(config, project))
        run.remarks += assumptions(config)
    evidence.stage_reports(config, run)
    config.pluginmanager.register(evidence.EvidencePage(run))
    evidence.one_line_a_check(config)


def _options(config: pytest.Config, project: Project) -> Options:
    """Read the options; rollout.toml's ``without`` is added to the command line's."""

    def given(name: str, read: Callable[[str], T]) -> T | None:
        text: str | None = config.getoption(DEST.format(name))
        return None if text is None else read(text)

    rollout = RolloutConfig.load(project.root / MARKER)
    criteria = given("criteria", partial(_file, "--criteria"))
    environment = named_environment(os.environ, given("environment", str))
    own = rollout.environments.get(environment) if environment else None
    return Options(
        window=given("window", parse_duration),
        as_of=given("as_of", parse_moment),
        environment=environment,
        databases=own.databases if own and not config.getoption(DSN) else (),
        at_once=own.databases_at_once if own else 1,
        without=frozenset(config.getoption(DEST.format("without"))) | frozenset(rollout.without),
        deployed_at=given("deployed_at", partial(parse_moment, option="--deployed-at")),
        criteria=criteria,
        strict=bool(config.getini("strict")),
        json=given("json", lambda text: text if text == "-" else str(_file("--json", text))),
        figures=config.getoption(DEST.format("figures")),
        endpoints=rollout.http,
        manners=Manners(anchor=rollout.application.anchor),
        archive_dir=rollout.archive_dir,
        migrations_dir=rollout.migrations_dir,
        migrations_from=rollout.migrations_from,
        migrations_to=rollout.migrations_to,
        allowed_signers=rollout.allowed_signers,
        base_url=os.environ.get(rollout.application.base_url or "", "").strip(),
        judged_by=judged_by(project, rollout, criteria),
        anchor=rollout.anchor,
        repositories={name: one.repository for name, one in rollout.environments.items()},
        textfile=given("textfile", partial(_file, "--textfile")),
        notifications=rollout.notifications,
        admission=rollout.admission,
    )


def _file(option: str, text: str) -> Path:
    """Refuse an empty name: it is a variable that was not set, never the working directory."""
    if not text.strip():
        raise UsageError(f"{option} names no file", "name one, or leave it out")
    return Path(text).resolve()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Resolve what is judged before collection, while a usage error is still one line."""
    run = session.config.stash[RUN]
    with interruption.admitted():
        with _as_usage_error():
            fleet, dsn = run.options.databases, session.config.getoption(DSN)
            run.resolve(None if fleet else database_settings(os.environ, dsn))
        return (yield)


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
    only, but = (frozenset(marker.kwargs.get(name, ())) for name in ("groups", "others"))
    asked = run.asked(Role(marker.kwargs["role"]), only, but)
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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Open the record with all that a full run must answer, unless pytest is to run nothing."""
    option = session.config.option
    unable = session.testsfailed and not option.continue_on_collection_errors
    if session.items and not unable and not option.collectonly:
        with _as_usage_error():
            session.config.stash[RUN].open_record()
    with interruption.admitted():
        return (yield)


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


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Decide, let pytest-html and junitxml write, then close the record with what they wrote.

    It runs within the terminal's own wrapper: the files exist after the yield, the summary follows.
    """
    run = session.config.stash.get(RUN, None)
    if run is None:
        return (yield)
    finished = session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
    aborted = interruption.was_received() or not finished
    if run.is_open:
        verdict = run.decide(aborted=aborted)
        if not aborted:
            session.exitstatus = EXIT_CODES[verdict.kind]
    try:
        with refusal_explained("the evidence cannot be written"):
            yield
            if run.is_open:
                evidence.sealed_in_place(run.staged("evidence.html"))
                if interruption.was_received() and not aborted:
                    aborted = True
                    run.decide(aborted=True)
                run.close(aborted=aborted)
    except GonogoError as error:
        run.problem = str(error)
        # Nobody can decide on a verdict without a record.
        session.exitstatus = session.exitstatus or EXIT_CODES[VerdictKind.HOLD]
    evidence.correct_summary_lines(session.config, run)
    return None


def pytest_unconfigure(config: pytest.Config) -> None:
    """Print the verdict last, after pytest's own summary."""
    run = config.stash.get(RUN, None)
    if run is None:
        return
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter:
        run.show(reporter._tw._file)  # noqa: SLF001  # pytest has no public way to its stream
    if config.getoption(JSON) == "-":
        run.pipe(config.stash[STANDARD_OUTPUT])


def _check_of(item: pytest.Item) -> str | None:
    """The check that an item asks; None for another test, and for one without a metric."""
    check = _params(item).get(FINDING)
    return check if isinstance(check, str) else None


def _params(item: pytest.Item) -> Mapping[str, object]:
    callspec = getattr(item, "callspec", None)
    return callspec.params if callspec else {}


@contextmanager
def _as_usage_error() -> Iterator[None]:
    """Turn our own errors into pytest's usage error: one line, exit code 4, no traceback."""
    try:
        yield
    except GonogoError as error:
        raise pytest.UsageError(str(error)) from None
