"""The door from the command line: ``gonogo <command>``, which the nox sessions wrap.

Each command imports what it needs when it is called, so that every one starts fast. What a user got
wrong ends in one line on standard error and a non-zero exit code, never in a traceback.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable

import typer

from gonogo import interruption
from gonogo.cli import (
    admins,
    checklists,
    incidents,
    judging,
    monitoring,
    readiness,
    rehearsing,
    rolling,
    signing,
    standing,
    taking_back,
    verifying,
)
from gonogo.cli.endings import INTERRUPTED
from gonogo.cli.logs import logged
from gonogo.config.project import is_text
from gonogo.errors import GonogoError, UsageError
from gonogo.report.text import visible

# Typer brings a click of its own, or imports one: either way this is what that calls wrong usage.
WrongUsage: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="gonogo",
    help="The release gate: rehearse, deploy, judge, roll back.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(rehearsing.rehearse)
app.command()(readiness.preflight)
app.command()(rolling.deploy)
app.command()(judging.verify)
PASSING_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
app.command(context_settings=PASSING_ON)(judging.gate)
app.command(context_settings=PASSING_ON)(monitoring.monitor)
app.command(name="final_report")(monitoring.final_report)
app.command()(taking_back.rollback)
app.command(name="sign_off")(signing.sign_off)
app.command(name="verify_record")(verifying.verify_record)
app.command()(checklists.checklist)
app.command()(standing.status)
app.add_typer(incidents.app, name="incident")
app.add_typer(admins.app, name="promote_admin")
app.command()(judging.criteria)


def main() -> None:
    """Run the command line; errors that users can mend are told in one line."""
    with interruption.heard():
        code = _run()
    sys.exit(code)


def _run() -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # An ASCII terminal shows what it cannot as an escape, rather than end the run.
            stream.reconfigure(errors="backslashreplace")
    try:
        _require_text(sys.argv)
        words = sys.argv[1:] or ["--help"]
        code = logged(words, lambda: app(words, standalone_mode=False) or 0)
        sys.stdout.flush()
    except GonogoError as error:
        code = _told(error, error.exit_code, getattr(error, "__notes__", ()))
    except WrongUsage as error:
        problem = getattr(error, "format_message", error.__str__)()
        # What was wrong is told in our words, without the name of a class.
        plain = " ".join(problem.split()).replace(": Value error, ", ": ")
        code = _told(plain, UsageError.exit_code)
    except BrokenPipeError:
        # Whoever read our output has gone: `gonogo … | head`. Nothing is left to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    else:
        if code == INTERRUPTED:
            _told("interrupted", code)
    return code


def _require_text(words: Iterable[str]) -> None:
    """Refuse an argument that no database, log or record could hold."""
    for word in words:
        if not is_text(word):
            raise UsageError(f"the argument {word!r} is no UTF-8", "write it in UTF-8")


def _told(problem: object, code: int, notes: Iterable[str] = ()) -> int:
    """Tell it in one line; what it quotes from elsewhere can do nothing to a terminal."""
    from gonogo.masking import Mask

    more = "".join(f" ({note})" for note in notes)
    sys.stderr.write(visible(Mask.of(os.environ)(f"gonogo: {problem}{more}")) + "\n")
    return code
