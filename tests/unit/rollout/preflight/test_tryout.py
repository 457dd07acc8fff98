"""The team's own commands, tried before a deployment."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gonogo.application import code, release
from gonogo.config.project import Project
from gonogo.config.sections import RolloutConfig
from gonogo.errors import CommandError, UnreadyError
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.rollout.preflight.ground import Ground
from gonogo.rollout.preflight.items import ITEMS
from gonogo.rollout.preflight.tryout import Tryout
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.steps import Skipped, running

IDENTITY = {
    f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}
ENVIRON = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **IDENTITY,
}
COMMANDS = {
    "checkout": ["true"],
    "build": ["sh", "-c", "cp source built"],
    "lint": ["sh", "-c", "grep good source"],
    "test": ["sh", "-c", "grep good built"],
}
Make = Callable[..., RolloutContext]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A context of an application with the revisions `good`, `bad` and `worse`."""
    app = tmp_path / "app"
    app.mkdir()

    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=app, env=ENVIRON, check=True)

    git("init", "--quiet", "--template=")
    for name in ("good", "bad", "worse"):
        (app / "source").write_text(f"{name}\n", encoding="utf-8")
        git("add", "source")
        git("commit", "--quiet", "--message", name)
        git("tag", name)

    def context(
        revision: str,
        out: str,
        commands: Mapping[str, list[str]] = COMMANDS,
        *,
        is_git: bool = True,
        releases: bool = False,
    ) -> RolloutContext:
        git("checkout", "--quiet", "--detach", out)
        section = {
            "cwd": app,
            "backup_dir": tmp_path,
            "git": is_git,
            "commands": {name: {"run": run} for name, run in commands.items()},
        }
        if releases:
            section |= {"git": app, "releases": tmp_path / "releases", "cwd": tmp_path / "current"}
        variables = {"TOKEN": {"needed_by": ["test"]}}
        environments = {"staging": section}
        config = RolloutConfig.model_validate(
            {"archive_dir": tmp_path, "variables": variables, "environments": environments}
        )
        database = DatabaseSettings("", "")
        project = Project(tmp_path)
        environ = {**ENVIRON, "TOKEN": "x"}
        return RolloutContext(
            project, Environment.STAGING, config, database, environ, revision=revision
        )

    return context


@contextmanager
def trying(context: RolloutContext, *, builds: bool) -> Iterator[Callable[[str], str | Skipped]]:
    """Looks at an item by its name."""
    logs = context.project.root / "logs"
    with (
        running("preflight", lambda _: None, logs, context.environ) as runner,
        ExitStack() as stack,
    ):
        items = {one.name: one for one in Tryout(context, runner, stack, builds).items}
        yield lambda name: items[name].look(Ground(context, None))


def test_releases_are_as_they_were(make: Make, tmp_path: Path) -> None:
    """The copy is none of them; without it the checks run in the release that runs."""
    commands = {name: words for name, words in COMMANDS.items() if name != "checkout"}
    context = make("good", "worse", commands, releases=True)
    bad = code.resolve(tmp_path / "app", ENVIRON, "bad")
    release.make(context.section, ENVIRON, bad)
    release.switch(context.section, bad)
    with trying(context, builds=True) as look:
        assert "ended with 0 in a copy of" in str(look("build"))
        assert str(look("test")) == "`sh -c 'grep good built'` ended with 0"
    assert [one.name for one in (tmp_path / "releases").iterdir()] == [bad]
    with trying(context, builds=False) as look, pytest.raises(CommandError, match="grep good"):
        look("lint")


def test_the_revision_is_built_and_checked_in_a_copy(make: Make, tmp_path: Path) -> None:
    """The worktree stays as it is, and the copy is gone afterwards."""
    context = make("good", "worse")
    with trying(context, builds=True) as look:
        assert "ended with 0 in a copy of" in str(look("build"))
        assert str(look("test")) == "`sh -c 'grep good built'` ended with 0"
    app = tmp_path / "app"
    assert (app / "source").read_text(encoding="utf-8") == "worse\n"
    assert not (app / "built").exists()
    assert code.changed_files(app, ENVIRON) == ()


def test_a_build_that_fails_is_found_before_the_deployment(make: Make) -> None:
    """Its own words are in the line; the copy that is gone is not named."""
    failing = {**COMMANDS, "build": ["sh", "-c", "echo no such module; exit 2"]}
    with (
        trying(make("good", "worse", failing), builds=True) as look,
        pytest.raises(CommandError, match="no such module") as caught,
    ):
        look("build")
    assert caught.value.remedy == "the log has its whole output"


def test_a_check_that_failed_before_as_well_says_so_and_fails(make: Make) -> None:
    """The running revision is tried too."""
    with trying(make("worse", "bad"), builds=True) as look:
        look("build")
        with pytest.raises(CommandError, match=r"at the running revision \w{12} as well"):
            look("lint")


def test_a_check_that_fails_anew_says_that_it_did_not_before(make: Make) -> None:
    """What the deployment brings is distinguished from what was there."""
    with trying(make("bad", "good"), builds=True) as look:
        look("build")
        with pytest.raises(CommandError, match=r"at the running revision \w{12} it succeeds"):
            look("lint")


def test_a_running_revision_that_is_not_checked_out_is_built_as_well(make: Make) -> None:
    """Whoever checked the new revision out by hand learns of it all the same."""
    context = replace(make("worse", "worse"), previous_revision="bad")
    with trying(context, builds=True) as look:
        look("build")
        with pytest.raises(CommandError, match=r"at the running revision \w{12} as well"):
            look("test")


def test_without_a_build_the_worktree_is_checked_and_named(make: Make) -> None:
    """What it proves is said of the revision that is checked out, not of the other one."""
    with trying(make("bad", "good"), builds=False) as look:
        assert look("build") == Skipped("not asked for; --build does it")
        assert "which is not the revision: --build tries that" in str(look("lint"))


def test_nothing_is_built_where_nothing_can_be(make: Make) -> None:
    """Code that is not in git, and a team without a command that builds."""
    with trying(make("good", "good", is_git=False), builds=True) as look:
        assert look("build") == Skipped("the code is not in git")
    lints = {"lint": COMMANDS["lint"]}
    with trying(make("good", "good", lints), builds=True) as look:
        assert look("build") == Skipped("no command install or build is configured")


def test_a_check_whose_variable_is_not_set_is_not_tried(make: Make) -> None:
    """Production needs no variable of the tests, which it does not run."""
    context = make("good", "good")
    context = replace(context, environ={**context.environ, "TOKEN": " "})
    with trying(context, builds=False) as look:
        assert look("test") == Skipped("not tried: TOKEN is not set")


def test_a_revision_that_nothing_would_check_out_is_a_problem(make: Make) -> None:
    """It would be found in the middle of the deployment, after the backup."""
    item = next(one for one in ITEMS if one.name == "worktree")
    without = {name: run for name, run in COMMANDS.items() if name != "checkout"}
    with pytest.raises(UnreadyError, match="nothing would bring it to"):
        item.look(Ground(make("good", "bad", without), None))
    assert "is known" in str(item.look(Ground(make("good", "good", without), None)))
    assert "is known" in str(item.look(Ground(make("good", "bad"), None)))
