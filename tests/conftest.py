"""What all tests share: one embedded PostgreSQL a run, databases from templates, what is left out.

Tests marked slow run with ``--all``. Those whose mark names a program that this machine lacks are
left out loudly, but where ``CI`` is set they fail: there, nothing goes untested unnoticed.

Under pytest-xdist the controller owns the server: it starts it when a worker has collected a test
that wants it and before any test runs, so that it lives exactly as long as the run.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest

try:
    from hypothesis import HealthCheck, settings
except ModuleNotFoundError:
    # An error of pytest's own would be shown as a traceback here.
    sys.stderr.write("the tests need more than gonogo does: ./noxw -s tests installs it\n")
    raise SystemExit(4) from None

from gonogo.errors import SandboxError
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.privileges import remove_tree
from gonogo.sandbox.server import EmbeddedServer, stop_stale
from gonogo.screen import CALLED_THROUGH

# How long an example takes says nothing where other tests share the cores; in CI a failure must be
# the change's own, so the examples are the same each time.
settings.register_profile(
    "gonogo",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("gonogo")
# However the tests are run: what messages say is the same.
os.environ.pop(CALLED_THROUGH, None)

SERVER = pytest.StashKey[EmbeddedServer]()
LEFT_OUT = pytest.StashKey[dict[str, int]]()
SHARED_DIR = "gonogo_sandbox"
MEMORY = Path("/dev/shm")  # noqa: S108 - what lies there is closed to others
# Several times what a run's databases take.
ROOM_BYTES = 4 << 30
AXE = Path(__file__).parent / "browser" / "node_modules" / "axe-core" / "axe.min.js"
# Where Debian keeps what a German locale is made of, and what PostgreSQL says in it.
GERMAN = (
    Path("/usr/share/i18n/locales/de_DE"),
    Path("/usr/share/locale/de/LC_MESSAGES/postgres-15.mo"),
)
# Debian's, RHEL's, and Homebrew's on both kinds of Mac.
POSTGRES15 = (
    Path("/usr/lib/postgresql/15/bin"),
    Path("/usr/pgsql-15/bin"),
    Path("/opt/homebrew/opt/postgresql@15/bin"),
    Path("/usr/local/opt/postgresql@15/bin"),
)
HINTS = {
    "slow": "run them too with: pytest --all",
    "postgres15": "they need a PostgreSQL 15 server: apt-get install postgresql-15",
    "locales": "they need a German locale and PostgreSQL's translations: apt-get install locales",
    "browser": "they need Chromium on PATH: apt-get install chromium",
    "axe": "they need axe-core: npm ci --ignore-scripts --prefix tests/browser",
    "npm": "they need Node.js 20 and npm on PATH",
    "pgbouncer": "they need PgBouncer: apt-get install pgbouncer",
    "promtool": "they need promtool on PATH, of Debian's package prometheus",
    "ssh": "they need ssh-keygen and ssh-agent on PATH: apt-get install openssh-client",
}
WANTED = "wanted"
REFUSED = "refused"


class Worker(Protocol):
    """What pytest-xdist, which ships no types, calls a node."""

    config: pytest.Config
    workerinput: dict[str, object]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--all``."""
    parser.addoption("--all", action="store_true", help="also run the tests marked slow")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Keep what tests write where the server is, in memory; and hear Ctrl-C in the background.

    A shell ignores it there; what is ignored here would be ignored in every program that a test
    starts and interrupts.
    """
    alone = config.option.basetemp is None and not hasattr(config, "workerinput")
    if alone and _parent_dir(config).parent == MEMORY and not _forbids_programs(MEMORY):
        _shared_dir(config).mkdir(parents=True, exist_ok=True)
        config.option.basetemp = str(_shared_dir(config) / "tmp")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _forbids_programs(place: Path) -> bool:
    return bool(os.statvfs(place).f_flag & os.ST_NOEXEC)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave what thousands of tests are out of each search for garbage, now and later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked slow, unless it was asked for, and what cannot run here."""
    if config.getoption("loadgroup", default=False):
        _keep_together(items)
    marks = _missing() if not os.environ.get("CI") else []
    if not config.getoption("--all", default=False):
        marks += ["slow"] if "slow" not in config.getoption("markexpr", "") else []
    left_out = [(item, mark) for item in items if (mark := _first_mark(item, marks))]
    if not left_out:
        return
    gone = [item for item, _ in left_out]
    items[:] = [item for item in items if item not in gone]
    config.hook.pytest_deselected(items=gone)
    config.stash[LEFT_OUT] = dict(Counter(mark for _, mark in left_out))
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = config.stash[LEFT_OUT]


