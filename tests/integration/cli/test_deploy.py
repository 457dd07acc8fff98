"""Deploying and rolling back by the command line, against a real database and application."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from desk import Desk
from gonogo.ledger.deployer import deployer_lock
from gonogo.postgres.session import connect
from gonogo.record.listing import list_records
from gonogo.sandbox.surroundings import database_url
from receiving import receiving
from record_schema import faults

Told = subprocess.CompletedProcess[str]
Deployed = tuple[Desk, Told]
PRODUCTION = ("deploy", "production", "--override", "a drill")
LEDGER_THERE = "select to_regnamespace('gonogo') is not null"
FAILS_ON_ROWS = "select 1 / (length(email) * 0) from users"
NEW_TABLE = "select to_regclass('sync_metrics') is not null"
OUTCOME = "select outcome from gonogo.deployment order by id desc limit 1"


def one_line(told: Told) -> str:
    """The one line on standard error."""
    (line,) = told.stderr.splitlines()
    assert line.startswith("gonogo: "), line
    return line


def record_of(told: Told) -> Path:
    """The record whose path was printed last."""
    return Path(re.findall(r"^  record +(.*)$", told.stdout, re.MULTILINE)[-1])


def replace_command(desk: Desk, name: str, words: str) -> None:
    """Change one command of the desk's rollout.toml, in every environment."""
    file = desk.root / "rollout.toml"
    text = file.read_text(encoding="utf-8")
    told = re.sub(rf"^{name} = .*$", lambda _: f"{name} = {words}", text, flags=re.MULTILINE)
    file.write_text(told, encoding="utf-8")


def test_a_deployment_tells_each_step_and_its_record(deployed: Deployed) -> None:
    """Exit code 0, every step with what it proved, what to do next, and where the record lies."""
    _, told = deployed
    assert (told.returncode, told.stderr) == (0, "")
    assert "9 migrations: 9 applied" in told.stdout
    assert "gonogo verify" in told.stdout
    assert record_of(told).parent.name.endswith("_DEPLOYED")
    assert record_of(told).is_file()


def test_what_is_told_to_do_next_can_be_done(deployed: Deployed) -> None:
    """Every command that the terminal names is there."""
    desk, told = deployed
    named = set(re.findall(r"gonogo (\w+)", told.stdout))
    assert named >= {"verify", "monitor", "sign_off"}
    for name in named:
        assert desk.run(name, "--help").returncode == 0, name


def test_a_restart_stops_starts_and_proves(deployed: Deployed) -> None:
    """Exit code 0; what answers is proved to be the deployed revision, started since."""
    desk, _ = deployed
    told = desk.run("restart", "staging")
    assert (told.returncode, told.stderr) == (0, "")
    assert "Restarted" in told.stdout
    assert f"answers as revision {desk.repository.after}" in told.stdout or (
        "is a process that was started since" in told.stdout
    )


def test_a_second_deployment_changes_nothing_and_says_so(deployed: Deployed) -> None:
    """Exit code 0, and the ledger has no further step."""
    desk, _ = deployed
    before = desk.ask("select max(id) from gonogo.step")
    told = desk.deploy()
    assert told.returncode == 0
    assert "nothing was changed" in told.stdout
    assert desk.ask("select max(id) from gonogo.step") == before


def test_a_record_that_is_removed_with_its_line_is_missed_by_the_ledger(
    deployed: Deployed, tmp_path: Path
) -> None:
    """In a copy of the archive, where nothing came after it; without a database nobody knows."""
    desk, _ = deployed
    proved = desk.run("verify_record", "--all")
    assert proved.returncode == 0, proved.stdout + proved.stderr
    assert " sign-offs, 1 anchors" in proved.stdout
    place = desk.root / "archive" / "staging"
    shutil.copytree(place, tmp_path / "kept")
    try:
        for record in place.glob("2*"):
            shutil.rmtree(record)
        (place / "chain.sha256").unlink()
        missed = desk.run("verify_record", "--all")
        asked_alone = desk.run("verify_record", "--all", DATABASE_URL="")
    finally:
        shutil.rmtree(place)
        shutil.copytree(tmp_path / "kept", place)
    assert missed.returncode == 1
    assert "staging/chain.sha256 is missing" in missed.stdout
    assert asked_alone.returncode == 0
    assert "no ledger was asked" in asked_alone.stdout


def test_what_was_deployed_is_verified_without_a_verdict(deployed: Deployed) -> None:
    """Exit code 0 says verified; nobody says GO, and no record is left."""
    desk, _ = deployed
    before = desk.labels()
    told = desk.run("verify")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines()[-1] == "verified: 19 met"
    assert not re.search(r"\bGO\b", told.stdout)
    assert desk.labels() == before


