"""The embedded PostgreSQL starts anywhere, for anybody, and leaves nothing behind."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from gonogo.errors import SandboxError
from gonogo.sandbox import postmaster
from gonogo.sandbox.cluster import data_of
from gonogo.sandbox.privileges import command, nobody, private_directory
from gonogo.sandbox.server import EmbeddedServer, stop_stale, wheel_bin_dir

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its user")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="tells by /proc and prctl")

# A run of its own: starts a server in argv[1], says its pid, and waits for what may come.
RUN = """
import sys
from pathlib import Path
from gonogo.sandbox.server import EmbeddedServer
with EmbeddedServer.start(Path(sys.argv[1]), die_with_parent=sys.argv[2] == "die") as server:
    print(server.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def directory() -> Iterator[Path]:
    """A short path below a directory that only its owner may enter."""
    with tempfile.TemporaryDirectory(prefix="gonogo") as name:
        path = Path(name).resolve() / "sandbox"
        yield path
        assert not left_over(path)


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A directory whose data is there already, for claims about what comes after."""
    with tempfile.TemporaryDirectory(prefix="gonogo") as name:
        path = Path(name).resolve() / "sandbox"
        EmbeddedServer.start(path).stop()
        yield path
        assert not left_over(path)


def running(directory: Path) -> bool:
    """Tell whether a server serves `directory`, whoever started it."""
    return postmaster.find(data_of(directory)) is not None


def left_over(directory: Path) -> bool:
    """Tell whether a server still serves `directory`, and end it."""
    if found := postmaster.find(data_of(directory)):
        os.kill(found.pid, signal.SIGQUIT)
    return found is not None


def ask(conninfo: str, question: str) -> object:
    """The single value that `question` has for an answer."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(question).fetchone()
        assert row is not None
        return row[0]


def tell(conninfo: str, statement: str) -> None:
    """Execute a statement that answers nothing."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(statement)


@retry(retry=retry_if_result(bool), wait=wait_fixed(0.02), stop=stop_after_delay(60))
def wait_until_ended(directory: Path) -> bool:
    """Wait, bounded, until nothing serves `directory` any more."""
    return running(directory)


def other_run(directory: Path, fate: str) -> subprocess.Popen[str]:
    """Start a run of its own and wait until its server answers."""
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, str(directory), fate],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout
    assert run.stdout.readline().strip().isdigit()
    return run


def kill(run: subprocess.Popen[str]) -> None:
    """SIGKILL, as a machine out of memory does it."""
    with run:
        run.kill()


def test_a_server_from_nothing_is_18_in_utc_and_utf8(directory: Path) -> None:
    """What every other room relies upon."""
    with EmbeddedServer.start(directory) as server:
        conninfo = server.conninfo()
        assert str(ask(conninfo, "show server_version")).startswith("18.")
        assert ask(conninfo, "show timezone") == "UTC"
        assert ask(conninfo, "show server_encoding") == "UTF8"
        assert ask(conninfo, "select 'Ä' ~ '[[:alpha:]]' and lower('Ä') = 'ä'") is True
        assert ask(conninfo, "select rolsuper from pg_roles where rolname = user") is True


def test_leaving_the_block_leaves_no_process_and_no_socket(made: Path) -> None:
    """A stopped server is gone altogether."""
    with EmbeddedServer.start(made) as server:
        assert running(made)
    assert not running(made)
    assert list((made / "socket").iterdir()) == []
    server.stop()


def test_a_client_at_work_does_not_keep_the_server_up(made: Path) -> None:
    """Stopping ends what clients do."""
    server = EmbeddedServer.start(made)
    connection = psycopg.connect(server.conninfo())
    connection.execute("select 1")
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        connection.execute("select 1")


def test_what_was_written_is_there_at_the_next_start(made: Path) -> None:
    """The data directory is used again."""
    with EmbeddedServer.start(made) as server:
        tell(server.conninfo(), "create table kept as select 7 as n")
    with EmbeddedServer.start(made) as server:
        assert ask(server.conninfo(), "select n from kept") == 7


def test_settings_of_the_caller_win(made: Path) -> None:
    """Over the sandbox's own, but not over where it listens."""
    asked = {"wal_level": "replica", "listen_addresses": "*"}
    with EmbeddedServer.start(made, settings=asked) as server:
        assert ask(server.conninfo(), "show wal_level") == "replica"
        assert ask(server.conninfo(), "show listen_addresses") == ""


def test_a_setting_that_postgres_refuses_is_told_in_its_own_words(made: Path) -> None:
    """One line, with the reason and the log's place."""
    with pytest.raises(SandboxError, match=r"shared_bufers.*; see .*server\.log") as refused:
        EmbeddedServer.start(made, settings={"shared_bufers": "1GB"})
    assert "\n" not in str(refused.value)


def test_the_users_own_environment_leads_nowhere_else(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even when it names another server for libpq, or a PATH of impostors."""
    for name, value in {
        "PGHOST": "production.invalid",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGUSER": "somebody",
        "PGDATABASE": "precious",
        "PGDATA": "/nowhere",
        "PATH": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    with EmbeddedServer.start(made) as server:
        assert ask(server.conninfo(), "select current_database()") == "postgres"


def test_a_server_that_is_up_but_refused_is_told_in_the_clients_words(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its log holds nothing of that: what libpq said is what helps."""
    monkeypatch.setattr("gonogo.sandbox.server.READY_WITHIN_S", 0.5)
    monkeypatch.setenv("PGREQUIREAUTH", "scram-sha-256")
    with pytest.raises(SandboxError, match=r'within 0.5 s: .*"scram-sha-256" failed'):
        EmbeddedServer.start(made)
    assert not running(made)


def test_the_tools_beside_the_server_are_of_its_version(made: Path) -> None:
    """PostgreSQL 15's pg_dump, first on PATH here, would refuse to dump it."""
    with EmbeddedServer.start(made) as server:
        dump = [str(server.bin_dir / "pg_dump"), f"--dbname={server.conninfo()}"]
        assert "Dumped from database version 18." in subprocess.check_output(dump, text=True)


@pytest.mark.parametrize("name", ["x" * 90, "a, comma"])
def test_where_no_socket_fits_it_is_loopback_with_a_password(
    directory: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password lies in a file for its owner's eyes; the connection string holds none."""
    monkeypatch.setenv("PGPASSWORD", "of-another-server")
    with EmbeddedServer.start(directory / name) as server:
        conninfo = server.conninfo()
        assert ask(conninfo, "select host(inet_server_addr())") == "127.0.0.1"
        passfile = directory / name / "passfile"
        assert passfile.stat().st_mode & 0o777 == 0o600
        assert passfile.read_text().strip().split(":")[-1] not in conninfo
        assert conninfo_to_dict(conninfo)["password"] == ""
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(make_conninfo(conninfo, passfile=os.devnull))
        assert EmbeddedServer.attach(directory / name).conninfo() == conninfo
    assert not running(directory / name)


def test_a_socket_is_for_its_owner_only(made: Path) -> None:
    """Trust is safe since nobody else can reach the socket."""
    with EmbeddedServer.start(made) as server:
        assert server.address.socket_dir
        assert server.address.socket_dir.stat().st_mode & 0o777 == 0o700
        assert ask(server.conninfo(), "select inet_server_addr() is null") is True


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(made: Path) -> None:
    """It leads a session of its own, so that we stop it in our own order."""
    with EmbeddedServer.start(made) as server:
        assert os.getsid(server.pid) == server.pid != os.getsid(0)


@on_linux
def test_a_killed_run_takes_its_server_along(made: Path) -> None:
    """The kernel signals the server, since nobody else is left to."""
    run = other_run(made, "die")
    assert running(made)
    kill(run)
    wait_until_ended(made)


def test_a_server_that_a_killed_run_left_is_stopped_and_its_data_used_again(made: Path) -> None:
    """A second rehearsal on top of a killed one works."""
    run = other_run(made, "stay")
    left = EmbeddedServer.attach(made)
    tell(left.conninfo(), "create table left_by as select 8 as n")
    kill(run)
    assert running(made)
    with EmbeddedServer.start(made) as server:
        assert server.pid != left.pid
        assert ask(server.conninfo(), "select n from left_by") == 8


def test_a_server_that_was_left_can_be_stopped_by_itself(made: Path) -> None:
    """Once it is stopped there is nothing more to stop."""
    kill(other_run(made, "stay"))
    assert stop_stale(made) is True
    assert not running(made)
    assert stop_stale(made) is False
    assert stop_stale(made / "not" / "there") is False


def test_a_killed_server_does_not_stand_in_the_way(made: Path) -> None:
    """Neither its pid file nor its socket's lock file keeps the next one out."""
    with EmbeddedServer.start(made) as server:
        os.kill(server.pid, signal.SIGKILL)
        server.stop()
        # Both files now name a process that is alive, but no server.
        for file in (data_of(made) / "postmaster.pid", made / "socket" / ".s.PGSQL.5432.lock"):
            lines = file.read_text().splitlines()
            file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with EmbeddedServer.start(made) as server:
        assert ask(server.conninfo(), "select 1") == 1


def test_a_directory_where_a_run_is_at_work_is_refused(made: Path) -> None:
    """Its server is neither stopped nor shared by accident."""
    with EmbeddedServer.start(made) as server:
        for attempt in (EmbeddedServer.start, stop_stale):
            with pytest.raises(SandboxError, match=f"process {os.getpid()}.*wait until it ends"):
                attempt(made)
        assert ask(server.conninfo(), "select 1") == 1


def test_what_a_killed_initdb_left_is_made_anew(directory: Path) -> None:
    """Half a data directory never counts as a whole one; nor does another version's."""
    (directory / "data.new" / "base").mkdir(parents=True)
    (directory / "data").mkdir()
    (directory / "data" / "PG_VERSION").write_text("15\n")
    with EmbeddedServer.start(directory) as server:
        assert ask(server.conninfo(), "select 1") == 1
    assert not (directory / "data.new").exists()
    assert not (directory / "password").exists()


def test_a_file_in_the_directorys_place_is_said_plainly(tmp_path: Path) -> None:
    """One line, no traceback."""
    (tmp_path / "sandbox").write_text("")
    with pytest.raises(SandboxError, match="sandbox cannot be made"):
        EmbeddedServer.start(tmp_path / "sandbox")


def test_where_no_server_runs_there_is_none_to_attach_to(tmp_path: Path) -> None:
    """The error says what to do."""
    with pytest.raises(SandboxError, match=r"no server runs in .*; start one first"):
        EmbeddedServer.attach(tmp_path)


@pytest.mark.skipif(not shutil.which("ps"), reason="needs ps")
def test_without_proc_a_server_is_known_by_what_ps_shows(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS; another process is never mistaken for it."""
    monkeypatch.setattr(postmaster, "_command_line", postmaster._command_line_by_ps)
    data = data_of(server.directory)
    assert postmaster.serves(server.pid, data)
    assert not postmaster.serves(os.getpid(), data)
    assert not postmaster.serves(server.pid, data / "elsewhere")


@as_root
@on_linux
def test_as_root_it_runs_as_nobody_below_a_directory_of_roots_alone(made: Path) -> None:
    """PostgreSQL is not root, and no mode on the way was opened."""
    assert made.parent.stat().st_mode & 0o777 == 0o700
    with EmbeddedServer.start(made) as server:
        status = Path(f"/proc/{server.pid}/status").read_text()
        assert f"Uid:\t{nobody().uid}\t{nobody().uid}\t" in status
        assert "CapEff:\t0000000000000004" in status
    assert made.parent.stat().st_mode & 0o777 == 0o700


@as_root
@on_linux
def test_as_root_its_programs_too_may_lie_below_a_directory_of_roots_alone(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout that root alone may enter holds the wheel as well: initdb finds postgres there."""
    programs = made.parent / "wheel" / "bin"
    shutil.copytree(wheel_bin_dir().parent, programs.parent)
    monkeypatch.setattr("gonogo.sandbox.server.wheel_bin_dir", lambda: programs)
    with EmbeddedServer.start(made) as server:
        assert server.bin_dir == programs
    assert made.parent.stat().st_mode & 0o777 == 0o700


@as_root
def test_as_root_in_a_users_checkout_it_runs_as_that_user(directory: Path) -> None:
    """The data belongs to the checkout's owner, who can remove it."""
    owner = next(user for user in pwd.getpwall() if user.pw_name not in ("root", "nobody"))
    os.chown(directory.parent, owner.pw_uid, owner.pw_gid)
    with EmbeddedServer.start(directory):
        assert (directory / "data").stat().st_uid == owner.pw_uid


@as_root
@on_linux
def test_an_ordinary_user_needs_nothing_special(directory: Path) -> None:
    """The same run, by a user who is not root, in a directory of its own."""
    directory.mkdir()
    private_directory(directory / "own", nobody())
    # The interpreter may lie under /root: the wrapper that PostgreSQL uses gets the user there.
    argv = [str(Path(sys.executable)), "-c", RUN, str(directory / "own" / "s"), "die"]
    run = subprocess.run(
        command(argv, nobody(), directory / "own", parent_death=signal.SIGKILL),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip().isdigit()
    assert (directory / "own" / "s" / "data").stat().st_uid == nobody().uid


@as_root
@on_linux
@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv")
def test_a_confined_root_that_cannot_get_there_is_told_what_to_do(directory: Path) -> None:
    """No capability, no way: one plain line with the remedy."""
    confined = ["setpriv", "--bounding-set", "-dac_read_search,-dac_override"]
    run = subprocess.run(
        [*confined, sys.executable, "-c", RUN, str(directory), "die"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    last = run.stderr.strip().splitlines()[-1]
    assert f"SandboxError: user {nobody().uid}" in last
    assert "; run this as an ordinary user" in last
