"""One browser a worker, an archive of every kind of record, and a record that a real gate made."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Browser, sync_playwright

from browsing import SWITCHES, Visit, visiting
from gate_process import GateOutcome, make_checkout, run_gate, soak, soak_end
from gonogo.model.kinds import EXIT_CODES, Environment, Kind, VerdictKind
from gonogo.model.record import Record
from gonogo.record.archive import RunningRecord
from gonogo.report.index import RecordPages
from gonogo.sandbox.databases import Databases
from gonogo.signing.sign import show_signatures
from record_examples import EXAMPLES
from signers import BOB, HOSTILE, TEMPLATES, open_office

Open = Callable[..., AbstractContextManager[Visit]]

BEGUN = datetime(2026, 11, 23, 14, 15, tzinfo=UTC)
REAL = "made by a gate"
# Text that whoever calls the application can have written into its tables.
PLANTED = (
    "<script>window.ran = 1</script>",
    '"><img src=x onerror="window.ran = 1">',
    "\u202egnp.exe\u2066",
    "x" * 100_000,
)
PLANT = """
update sync_metrics set error_message = (%(texts)s::text[])[1 + abs(hashtext(id::text) %% 4)]
where result = 'failure'"""
INCIDENT = "insert into gonogo.incident (title, kind) values (%s, 'critical')"
CI_NAMES = (
    "CI",
    "BUILD_URL",
    "CI_JOB_NAME",
    "GITHUB_REPOSITORY",
    "JENKINS_URL",
    "TRAVIS_REPO_SLUG",
)
CI_VARIABLES = dict.fromkeys(CI_NAMES, "planted-in-the-environment")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=SWITCHES
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def visit(browser: Browser) -> Open:
    """What opens a page, in a context of its own: a path, and whether JavaScript runs."""
    return partial(visiting, browser)


@pytest.fixture(scope="session")
def axe(pytestconfig: pytest.Config) -> str:
    """axe-core's own source."""
    modules = pytestconfig.rootpath / "tests" / "browser" / "node_modules"
    return (modules / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory, templates_dir: Path) -> Path:
    """An archive with a record of each kind, and one of a run that died."""
    root = tmp_path_factory.mktemp("archive")
    moments = (BEGUN + timedelta(hours=hour) for hour in range(len(EXAMPLES) + 1))
    header = Record(
        kind=Kind.GATE,
        title="Staging gate, 48 h",
        environment=Environment.STAGING,
        started_at=next(moments),
        expected=("criterion:a",),
    )
    RunningRecord.open(root, header).abandon()
    pages = RecordPages(templates_dir)
    for (label, example), moment in zip(EXAMPLES.items(), moments, strict=True):
        record = example().having(started_at=moment)
        RunningRecord.open(root, record).finish(record, label, pages)
    return root


@pytest.fixture(scope="session")
def gated(
    tmp_path_factory: pytest.TempPathFactory, databases: Databases, migrated_template: str
) -> Iterator[GateOutcome]:
    """A real gate's ROLLBACK: on 48 healthy hours, an incident and hostile error messages."""
    soaked = databases.ensure_template("soaked_template", soak, migrated_template)
    checkout = make_checkout(tmp_path_factory.mktemp("gate") / "project")
    name = f"browser_{uuid4().hex}"
    conninfo = databases.create(name, soaked)
    with psycopg.connect(conninfo) as connection:
        connection.execute(PLANT, {"texts": list(PLANTED)})
        connection.execute(INCIDENT, (PLANTED[1],))
    options = ["--environment=staging", "--without=endpoints", "--window=48h"]
    options.append(f"--as-of={soak_end(conninfo).isoformat()}")
    told = run_gate(checkout, conninfo, *options, **CI_VARIABLES)
    assert told.code == EXIT_CODES[VerdictKind.ROLLBACK], told.output
    yield told
    databases.drop(name)


@pytest.fixture(scope="session", params=[*sorted(EXAMPLES), REAL])
def record(request: pytest.FixtureRequest, archive: Path, gated: GateOutcome) -> Path:
    """The directory of a record of each kind in turn, and of the one that a gate made."""
    if request.param == REAL:
        return gated.records[-1]
    (directory,) = archive.glob(f"staging/*_{request.param}")
    return directory


@pytest.fixture(scope="session")
def page(visit: Open, record: Path) -> Iterator[Visit]:
    """The page of `record` without JavaScript; each test says first how it looks at it."""
    with visit(record / "record.html") as opened:
        yield opened


@pytest.fixture(scope="session")
def templates_dir(pytestconfig: pytest.Config) -> Path:
    """The project's own templates."""
    return pytestconfig.rootpath / "reports" / "templates"


@pytest.fixture(scope="session")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a record that one signed and another took back, for a reason that is hostile."""
    office = open_office(tmp_path_factory.mktemp("office"))
    record = office.close()
    office.sign(record, attest=["soak.complaints"])
    office.sign(record, by=BOB, decision="no-go", override=HOSTILE)
    show_signatures(record, TEMPLATES)
    return record / "signatures.html"