@pytest.mark.parametrize(
    ("variables", "code", "said"),
    [
        pytest.param({"WEBHOOK_BASE_URL": ""}, 10, "14 met, 5 inconclusive", id="nobody to ask"),
        pytest.param(
            {"WEBHOOK_BASE_URL": "http://127.0.0.1:1"},
            10,
            "14 met, 5 inconclusive",
            id="an address where nobody answers",
            marks=pytest.mark.slow,
        ),
        pytest.param({"NODE_ENV": "production"}, 4, "is staging", id="another environment"),
    ],
)
def test_what_is_not_in_place_is_not_verified(
    deployed: Deployed, variables: dict[str, str], code: int, said: str
) -> None:
    """What failed is 1, what nobody can know is 10, as with the gate."""
    desk, _ = deployed
    told = desk.run("verify", **variables)
    assert told.returncode == code, told.stdout
    assert said in told.stdout + told.stderr


def test_a_rollback_asks_for_the_name_and_then_proves(desk: Desk) -> None:
    """A wrong name cancels with nothing done, the right one rolls back, a second one is noticed."""
    assert desk.deploy().returncode == 0
    cancelled = desk.type("yes", "rollback")
    assert cancelled.returncode == 1
    assert cancelled.stderr.endswith("that is not the database's name; nothing was done\n")
    assert "roll back deployment 1 of staging (succeeded)" in cancelled.stdout
    assert desk.type("yes", "rollback", "--mode", "restore").returncode == 1
    assert (desk.ask(OUTCOME), desk.labels()) == ("succeeded", ["DEPLOYED"])
    done = desk.type(desk.database, "rollback", "--reason", "a drill")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "schema equal to that before the deployment" in done.stdout
    assert desk.ask("select rollback_reason from gonogo.deployment") == "a drill"
    assert desk.labels() == ["DEPLOYED", "ROLLED-BACK"]
    again = desk.run("rollback")
    assert (again.returncode, again.stderr) == (0, "")
    nothing = "nothing to roll back: deployment 1 is rolled back already"
    assert nothing in again.stdout
    assert nothing in desk.run("rollback", "--plan").stdout


@pytest.mark.parametrize(
    ("words", "variables", "code", "said"),
    [
        (("deploy", "production"), {}, 4, "production needs a signed GO record"),
        (PRODUCTION, {}, 4, "no terminal to ask at; nothing was done"),
        ((*PRODUCTION, "--yes-deploy-to", "other"), {}, 4, "--yes-deploy-to other: the database"),
        (("deploy", "staging", "--yes-deploy-to", "other"), {}, 4, "nothing was done"),
        (("deploy", "staging"), {"NODE_ENV": "production"}, 4, "NODE_ENV is not staging"),
        (("deploy", "staging"), {"GOOGLE_CLIENT_ID": ""}, 4, "GOOGLE_CLIENT_ID is not set"),
        (("deploy", "staging"), {"DATABASE_URL": "postgresql://127.0.0.1:1/x"}, 1, "not answer"),
        (("deploy", "nowhere"), {}, 4, "'environment': 'nowhere' is not one of"),
        (("deploy", "staging", "--no-such-option"), {}, 4, "--no-such-option"),
        (("rollback",), {}, 1, "there is no ledger"),
        (("rollback",), {"NODE_ENV": ""}, 4, "nothing says which environment this is"),
        (("rollback", "--environment=production"), {"NODE_ENV": "staging"}, 4, "make them agree"),
        (("promote_admin", "list"), {}, 1, "the administrators cannot be read or changed"),
    ],
)
def test_what_is_refused_is_one_line_and_changes_nothing(
    untouched: Desk, words: tuple[str, ...], variables: dict[str, str], code: int, said: str
) -> None:
    """A clear line, its exit code, and neither a ledger nor a deployment's record."""
    if words[0] == "deploy" and words[1] == "production":
        variables = {"NODE_ENV": "production", **variables}
    told = untouched.run(*words, **variables)
    assert told.returncode == code, told.stdout + told.stderr
    assert said in one_line(told)
    assert untouched.ask(LEDGER_THERE) is False
    assert set(untouched.labels()) <= {"RUNNING"}


def test_a_database_of_another_application_gets_no_ledger(untouched: Desk) -> None:
    """Nothing is left in a database without users, and the aborted record says why."""
    other = make_conninfo(untouched.conninfo, dbname="postgres")
    archive = untouched.root / "archive"
    before = {one.directory for one in list_records(archive)}
    told = untouched.run("deploy", "staging", DATABASE_URL=database_url(other))
    assert told.returncode == 1
    assert "no schema of the search_path holds the table users" in one_line(told)
    assert not replace(untouched, conninfo=other).ask(LEDGER_THERE)
    (record,) = [one for one in list_records(archive) if one.directory not in before]
    document = json.loads((record.directory / "record.json").read_bytes())
    assert (record.state, document["state"]) == ("aborted", "aborted")
    assert "holds the table users" in document["ended_by"]
    page = (record.directory / "record.html").read_text(encoding="utf-8")
    assert "holds the table users" in page.partition("<main>")[0]
    assert record.name in (archive / "index.html").read_text(encoding="utf-8")


