"""From staging to production by a signature: real databases, a real gate, a key in an agent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gonogo.postgres.session import connect
from gonogo.record.archive import RunningRecord
from gonogo.record.canonical import read_record
from gonogo.report.index import RecordPages
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.surroundings import database_url
from gonogo.sandbox.traffic import Traffic, generate
from signers import TEMPLATES, agent_with, make_key, public, worth_signing

if TYPE_CHECKING:
    from desk import Desk

pytestmark = pytest.mark.ssh
ADA = "ada@example.com"
SOAK = timedelta(hours=48)
BACKDATED = """
update gonogo.deployment set started_at = started_at - interval '49 hours',
    finished_at = finished_at - interval '49 hours'"""


@pytest.fixture
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A real ssh-agent with Ada's key, whose file is gone; and its public half, as ``public``."""
    directory = tmp_path_factory.mktemp("a")
    key = make_key(directory / "ada")
    line = public(key)
    with agent_with(directory, key) as environ:
        yield environ | {"HOME": str(directory), "PUBLIC": line}


def let_sign(desk: Desk, agent: dict[str, str]) -> None:
    """Name Ada in allowed_signers, and that file in rollout.toml."""
    (desk.root / "allowed_signers").write_text(f"{ADA} {agent['PUBLIC']}\n", encoding="utf-8")
    file = desk.root / "rollout.toml"
    text = file.read_text(encoding="utf-8")
    named = 'admins = []\nallowed_signers = "allowed_signers"'
    file.write_text(text.replace("admins = []", named, 1), encoding="utf-8")


def archived(desk: Desk, label: str, environment: str = "staging") -> Path:
    """The one record of that label."""
    (found,) = (desk.root / "archive" / environment).glob(f"*_{label}")
    return found


@pytest.mark.slow
def test_what_was_judged_and_signed_in_staging_goes_into_production(
    desk: Desk, agent: dict[str, str], databases: Databases, base_template: str
) -> None:
    """Refused before it is signed, let in after, and refused again for another revision."""
    let_sign(desk, agent)
    assert desk.deploy().returncode == 0
    desk.ask(BACKDATED)
    now = datetime.now(UTC)
    with connect(desk.conninfo) as connection:
        generate(connection, Traffic(now - SOAK, now, rows=40_000))
    judged = desk.run("gate", "-q", "--window=48h")
    assert judged.returncode == 0, judged.stdout + judged.stderr
    record = archived(desk, "GO")
    production = databases.create("signed_production", base_template)
    there = {"NODE_ENV": "production", "DATABASE_URL": database_url(production), **agent}
    words = ("deploy", "production", "--yes-deploy-to", "signed_production")
    revision = ("--revision", desk.repository.after)
    refused = desk.run(*words, *revision, **there)
    assert refused.returncode == 4
    assert "is signed; nothing was done" in refused.stderr
    signed = desk.run(
        "sign_off", record.name, "--decision=go", "--by", ADA, "--attest=soak.decision", **agent
    )
    assert signed.returncode == 0, signed.stderr
    other = desk.run(*words, "--revision", desk.repository.before, **there)
    assert "the application's revision is" in other.stderr
    done = desk.run(*words, *revision, "--staging-record", record.name, **there)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f'{record.name}, signed "go" by {ADA}' in done.stdout
    deployed = read_record(archived(desk, "DEPLOYED", "production"))
    step = next(step for step in deployed.steps if step.name == "permission")
    assert step.evidence["record"] == record.name
    assert deployed.rollout
    assert deployed.rollout.override is None
    assert "production.smoke: open" in desk.run("checklist", **there).stdout
    assert desk.run("verify", "--smoke", **there).returncode == 0
    listed = desk.run("checklist", **there).stdout
    assert "production.permission: proved" in listed
    assert "production.smoke: proved, HTTP 202" in listed
    assert f"soak.decision: attested, attested by {ADA}" in listed
    assert desk.run("verify_record", "--all").returncode == 0
    databases.drop("signed_production")


@pytest.fixture
def signable(untouched: Desk, agent: dict[str, str]) -> tuple[Desk, Path]:
    """A desk with a record of its own to sign."""
    archive = untouched.root / "archive"
    if not (untouched.root / "allowed_signers").exists():
        let_sign(untouched, agent)
    (untouched.root / "allowed_signers").write_text(f"{ADA} {agent['PUBLIC']}\n", encoding="utf-8")
    record = worth_signing()
    running = RunningRecord.open(archive, record)
    return untouched, running.finish(record, "GO", RecordPages(TEMPLATES))


def test_a_person_at_a_terminal_is_asked_what_they_attest(
    signable: tuple[Desk, Path], agent: dict[str, str]
) -> None:
    """Each open item of theirs; y ticks it, anything else leaves it open."""
    desk, record = signable
    words = ("sign_off", str(record / "record.html"), "--decision", "reviewed", "--by", ADA)
    told = desk.type("y", *words, **agent)
    assert told.returncode == 0, told.stderr
    assert "No complaint of a user is open (soak.complaints) [y/N]" in told.stderr
    assert "attested  soak.complaints: No complaint of a user is open" in told.stdout
    again = desk.type("y", *words, **agent)
    assert "[y/N]" not in again.stderr
    proof = desk.run("verify_record", record.name, **agent)
    assert proof.returncode == 0, proof.stdout
    assert f'signoff-1.json: "reviewed" by {ADA}' in proof.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("sign_off", "nothing", "--decision", "go", "--by", ADA), 4, "there is no record nothing"),
        (("sign_off", "RECORD", "--decision", "maybe", "--by", ADA), 4, "'maybe'"),
        (("sign_off", "RECORD", "--decision", "go"), 4, "--by"),
        (("sign_off", "RECORD", "--decision", "go", "--by", "eve"), 1, "the key of ada@example"),
        (("sign_off", "RECORD", "--decision", "go", "--by", ADA, "--attest", "x"), 4, "--attest x"),
        (("verify_record",), 4, "name one record, or --all"),
        (("verify_record", "RECORD", "--all"), 4, "name one record, or --all"),
        (("verify_record", "../.."), 4, "is no record"),
        (("checklist", "--environment", "moon"), 4, "'moon' is not an environment"),
    ],
)
def test_what_is_refused_is_one_line(
    signable: tuple[Desk, Path],
    agent: dict[str, str],
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    """With its exit code, and nothing is written."""
    desk, record = signable
    told = desk.run(*(record.name if word == "RECORD" else word for word in words), **agent)
    assert told.returncode == code, told.stdout + told.stderr
    assert told.stderr.count("\n") == 1
    assert said in told.stderr
    assert not (record / "signoff-1.json").exists()


def test_a_broken_record_is_told_and_is_exit_code_1(
    signable: tuple[Desk, Path], agent: dict[str, str]
) -> None:
    """What is wrong stands above, which record in the last line."""
    desk, record = signable
    whole = (record / "junit.xml") if (record / "junit.xml").exists() else record / "record.html"
    content = whole.read_bytes()
    whole.write_bytes(content + b" ")
    told = desk.run("verify_record", record.name, **agent)
    whole.write_bytes(content)
    assert told.returncode == 1
    assert f"{whole.name} was changed" in told.stdout
    assert f"not proved: {record.name}" in told.stderr
