"""A gate run in pytest: one item a check, the verdict as the exit code, the record.

Registered only where ``checks/`` is what pytest is asked to run. The order within a run:

configure → collection resolves what is asked and parametrizes the checks → the record is opened
with every expected check → the first check measures everything → each check asserts its own
finding → the verdict is decided, the evidence is written, the record is closed → the terminal
shows the verdict.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from gonogo import interruption
from gonogo.config.project import MARKER, Project
from gonogo.config.sections import RolloutConfig
from gonogo.errors import GonogoError, UsageError
from gonogo.gate.run import GateRun
from gonogo.gate.setting import Options
from gonogo.model.kinds import VerdictKind
from gonogo.model.window import parse_duration, parse_moment
from gonogo.plugin.checks import (
    RUN,
    STANDARD_OUTPUT,
    EvidencePage,
    correct_summary_lines,
    one_line_a_check,
    record_alone_on_stdout,
    stage_reports,
)
from gonogo.plugin.options import DEST
from gonogo.postgres.dsn import database_settings, named_environment
from gonogo.postgres.readonly import Manners
from gonogo.record.files import refusal_explained
from gonogo.report.text import visible

# Found by pytest beside this module, and registered with it.
pytest_plugins = ("gonogo.plugin.checks",)
ROOT = pytest.StashKey[Path]()


def carried_out(
    config: pytest.Config, root: Path
) -> Generator[None, object, pytest.ExitCode | object]:
    """The whole of pytest's run, as a gate: registers this module's hooks and those of the checks.

    Asked to end, however and whenever, a run of the checks ends as with Ctrl-C. Only collecting and
    checking are interrupted at once: what prepares a run and what closes it is finished first. With
    ``--json -`` standard output is the record's alone, and pytest writes to standard error.

    Args:
        config: pytest's.
        root: The project whose checks are asked for.
    """
    config.stash[ROOT] = root
    config.pluginmanager.register(sys.modules[__name__], __name__)
    try:
        with interruption.heard(), interruption.held(), record_alone_on_stdout(config):
            try:
                code = yield
            finally:
                if run := config.stash.get(RUN, None):
                    run.clean_up()
    except KeyboardInterrupt:
        code = pytest.ExitCode.INTERRUPTED
    return pytest.ExitCode.INTERRUPTED if interruption.was_received() else code


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Prepare the run and its evidence files."""
    if config.getoption("dist", "no") != "no" or hasattr(config, "workerinput"):
        raise pytest.UsageError("checks measure once, in one process: leave out -n and --dist")
    if sys.flags.optimize:
        raise pytest.UsageError("checks are assertions: unset PYTHONOPTIMIZE, leave out -O")
    with _AsUsageError():
        project = Project.find(config.stash[ROOT])
        run = config.stash[RUN] = GateRun(project, gate_options(config, project))
    stage_reports(config, run)
    config.pluginmanager.register(EvidencePage(run))
    one_line_a_check(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Print the verdict last, after pytest's own summary."""
    run = config.stash.get(RUN, None)
    if run is None:
        return
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter:
        run.show(reporter._tw._file)  # noqa: SLF001  # pytest has no public way to its stream
    if STANDARD_OUTPUT in config.stash:
        run.pipe(config.stash[STANDARD_OUTPUT])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Resolve what is judged before collection, while a usage error is still one line."""
    run = session.config.stash[RUN]
    with interruption.admitted():
        with _AsUsageError():
            run.resolve(database_settings(os.environ, session.config.getoption(DEST.format("dsn"))))
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Allow Ctrl-C and signals to interrupt the checks."""
    del session
    with interruption.admitted():
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Open the record with every check that a full run must answer, before the first one runs."""
    run = session.config.stash.get(RUN, None)
    if run and run.setting and not session.config.option.collectonly:
        with _AsUsageError():
            run.open_record()


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
            session.exitstatus = verdict.kind.exit_code
    try:
        with refusal_explained("the evidence cannot be written"):
            yield
            if run.is_open:
                if interruption.was_received() and not aborted:
                    aborted = True
                    run.decide(aborted=True)
                run.close(aborted=aborted)
    except GonogoError as error:
        run.problem = str(error)
        # Nobody can decide on a verdict without a record.
        session.exitstatus = session.exitstatus or VerdictKind.HOLD.exit_code
    correct_summary_lines(session.config, run)
    return None


def gate_options(config: pytest.Config, project: Project) -> Options:
    """Read the options; rollout.toml's ``without`` is added to the command line's.

    Args:
        config: pytest's.
        project: Where rollout.toml lies.

    Raises:
        UsageError: An option is malformed, or rollout.toml is wrong.
    """

    def given(name: str) -> str | None:
        text: str | None = config.getoption(DEST.format(name))
        return text

    window, as_of, deployed = given("window"), given("as_of"), given("deployed_at")
    rollout = RolloutConfig.load(project.root / MARKER)
    criteria, json = given("criteria"), given("json")
    return Options(
        window=None if window is None else parse_duration(window),
        as_of=None if as_of is None else parse_moment(as_of),
        environment=named_environment(os.environ, given("environment")),
        without=frozenset(config.getoption(DEST.format("without"))) | frozenset(rollout.without),
        deployed_at=None if deployed is None else parse_moment(deployed, "--deployed-at"),
        criteria=None if criteria is None else _file("--criteria", criteria),
        strict=bool(config.getini("strict")),
        json=json if json in {None, "-"} else str(_file("--json", json)),
        figures=config.getoption(DEST.format("figures")),
        endpoints=rollout.http,
        manners=Manners(anchor=rollout.application.anchor),
        archive_dir=rollout.archive_dir,
        migrations_dir=rollout.migrations_dir,
        migrations_from=rollout.migrations_from,
        allowed_signers=rollout.allowed_signers,
    )


def _file(option: str, text: str) -> Path:
    """Refuse an empty name: it is a variable that was not set, never the working directory.

    Raises:
        UsageError: It names nothing.
    """
    if not text.strip():
        raise UsageError(f"{option} names no file", "name one, or leave it out")
    return Path(text).resolve()


class _AsUsageError:
    """Turn our own errors into pytest's usage error: one line, exit code 4, no traceback."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, GonogoError):
            # The message may quote a server: no control character of it reaches the terminal.
            raise pytest.UsageError(visible(error)) from None