def test_production_is_deployed_to_by_typing_its_name(untouched: Desk) -> None:
    """At a terminal the database is shown and its name asked for; anything else cancels."""
    told = untouched.type("", *PRODUCTION, NODE_ENV="production")
    assert told.returncode == 1
    assert f"database {untouched.database} (host=" in told.stdout
    assert "system identifier" in told.stdout
    assert "cancelled" in told.stderr
    assert untouched.ask(LEDGER_THERE) is False


def test_a_rollback_needs_consent_in_staging_too(migrated_desk: Desk) -> None:
    """Without a terminal only the option gives it, and only with the right name."""
    told = migrated_desk.run("rollback")
    assert told.returncode == 4
    assert "--yes-roll-back" in one_line(told)
    told = migrated_desk.run("rollback", "--yes-roll-back", "other")
    assert told.returncode == 4
    assert "nothing was done" in one_line(told)
    assert migrated_desk.ask(OUTCOME) == "succeeded"


def test_a_sandbox_is_never_taken_for_a_real_database(migrated_desk: Desk) -> None:
    """The ledger says that it is simulated, and a real rollback is refused."""
    told = migrated_desk.run("rollback", "--yes-roll-back", migrated_desk.database)
    assert told.returncode == 4
    assert "knows this database as simulated staging, not as staging" in one_line(told)
    assert migrated_desk.ask(OUTCOME) == "succeeded"


def test_a_second_deployer_is_refused_and_told_who_is_at_work(desk: Desk) -> None:
    """At once, in one line, with exit code 1; status names the same one."""
    with connect(desk.conninfo, "gonogo deploy") as other, deployer_lock(other):
        told = desk.deploy()
        status = desk.run("status")
    assert told.returncode == 1
    assert "another deployer is at work on this database: postgres@" in one_line(told)
    assert re.search(r"at work +postgres@.*gonogo deploy, pid \d+", status.stdout)


