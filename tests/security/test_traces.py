"""What runs and what is left: no secret where others can look, no file that others may read."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from desk import Desk, make_desk
from gate_process import run_gate
from gonogo.application import code
from gonogo.errors import GonogoError
from gonogo.model.kinds import Environment
from gonogo.postgres import session
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.tools import PROGRAMS, find_tools
from gonogo.record.archive import RunningRecord
from gonogo.record.files import open_private, write_whole
from gonogo.report.index import RecordPages
from gonogo.rollout.backup import fingerprint, tables
from gonogo.rollout.backup.backup import NAME_TIME, make_backup
from gonogo.rollout.backup.order import BackupOrder
from gonogo.rollout.backup.rowhash import write_row_hashes
from gonogo.sandbox import surroundings
from gonogo.sandbox.cluster import passfile_of
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer
from gonogo.sandbox.surroundings import create_repository
from record_examples import deployment, gate

PASSWORD = "hush-database"  # noqa: S105  # nothing asks for it
SECRETS = {
    "GOOGLE_CLIENT_SECRET": "hush-client",
    "WEBHOOK_VERIFICATION_TOKEN": "hush-webhook",
    "ADMIN_JWT": "hush-admin",
    "DATABASE_URL": f"postgresql://app:{PASSWORD}@db/app",
    "AWS_SECRET_ACCESS_KEY": "hush-cloud",
}
# What a folder of the project holds, and how much of it others may do.
FOLDERS = {"archive": 0o640, "logs": 0o640, "backups": 0o600}
DIRECTORY = 0o750
PROC = Path("/proc")
# A variable that Python reads at its start: no fork of a process that began without it will do.
OF_ITS_OWN = {"PYTHONHASHSEED": "1"}


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A user whose files are everybody's, unless somebody takes care."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def knocking_desk(
    plain_server: EmbeddedServer, build_base: Callable[[str], None], tmp_path: Path
) -> Iterator[tuple[Desk, str]]:
    """A desk whose database asks for a password, which only DATABASE_URL holds; and that."""
    password = passfile_of(plain_server.directory).read_text().strip().rpartition(":")[2]
    conninfo = Databases(plain_server).create("knocking")
    build_base(conninfo)
    desk = make_desk(tmp_path, make_conninfo(conninfo, password=password, passfile=os.devnull))
    yield desk, password
    surroundings.stop_everything(tmp_path)


@pytest.fixture
def witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """A factory of directories whose programs write down how they were called, then do it."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    directory = tmp_path / "witness"
    directory.mkdir()

    def stand_before(programs: Path, names: tuple[str, ...] = PROGRAMS) -> Path:
        for name in names:
            script = directory / name
            log = f"{directory}/called.{name}.$$"
            script.write_text(
                f'#!/bin/sh\nprintf "%s\\n" "$@" > "{log}.argv"\nenv > "{log}.env"\n'
                f'exec "{programs / name}" "$@"\n'
            )
            script.chmod(0o755)
        return directory

    return stand_before


@pytest.mark.slow
@pytest.mark.usefixtures("open_umask")
def test_a_whole_rollout_leaves_and_shows_nothing(knocking_desk: tuple[Desk, str]) -> None:
    """Forward, judged, and back: the password is on no command line and in no file; modes hold."""
    desk, password = knocking_desk
    with command_lines() as seen:
        told = [desk.run(*desk.deployment, **OF_ITS_OWN)]
        asked = ("--environment=staging", "--without=endpoints")
        gate = run_gate(desk.root, desk.conninfo, *asked, **OF_ITS_OWN)
        told.append(desk.run("rollback", "--yes-roll-back", "knocking", **OF_ITS_OWN))
    assert [one.returncode for one in told] == [0, 0], "".join(one.stderr for one in told)
    assert gate.code == 10, gate.output
    if PROC.exists():
        assert any(b"gonogo\0deploy" in line for line in seen)
        assert any(b"pytest\0checks/" in line for line in seen)
    assert not [line for line in seen if password.encode() in line]
    assert password not in gate.output + "".join(one.stdout + one.stderr for one in told)
    for folder, most in FOLDERS.items():
        entries = [desk.root / folder, *(desk.root / folder).rglob("*")]
        assert len(entries) > 1
        for path in entries:
            assert not path.stat().st_mode & 0o777 & ~(DIRECTORY if path.is_dir() else most), path
            assert path.is_dir() or password.encode() not in path.read_bytes()


