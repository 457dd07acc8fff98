"""The variables that a rehearsal runs with: none of them names anything outside the sandbox."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from urllib.parse import quote, urlencode

from psycopg.conninfo import conninfo_to_dict

from gonogo.model.kinds import Environment
from gonogo.sandbox.address import free_port
from gonogo.sandbox.repository import GIT_IDENTITY

RUN = "run"
FOREIGN_PREFIXES = ("PG", "DB_", "GIT_")
FOREIGN = ("DATABASE_URL", "PORT")


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
