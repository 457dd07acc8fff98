"""What stands behind the items: records of an archive, the ledger's book, verified sign-offs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.checklist import sources
from gonogo.checklist.sources import (
    Attested,
    Book,
    RecordedRun,
    Run,
    Sources,
    StepRun,
    attestations,
    gather,
)
from gonogo.model.kinds import State
from gonogo.model.record import Record
from gonogo.model.step import Subject
from gonogo.record.archive import RunningRecord
from gonogo.report.index import RecordPages
from paper_office import open_paper_office
from record_examples import IDENTITY, deployment, gate, provenance, rollback, smoke, steps, summary
from signers import ADA, BOB, Office

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, NEW = Run("old", NOON), Run("new", NOON + HOUR)
Close = Callable[..., str]


@pytest.fixture
def close(tmp_path: Path, pytestconfig: pytest.Config) -> Close:
    """A factory: close a record of staging, so many hours after noon; its name."""
    pages = RecordPages(pytestconfig.rootpath / "reports" / "templates")

    def closed(hours: float, label: str, record: Record, **changes: Any) -> str:
        made = record.having(started_at=NOON + hours * HOUR, **changes)
        return RunningRecord.open(tmp_path, made).finish(made, label, pages).name

    return closed


def test_a_deployment_of_the_records_stands_before_the_ledgers() -> None:
    """The records know more of it."""
    assert Book(deployment=NEW).added_to(Sources(deployment=OLD)).deployment == OLD


def test_a_deployment_of_the_ledger_stands_where_the_records_know_none() -> None:
    """It was made from another machine."""
    assert Book(deployment=NEW).added_to(Sources()).deployment == NEW


def test_a_rollback_of_the_records_stands_before_the_ledgers() -> None:
    """Whichever is newer."""
    assert Book(rollback=NEW).added_to(Sources(rollback=OLD)).rollback == OLD


@pytest.mark.parametrize("known", [None, OLD, Run("same", NEW.moment)])
def test_a_rollback_of_the_ledger_stands_against_a_deployment_before_it(known: Run | None) -> None:
    """One of the same moment, too, or where no deployment is known."""
    assert Book(rollback=NEW).added_to(Sources(deployment=known)).rollback == NEW


def test_a_rollback_of_the_ledger_is_of_no_later_deployment() -> None:
    """The application was deployed again since."""
    assert Book(rollback=OLD).added_to(Sources(deployment=NEW)).rollback is None


def test_a_step_of_the_records_stands_before_the_ledgers() -> None:
    """A step that only the ledger knows stands beside it."""
    here, there = (StepRun("succeeded", "", source) for source in ("record", "ledger"))
    book = Book(steps={"deploy.a": there, "deploy.b": there})
    found = book.added_to(Sources({"deploy.a": here})).steps
    assert found == {"deploy.a": here, "deploy.b": there}


def test_old_backups_are_the_ledgers_to_name() -> None:
    """Nobody asked it until then."""
    assert Sources().old_backups is None
    assert Book(old_backups=("a.dump",)).added_to(Sources()).old_backups == ("a.dump",)


def test_an_empty_archive_shows_nothing(tmp_path: Path) -> None:
    """Nor does one that is not there."""
    assert gather(tmp_path / "none", "staging") == Sources()


def test_the_newest_record_of_each_kind_is_shown(tmp_path: Path, close: Close) -> None:
    """An older one of the same kind is not."""
    kinds = {"GO": gate(), "DEPLOYED": deployment(), "SMOKE-PASSED": smoke(), "SUMMARY": summary()}
    for hours in (-9, 0):
        names = {label: close(hours, label, record) for label, record in kinds.items()}
    found = gather(tmp_path, "staging")
    shown = (found.gate, found.deployment, found.smoke, found.summary)
    assert [run and run.name for run in shown] == list(names.values())


@pytest.mark.parametrize("twins", [2, 11])
def test_records_of_one_second_are_shown_in_their_order(
    tmp_path: Path, close: Close, twins: int
) -> None:
    """The later of them is the newest; the eleventh comes after the second."""
    names = [close(0, "GO", gate()) for _ in range(twins)]
    found = gather(tmp_path, "staging").gate
    assert (len(set(names)), found and found.name) == (twins, names[-1])


def test_a_record_of_another_environment_is_not_shown(tmp_path: Path, close: Close) -> None:
    """It lies elsewhere."""
    close(0, "GO", gate())
    assert gather(tmp_path, "production").gate is None


def test_a_record_under_the_label_of_another_kind_is_not_shown(
    tmp_path: Path, close: Close
) -> None:
    """A gate that is called a deployment deployed nothing, and is no gate under that name."""
    close(0, "DEPLOYED", gate())
    found = gather(tmp_path, "staging")
    assert (found.deployment, found.gate) == (None, None)


def test_a_rollback_after_the_deployment_is_shown(tmp_path: Path, close: Close) -> None:
    """Nothing of the deployment runs any more."""
    close(-1, "DEPLOYED", deployment())
    name = close(0, "ROLLED-BACK", rollback())
    found = gather(tmp_path, "staging").rollback
    assert found
    assert found.name == name


def test_a_rollback_of_the_deployments_own_second_is_shown(tmp_path: Path, close: Close) -> None:
    """Nobody can know which came first."""
    close(0, "DEPLOYED", deployment())
    close(0, "ROLLED-BACK", rollback())
    assert gather(tmp_path, "staging").rollback


def test_a_rollback_before_the_deployment_is_over(tmp_path: Path, close: Close) -> None:
    """Its steps say nothing of what runs now."""
    close(-1, "ROLLED-BACK", rollback())
    close(0, "DEPLOYED", deployment())
    found = gather(tmp_path, "staging")
    assert (found.rollback, found.rollbacks) == (None, 1)
    assert not any(name.startswith("rollback.") for name in found.steps)


def test_a_rollback_without_a_deployment_is_shown(tmp_path: Path, close: Close) -> None:
    """The deployment's record may lie on another machine."""
    close(0, "ROLLED-BACK", rollback())
    assert gather(tmp_path, "staging").rollback