def test_the_client_tools_see_what_they_need(
    base_database: str, server: EmbeddedServer, tmp_path: Path, witness: Callable[..., Path]
) -> None:
    """The password goes by PGPASSWORD; of the session's other secrets none, and no argument."""
    directory = witness(server.bin_dir)
    settings = DatabaseSettings(make_conninfo(base_database, password=PASSWORD), "the test")
    order = BackupOrder(
        settings, find_tools(18, {}, directory), tmp_path / "backups", Environment.STAGING
    )
    make_backup(order)
    fingerprint.schema_fingerprint(directory, settings.conninfo)
    calls = sorted(directory.glob("called.pg_*.argv"))
    assert {path.name.split(".")[1] for path in calls} == {"pg_dump", "pg_restore"}
    for call in calls:
        argv, environment = call.read_text(), call.with_suffix(".env").read_text()
        assert "hush" not in argv
        connects = "--dbname=" in argv and "/nonexistent" not in argv
        assert environment.count("hush") == (1 if connects else 0), argv
        assert (f"PGPASSWORD={PASSWORD}" in environment) == connects


def test_git_sees_no_secret(tmp_path: Path, witness: Callable[..., Path]) -> None:
    """It is asked for a commit, for which it needs none."""
    repository = create_repository(tmp_path / "desk").path
    (found,) = [path for path in os.get_exec_path() if (Path(path) / "git").is_file()][:1]
    directory = witness(Path(found), ("git",))
    environ = {**os.environ, "PATH": f"{directory}:{os.environ['PATH']}", "PGPASSWORD": PASSWORD}
    assert code.head(repository, environ)
    assert code.changed_files(repository, environ) == ()
    calls = list(directory.glob("called.git.*"))
    assert len(calls) == 4
    assert not [path for path in calls if "hush" in path.read_text()]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_private_file_is_private_under_any_umask(tmp_path: Path, umask: int) -> None:
    """Whatever the user's habits: 0600, and 0640 for what the archive shows."""
    before = os.umask(umask)
    try:
        os.close(open_private(tmp_path / "private"))
        write_whole(tmp_path / "shown", b"{}")
    finally:
        os.umask(before)
    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "shown").stat().st_mode & 0o777 == 0o640


def test_a_link_in_the_place_of_a_backup_leads_nowhere(
    base_database: str, server: EmbeddedServer, tmp_path: Path
) -> None:
    """Planted under every name that the backup could take now, it is replaced, never followed."""
    victim, backups = tmp_path / "victim", tmp_path / "backups"
    victim.write_text("mine", encoding="utf-8")
    backups.mkdir()
    for second in range(120):
        moment = (datetime.now(UTC) + timedelta(seconds=second)).strftime(NAME_TIME)
        for ending in (".dump", ".dump.partial", ".rows.gz", ".rows.gz.part"):
            (backups / f"backup_staging_{moment}{ending}").symlink_to(victim)
    settings = DatabaseSettings(base_database, "the test")
    tools = find_tools(18, {}, server.bin_dir)
    made = make_backup(BackupOrder(settings, tools, backups, Environment.STAGING, "read"))
    rows = made.path.with_suffix(".rows.gz")
    with session.connect(base_database) as connection:
        described = tables.describe(connection, ["users"], "public")
        write_row_hashes(connection, described, rows, "public")
    assert victim.read_text(encoding="utf-8") == "mine"
    for path in (made.path, rows):
        assert not path.is_symlink()
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_in_the_place_of_an_index_is_replaced(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """The archive's list is written beside it and renamed: what the link names stays as it was."""
    victim, archive = tmp_path / "victim", tmp_path / "archive"
    victim.write_text("mine", encoding="utf-8")
    archive.mkdir()
    (archive / "index.html").symlink_to(victim)
    record = deployment(outcome="succeeded")
    pages = RecordPages(pytestconfig.rootpath / "reports" / "templates")
    RunningRecord.open(archive, record).finish(record, "DEPLOYED", pages)
    assert victim.read_text(encoding="utf-8") == "mine"
    assert not (archive / "index.html").is_symlink()


def test_a_link_in_the_place_of_a_lock_is_refused(tmp_path: Path) -> None:
    """Nothing is made or locked where it leads; one line names the link."""
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(GonogoError, match=r"the record cannot be opened: .*\.lock"):
        RunningRecord.open(tmp_path, gate())
    assert not (tmp_path / "elsewhere").exists()


@contextmanager
def command_lines() -> Iterator[set[bytes]]:
    """Every command line that the system shows while the body runs, as far as a look catches it."""
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            seen.update(filter(None, map(_command_line, PROC.glob("[0-9]*/cmdline"))))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _command_line(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
