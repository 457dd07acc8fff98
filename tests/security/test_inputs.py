"""Whatever somebody types, sets or writes into a file: it works, or one line says what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest

from desk import Desk, make_desk
from gonogo.sandbox import surroundings
from gonogo.sandbox.databases import Databases

CANARY = "canary"
RUN = f"touch {CANARY}"
ESCAPES = "\x1b[31m\x1b]0;owned\x07"
SECRET = "hush-hush-hush"  # noqa: S105  # it opens nothing
NOWHERE = "/proc/nowhere"
GIT = "git knows no commit"
# Filled in where an attempt is made: the new revision; the server, without a database's name.
AFTER, SERVER = "<after>", "<server>"


@dataclass(frozen=True)
class Attempt:
    """What is typed and set, and how it must end.

    Args:
        words: The command; AFTER stands for the new revision.
        code: Its exit code.
        says: A part of the last line.
        variables: What is set besides; SERVER stands for the server, an empty one is unset.
    """

    words: tuple[str | bytes, ...]
    code: int
    says: str
    variables: dict[str, str] = field(default_factory=dict)


def deploying(says: str, code: int = 4, **variables: str) -> Attempt:
    """A deployment that its variables must end before it begins."""
    return Attempt(("deploy", "staging"), code, says, variables)


def revision(text: str) -> Attempt:
    """A deployment of a revision that is none."""
    return Attempt(("deploy", "staging", f"--revision={text}"), 1, GIT)


ATTEMPTS = {
    "revision: an option of git": revision(f"--upload-pack={RUN}"),
    "revision: a short option": revision("-f"),
    "revision: a shell's": revision(f"$({RUN})"),
    "revision: two lines": revision("HEAD\n--force"),
    "previous revision: an option": Attempt(
        ("deploy", "staging", f"--revision={AFTER}", "--previous-revision=--force"), 1, GIT
    ),
    "revision: no text": Attempt(("deploy", "staging", b"--revision=\xff"), 4, "is no UTF-8"),
    "environment": Attempt(("deploy", f"staging;{RUN}"), 4, "is not one of"),
    "NODE_ENV": deploying("NODE_ENV is not staging", NODE_ENV=f"staging;{RUN}"),
    "address: a file": deploying("WEBHOOK_BASE_URL is no URL", WEBHOOK_BASE_URL="file:///etc"),
    "address: in the clear": deploying("must be https", WEBHOOK_BASE_URL="http://169.254.169.254/"),
    "address: a user": deploying("holds a user", WEBHOOK_BASE_URL=f"https://{SECRET}@app.example"),
    "address: a password": deploying("a password", WEBHOOK_BASE_URL=f"https://u:{SECRET}@h"),
    "address: a header": deploying("is no URL", WEBHOOK_BASE_URL="https://app\r\nX-Evil: 1"),
    "token: a header": deploying("ADMIN_JWT is no token", ADMIN_JWT=f"{SECRET}\r\nX-Evil: 1"),
    "token: a header for Google's": deploying(
        "WEBHOOK_VERIFICATION_TOKEN holds", WEBHOOK_VERIFICATION_TOKEN=f"{SECRET}\r\nX-Evil: 1"
    ),
    "database: a secret for no tool": deploying(
        "holds sslpassword", DATABASE_URL=f"host=h sslpassword={SECRET}"
    ),
    "database: a broken url": deploying("the port", DATABASE_URL=f"postgresql://u:{SECRET}@h:x/d"),
    "database: a broken direct url": deploying(
        "the port in DIRECT_URL", DIRECT_URL=f"postgresql://u:{SECRET}@h:x/d"
    ),
    "database: a direct url to nowhere": deploying(
        "names neither host nor port", DIRECT_URL=f"dbname=x password={SECRET}"
    ),
    "host: more than a host": deploying(
        "does not answer",
        1,
        DATABASE_URL="",
        DB_HOST=f"{NOWHERE}' sslmode='disable",
        DB_USER="u",
        DB_NAME="n",
    ),
    "port: more than a port": deploying(
        "the port in DB_*", DATABASE_URL="", DB_HOST="h", DB_PORT="5432 sslmode=disable"
    ),
    "server options": Attempt(("status",), 1, "does not answer", {"PGOPTIONS": "--c; drop"}),
    "service": Attempt(("status",), 1, "service", {"PGSERVICE": f"x{ESCAPES}"}),
    "e-mail: SQL": Attempt(
        ("promote_admin", "promote", "x' or true --@evil.example"), 1, "is_admin"
    ),
    "e-mail: no text": Attempt(
        ("promote_admin", "promote", b"\xff@evil.example"), 4, "is no UTF-8"
    ),
    "title: no text": Attempt(("incident", "open", b"\xff"), 4, "is no UTF-8"),
    "consent: SQL": Attempt(
        ("deploy", "production", "--override=x", "--yes-deploy-to=x'; drop table users"),
        4,
        "nothing was done",
        {"NODE_ENV": "production"},
    ),
    "gate: another file": Attempt(("gate", "--criteria=/etc/passwd"), 4, "is no TOML"),
    "gate: a password": Attempt(
        ("gate", f"--dsn=host=h password={SECRET}"), 4, "everybody on this machine can see"
    ),
    "gate: a key's password": Attempt(
        ("gate", f"--dsn=host=h sslpassword={SECRET}"), 4, "everybody on this machine can see"
    ),
    "gate: what a server answers": Attempt(
        ("gate",), 4, r"\x1b[31m", {"NODE_ENV": "", "PGDATABASE": ESCAPES, "DATABASE_URL": SERVER}
    ),
}


@pytest.fixture(scope="module")
def shared_desk(
    databases: Databases, base_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """A desk before the rollout; no attempt gets as far as to change its application."""
    root, name = tmp_path_factory.mktemp("shared"), f"test_{uuid4().hex}"
    desk = make_desk(root, databases.create(name, base_template))
    yield desk
    surroundings.stop_everything(root)
    databases.drop(name)


@pytest.mark.slow
@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
def test_what_cannot_be_meant_is_one_line(shared_desk: Desk, attempt: Attempt) -> None:
    """An exit code and one line; nothing was carried out, changed, obeyed or let out."""
    desk = shared_desk
    told = _run(desk, attempt)
    said = told.stdout + told.stderr
    assert told.returncode == attempt.code, said
    assert attempt.says in said.rstrip().splitlines()[-1]
    assert "Traceback" not in said
    assert not set(said) & {"\x1b", "\x07"}
    assert desk.ask("select count(*) from users") == 60
    assert not list(desk.root.rglob(CANARY))
    assert SECRET not in said + "".join(map(_read, desk.root.rglob("*.json*")))


@pytest.mark.slow
def test_a_user_whose_name_is_no_text_deploys(base_database: str, tmp_path: Path) -> None:
    """What the system calls the user is written down as well as it can be."""
    desk = make_desk(tmp_path, base_database)
    told = desk.run(*desk.deployment, LOGNAME=os.fsdecode(b"eve\xff"))
    surroundings.stop_everything(tmp_path)
    assert told.returncode == 0, told.stdout + told.stderr
    assert desk.ask("select deployed_by from gonogo.deployment") == r"eve\xff"


def _run(desk: Desk, attempt: Attempt) -> subprocess.CompletedProcess[str]:
    server = desk.conninfo.replace(f"dbname={desk.database}", "")
    given = {**desk.environ, **attempt.variables}
    environ = {name: server if value == SERVER else value for name, value in given.items() if value}
    words = [
        word if isinstance(word, bytes) else word.replace(AFTER, desk.repository.after).encode()
        for word in attempt.words
    ]
    return subprocess.run(
        [os.fsencode(sys.executable), b"-m", b"gonogo", *words],
        cwd=desk.root,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