def test_deployments_and_rollbacks_are_counted(tmp_path: Path, close: Close) -> None:
    """Whether they succeeded or not, with the one that is about to be closed."""
    for hours, label in enumerate(["DEPLOYED", "DEPLOY-FAILED", "DEPLOYED"]):
        close(hours, label, deployment())
    for hours, label in enumerate(["ROLLED-BACK", "ROLLBACK-FAILED"]):
        close(hours + 9, label, rollback())
    close(0, "GO", gate())
    found = gather(tmp_path, "staging")
    assert (found.deployments, found.rollbacks) == (3, 2)
    now = NOON + 99 * HOUR
    found = gather(tmp_path, "staging", RecordedRun("this", now, deployment()))
    assert (found.deployments, found.rollbacks) == (4, 2)
    found = gather(tmp_path, "staging", RecordedRun("this", now, rollback()))
    assert (found.deployments, found.rollbacks) == (3, 3)


def test_the_record_that_is_being_closed_is_the_newest_of_its_kind(
    tmp_path: Path, close: Close
) -> None:
    """Of its own kind alone."""
    name = close(0, "DEPLOYED", deployment())
    current = RecordedRun("this", NOON + HOUR, gate())
    found = gather(tmp_path, "staging", current)
    assert (found.gate, found.deployment and found.deployment.name) == (current, name)


def test_a_record_that_cannot_be_read_hides_what_an_older_one_showed(
    tmp_path: Path, close: Close
) -> None:
    """Nobody knows what it says."""
    close(-1, "GO", gate())
    name = close(0, "GO", gate())
    (tmp_path / "staging" / name / "record.json").write_text("{", encoding="utf-8")
    found = gather(tmp_path, "staging").gate
    assert found == Run(name, NOON)


def of_database(name: str, identifier: str = "7300") -> dict[str, Any]:
    """What a record says that was made on such a database."""
    return {
        "provenance": provenance(
            database=replace(IDENTITY, database=name, system_identifier=identifier)
        )
    }


@pytest.mark.parametrize("other", [("app", "7301"), ("app_copy", "7300")])
def test_a_record_of_another_database_proves_nothing(
    tmp_path: Path, close: Close, other: tuple[str, str]
) -> None:
    """An archive may hold records of two servers, or of two databases of one."""
    close(0, "DEPLOYED", deployment(), **of_database(*other))
    close(1, "GO", gate(), **of_database(*other))
    mine = close(2, "GO", gate(), **of_database("app"))
    found = gather(tmp_path, "staging")
    assert (found.gate and found.gate.name, found.deployment, found.deployments) == (mine, None, 0)


def test_a_closing_record_is_held_against_those_of_its_own_database(
    tmp_path: Path, close: Close
) -> None:
    """Whatever was looked at last."""
    mine = close(0, "DEPLOYED", deployment(), **of_database("app"))
    close(1, "DEPLOYED", deployment(), **of_database("app_copy"))
    now = RecordedRun("this", NOON + 2 * HOUR, gate(**of_database("app")))
    found = gather(tmp_path, "staging", now).deployment
    assert found
    assert found.name == mine


