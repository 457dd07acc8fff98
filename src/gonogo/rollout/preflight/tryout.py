"""The team's own commands, tried before a deployment: install, build, lint, typecheck, test.

With `--build` they run in a scratch copy of the revision; without it, the checks run in the
worktree as it is. What fails is tried at the running revision as well: a failure that is older
than the deployment is one all the same, and is said to be older.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from gonogo.application import code, release
from gonogo.errors import CommandError, GonogoError
from gonogo.ledger.attempts import UNKNOWN
from gonogo.rollout.preflight.ground import Ground, Item
from gonogo.rollout.runner.context import RolloutContext, revisions
from gonogo.rollout.runner.steps import Runner, Skipped

BUILDS = ("install", "build")
CHECKS: Mapping[str, str] = {
    "lint": "The application's linter",
    "typecheck": "The application's types",
    "test": "The application's tests",
}
SCRATCH = "gonogo_build_"


@dataclass(slots=True)
class Tryout:
    """Where the team's own commands are tried.

    Args:
        context: The rollout's context.
        runner: Shows and logs what they say.
        stack: Removes the scratch directories in the end.
        builds: Whether the revision is built in one.
        built: The application's directory in each copy that was built, by revision.
    """

    context: RolloutContext
    runner: Runner
    stack: ExitStack
    builds: bool
    built: dict[str, Path] = field(default_factory=dict, init=False)

    @property
    def items(self) -> Iterator[Item]:
        """The items of a preflight, in their order."""
        title = "The revision, built in a scratch directory"
        yield Item("build", title, self.build, asks_database=False)
        for name, title in CHECKS.items():
            yield Item(name, title, partial(self.check, name), asks_database=False)

    def build(self, _ground: Ground) -> str | Skipped:
        """Install and build the revision in a scratch directory.

        Raises:
            CommandError: A command failed, or git knows no such revision.
        """
        section = self.context.section
        if not self.builds:
            return Skipped("not asked for; --build does it")
        if section.repository is None:
            return Skipped("the code is not in git")
        if not self._named(BUILDS):
            return Skipped("no command install or build is configured")
        revision = self._wanted
        self._build(revision)
        ran = ", ".join(f"`{one}`" for one in self._named(BUILDS))
        return f"{ran} ended with 0 in a copy of {code.short(revision)}"

    def check(self, name: str, ground: Ground) -> str | Skipped:
        """Run one of the application's own checks.

        Args:
            name: lint, typecheck or test.
            ground: What the preflight knows of the database.

        Raises:
            CommandError: It failed; says so where it fails at the running revision as well.
        """
        wanted, section = self._wanted, self.context.section
        here = self._here or wanted
        place = self.built.get(wanted)
        at = wanted if place else here
        if not self._named((name,)):
            return Skipped(f"no command {name} is configured")
        if missing := self._unset(name):
            return Skipped(f"not tried: {missing} is not set")
        if not place and release.is_first(section):
            return Skipped("nothing is released yet; --build tries it")
        try:
            ran = self._run(name, place or section.cwd, at)
        except CommandError as error:
            error.problem += self._older(name, at, ground)
            raise
        elsewhere = f", at {code.short(at)}, which is not the revision: --build tries that"
        return f"`{ran}` ended with 0{'' if at == wanted else elsewhere}"

    @property
    def _here(self) -> str:
        """The revision whose files lie in `cwd`; empty where nobody knows."""
        section = self.context.section
        if section.releases:
            return release.running(section)
        return code.head(section.repository, self.context.environ) if section.repository else ""

    @property
    def _wanted(self) -> str:
        repository, revision = self.context.section.repository, self.context.revision
        if repository is None:
            return revision
        return code.resolve(repository, self.context.environ, revision or "HEAD")

    def _named(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the commands that are configured, as one would type them."""
        commands = self.context.commands(self._wanted, "", self.runner.output)
        found = (commands.words(name) for name in names)
        return tuple(commands.mask(shlex.join(words)) for words in found if words)

    def _run(self, name: str, cwd: Path, revision: str) -> str:
        """Run a command that is configured, and return it as one would type it."""
        section = self.context.section
        made = self.context.commands(revision, self.context.previous_revision, self.runner.output)
        there = {"cwd": cwd, "releases": None}
        try:
            done = replace(made, config=section.model_copy(update=there)).run(name)
        except CommandError as error:
            if cwd != section.cwd:
                # The copy is gone when the error is read.
                error.remedy = "the log has its whole output"
            raise
        return done.command if done else ""

    def _build(self, revision: str) -> Path:
        """The application's directory in a copy of the revision that is installed and built.

        Raises:
            CommandError: A command failed, or the directory is no part of the repository.
        """
        section, environ = self.context.section, self.context.environ
        repository = section.repository or section.cwd
        place = (
            section.cwd.relative_to(section.current).as_posix()
            if section.current
            else code.place_within(repository, section.cwd)
        )
        if place is None:
            raise CommandError(
                f"{section.cwd} is no part of the repository {repository}",
                "correct cwd or git in rollout.toml, or pass --no-build",
            )
        scratch = Path(
            self.stack.enter_context(TemporaryDirectory(prefix=SCRATCH, ignore_cleanup_errors=True))
        )
        copy = scratch / "application"
        release.copy_of(repository, environ, revision, copy)
        for name in BUILDS:
            self._run(name, copy / place, revision)
        self.built[revision] = copy / place
        return copy / place

    def _unset(self, name: str) -> str:
        """The variables that the command inherits and that are not set."""
        environ, variables = self.context.environ, self.context.config.variables
        needed = (one for one, variable in variables.items() if name in variable.needed_by)
        return ", ".join(one for one in needed if not environ.get(one, "").strip())

    def _older(self, name: str, at: str, ground: Ground) -> str:
        """The end of a sentence where a check fails at the running revision as well."""
        try:
            running, place = self._running(ground)
            if place is None or running == at:
                return ""
            self.runner.note(f"{name} is tried at the running revision {code.short(running)} too")
            self._run(name, place, running)
        except CommandError as error:
            return self._as_well(running) if error.step == name else ""
        except GonogoError:
            return ""
        return f"; at the running revision {code.short(running)} it succeeds"

    @staticmethod
    def _as_well(running: str) -> str:
        return f"; it fails at the running revision {code.short(running)} as well, so it did before"

    def _running(self, ground: Ground) -> tuple[str, Path | None]:
        """The running revision, and where it lies installed; None where it cannot be tried."""
        context, repository = self.context, self.context.section.repository
        if repository is None:
            return UNKNOWN, None
        ledger = ground.ledger if ground.reached else None
        latest = ledger.latest_deployment(context.environment) if ledger else None
        _, running = revisions(context, latest)
        if running == UNKNOWN:
            return running, None
        running = code.resolve(repository, context.environ, running)
        if self._here == running:
            return running, context.section.cwd
        if not self.builds:
            return running, None
        return running, self.built.get(running) or self._build(running)
