"""A fleet at the command line: which database is meant, and who stands where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from desk import Desk, make_desk
from gonogo.sandbox import surroundings

DATABASES = """
[[environments.staging.databases]]
name = "eu"
url_env = "EU_URL"
group = "north"
[[environments.staging.databases]]
name = "us"
url_env = "US_URL"
canary = true
[[environments.staging.databases]]
name = "ap"
url_env = "AP_URL"
"""


def as_fleet(desk: Desk, **urls: str) -> Desk:
    """The same desk where staging is a fleet, and no other variable leads to a database."""
    file = desk.root / "rollout.toml"
    file.write_text(file.read_text(encoding="utf-8") + DATABASES, encoding="utf-8")
    environ = {name: value for name, value in desk.environ.items() if name != "DATABASE_URL"}
    return replace(desk, environ={**environ, **urls})


@pytest.fixture
def fleet(migrated_database: str, base_database: str, tmp_path: Path) -> Desk:
    """Staging as a fleet: eu is deployed to, us is not, ap does not answer."""
    nobody = "postgresql://nobody:hush-password@127.0.0.1:9/none"
    desk = make_desk(tmp_path, migrated_database)
    return as_fleet(desk, EU_URL=migrated_database, US_URL=base_database, AP_URL=nobody)


@pytest.fixture(scope="module")
def unreached(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A fleet of which no variable is set."""
    desk = make_desk(tmp_path_factory.mktemp("unreached"), "host=127.0.0.1 port=9 dbname=none")
    return as_fleet(desk)


def test_status_shows_who_is_where(fleet: Desk) -> None:
    """A line each, also for the dead one, with its reason and without a secret; it ends with 1."""
    told = fleet.run("status")
    lines = [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert "eu north after 1: succeeded 9, last 046" in lines
    assert "us canary no ledger" in lines
    (dead,) = (line for line in lines if line.startswith("ap "))
    assert dead.startswith("ap CANNOT BE ASKED: the database does not answer: ")
    assert told.returncode == 1
    assert "1 of 3 databases cannot be asked: ap; the table has each reason" in told.stderr
    assert "hush-password" not in told.stdout


def test_what_is_asked_of_one_database_stays_with_it(fleet: Desk) -> None:
    """An incident of eu is in its ledger; its status shows it, and the fleet's counts it."""
    assert fleet.run("incident", "open", "slow", "--database", "eu").returncode == 0
    assert fleet.ask("select title from gonogo.incident") == "slow"
    assert "  slow\n" in fleet.run("status", "--database", "eu").stdout
    assert "1 open incident" in fleet.run("status").stdout
    assert "no ledger" in fleet.run("status", "--database", "us").stdout


@pytest.mark.parametrize(
    "words",
    [
        "deploy staging",
        "restart staging",
        "rollback",
        "preflight",
        "verify",
        "incident list",
    ],
)
def test_a_session_of_one_database_asks_which(unreached: Desk, words: str) -> None:
    """One line names them, canaries first; a name like one of them is guessed."""
    told = unreached.run(*words.split())
    assert (told.returncode, told.stdout) == (4, "")
    assert told.stderr.startswith(
        "gonogo: staging is a fleet, and nothing says which of its databases is meant"
        "; pass --database with one of us, eu, ap"
    )
    assert told.stderr.count("\n") == 1
    misspelt = unreached.run(*words.split(), "--database", "uss").stderr
    assert "--database=uss: staging has no such database; did you mean us?" in misspelt


def test_a_database_whose_variable_is_not_set_is_refused(unreached: Desk) -> None:
    """The line names variable and database; DATABASE_URL does not stand in for it."""
    told = unreached.run("status", "--database", "eu", DATABASE_URL="postgresql://other/other")
    assert told.returncode == 4
    assert "EU_URL is not set: it holds the URL of the database eu" in told.stderr
    told = unreached.run("deploy", "staging", "--database", "us")
    assert "US_URL is not set: it holds the URL of the database us" in told.stderr


def test_where_there_is_no_fleet_no_database_can_be_named(untouched: Desk) -> None:
    """The option would else be believed."""
    for words in ("status", "preflight", "deploy staging", "incident list"):
        told = untouched.run(*words.split(), "--database", "eu")
        assert told.returncode == 4
        assert "--database=eu: rollout.toml names no databases of staging" in told.stderr


def test_the_checklist_asks_the_ledgers_of_a_fleet_at_one_revision(
    fleet: Desk, new_database: Callable[..., str], migrated_template: str
) -> None:
    """Until then it says who is elsewhere, and the ledger proves nothing."""
    told = fleet.run("checklist").stdout
    assert "without the ledger: us has no deployment of staging; ap cannot be asked" in told
    whole = {"US_URL": new_database(migrated_template), "AP_URL": new_database(migrated_template)}
    assert "with the ledger of staging" in fleet.run("checklist", **whole).stdout


@pytest.mark.slow
def test_a_fleet_is_deployed_database_by_database(
    new_database: Callable[..., str], base_template: str, tmp_path: Path
) -> None:
    """The real stand-in: it runs the new code after the last one, and each command says whose."""
    eu, us = new_database(base_template), new_database(base_template)
    # What the application itself reads is its own.
    desk = as_fleet(make_desk(tmp_path, eu), EU_URL=eu, US_URL=us, DATABASE_URL=eu)
    file = desk.root / "rollout.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text[: text.rindex("[[environments.staging.databases]]")], encoding="utf-8")
    try:
        first = desk.deploy("--database", "us")
        assert first.returncode == 0, first.stderr
        assert "Deploy to staging, database us" in first.stdout
        assert "the code waits for the fleet: eu has no deployment of staging" in first.stdout
        assert "the last one's deployment brings the application" in first.stdout
        status = " ".join(desk.run("status").stdout.split())
        assert "the application waits with" in status
        assert "eu has no deployment of staging" in status
        last = desk.deploy("--database", "eu")
        assert last.returncode == 0, last.stderr
        assert "every database is at" in desk.run("status").stdout
        for name in ("eu", "us"):
            verified = desk.run("verify", "--database", name)
            assert verified.returncode == 0, verified.stdout
        back = desk.run("rollback", "--database", "eu", "--yes-roll-back", desk.database)
        assert back.returncode == 0, back.stderr
        after = desk.repository.after[:12]
        said = desk.run("status").stdout
        assert f"waits with {after}: eu: its deployment of {after} is rolled back" in said
        assert "Staging rollback of the database eu" in (
            desk.root / "archive" / "index.html"
        ).read_text(encoding="utf-8")
    finally:
        surroundings.stop_everything(tmp_path)