@pytest.mark.parametrize("known", [{}, {"database": None}])
def test_a_record_that_names_no_other_database_counts(
    tmp_path: Path, close: Close, known: dict[str, Any]
) -> None:
    """A role may not read the server's identifier; a database may have been out of reach."""
    unknown = provenance(**{"database": replace(IDENTITY, system_identifier="")} | known)
    mine = close(0, "DEPLOYED", deployment(), provenance=unknown)
    close(1, "GO", gate())
    found = gather(tmp_path, "staging").deployment
    assert found
    assert found.name == mine


def attempt(outcome: str, *names: str, number: str = "1") -> dict[str, Any]:
    """What a deployment's record says whose last step ended so."""
    *done, last = steps(*((name, name, f"{name} is well") for name in names))
    ended: dict[str, Any] = {"outcome": outcome}
    if outcome != "succeeded":
        ended |= {"proved": "", "error": f"{last.name} is ill"}
    subject = Subject(deployment=number, revision="r", migrations_sha256="", criteria_sha256="")
    return {
        "steps": (*done, replace(last, **ended)),
        "provenance": provenance(subject=subject),
    }


def test_a_step_is_told_by_what_it_proved(tmp_path: Path, close: Close) -> None:
    """With the record that it stands in."""
    name = close(0, "DEPLOYED", deployment(), **attempt("succeeded", "backup"))
    found = gather(tmp_path, "staging").steps
    assert found == {"deploy.backup": StepRun("succeeded", "backup is well", name)}


def test_a_step_that_failed_is_told_by_its_error(tmp_path: Path, close: Close) -> None:
    """It proved nothing."""
    name = close(0, "DEPLOY-FAILED", deployment(), **attempt("failed", "backup"))
    found = gather(tmp_path, "staging").steps
    assert found == {"deploy.backup": StepRun("failed", "backup is ill", name)}


def test_the_newest_attempt_of_a_step_counts(tmp_path: Path, close: Close) -> None:
    """An earlier success does not hide that it failed since, nor the other way round."""
    close(-1, "DEPLOYED", deployment(), **attempt("succeeded", "backup"))
    close(0, "DEPLOY-FAILED", deployment(), **attempt("failed", "backup"))
    assert gather(tmp_path, "staging").steps["deploy.backup"].outcome == "failed"
    close(1, "DEPLOYED", deployment(), **attempt("succeeded", "backup"))
    assert gather(tmp_path, "staging").steps["deploy.backup"].outcome == "succeeded"


def test_a_step_that_was_skipped_stands_by_the_attempt_that_did_it(
    tmp_path: Path, close: Close
) -> None:
    """A failed attempt does not stand in for it."""
    done = close(-2, "DEPLOYED", deployment(), **attempt("succeeded", "backup"))
    close(-1, "DEPLOY-FAILED", deployment(), **attempt("failed", "backup"))
    close(0, "DEPLOYED", deployment(), **attempt("skipped", "backup"))
    found = gather(tmp_path, "staging").steps["deploy.backup"]
    assert (found.outcome, found.source) == ("succeeded", done)


def test_the_steps_of_an_aborted_run_do_not_count(tmp_path: Path, close: Close) -> None:
    """What an earlier run did stands."""
    close(0, "DEPLOYED", deployment(), **attempt("succeeded", "backup"))
    close(1, "DEPLOYED", deployment(), **attempt("succeeded", "start"), state=State.ABORTED)
    assert gather(tmp_path, "staging").steps == {}
    close(2, "DEPLOYED", deployment(), **attempt("skipped", "backup"))
    assert gather(tmp_path, "staging").steps["deploy.backup"].outcome == "succeeded"


def test_another_deployments_steps_do_not_count(tmp_path: Path, close: Close) -> None:
    """Nor those of the same one before it."""
    close(-2, "DEPLOYED", deployment(), **attempt("succeeded", "backup"))
    close(-1, "DEPLOYED", deployment(), **attempt("succeeded", "build", number="2"))
    close(0, "DEPLOYED", deployment(), **attempt("succeeded", "migrate"))
    assert set(gather(tmp_path, "staging").steps) == {"deploy.migrate"}