def test_a_failed_step_tells_what_was_done_and_what_was_not(desk: Desk) -> None:
    """Record, log and the way on are named; what the command printed can do nothing there."""
    words = r"printf '\\033[2Jgone'; exit 3"
    replace_command(desk, "install", f'{{ run = ["sh", "-c", "{words}"] }}')
    with (desk.root / "rollout.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[notifications]]\nurl_env = "CHAT_URL"\n')
    with receiving() as receiver:
        told = desk.run(*desk.deployment, CHAT_URL=receiver.address)
    assert told.returncode == 1
    assert "ended with exit code 3: gone" in one_line(told)
    assert "\x1b" not in told.stdout + told.stderr
    done, _, not_done = told.stdout.partition("  not done  ")
    assert "\n  done      Check the environment\n" in done
    assert done.endswith("Bring the code to the revision\n")
    assert not_done.startswith("Build the application")
    (log,) = re.findall(r"^  log +(.*)$", told.stdout, re.MULTILINE)
    assert '"event": "failed"' in Path(log).read_text(encoding="utf-8")
    assert record_of(told).parent.name.endswith("_DEPLOY-FAILED")
    ((title, text),) = receiver.messages
    assert title.startswith("DEPLOY-FAILED: Staging deployment")
    assert text.startswith("the deployment failed\n")
    assert "ended with exit code 3: gone" in text
    assert desk.ask(NEW_TABLE) is False
    status = desk.run("status").stdout
    assert re.search(r"^  1  failed ", status, re.MULTILINE)
    assert "next: run gonogo deploy staging again" in status


@pytest.mark.slow
def test_an_interrupted_deployment_says_how_to_go_on(desk: Desk) -> None:
    """Told to end, it ends with 130, ends its command, and the ledger knows how far it came."""
    replace_command(desk, "install", '{ run = ["sleep", "55"] }')
    running = desk.start(*desk.deployment)

    def installing() -> bool:
        logs = desk.root.glob("logs/staging/*_deploy.jsonl")
        return any('"step": "install"' in log.read_text(encoding="utf-8") for log in logs)

    Retrying(
        retry=retry_if_result(lambda found: not found),
        stop=stop_after_delay(60),
        wait=wait_fixed(0.05),
    )(installing)
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said.startswith("gonogo: interrupted; gonogo status shows how far it came")
    (record,) = list_records(desk.root / "archive")
    document = json.loads((record.directory / "record.json").read_bytes())
    assert (record.state, document["ended_by"][:18]) == ("aborted", "it was interrupted")
    *before, last = document["steps"]
    assert {step["outcome"] for step in before} == {"succeeded"}
    assert (last["name"], last["outcome"], last["error"]) == ("install", "failed", "interrupted")
    assert faults(document) == []
    status = desk.run("status").stdout
    assert re.search(r"^  1  interrupted ", status, re.MULTILINE)
    assert re.search(r"install +failed .* KeyboardInterrupt", status)
    assert "next: run gonogo deploy staging again" in status


@pytest.mark.slow
def test_a_failed_migration_in_production_leaves_two_records(desk: Desk) -> None:
    """It is rolled back by itself: the failure and the rollback have a record each."""
    migrations = desk.root / "migrations"
    (migrations / "047_extra.sql").write_text(f"{FAILS_ON_ROWS};\n", encoding="utf-8")
    (migrations / "047_extra.revert.sql").write_text("select 1;\n", encoding="utf-8")
    words = (*PRODUCTION, "--yes-deploy-to", desk.database, "--revision", desk.repository.after)
    told = desk.run(*words, NODE_ENV="production")
    assert told.returncode == 1
    assert "047_extra.sql:1: division by zero" in one_line(told)
    assert desk.labels() == ["DEPLOY-FAILED", "ROLLED-BACK"]
    assert desk.ask(OUTCOME) == "rolled_back"
    assert desk.ask(NEW_TABLE) is False


@pytest.mark.parametrize(
    ("variables", "code", "said"),
    [
        pytest.param({}, 0, ("HTTP 202", "HTTP 404"), id="fine"),
        pytest.param({"SMOKE_JWT": ""}, 10, ("not sent: SMOKE_JWT is not set",), id="missing"),
    ],
)
def test_smoke_requests_are_sent_on_demand(
    deployed: Deployed, variables: dict[str, str], code: int, said: tuple[str, ...]
) -> None:
    """Both are answered by the real application; what was not sent is never a pass."""
    desk, _ = deployed
    told = desk.run("verify", "--smoke", **variables)
    assert told.returncode == code, told.stdout + told.stderr
    assert all(words in told.stdout for words in said)
    record = record_of(told)
    assert record.parent.name.endswith("_SMOKE-NOT-ASKED" if code else "_SMOKE-PASSED")
    document = json.loads(record.with_name("record.json").read_bytes())
    assert faults(document) == []
    assert document["outcome"] == ("not asked" if code else "succeeded")
    assert document["provenance"]["subject"]["deployment"] == "1"
    outcomes = [step["outcome"] for step in document["steps"]]
    assert outcomes == ["skipped" if code else "succeeded", "succeeded"]
    page = record.read_text(encoding="utf-8")
    assert all(words in page for words in said)
    assert desk.environ["SMOKE_JWT"] not in page + json.dumps(document)


@pytest.mark.slow
def test_no_smoke_request_is_sent_that_could_not_be_recorded(migrated_desk: Desk) -> None:
    """What changes something leaves its word first: without an archive none is even tried."""
    (migrated_desk.root / "archive").write_text("a file", encoding="utf-8")
    told = migrated_desk.run("verify", "--smoke")
    assert told.returncode == 1
    assert "the record cannot be opened" in one_line(told)
    assert "Smoke requests" in told.stdout
    assert "POST" not in told.stdout


@pytest.mark.slow
def test_of_two_deployers_one_goes_and_the_other_waits_or_is_refused(desk: Desk) -> None:
    """Refused at once, naming who is at work; with --wait it goes next, and has nothing to do."""
    words = "for n in $(seq 900); do test -e go && exit; sleep 0.1; done; exit 1"
    replace_command(desk, "install", f'{{ run = ["sh", "-c", "{words}"] }}')
    first = desk.start(*desk.deployment)
    patiently = Retrying(
        retry=retry_if_result(lambda there: not there),
        stop=stop_after_delay(60),
        wait=wait_fixed(0.1),
    )
    patiently(lambda: "gonogo deploy" in desk.run("status").stdout)
    refused = desk.deploy()
    assert refused.returncode == 1
    assert re.search(
        r"another deployer is at work on this database: postgres@.*, connected since 20\d\d-",
        one_line(refused),
    )
    second = desk.start(*desk.deployment, "--wait")

    def waiting() -> bool:
        logs = desk.root.glob("logs/staging/*_deploy.jsonl")
        lines = (line for log in logs for line in log.read_text(encoding="utf-8").splitlines())
        return any('"event": "note"' in line and '"step": "database"' in line for line in lines)

    patiently(waiting)
    (desk.root / "app" / "go").touch()
    assert first.wait(timeout=60) == 0
    told, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert "Deployed already: nothing was changed" in told
    assert desk.ask("select count(*) from gonogo.deployment") == 1
    first.communicate()
