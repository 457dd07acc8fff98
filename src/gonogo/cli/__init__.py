"""The command line: ``gonogo <command>``, which the nox sessions wrap. It may import every room.

Each command imports what it needs when it is called, so that every one starts fast. A user's error
ends in one line on standard error and a non-zero exit code, never in a traceback.

Deployments, rollbacks and preflights keep a log of their steps, gates a record; the other commands
that speak with a database or sign something are logged here: what was called, and how it ended.
"""

from __future__ import annotations

import inspect
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo import __version__, interruption
from gonogo.cli import (
    admins,
    checklist,
    deploy,
    gate,
    generated,
    init,
    preflight,
    rehearse,
    rollback,
    signing,
    status,
)
from gonogo.config.project import Project, is_text
from gonogo.errors import GonogoError, InterruptionError, UsageError
from gonogo.masking import Mask
from gonogo.model.kinds import Environment
from gonogo.report.text import visible
from gonogo.screen import guarded_output

if TYPE_CHECKING:
    from gonogo.record.files import Log

# Typer brings a click of its own, or imports one: either way this is what that calls wrong usage.
WrongUsage: type[Exception] = typer.BadParameter.__mro__[1]
NAME = "gonogo"
LOGGED = frozenset(
    {
        "checklist",
        "final_report",
        "incident",
        "promote_admin",
        "sign_off",
        "status",
        "verify",
        "verify_record",
    }
)

app = typer.Typer(
    name=NAME,
    pretty_exceptions_enable=False,
    # Help without colours and boxes: it can be read on any background, and at 40 columns.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:  # noqa: FBT001  # as typer calls it
    if asked:
        typer.echo(f"gonogo {__version__}")
        raise typer.Exit


@app.callback()
def common(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, help="Show the version.")
    ] = False,
) -> None:
    """The release gate: rehearse, deploy, judge, roll back."""
    del version


app.command()(init.init)
app.command()(rehearse.rehearse)
app.command()(preflight.preflight)
app.command()(deploy.deploy)
app.command()(gate.verify)
PASSING_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
app.command(cls=gate.Judging, context_settings=PASSING_ON)(gate.gate)
app.command(cls=gate.Judging, context_settings=PASSING_ON)(gate.monitor)
app.command(name="final_report")(gate.final_report)
app.command()(rollback.rollback)
app.command()(deploy.restart)
app.command(name="sign_off")(signing.sign_off)
app.command(name="verify_record")(signing.verify_record)
app.command()(checklist.checklist)
app.command()(status.status)
app.add_typer(status.incident_app, name="incident")
app.add_typer(admins.app, name="promote_admin")
app.command()(generated.criteria)
app.command(hidden=True)(generated.reference)
app.command(hidden=True)(generated.schema)
app.command()(generated.grants)
for one in app.registered_commands:
    # The whole sentence: of the docstring alone, the list of commands shows what fits on a line.
    one.short_help = (inspect.getdoc(one.callback) or "").partition("\n")[0]


def main() -> None:
    """Run the command line; an error that a user can fix ends in one line."""
    with interruption.heard(), guarded_output(Mask.of(os.environ)):
        code = _run()
    sys.exit(code)


def _run() -> int:
    try:
        _require_text(sys.argv)
        name, *more = sys.argv[1:] or ["--help"]
        # A command's name may be written with hyphens.
        words = [name if name.startswith("-") else name.replace("-", "_"), *more]
        code = _logged(words, lambda: app(words, prog_name=NAME, standalone_mode=False) or 0)
    except GonogoError as error:
        code = _ended(error, error.exit_code, getattr(error, "__notes__", ()))
        if error.down:
            _ended(error.down, code)
    except WrongUsage as error:
        problem = getattr(error, "format_message", error.__str__)()
        # In our words, without the name of a class.
        plain = " ".join(problem.split()).replace(": Value error, ", ": ")
        code = _ended(plain, UsageError.exit_code)
    else:
        if code == InterruptionError.exit_code:
            _ended("interrupted", code)
    return code


def _require_text(words: Iterable[str]) -> None:
    """Refuse an argument that no database, log or record could hold."""
    for word in words:
        if not is_text(word):
            raise UsageError(f"the argument {word!r} is no UTF-8", "write it in UTF-8")


def _ended(problem: object, code: int, notes: Iterable[str] = ()) -> int:
    """Print one line; text quoted from elsewhere cannot control the terminal."""
    more = "".join(f" ({note})" for note in notes)
    sys.stderr.write(visible(Mask.of(os.environ)(f"gonogo: {problem}{more}")) + "\n")
    return code


def _logged(words: Sequence[str], run: Callable[[], int]) -> int:
    """Run a command with a log; an error gets a note that names the log."""
    log = _open_log(words) if words[0] in LOGGED else None
    if log is None:
        return run()
    with log:
        log.write("started", words=list(words))
        started = time.monotonic()
        try:
            code = run()
        except BaseException as error:
            problem = str(error) if isinstance(error, GonogoError) else type(error).__name__
            log.write("failed", error=problem, elapsed_s=round(time.monotonic() - started, 3))
            error.add_note(f"log: {log.path}")
            raise
        log.write("finished", code=code, elapsed_s=round(time.monotonic() - started, 3))
    return code


def _open_log(words: Sequence[str]) -> Log | None:
    """The log; None outside a checkout, or where nothing can be written: reading needs no log."""
    from gonogo.record.files import Log

    try:
        logs = Project.find(Path.cwd()).logs_dir
        return Log.open(logs / _environment(words), words[0], Mask.of(os.environ))
    except (UsageError, OSError):
        return None


def _environment(words: Sequence[str]) -> str:
    """The environment as far as the option or else NODE_ENV names it."""
    given = [word.removeprefix("--environment=") for word in words]
    given += [after for word, after in pairwise(words) if word == "--environment"]
    given += [os.environ.get("NODE_ENV", "")]
    return next((name for name in given if name in set(Environment)), "any")
