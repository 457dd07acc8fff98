"""The variables of a rehearsal."""

from __future__ import annotations

from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from gonogo.sandbox.surroundings import database_url, sandbox_environment


def test_nothing_outside_the_sandbox_is_named(tmp_path: Path) -> None:
    """A database that the caller's shell names is out of a rehearsal's reach."""
    inherited = {
        "PATH": "/bin",
        "DATABASE_URL": "postgresql://live/app",
        "DB_HOST": "live",
        "DB_NAME": "app",
        "PGHOST": "live",
        "PGSERVICE": "live",
        "GIT_DIR": "/live/.git",
    }
    environ = sandbox_environment(tmp_path, "host=/tmp/socket dbname=app", inherited=inherited)
    assert environ["PATH"] == "/bin"
    assert not [name for name, value in environ.items() if "live" in value]


def test_every_secret_is_new_each_time(tmp_path: Path) -> None:
    """Two rehearsals share no token."""
    first, second = (sandbox_environment(tmp_path, "dbname=app", inherited={}) for _ in range(2))
    secrets = ("ADMIN_JWT", "SMOKE_JWT", "WEBHOOK_VERIFICATION_TOKEN", "GOOGLE_CLIENT_SECRET")
    assert all(first[name] != second[name] for name in secrets)


def test_the_database_url_names_the_same_database() -> None:
    """A socket directory with a blank in it survives the way into a URL and back."""
    conninfo = "host='/tmp/my socket' port=5433 user=app dbname=app"
    url = database_url(conninfo)
    assert conninfo_to_dict(url) == conninfo_to_dict(conninfo)
