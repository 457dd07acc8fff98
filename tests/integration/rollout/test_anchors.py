"""Heads that are kept elsewhere: a cut of the archive that nothing in the archive shows."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gonogo.config.admission import AnchorConfig
from gonogo.config.project import Project
from gonogo.config.sections import RolloutConfig
from gonogo.errors import CommandError
from gonogo.ledger.ledger import Ledger
from gonogo.ledger.rows import NewDeployment
from gonogo.model.kinds import Environment
from gonogo.model.step import StepEvent
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import Connection
from gonogo.record.canonical import CHAIN, Anchor
from gonogo.rollout.anchors import keep, of_ledger, publish, published
from gonogo.rollout.runner.context import RolloutContext
from gonogo.signing.verification import verify_archive
from signers import TEMPLATES, Office

ROLLOUT = """archive_dir = "archive"
[environments.staging]
cwd = "."
backup_dir = "backups"
"""
REF = "refs/gonogo/archive"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An archive with two records; nobody signs."""
    (tmp_path / "rollout.toml").write_text(ROLLOUT, encoding="utf-8")
    made = Office(tmp_path, {})
    made.close()
    made.close(started_at=datetime.now(UTC) + timedelta(seconds=5))
    return made


@pytest.fixture
def context(office: Office, conninfo: str) -> RolloutContext:
    """A rollout that records into that archive."""
    config = RolloutConfig.load(office.root / "rollout.toml")
    database = DatabaseSettings(conninfo, "the test")
    return RolloutContext(Project(office.root), Environment.STAGING, config, database, os.environ)


@pytest.fixture
def anchor(tmp_path: Path) -> AnchorConfig:
    """A ref of a repository beside the archive."""
    git(tmp_path, "init", "--quiet", "repository")
    return AnchorConfig.model_validate({"repository": tmp_path / "repository"}, context=BASE)


BASE = {"base": Path("/")}


def git(directory: Path, *words: str) -> str:
    """What git answers."""
    done = subprocess.run(
        ["git", "-C", str(directory), *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def cut(office: Office) -> None:
    """Remove the newest record of staging with its line."""
    chain = office.archive / "staging" / CHAIN
    *kept, last = chain.read_text(encoding="utf-8").splitlines(keepends=True)
    shutil.rmtree(chain.parent / last.split()[1].partition("/")[0])
    chain.write_text("".join(kept), encoding="utf-8")


def problems(office: Office, anchors: tuple[Anchor, ...]) -> list[str]:
    """What `verify_record --all` says is wrong."""
    reports = verify_archive(office.archive, None, TEMPLATES, anchors)
    return [problem for report in reports for problem in report.problems]


def ignore(event: StepEvent) -> None:
    """Show nothing."""
    del event


def test_the_ledger_misses_what_was_removed_with_its_line(
    office: Office, context: RolloutContext, deploy: Callable[[], int]
) -> None:
    """A deployment that had ended knows how far the chain went."""
    number = deploy()
    keep(context, number, ignore)
    assert problems(office, of_ledger(context.database)) == []
    office.close()
    assert problems(office, of_ledger(context.database)) == []
    cut(office)
    cut(office)
    assert problems(office, ()) == []
    (said,) = problems(office, of_ledger(context.database))
    assert said.startswith(f"deployment {number} in the ledger knows 2 lines of chain.sha256")


def test_an_override_begins_anew(
    office: Office, context: RolloutContext, deploy: Callable[[], int], ledger: Ledger
) -> None:
    """Who lost the archive deploys with a reason, which is recorded: heads before it are past."""
    keep(context, deploy(), ignore)
    cut(office)
    new = NewDeployment("staging", "b", "a", "m", "c", "tester", "the disk is lost")
    keep(context, ledger.open_deployment(new), ignore)
    (kept,) = of_ledger(context.database)
    assert (kept.head.lines, problems(office, (kept,))) == (1, [])


def test_an_environment_that_is_gone_is_missed(
    office: Office, context: RolloutContext, deploy: Callable[[], int]
) -> None:
    """With all of its records, or the whole archive."""
    keep(context, deploy(), ignore)
    shutil.rmtree(office.archive)
    assert problems(office, of_ledger(context.database)) == [
        "staging/chain.sha256 is missing or cannot be read"
    ]


def test_a_ledger_of_an_earlier_version_holds_none(
    context: RolloutContext, connection: Connection
) -> None:
    """It is not an error."""
    connection.execute("drop table gonogo.archive_head")
    assert of_ledger(context.database) == ()


def test_what_cannot_be_kept_is_said_and_the_rollout_stands(
    office: Office, context: RolloutContext, deploy: Callable[[], int], connection: Connection
) -> None:
    """The record is closed already."""
    number, told = deploy(), list[StepEvent]()
    connection.execute("drop table gonogo.archive_head")
    keep(context, number, told.append)
    (event,) = told
    assert "the archive's heads are not kept: the ledger cannot be written" in event.title
    assert office.archive.is_dir()


def test_a_ref_goes_on_with_the_archive_and_never_back(
    office: Office, anchor: AnchorConfig
) -> None:
    """Whoever publishes an archive that was cut is refused, and the ref stays as it was."""
    publish(anchor, office.archive, os.environ)
    first = git(anchor.repository, "rev-parse", REF)
    publish(anchor, office.archive, os.environ)
    assert git(anchor.repository, "rev-parse", REF) == first
    office.close()
    publish(anchor, office.archive, os.environ)
    assert git(anchor.repository, "rev-parse", f"{REF}~1") == first
    assert problems(office, published(anchor, os.environ)) == []
    cut(office)
    with pytest.raises(CommandError, match=r"lacks what refs/gonogo/archive of .* holds"):
        publish(anchor, office.archive, os.environ)
    (said,) = problems(office, published(anchor, os.environ))
    assert "knows 3 lines of chain.sha256, and there are fewer" in said


def test_a_ref_that_is_gone_is_no_empty_one(office: Office, anchor: AnchorConfig) -> None:
    """Nor is another one whose name ends the same."""
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    git(anchor.repository, *who, "commit", "--allow-empty", "-qm", "other")
    git(anchor.repository, "update-ref", f"refs/other/{REF}", "HEAD")
    with pytest.raises(CommandError, match="there is no refs/gonogo/archive"):
        published(anchor, os.environ)
    publish(anchor, office.archive, os.environ)
    assert len(published(anchor, os.environ)) == 1


def test_two_machines_move_one_ref_of_a_remote(
    office: Office, anchor: AnchorConfig, tmp_path: Path
) -> None:
    """Each goes on from what the other pushed; git's own tools read it."""
    git(tmp_path, "init", "--quiet", "--bare", "shared.git")
    git(tmp_path, "init", "--quiet", "another")
    repositories = (anchor.repository, tmp_path / "another")
    for repository in repositories:
        git(repository, "remote", "add", "shared", str(tmp_path / "shared.git"))
        here = anchor.model_copy(update={"repository": repository, "remote": "shared"})
        publish(here, office.archive, os.environ)
        assert problems(office, published(here, os.environ)) == []
        office.close()
    assert git(tmp_path / "shared.git", "rev-list", "--count", REF) == "2"
    shown = git(tmp_path / "shared.git", "show", f"{REF}:staging.{CHAIN}")
    assert (office.archive / "staging" / CHAIN).read_text(encoding="utf-8").startswith(shown)
