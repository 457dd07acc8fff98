"""The team's own commands: filled in, run without a shell, bounded, their output kept."""

from __future__ import annotations

import fnmatch
import shlex
import shutil
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gonogo import process
from gonogo.application.release import is_first, workplace
from gonogo.config.environments import EnvironmentConfig
from gonogo.errors import CommandError
from gonogo.masking import Mask
from gonogo.model.kinds import Environment

LAST_LINES = 20
LINES_IN_ERROR = 3
CHARACTERS_OF_LINE = 200
# What is run in the release, where each revision has a directory of its own.
BESIDE = frozenset({"install", "build", "lint", "typecheck", "test", "reinstall", "rebuild"})
MAKE_BACKUP, PROVE_BACKUP = "make_backup", "prove_backup"


@dataclass(frozen=True, slots=True)
class CommandRun:
    """A command that ended well.

    Args:
        command: What was run, as one would type it; secrets masked.
        elapsed_s: How long it took, in seconds.
        last_lines: The end of its output; secrets masked.
    """

    command: str
    elapsed_s: float
    last_lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs what an environment's section of ``rollout.toml`` configures.

    Args:
        environment: Fills ``{environment}``.
        config: The section.
        environ: The session's variables.
        revision: Fills ``{revision}``.
        previous_revision: Fills ``{previous_revision}``.
        mask: What every line goes through before anyone sees it.
        on_line: Called with the command's name and each line of its output.
        target_revision: Fills ``{target_revision}``: what is to run in the end, which a rollback's
            commands know by no other name; empty takes `revision`.
        database: Fills ``{database}``: which of a fleet; empty where there is none.
        backup: Fills ``{backup}``; empty where there is none by the team's own commands.
    """

    environment: Environment
    config: EnvironmentConfig
    environ: Mapping[str, str]
    revision: str
    previous_revision: str
    mask: Mask
    on_line: Callable[[str, str], None]
    target_revision: str = ""
    backup: str = ""
    database: str = ""

    def run(self, name: str) -> CommandRun | None:
        """Run the command called `name`; None when the file configures none.

        Raises:
            CommandError: It is not there, failed, or took too long.
        """
        command, words = self.config.commands.named(name), self.words(name)
        if command is None or words is None:
            return None
        return self.run_words(name, words, cwd=self._place(name), timeout_s=command.timeout_s)

    def process(self) -> str:
        """What the team's command `process` prints; empty where there is none, or it fails."""
        command = self.config.process
        if command is None:
            return ""
        words = tuple(self._filled(word) for word in command.run)
        try:
            done = self.run_words(
                "process", words, cwd=self.config.cwd, timeout_s=command.timeout_s
            )
        except CommandError:
            # Nothing runs, perhaps.
            return ""
        return " ".join(" ".join(done.last_lines).split())

    def words(self, name: str) -> tuple[str, ...] | None:
        """What `run` would run; None when the file configures none."""
        command = self.config.commands.named(name)
        return None if command is None else tuple(self._filled(word) for word in command.run)

    def run_words(
        self, name: str, words: tuple[str, ...], *, cwd: Path, timeout_s: float
    ) -> CommandRun:
        """Run a program that is no entry of the file (git), in the same manner.

        Raises:
            CommandError: It is not there, failed, or took too long.
        """
        shown = self.mask(shlex.join(words))
        kept: deque[str] = deque(maxlen=LAST_LINES)

        def keep(line: str) -> None:
            masked = self.mask(line)
            kept.append(masked)
            self.on_line(name, masked)

        try:
            ended = process.run(
                words, env=self.variables(), on_line=keep, cwd=cwd, timeout_s=timeout_s
            )
        except OSError as error:
            raise _not_there(name, words[0], cwd, error) from None
        if ended.timed_out:
            problem = f"`{shown}` was ended after {timeout_s:g} s{_quoted(kept)}"
            remedy = f"mend it, or raise timeout_s of commands.{name} in rollout.toml"
            raise CommandError(problem, remedy, step=name)
        if ended.exit_code:
            problem = f"`{shown}` ended with exit code {ended.exit_code}{_quoted(kept)}"
            raise CommandError(problem, f"run it in {cwd} to see more", step=name)
        return CommandRun(shown, ended.elapsed_s, tuple(kept))

    def variables(self) -> dict[str, str]:
        """What a command sees: the session's variables that may pass, and the section's own."""
        passed = {
            name: value
            for name, value in self.environ.items()
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in self.config.pass_env)
        }
        return passed | {name: self._filled(text) for name, text in self.config.env.items()}

    def _place(self, name: str) -> Path:
        """Where a command runs: what builds and tries, in the release that is to run.

        And so does all else, where no release was switched to yet.
        """
        if name in BESIDE or is_first(self.config):
            return workplace(self.config, self.target_revision or self.revision)
        return self.config.cwd

    def _filled(self, text: str) -> str:
        return text.format_map(
            {
                "revision": self.revision,
                "previous_revision": self.previous_revision,
                "target_revision": self.target_revision or self.revision,
                "python": sys.executable,
                "environment": self.environment.value,
                "database": self.database,
                "backup": self.backup,
            }
        )


def missing_programs(section: EnvironmentConfig, path: str | None) -> Iterator[str]:
    """The team's commands that cannot be run here, a line each.

    Args:
        section: The environment's section of rollout.toml.
        path: The PATH that commands get.
    """
    if not section.cwd.is_dir() and not is_first(section):
        yield f"{section.cwd} is no directory: set cwd in rollout.toml"
        return
    for name in type(section.commands).model_fields:
        command = getattr(section.commands, name)
        program = command.run[0] if command else "{"
        # A path within the application, or one that is filled in, may be there only later.
        if "{" not in program and "/" not in program and not shutil.which(program, path=path):
            yield f"{program} is not installed: install it, or correct commands.{name}.run"
        # These run before the code is changed, so theirs must be there now.
        elif (
            name in {MAKE_BACKUP, PROVE_BACKUP}
            and "/" in program
            and not shutil.which(section.cwd / program)
        ):
            yield f"{program} cannot be run: see that it is there, or correct commands.{name}.run"


def _not_there(name: str, program: str, cwd: Path, error: OSError) -> CommandError:
    if not cwd.is_dir():
        return CommandError(f"{cwd} is no directory", "set cwd in rollout.toml", step=name)
    reason = "is not installed" if isinstance(error, FileNotFoundError) else "may not be run"
    remedy = f"install it, or correct commands.{name}.run in rollout.toml"
    return CommandError(f"{program} {reason}", remedy, step=name)


def _quoted(lines: deque[str]) -> str:
    """The last lines that say something, on one line."""
    said = [line.strip()[:CHARACTERS_OF_LINE] for line in lines if line.strip()]
    return f": {' | '.join(said[-LINES_IN_ERROR:])}" if said else ""
