"""What the command line tells of the ledger and writes: status, incidents, administrators."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from desk import Desk
from gonogo.rollout.runner.context import who

HOSTILE = "\x1b]0;owned\x07 \u202egnp.exe\nGO"
READ_ONLY = {"PGOPTIONS": "-c default_transaction_read_only=on"}
ADMIN = "select count(*) from users where is_admin"


@pytest.fixture
def email(migrated_desk: Desk) -> str:
    """The address of a user."""
    return str(migrated_desk.ask("select email from users order by email limit 1"))


def test_status_says_plainly_that_there_is_no_ledger(desk: Desk) -> None:
    """A database that was never deployed to is no error, and stays as it is."""
    told = desk.run("status")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.endswith("gonogo never deployed to this database\n")
    assert desk.ask("select to_regnamespace('gonogo') is null") is True


def test_status_tells_all_and_only_reads(migrated_desk: Desk) -> None:
    """Every part is there, from a session that may write nothing."""
    told = migrated_desk.run("status", **READ_ONLY)
    assert told.returncode == 0, told.stderr
    for title in ("Deployments", "Steps of deployment 1", "Migrations", "Backups", "Incidents"):
        assert f"\n{title} ─" in told.stdout
    assert "staging, simulated" in told.stdout
    assert "  1  succeeded  after, before it before" in told.stdout
    assert told.stdout.count("  applied  ") == 9
    assert "next:" not in told.stdout


def test_status_names_an_application_that_is_down(migrated_desk: Desk) -> None:
    """Where something was deployed and nothing answers, it names the command that starts it."""
    told = " ".join(migrated_desk.run("status").stdout.split())
    address = migrated_desk.environ["WEBHOOK_BASE_URL"]
    assert f"application {address} DOES NOT ANSWER (connection refused" in told
    assert "gonogo restart staging starts it" in told


def test_status_knows_a_deployment_that_was_killed(
    migrated_desk: Desk, killed_deployment: Callable[[Desk], None]
) -> None:
    """The ledger says running, nobody holds the lock: interrupted; the next step is named."""
    killed_deployment(migrated_desk)
    told = migrated_desk.run("status").stdout
    assert "  1  interrupted  " in told
    assert "  deploy  install  interrupted  " in told
    assert "next: run gonogo deploy staging again: it goes on from there; or undo it" in told


def test_status_knows_a_rollback_that_stopped(migrated_desk: Desk) -> None:
    """What was half rolled back goes on by rolling back, not by deploying."""
    migrated_desk.ask("update gonogo.deployment set outcome = 'failed'")
    migrated_desk.ask(
        "insert into gonogo.step (deployment_id, procedure, name, outcome, error)"
        " select id, 'rollback', 'start_app', 'failed', 'no' from gonogo.deployment"
    )
    told = migrated_desk.run("status").stdout
    assert "  1  rollback stopped  " in told
    assert "next: run gonogo rollback again" in told


def test_what_the_ledger_holds_can_do_nothing_to_a_terminal(migrated_desk: Desk) -> None:
    """Titles and reasons from the database stand on their line, control characters as escapes."""
    quoted = HOSTILE.replace("'", "''")
    migrated_desk.ask(f"insert into gonogo.incident (title, kind) values (E'{quoted}', 'critical')")
    migrated_desk.ask(f"update gonogo.deployment set deployed_by = '{quoted}'")
    for words in (("status",), ("incident", "list")):
        told = migrated_desk.run(*words)
        assert told.returncode == 0, told.stderr
        assert not set(told.stdout) & {"\x1b", "\x07", "\u202e"}
        assert "\\x1b]0;owned\\x07 \\u202egnp.exe\\nGO" in told.stdout


def test_an_incident_is_opened_listed_and_closed(migrated_desk: Desk) -> None:
    """Open ones stand first; what is void or closed says so."""
    assert "incident 1 (critical) is open" in migrated_desk.run("incident", "open", "down").stdout
    words = ("incident", "open", "slow", "--kind", "complaint")
    assert "incident 2 (complaint) is open" in migrated_desk.run(*words).stdout
    assert migrated_desk.run("incident", "close", "1", "--void").returncode == 0
    first, second = migrated_desk.run("incident", "list", **READ_ONLY).stdout.splitlines()
    assert first.split() == ["2", "complaint", *first.split()[2:-2], "OPEN", "slow"]
    assert re.search(rf" by {who()}  closed 20\S+ \S+ by {who()}, void by {who()}  down$", second)
    again = migrated_desk.run("incident", "close", "1")
    assert (again.returncode, again.stderr.count("\n")) == (4, 1)
    assert "there is no open incident 1" in again.stderr


@pytest.mark.parametrize("words", [("open", " "), ("open", "x", "--kind", "minor")])
def test_a_wrong_incident_is_one_line(migrated_desk: Desk, words: tuple[str, ...]) -> None:
    """Exit code 4, and no incident."""
    told = migrated_desk.run("incident", *words)
    assert (told.returncode, told.stderr.count("\n")) == (4, 1), told.stderr
    assert migrated_desk.ask("select count(*) from gonogo.incident") == 0


def test_an_administrator_is_promoted_once_and_revoked_once(
    migrated_desk: Desk, email: str
) -> None:
    """The three columns and the audit log; a second time changes nothing; both can be listed."""
    assert (
        "is an administrator now"
        in migrated_desk.run("promote_admin", "promote", email.upper()).stdout
    )
    assert "already" in migrated_desk.run("promote_admin", "promote", email).stdout
    listed = migrated_desk.run("promote_admin", "list", **READ_ONLY).stdout
    assert f"  {email}  since 20" in listed
    assert migrated_desk.ask("select admin_promoted_by is not null from users where is_admin")
    assert "no administrator any more" in migrated_desk.run("promote_admin", "revoke", email).stdout
    assert "nothing changed" in migrated_desk.run("promote_admin", "revoke", email).stdout
    assert migrated_desk.ask(
        "select array_agg(action order by created_at) from audit_logs where action like 'admin%'"
    ) == ["admin_promoted", "admin_revoked"]
    left = "select count(*) from users where is_admin or admin_promoted_at is not null"
    assert migrated_desk.ask(left) == 0
    assert migrated_desk.run("promote_admin", "list").stdout.strip() == "no administrator"


@pytest.mark.parametrize("command", ["promote", "revoke"])
def test_whoever_reads_only_what_changed_sees_an_administrator(
    migrated_desk: Desk, email: str, command: str
) -> None:
    """The user's updated_at moves, as by the application's own tool."""
    migrated_desk.ask(f"update users set is_admin = {command == 'revoke'}, updated_at = null")
    assert migrated_desk.run("promote_admin", command, email).returncode == 0
    fresh = "select array_agg(email::text) from users where updated_at > now() - interval '1 hour'"
    assert migrated_desk.ask(fresh) == [email]


def test_the_audit_log_speaks_the_applications_words(migrated_desk: Desk, email: str) -> None:
    """What is logged is what rollout.toml says."""
    file = migrated_desk.root / "rollout.toml"
    file.write_text(file.read_text("utf-8").replace("'admin_promoted'", "'ADMIN_GRANTED'"), "utf-8")
    assert migrated_desk.run("promote_admin", "promote", email).returncode == 0
    logged = "select count(*) from audit_logs where action = 'ADMIN_GRANTED'"
    assert migrated_desk.ask(logged) == 1


@pytest.mark.parametrize("command", ["promote", "revoke"])
def test_a_user_whom_nobody_knows_is_refused(migrated_desk: Desk, command: str) -> None:
    """One line, exit code 1, nothing written."""
    told = migrated_desk.run("promote_admin", command, "no@example.com")
    assert (told.returncode, told.stderr.count("\n")) == (1, 1)
    assert "no user has the address no@example.com" in told.stderr
    assert migrated_desk.ask(ADMIN) == 0


def test_nobody_is_promoted_in_anothers_place(migrated_desk: Desk, email: str) -> None:
    """Two addresses that differ by case are two users: the exact one, or neither."""
    other = email.capitalize()
    migrated_desk.ask(f"insert into users (email) values ('{other}')")
    told = migrated_desk.run("promote_admin", "promote", email.upper())
    assert told.returncode == 1
    assert "2 users have the address" in told.stderr
    assert migrated_desk.run("promote_admin", "promote", email).returncode == 0
    assert migrated_desk.ask("select array_agg(email::text) from users where is_admin") == [email]


def test_a_short_session_keeps_a_log_and_names_it_when_it_fails(migrated_desk: Desk) -> None:
    """What was called and how it ended, without a secret; no checkout is no reason to fail."""
    secret = "hush-hush-hush"  # noqa: S105  # of nobody
    words = ("incident", "open", f"the token {secret} leaked")
    assert migrated_desk.run(*words, APP_SECRET=secret).returncode == 0
    failed = migrated_desk.run("incident", "close", "9")
    logs = migrated_desk.root / "logs" / "staging"
    first, second = sorted(logs.glob("*_incident.jsonl"))
    assert f"(log: {second})" in failed.stderr
    assert '"event": "finished", "code": 0' in first.read_text()
    assert "there is no open incident 9" in second.read_text()
    assert "<APP_SECRET>" in first.read_text()
    assert secret not in first.read_text()
    before = len(list(logs.iterdir()))
    (migrated_desk.root / "rollout.toml").unlink()
    assert migrated_desk.run("status").returncode == 0
    assert len(list(logs.iterdir())) == before


def test_backups_past_their_retention_are_listed(migrated_desk: Desk, tmp_path: Path) -> None:
    """With their size, but for the newest; and nothing is deleted."""
    for days in (1, 40, 50):
        file = tmp_path / f"{days}.dump"
        file.touch()
        migrated_desk.ask(
            "insert into gonogo.backup (deployment_id, path, bytes, sha256, tool_version, made_at,"
            f" verified_at, verified_by) values (1, '{file}', 1500000, 'x', '18',"
            f" now() - interval '{days} days', now(), 'restore')"
        )
    told = migrated_desk.run("status")
    assert told.returncode == 0, told.stderr
    _, _, listed = told.stdout.partition("Backups older than their retention of 30 days: 3.0 MB")
    listed = listed.partition("Incidents")[0]
    assert listed.index("50.dump") < listed.index("40.dump")
    assert "/1.dump" not in listed
    assert (tmp_path / "50.dump").exists()


@pytest.mark.parametrize("words", ["status", "checklist", "incident list"])
def test_a_terminal_of_80_columns_is_never_written_past(migrated_desk: Desk, words: str) -> None:
    """Long titles go on below; what stands in columns stays in one line."""
    title = "The northern region has had no sync at all since 09:40, says the partner's desk"
    migrated_desk.run("incident", "open", title)
    narrow = {"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "80"}
    told = migrated_desk.run(*words.split(), **narrow)
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in told.stdout.splitlines()]
    # The server's socket is a path of the test's, longer than a line.
    too_long = [line for line in lines if len(line) > 80 and "/" not in line]
    assert (told.returncode, too_long) == (0, [])
    if words == "status":
        assert [line.split()[1] for line in lines if line.startswith("  04")] == ["applied"] * 7