def test_attempts_before_one_that_cannot_be_read_do_not_count(tmp_path: Path, close: Close) -> None:
    """Nobody knows whether it was the same deployment."""
    close(-2, "DEPLOYED", deployment(), **attempt("succeeded", "backup"))
    name = close(-1, "DEPLOYED", deployment(), **attempt("succeeded", "build"))
    close(0, "DEPLOYED", deployment(), **attempt("succeeded", "migrate"))
    (tmp_path / "staging" / name / "record.json").write_text("{", encoding="utf-8")
    assert set(gather(tmp_path, "staging").steps) == {"deploy.migrate"}


def test_without_a_subject_a_run_went_on_from_no_other(tmp_path: Path, close: Close) -> None:
    """Nobody knows whether it was the same deployment."""
    nobody = {"provenance": provenance(subject=None)}
    for hours, name in ((-1, "backup"), (0, "migrate")):
        close(hours, "DEPLOYED", deployment(), **attempt("succeeded", name) | nobody)
    assert set(gather(tmp_path, "staging").steps) == {"deploy.migrate"}


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Ada and Bob may sign; the archive is empty."""
    return open_paper_office(tmp_path, monkeypatch)


def words(office: Office, since: datetime | None = None) -> dict[str, str]:
    """Who ticked what."""
    found = attestations(office.archive, office.allowed, since)
    return {name: word.by for name, word in found.items()}


def ticked(office: Office, by: str = ADA) -> Path:
    """A record on which somebody ticked an item."""
    record = office.close()
    office.sign(record, by=by, attest=["soak.complaints"])
    return record


def test_what_somebody_ticked_is_told_with_its_sign_off(office: Office) -> None:
    """By whom, when, and about which record."""
    record = ticked(office)
    (word,) = attestations(office.archive, office.allowed, None).values()
    assert (word.by, word.source) == (ADA, f"{record.name}/signoff-1.json")
    assert f"{word.about:%Y%m%dT%H%M%SZ}" == record.name.partition("_")[0]
    assert word.line.startswith(f"attested by {ADA}, 20")


def test_the_newest_word_on_an_item_counts(office: Office) -> None:
    """Of two of the same second the one that was signed later."""
    record = ticked(office)
    office.sign(record, by=BOB, attest=["soak.complaints"])
    assert words(office) == {"soak.complaints": BOB}


@pytest.mark.parametrize("later", [0, 1])
def test_the_newest_word_counts_whichever_record_it_is_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: int
) -> None:
    """The order in which the archive's directories are found does not matter."""
    names = ["20261123T120000Z_GO", "20261124T120000Z_GO"]
    for name in names:
        (tmp_path / "staging" / name).mkdir(parents=True)
        (tmp_path / "staging" / name / "signoff-1.json").touch()

    def said(directory: Path, about: datetime, _: Path) -> list[tuple[str, Attested]]:
        at = NOON + HOUR * (directory.name == names[later])
        return [("p.it", Attested("ada", at, directory.name, about))]

    monkeypatch.setattr(sources, "_words", said)
    found = attestations(tmp_path, tmp_path / "allowed_signers", None)
    assert found["p.it"].source == names[later]


def test_a_sign_off_without_a_tick_says_nothing(office: Office) -> None:
    """It decides on the record alone."""
    office.sign(office.close())
    assert words(office) == {}


def test_without_a_list_of_signers_nobodys_word_counts(office: Office) -> None:
    """It cannot be verified."""
    ticked(office)
    assert attestations(office.archive, None, None) == {}


def test_an_archive_that_is_not_there_holds_no_word(office: Office) -> None:
    """Nobody signed anything yet."""
    assert attestations(office.root / "none", office.allowed, None) == {}


def test_a_word_on_a_changed_record_does_not_count(office: Office) -> None:
    """Nobody knows what was read."""
    record = ticked(office)
    (record / "evidence.html").write_text("another", encoding="utf-8")
    assert words(office) == {}


def test_a_word_on_a_record_in_the_wrong_place_does_not_count(office: Office) -> None:
    """A record of staging says nothing among those of production."""
    record = ticked(office)
    (office.archive / "production").mkdir()
    record.rename(office.archive / "production" / record.name)
    assert words(office) == {}


def test_a_word_whose_signature_is_broken_does_not_count(office: Office) -> None:
    """Anybody could have written it."""
    record = ticked(office)
    (record / "signoff-1.json.sig").write_text("none", encoding="utf-8")
    assert words(office) == {}


def test_a_word_about_a_record_of_before_does_not_count(office: Office) -> None:
    """The rollout began later."""
    record = ticked(office)
    moment = record.name.partition("_")[0]
    about = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert words(office, about) == {"soak.complaints": ADA}
    assert words(office, about + timedelta(seconds=1)) == {}
