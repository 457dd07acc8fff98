"""The error tree. Every error that a user can cause is a `GonogoError`: one line, no traceback.

    GonogoError                 exit code 1
    ├── CancelledError          a person was asked and said no: nothing was done
    ├── InterruptionError       exit code 130: Ctrl-C, or a signal to end
    ├── UsageError              exit code 4: an option, a variable, a file is wrong
    │   └── ConfigError         a TOML file is wrong: file, key, what was meant
    ├── DatabaseError           the database cannot be queried: out of reach, no right, no table
    ├── StepError               a step of a rollout failed: which one, what was done, what to do
    │   ├── UnreadyError        something that a deployment needs is missing: all of it at once
    │   ├── CommandError        a configured command failed or timed out
    │   ├── MigrationError      a migration failed: file, line, SQLSTATE, message
    │   └── BackupError         a backup could not be made or did not verify
    ├── LockHeldError           another deployer holds the lock: who, since when
    ├── RecordError             a record is not as gonogo writes it
    ├── SigningError            a signature, a sign-off or a hash is wrong
    └── SandboxError            the embedded PostgreSQL or the stand-in cannot run here

Each error carries fields first; ``str()`` builds the line from them: what was found, where, and
what to do. Fields never hold a secret. Exit code 4 is pytest's own code for a usage error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(eq=False)
class GonogoError(Exception):
    """Something that a user can fix.

    Args:
        problem: What is wrong, where, in one sentence without a full stop.
        remedy: What to do about it, in one sentence without a full stop; may be empty.
        down: What is down since when, and the command that brings it back: a last line of its own.
    """

    problem: str
    remedy: str = ""
    down: str = field(default="", kw_only=True)

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}" if self.remedy else self.problem


@dataclass(eq=False)
class CancelledError(GonogoError):
    """A person was asked whether to go on, and said no: nothing was done."""


@dataclass(eq=False)
class InterruptionError(GonogoError):
    """The command was interrupted, by Ctrl-C or a signal to end."""

    exit_code: ClassVar[int] = 130


@dataclass(eq=False)
class UsageError(GonogoError):
    """An option, an environment variable or a file is wrong."""

    exit_code: ClassVar[int] = 4


@dataclass(eq=False)
class ConfigError(UsageError):
    """A TOML file holds an invalid value.

    Args:
        problem: What is wrong with the key.
        remedy: What was probably meant instead.
        file: The file, as the user would name it.
        key: The dotted key within the file.
    """

    file: str = ""
    key: str = ""

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.file, self.key) if part)
        return f"{where}: {super().__str__()}" if where else super().__str__()


@dataclass(eq=False)
class DatabaseError(GonogoError):
    """The database cannot be queried."""


@dataclass(eq=False)
class StepError(GonogoError):
    """A step of a rollout failed; the steps before it have taken effect.

    Args:
        problem: What failed.
        remedy: What to do next.
        step: The step's name in the ledger.
    """

    step: str = ""

    def __str__(self) -> str:
        return f"{self.step}: {super().__str__()}" if self.step else super().__str__()


@dataclass(eq=False)
class UnreadyError(StepError):
    """Something that a deployment needs is missing.

    Args:
        problem: All that is missing.
        remedy: What to do.
        step: The step's name in the ledger.
        problems: The same, a line each.
    """

    problems: tuple[str, ...] = ()


@dataclass(eq=False)
class CommandError(StepError):
    """A configured command failed, timed out, or does not exist."""


@dataclass(eq=False)
class MigrationError(StepError):
    """A migration failed.

    Args:
        problem: PostgreSQL's message, or what the runner refused.
        remedy: What to do next.
        step: The step's name in the ledger.
        file: The migration's file name.
        line: The line of the failing statement, counted from 1; 0 when no single line failed.
        sqlstate: The five-character SQLSTATE, empty when the server did not say.
    """

    file: str = ""
    line: int = 0
    sqlstate: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        code = f" [SQLSTATE {self.sqlstate}]" if self.sqlstate else ""
        text = f"{self.problem}{code}"
        text = f"{text}; {self.remedy}" if self.remedy else text
        return ": ".join(part for part in (self.step, place, text) if part)


@dataclass(eq=False)
class BackupError(StepError):
    """A backup could not be made, or what was made did not verify."""


@dataclass(eq=False)
class LockHeldError(GonogoError):
    """Another deployer is at work on this database."""


@dataclass(eq=False)
class RecordError(GonogoError):
    """A record is not as gonogo writes it: damaged, or made by another program."""


@dataclass(eq=False)
class SigningError(GonogoError):
    """A signature, a sign-off or a hash is wrong, or cannot be made."""


@dataclass(eq=False)
class SandboxError(GonogoError):
    """The embedded PostgreSQL or the stand-in application cannot run here."""


def some(names: Sequence[str], most: int = 3) -> str:
    """The first few names, and how many more there are: ``a, b, c and 2 more``.

    Args:
        names: All of them.
        most: How many are named.
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
