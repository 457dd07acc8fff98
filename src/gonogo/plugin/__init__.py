"""The door from pytest: options, one item a check, the verdict as the exit code, the record.

Inert unless ``checks/`` is what pytest was asked to run. The order within a run:

configure → collection resolves what is asked and parametrizes the checks → the record is opened
with every expected check → the first check measures everything → each check asserts its own
finding → the verdict is decided, the evidence is written, the record is closed → the terminal
tells.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator

import pytest

from gonogo import interruption
from gonogo.config.project import Project
from gonogo.errors import GonogoError
from gonogo.gate.run import GateRun
from gonogo.model.kinds import VerdictKind
from gonogo.plugin.checks import RUN
from gonogo.plugin.evidence import EvidencePage
from gonogo.plugin.options import add_options, gate_options
from gonogo.plugin.reports import (
    STANDARD_OUTPUT,
    one_line_a_check,
    stage_reports,
    tell_where_reports_are,
    told_apart,
)
from gonogo.postgres.settings import database_settings
from gonogo.record.files import told_plainly
from gonogo.report.text import visible

# Found by pytest beside this module, and registered with it.
pytest_plugins = ("gonogo.plugin.checks",)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add gonogo's options."""
    add_options(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Told to end, however and whenever, a run of the checks ends as with Ctrl-C.

    Only collecting and checking are interrupted at once: what prepares a run and what closes it
    comes to its end first. With ``--json -`` standard output is the record's alone, and pytest
    tells on standard error.
    """
    if not _checks_are_asked(config):
        return (yield)
    try:
        with interruption.heard(), interruption.held(), told_apart(config):
            try:
                code = yield
            finally:
                if run := config.stash.get(RUN, None):
                    run.clean_up()
    except KeyboardInterrupt:
        code = pytest.ExitCode.INTERRUPTED
    return pytest.ExitCode.INTERRUPTED if interruption.was_told() else code


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; when checks are asked for, prepare the run and its evidence files."""
    config.addinivalue_line("markers", "asks(role, groups, others): which checks a test answers")
    if not _checks_are_asked(config):
        return
    if config.getoption("dist", "no") != "no" or hasattr(config, "workerinput"):
        raise pytest.UsageError("checks measure once, in one process: leave out -n and --dist")
    if sys.flags.optimize:
        raise pytest.UsageError("checks are assertions: unset PYTHONOPTIMIZE, leave out -O")
    with _AsUsageError():
        project = Project.find(config.rootpath)
        run = config.stash[RUN] = GateRun(project, gate_options(config, project))
    stage_reports(config, run)
    config.pluginmanager.register(EvidencePage(run))
    one_line_a_check(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Tell the verdict last, after pytest's own summary."""
    run = config.stash.get(RUN, None)
    if run is None:
        return
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter:
        run.tell(reporter._tw._file)  # noqa: SLF001  # pytest has no public way to its stream
    if STANDARD_OUTPUT in config.stash:
        run.pipe(config.stash[STANDARD_OUTPUT])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Fix what is judged before anything is collected: here a usage error is still one line."""
    run = session.config.stash.get(RUN, None)
    if run is None:
        return (yield)
    with interruption.admitted():
        with _AsUsageError():
            run.resolve(database_settings(os.environ, session.config.getoption("--dsn")))
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Let the checks be interrupted."""
    if RUN not in session.config.stash:
        return (yield)
    with interruption.admitted():
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Open the record, with every check that a full run must answer, before the first one runs."""
    run = session.config.stash.get(RUN, None)
    if run and run.setting and not session.config.option.collectonly:
        with _AsUsageError():
            run.open_record()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Decide, let pytest-html and junitxml write, then close the record with what they wrote.

    A wrapper within the terminal's own: the files are there after the yield, the summary follows.
    """
    run = session.config.stash.get(RUN, None)
    if run is None:
        return (yield)
    finished = session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
    aborted = interruption.was_told() or not finished
    if run.is_open:
        verdict = run.decide(aborted=aborted)
        if not aborted:
            session.exitstatus = verdict.kind.exit_code
    try:
        with told_plainly("the evidence cannot be written"):
            yield
            if run.is_open:
                if interruption.was_told() and not aborted:
                    aborted = True
                    run.decide(aborted=True)
                run.close(aborted=aborted)
    except GonogoError as error:
        run.problem = str(error)
        # A verdict without a record is nothing to go on.
        session.exitstatus = session.exitstatus or VerdictKind.HOLD.exit_code
    tell_where_reports_are(session.config, run)
    return None


def _checks_are_asked(config: pytest.Config) -> bool:
    checks = config.rootpath / "checks"
    for argument in config.args:
        path = (config.invocation_params.dir / argument.partition("::")[0]).resolve()
        if path == checks or checks in path.parents:
            return True
    return False


class _AsUsageError:
    """Turn our own errors into pytest's usage error: one line, exit code 4, no traceback."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, GonogoError):
            # What it quotes, a server's answer among it, can do nothing to a terminal.
            raise pytest.UsageError(visible(error)) from None
