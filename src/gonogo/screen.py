"""What shows text from elsewhere without being commanded by it: terminals, and logs of CI.

All output of a command, and of pytest where it is the gate, passes `guarded_output`; all JSON that
is written passes `harmless_json`. Messages name gonogo's commands by `command`: as whoever reads
them calls them, by their own names or through nox.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from contextvars import ContextVar
from pathlib import Path
from typing import TextIO

from gonogo.masking import Mask

# What CI's log obeys: GitHub's commands; GitHub's older ones, Azure's and TeamCity's, at any
# place in a line; GitLab's sections. Each is broken behind its group.
GROUPED = (
    r"(?i:add-|debug|echo|end|error|group|notice|remove-|save-|set-|stop-|warn)[\w-]*(?:[ :]|\Z)"
)
COMMAND = re.compile(
    rf"((?:\A|[\r\n])\s*:):(?=[\w-])|(:):(?={GROUPED})|(#)#(?=\w*\[)|((?i:section)_)(?=(?i:start|end):)"
)
# Of a line, as much as the beginning of a command may take.
MOST_OF_A_LINE = 80
# Colours may stay.
UNSEEN = re.compile(r"\x1b\[[\d;]*m|[^\x20-\x7e\n\t]")
# The same in JSON, which holds no line's end and does not begin with a colon. Every branch begins
# with a character of its own, by which a long text is searched five times as fast.
IN_JSON = re.compile(
    rf":(?<=::)(?={GROUPED})|#(?<=##)(?=\w*\[)|_(?<=(?i:section)_)(?=(?i:start|end):)|[^\x20-\x7e]"
)


def harmless_json(text: str) -> str:
    """JSON in which what a terminal or a CI system would obey, or nobody sees, is escaped."""
    return IN_JSON.sub(_escaped_in_json, text)


def _escaped_in_json(match: re.Match[str]) -> str:
    found = match[0]
    if found.isascii() and found.isprintable():
        # Of a command: within a JSON text it may be written so.
        return f"\\u{ord(found):04x}"
    return found if found.isprintable() else json.dumps(found)[1:-1]


def unarmed(text: str, shown: int = 0) -> str:
    """The text with a space within each command of a CI system.

    Args:
        text: What is shown.
        shown: How much of its beginning has been shown already, and cannot be changed.
    """
    ends = {max(one.end(one.lastindex or 0), shown) for one in COMMAND.finditer(text)}
    for end in sorted(ends, reverse=True):
        text = f"{text[:end]} {text[end:]}"
    return text


class Screen(io.TextIOWrapper):
    """A standard stream whose text shows no secret, commands nothing, and never ends the run.

    Whatever prints passes here, pytest and its plugins too. What nobody reads any more
    (``… | head``), or a full disk refuses, is dropped, so that the exit code stays the true one.

    Args:
        stream: The stream itself.
        mask: Hides the secrets of every text.
    """

    def __init__(self, stream: io.TextIOWrapper, mask: Mask) -> None:
        stream.flush()
        super().__init__(
            stream.buffer, stream.encoding, "backslashreplace", line_buffering=stream.line_buffering
        )
        # Without the stream, what it writes to would be closed.
        self._stream, self._mask = stream, mask
        self._line, self._is_terminal = "", stream.isatty()

    @classmethod
    def of(cls, stream: TextIO, mask: Mask) -> TextIO:
        """The stream so guarded, where it is one of the system's."""
        return cls(stream, mask) if isinstance(stream, io.TextIOWrapper) else stream

    def harmless(self, text: str) -> str:
        """The text as it is shown, after what has been shown of its line."""
        text = self._mask(text)
        if not self._is_terminal:
            text = UNSEEN.sub(_seen, text)
        whole = unarmed(self._line + text, len(self._line))
        *_, line = re.split(r"[\r\n]", whole)
        shown, self._line = whole[len(self._line) :], line
        if len(line) > MOST_OF_A_LINE:
            # What is not the line's beginning must not look like it.
            self._line = f".{line[-MOST_OF_A_LINE:]}"
        return shown

    def write(self, text: str) -> int:
        """Write what is harmless of a text."""
        try:
            super().write(self.harmless(text))
        except OSError:
            self._drop()
        return len(text)

    def flush(self) -> None:
        """Send on what was written."""
        try:
            super().flush()
        except OSError:
            self._drop()

    def close(self) -> None:
        """Leave the stream itself open: it is not ours."""
        self.flush()

    def _drop(self) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())


@contextmanager
def guarded_output(mask: Mask, *, all_to_stderr: bool = False) -> Iterator[None]:
    """Guard what is written to the standard streams within the block.

    Args:
        mask: Hides the secrets of every text.
        all_to_stderr: Whether both streams are standard error.
    """
    # Where one is closed (`>&-`), it is None, over which Python itself would trip at the end.
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    err = Screen.of(sys.stderr, mask)
    out = err if all_to_stderr else Screen.of(sys.stdout, mask)
    with redirect_stdout(out), redirect_stderr(err):
        try:
            yield
        finally:
            out.flush()
            err.flush()


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def _seen(match: re.Match[str]) -> str:
    whole = match[0]
    return whole if len(whole) > 1 or whole.isprintable() else ascii(whole)[1:-1]


# Set by the noxfile: its sessions are how a checkout's user calls the commands.
CALLED_THROUGH = "GONOGO_CALLED_THROUGH"
# Of a fleet: the database that this process works on.
DATABASE = ContextVar("database", default="")
OF_ONE_DATABASE = frozenset(
    {"deploy", "incident", "preflight", "promote_admin", "restart", "rollback", "status", "verify"}
)
SESSIONS = dict.fromkeys(("criteria", "reference", "schema"), "docs")


def command(name: str, *options: str) -> str:
    """A command line to type, such as ``gonogo deploy staging --plan``.

    Where a nox session runs this process: ``./noxw -s deploy_staging -- --plan``.

    Args:
        name: The command, with its argument where a session of its own stands for both.
        options: What follows it.
    """
    if (database := DATABASE.get()) and name.partition(" ")[0] in OF_ONE_DATABASE:
        options = (*options, f"--database {database}")
    through = os.environ.get(CALLED_THROUGH)
    if not through:
        return " ".join(("gonogo", name, *options))
    session = SESSIONS.get(name, name.replace(" ", "_"))
    return " ".join((through, session, *(("--", *options) if options else ())))
