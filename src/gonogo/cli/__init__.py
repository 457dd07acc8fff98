"""The door from the command line: ``gonogo <command>``, which the nox sessions wrap.

Each command imports what it needs when it is called, so that every one starts fast. What a user got
wrong ends in one line on standard error and a non-zero exit code, never in a traceback.
"""

from __future__ import annotations

import io
import os
import signal
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from types import FrameType

import typer

from gonogo.cli import admins, incidents, judging, readiness, rehearsing, rolling, standing
from gonogo.cli.endings import INTERRUPTED
from gonogo.errors import GonogoError, UsageError
from gonogo.record.text import visible

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
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    judging.gate
)
app.command()(rolling.rollback)
app.command()(standing.status)
app.add_typer(incidents.app, name="incident")
app.add_typer(admins.app, name="promote_admin")
app.command()(judging.criteria)


def main() -> None:
    """Run the command line; errors that users can mend are told in one line."""
    signal.signal(signal.SIGTERM, _interrupt)
    # Under nohup it is ignored, and stays so.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _hang_up)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # An ASCII terminal shows what it cannot as an escape, rather than end the run.
            stream.reconfigure(errors="backslashreplace")
    try:
        _require_text(sys.argv)
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False) or 0
        sys.stdout.flush()
    except GonogoError as error:
        code = _told(error, error.exit_code, getattr(error, "__notes__", ()))
    except WrongUsage as error:
        problem = getattr(error, "format_message", error.__str__)()
        code = _told(" ".join(problem.split()), UsageError.exit_code)
    except BrokenPipeError:
        # Whoever read our output has gone: `gonogo … | head`. Nothing is left to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    else:
        if code == INTERRUPTED:
            _told("interrupted", code)
    sys.exit(code)


def _require_text(words: Iterable[str]) -> None:
    """Refuse an argument that no database, log or record could hold."""
    for word in words:
        if word.encode(errors="replace").decode() != word:
            raise UsageError(f"the argument {word!r} is no UTF-8", "write it in UTF-8")


def _told(problem: object, code: int, notes: Iterable[str] = ()) -> int:
    """Tell it in one line; what it quotes from elsewhere can do nothing to a terminal."""
    more = "".join(f" ({note})" for note in notes)
    sys.stderr.write(visible(f"gonogo: {problem}{more}") + "\n")
    return code


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Being told to end is like Ctrl-C: whatever was started is stopped on the way out."""
    del number, frame
    raise KeyboardInterrupt


def _hang_up(number: int, frame: FrameType | None) -> None:
    """The terminal has gone: end in order all the same, though there is nobody to tell."""
    # A terminal that closes says so twice, by its shell and by the kernel.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for descriptor in (1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(descriptor).st_mode) and not os.isatty(descriptor):
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    _interrupt(number, frame)
