"""What surrounds a rehearsal: the stand-in application, and the variables that it runs with.

The stand-in is a git repository of two revisions, of the same hashes on every machine. It is
started and stopped only through the commands of the sandbox's own ``rollout.toml``, as a real one
would be. No variable names anything outside the sandbox. All of it lies in the rehearsal's
directory::

    app/   the repository: `before` checked out, `after` one commit ahead
    run/   pid files and logs; the processes end by themselves when it vanishes
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from urllib.parse import quote, urlencode

from psycopg.conninfo import conninfo_to_dict

from gonogo.config.sections import RolloutConfig
from gonogo.errors import SandboxError
from gonogo.interruption import held
from gonogo.model.kinds import Environment
from gonogo.sandbox.cluster import free_port
from gonogo.sandbox.standin.before import daemon

APP = "app"
# Fixed names and dates make the same two hashes on every machine.
GIT_IDENTITY = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_DEFAULT_HASH": "sha1",
    "GIT_AUTHOR_NAME": "Stand-in",
    "GIT_AUTHOR_EMAIL": "stand-in@example.com",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Stand-in",
    "GIT_COMMITTER_EMAIL": "stand-in@example.com",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}
IGNORED = "__pycache__/\n"
RUN = "run"
FOREIGN_PREFIXES = ("PG", "DB_", "GIT_")
FOREIGN = ("DATABASE_URL", "DIRECT_URL", "PORT")


@dataclass(frozen=True, slots=True)
class Repository:
    """The stand-in's repository.

    Args:
        path: Its worktree.
        before: The commit that runs when the rehearsal begins.
        after: The commit that is deployed.
    """

    path: Path
    before: str
    after: str


def create_repository(directory: Path) -> Repository:
    """Make ``directory/app`` anew, with `before` checked out.

    Args:
        directory: The rehearsal's directory; made when it is missing.

    Raises:
        SandboxError: git is not installed, or refuses.
    """
    path = directory / APP
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    _git(path, "init", "--quiet", "--template=")
    (path / ".gitignore").write_text(IGNORED, encoding="utf-8")
    before = _commit(path, "before", "Contacts and calendar")
    after = _commit(path, "after", "Sync optimization")
    _git(path, "checkout", "--quiet", "--detach", before)
    return Repository(path, before, after)


def _commit(path: Path, revision: str, message: str) -> str:
    with packaged(f"standin/{revision}") as tree:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(tree, path, dirs_exist_ok=True, ignore=ignored)
    _git(path, "add", "--all")
    _git(path, "commit", "--quiet", "--message", message)
    return _git(path, "rev-parse", "HEAD")


@contextmanager
def packaged(name: str) -> Iterator[Path]:
    """A file or tree that comes with the sandbox."""
    with resources.as_file(resources.files("gonogo.sandbox") / name) as path:
        yield path


def _git(path: Path, *arguments: str) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        # Held: a git that is forgotten would still write where everything is being removed.
        with held():
            finished = subprocess.run(
                ["git", *arguments],
                cwd=path,
                env={**environ, **GIT_IDENTITY},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=True,
            )
    except FileNotFoundError:
        raise SandboxError("git is not installed", "install it; the rehearsal needs it") from None
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip() or "no reason given").splitlines()[-1]
        raise SandboxError(f"git {arguments[0]} failed in {path}: {reason}") from None
    return finished.stdout.strip()


def sandbox_environment(
    directory: Path, conninfo: str, *, inherited: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Every variable that the rollout and the application need; the values are made up.

    Whatever names a database or a repository outside the sandbox is left behind, so that a
    rehearsal can never reach one.

    Args:
        directory: The rehearsal's directory.
        conninfo: The sandbox's database, as libpq writes it.
        inherited: The environment to build on; this process's own by default.
    """
    base = os.environ if inherited is None else inherited
    kept = {name: value for name, value in base.items() if not _is_foreign(name)}
    base_url = f"http://127.0.0.1:{free_port()}"
    return {
        **kept,
        **GIT_IDENTITY,
        "NODE_ENV": Environment.STAGING.value,
        "DATABASE_URL": database_url(conninfo),
        "GOOGLE_CLIENT_ID": f"{secrets.randbelow(10**12):012d}-sandbox.apps.googleusercontent.com",
        "GOOGLE_CLIENT_SECRET": f"GOCSPX-{secrets.token_urlsafe(21)}",
        "GOOGLE_CONTACTS_REDIRECT_URI": f"{base_url}/api/google-contacts/callback",
        "GOOGLE_CALENDAR_REDIRECT_URI": f"{base_url}/api/google-calendar/callback",
        "WEBHOOK_BASE_URL": base_url,
        "WEBHOOK_VERIFICATION_TOKEN": secrets.token_hex(32),
        "ADMIN_JWT": _jwt("admin"),
        "SMOKE_JWT": _jwt("smoke"),
        "APP_RUN_DIR": str(run_dir(directory)),
    }


def forget_foreign(environ: MutableMapping[str, str]) -> None:
    """Drop whatever names a database or a repository outside the sandbox, for this process too.

    libpq reads the user's ``PGSERVICE`` or ``PGREQUIREAUTH`` at every connection.
    """
    for name in tuple(filter(_is_foreign, environ)):
        del environ[name]


def _is_foreign(name: str) -> bool:
    return name.startswith(FOREIGN_PREFIXES) or name in FOREIGN


def database_url(conninfo: str) -> str:
    """The same database as a URL: what ``DATABASE_URL`` holds and a shell line can carry."""
    return f"postgresql:///?{urlencode(conninfo_to_dict(conninfo), quote_via=quote)}"


def run_dir(directory: Path) -> Path:
    """Where the stand-in keeps its pid files and logs."""
    return directory / RUN


def _jwt(subject: str) -> str:
    """A token of a JWT's shape, unsigned: the stand-in only compares it."""
    claims = json.dumps({"sub": subject}).encode()
    parts = (b'{"alg":"HS256","typ":"JWT"}', claims, secrets.token_bytes(32))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def load_rollout(directory: Path, archive_dir: Path) -> RolloutConfig:
    """The sandbox's own rollout file, for one rehearsal.

    Args:
        directory: The rehearsal's directory, which the paths in the file are relative to.
        archive_dir: Where the records go.
    """
    with packaged("rollout.toml") as file:
        config = RolloutConfig.load(file, base=directory)
    return config.model_copy(update={"archive_dir": archive_dir})


def stop_everything(directory: Path) -> tuple[str, ...]:
    """Stop what a killed rehearsal left running; jobs first.

    Args:
        directory: The rehearsal's directory.

    Returns:
        The names of the processes that were stopped.

    Raises:
        SandboxError: One of them cannot be ended.
    """
    try:
        return tuple(
            file.stem for file in sorted(run_dir(directory).glob("*.pid")) if daemon.stop(file)
        )
    except daemon.DaemonError as error:
        raise SandboxError(f"the stand-in application: {error}") from None