def _keep_together(items: Iterable[pytest.Item]) -> None:
    """Tests that share what is dear run in one worker: it is made once, not once a worker.

    An id that ends with ``@`` and a group is how pytest-xdist says it; what it does itself has no
    effect on the ids of pytest 9.2.
    """
    for item in items:
        group = _group(item)
        if group and not item.nodeid.endswith(f"@{group}"):
            item._id = type(item._id).parse(f"{item.nodeid}@{group}")


def _group(item: pytest.Item) -> str | None:
    """What its mark names, the browser, or its module where that has a fixture of its own."""
    if mark := item.get_closest_marker("xdist_group"):
        return str(mark.args[0])
    if item.get_closest_marker("browser"):
        return "browser"
    fixtures = getattr(item, "_fixtureinfo", None)
    found = fixtures.name2fixturedefs.values() if fixtures else ()
    return item.path.stem if any(one[-1].scope == "module" for one in found) else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Where ``CI`` is set, fail a test whose program is missing."""
    if mark := _first_mark(item, _missing()):
        pytest.fail(f"{HINTS[mark]}; CI is set, so it is not left out", pytrace=False)


def _missing() -> list[str]:
    """The marks whose program this machine lacks."""
    there = {
        "postgres15": _postgres15() is not None,
        "locales": bool(shutil.which("localedef")) and all(path.is_file() for path in GERMAN),
        "browser": bool(shutil.which("chromium")),
        "axe": AXE.is_file(),
        # Debian keeps it where only root's PATH leads.
        "pgbouncer": bool(shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")),
        "npm": bool(shutil.which("node") and shutil.which("npm")),
        "promtool": bool(shutil.which("promtool")),
        "ssh": bool(shutil.which("ssh-keygen") and shutil.which("ssh-agent")),
    }
    return [mark for mark, is_there in there.items() if not is_there]


def _postgres15() -> Path | None:
    return next((path for path in POSTGRES15 if (path / "postgres").is_file()), None)


def _first_mark(item: pytest.Item, marks: Iterable[str]) -> str | None:
    return next((mark for mark in marks if item.get_closest_marker(mark)), None)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Worker) -> None:
    """Learn from an xdist worker how many tests were left out; each leaves out the same."""
    if left_out := getattr(node, "workeroutput", {}).get("left_out"):
        node.config.stash[LEFT_OUT] = left_out


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say loudly what was left out."""
    for mark, count in sorted(config.stash.get(LEFT_OUT, {}).items()):
        terminalreporter.write_sep("!", f"{count} {mark} tests LEFT OUT", yellow=True, bold=True)
        terminalreporter.write_line(HINTS[mark], yellow=True, bold=True)


def _shared_dir(config: pytest.Config) -> Path:
    if workerinput := getattr(config, "workerinput", None):
        return Path(workerinput[SHARED_DIR])
    return _parent_dir(config) / str(os.getpid())


def _parent_dir(config: pytest.Config) -> Path:
    """Where runs keep their server: in memory where there is room, else in the project.

    Each database is hundreds of files; made on a disk they are a seventh of the server's work.
    """
    with suppress(OSError):
        if shutil.disk_usage(MEMORY).free >= ROOM_BYTES:
            return MEMORY / f"gonogo-tests-{os.getuid()}"
    return config.rootpath / ".gonogo" / "tests"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Worker) -> None:
    """Tell an xdist worker where the run's server lies."""
    node.workerinput[SHARED_DIR] = str(_shared_dir(node.config))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Have an xdist worker leave word that it collected a test that wants the server.

    First of all, for xdist's own hook tells the controller that the worker is ready.
    """
    wanted = any("server" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and hasattr(session.config, "workerinput"):
        directory = _shared_dir(session.config)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / WANTED).touch()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Worker) -> None:
    """Start the server in the controller; no test runs before this has been done."""
    directory = _shared_dir(node.config)
    if not (directory / WANTED).exists():
        return
    try:
        _owned_server(node.config)
    except SandboxError as error:
        (directory / REFUSED).write_text(str(error))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server and leave nothing, however the run ended."""
    if SERVER in config.stash:
        config.stash[SERVER].stop()
    if not hasattr(config, "workerinput"):
        remove_tree(_shared_dir(config))


def _owned_server(config: pytest.Config) -> EmbeddedServer:
    if SERVER not in config.stash:
        directory = _shared_dir(config)
        _sweep(directory.parent)
        config.stash[SERVER] = EmbeddedServer.start(directory)
    return config.stash[SERVER]


def _sweep(parent: Path) -> None:
    """Remove what killed runs left; each has its process's number for a name."""
    for left in parent.glob("*"):
        try:
            os.kill(int(left.name), 0)
        except ProcessLookupError:
            with suppress(SandboxError):
                stop_stale(left)
                remove_tree(left)
        except (PermissionError, ValueError):
            continue


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> EmbeddedServer:
    """The run's one server, shared by all workers: nobody stops it or changes its settings."""
    if not hasattr(pytestconfig, "workerinput"):
        return _owned_server(pytestconfig)
    refused = _shared_dir(pytestconfig) / REFUSED
    if refused.exists():
        raise SandboxError(refused.read_text())
    return EmbeddedServer.attach(_shared_dir(pytestconfig))


@pytest.fixture(scope="session")
def databases(server: EmbeddedServer) -> Databases:
    """Databases of the run's server; whoever creates one here drops it."""
    return Databases(server)


@pytest.fixture
def new_database(databases: Databases) -> Iterator[Callable[..., str]]:
    """A factory ``new_database(template=None) -> conninfo``; its databases go with the test."""
    names: list[str] = []

    def create(template: str | None = None) -> str:
        names.append(f"test_{uuid4().hex}")
        return databases.create(names[-1], template)

    yield create
    for name in names:
        databases.drop(name)


@pytest.fixture
def empty_database(new_database: Callable[..., str]) -> str:
    """The connection string of a fresh, empty database."""
    return new_database()


@pytest.fixture(scope="session")
def build_base() -> Callable[[str], None]:
    """Fill an empty database with what was there before 038, and 60 users."""
    from gonogo.postgres import session  # noqa: PLC0415 - likewise
    from gonogo.sandbox import world  # noqa: PLC0415 - likewise

    def build(conninfo: str) -> None:
        with session.connect(conninfo) as connection:
            world.create_base(connection, users=60)

    return build


@pytest.fixture(scope="session")
def build_migrated(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Deploy 038 to 046 to a database as it was before: staging, simulated."""
    from gonogo.postgres import session  # noqa: PLC0415 - likewise
    from gonogo.sandbox import world  # noqa: PLC0415

    root = pytestconfig.rootpath / "migrations"

    def build(conninfo: str) -> None:
        with session.connect(conninfo) as connection:
            world.migrate_base(connection, root)

    return build


@pytest.fixture(scope="session")
def build_past(
    build_base: Callable[[str], None], build_migrated: Callable[[str], None]
) -> Callable[[str], None]:
    """Fill an empty database as one that was deployed 48 hours ago and has been healthy since."""

    def build(conninfo: str) -> None:
        from gate_process import live_through  # noqa: PLC0415

        build_base(conninfo)
        build_migrated(conninfo)
        live_through(conninfo)

    return build


@pytest.fixture(scope="session")
def base_template(databases: Databases, build_base: Callable[[str], None]) -> str:
    """The template of a database as it was before 038, with 60 users."""
    return databases.ensure_template("base_template", build_base)


@pytest.fixture(scope="session")
def migrated_template(
    databases: Databases, base_template: str, build_migrated: Callable[[str], None]
) -> str:
    """The template of a staging database right after a deployment of 038 to 046, simulated."""
    return databases.ensure_template("migrated_template", build_migrated, base_template)


@pytest.fixture(scope="session")
def postgres15() -> Path:
    """Where PostgreSQL 15's programs lie; for tests that are marked postgres15."""
    path = _postgres15()
    assert path
    return path


@pytest.fixture
def base_database(new_database: Callable[..., str], base_template: str) -> str:
    """The connection string of a database of one's own as it was before 038."""
    return new_database(base_template)


@pytest.fixture
def migrated_database(new_database: Callable[..., str], migrated_template: str) -> str:
    """The connection string of a database of one's own right after the deployment."""
    return new_database(migrated_template)
