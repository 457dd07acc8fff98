"""A dozen planted secrets, in the environment and in what the database says; none is told."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from desk import Desk, make_desk
from gonogo.gate.observe import CUT_AT_BYTES
from gonogo.masking import Mask
from gonogo.record.canonical import read_record
from gonogo.report.answers import top_errors
from gonogo.sandbox import surroundings
from gonogo.sandbox.databases import Databases
from serving import serving
from signers import make_key, public

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJlLW9mLXBsYW50ZWQ"
# Letters that a URL, HTML, JSON or a shell would write in another way.
PASSWORD = "hush/pa&ss<w'o\"rd%40"  # noqa: S105  # nothing asks for it
IN_FILE = "hush-from-the-passfile"
QUOTED = PASSWORD.replace("'", "\\'")
PLANTED = {
    "PGPASSWORD": "hush-libpq-password",
    "DB_PASSWORD": "hush-db-password",
    "GOOGLE_CLIENT_SECRET": "hush-google-client-secret",
    "WEBHOOK_VERIFICATION_TOKEN": "hush-webhook-token-0123456789",
    "ADMIN_JWT": JWT,
    "SMOKE_JWT": JWT.replace("eyJzdWIi", "eyJzbW9r"),
    "AWS_SECRET_ACCESS_KEY": "hush-cloud-key",
    "GITHUB_TOKEN": "ghp_hush0123456789abcdefghij",
    "SESSION_SECRET": "hush-session-secret",
    "STRIPE_API_KEY": "sk_live_hush0123456789",
    "CANARY_TOKEN": "hush-canary-7f3a9c1e",
    "REPLICA_DSN": f"host=replica user=app password='{QUOTED}'",
    "REDIS_URL": "redis://:hush-redis-password@cache:6379/0",
}
NEEDLES = {
    *(text for name, text in PLANTED.items() if name not in {"REPLICA_DSN", "REDIS_URL"}),
    PASSWORD,
    "hush-redis-password",
    IN_FILE,
}
# What a database would say, were it told these.
SAYINGS = (
    *(f"request failed: token {secret} was refused" for secret in sorted(NEEDLES)),
    f"could not connect to postgresql://app:{quote(PASSWORD, safe='')}@db.internal:5432/app",
    "could not connect to postgresql://app:somebody-elses@db.internal:5432/app",
    "connection failed: host=db.internal user=app password=somebody-elses dbname=app",
)
SHAPES = {"somebody-elses"}
HALF = JWT[:30]
CANARY = PLANTED["CANARY_TOKEN"]
URL_OF_IT = f"postgres://app:one?{CANARY}@two@127.0.0.1/app"
# What a person types, sets or names, pasted: each is refused, or taken without it.
PASTED: tuple[tuple[tuple[str, ...], dict[str, str]], ...] = (
    (("deploy", "staging", f"--revision={CANARY}"), {}),
    (("deploy", "staging", "--plan"), {"DATABASE_URL": URL_OF_IT}),
    (("status",), {"DATABASE_URL": URL_OF_IT}),
    (("preflight",), {"DIRECT_URL": URL_OF_IT}),
    (("gate",), {"DATABASE_URL": URL_OF_IT}),
    (("gate", f"--dsn={URL_OF_IT}"), {}),
    (("gate", f"--dsn=service={CANARY}", "--environment=staging"), {}),
    (("gate", f"--environment={CANARY}"), {}),
    (("gate", f"--window={CANARY}"), {}),
    (("gate", f"--criteria=checks/{CANARY}.toml"), {}),
    (("gate", "-k", CANARY), {}),
    (("gate", f"checks/{CANARY}"), {}),
    (("verify_record", CANARY), {}),
    (("incident", "close", CANARY), {}),
    (("rollback", f"--reason=pasted {CANARY}", f"--yes-roll-back={CANARY}"), {}),
)
# What an application's health says, which quotes what it was given.
ANSWER = json.dumps({"status": CANARY, "refused": list(SAYINGS)})
MESSAGES = 5
LEDGER = ("deployment", "step", "migration", "backup", "incident")
SAYS = """
insert into sync_metrics (user_id, integration_type, sync_type, result, error_message,
    duration_ms, created_at)
select (select id from users limit 1), 'google_calendar', 'full', 'failure', %s, 10,
    timezone('utc', now())
from generate_series(1, 12)"""


@dataclass
class Told:
    """Everything that was said in a terminal."""

    text: str = ""

    def keep(self, said: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
        """Take what a command said."""
        self.text += said.stdout + said.stderr
        return said


@pytest.fixture
def planted(
    databases: Databases, base_template: str, tmp_path: Path
) -> Iterator[tuple[Desk, dict[str, str]]]:
    """A desk whose session holds every secret; and the variables that it has on top."""
    name = f"planted_{uuid4().hex}"
    desk = make_desk(tmp_path, databases.create(name, base_template))
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"elsewhere:5432:*:app:{IN_FILE}\n", encoding="utf-8")
    passfile.chmod(0o600)
    make_key(tmp_path / "key")
    (tmp_path / "allowed_signers").write_text(
        f"ada@example.com {public(tmp_path / 'key')}\n", encoding="utf-8"
    )
    file = tmp_path / "rollout.toml"
    rest = file.read_text(encoding="utf-8").replace(
        "admins = []", 'admins = []\nallowed_signers = "allowed_signers"', 1
    )
    file.write_text(rest, encoding="utf-8")
    variables = {"PGPASSFILE": str(passfile), "CI": "true", "LOGNAME": f"ada {CANARY}"}
    yield desk, PLANTED | variables | {"GITHUB_STEP_SUMMARY": str(tmp_path / "logs" / "summary.md")}
    surroundings.stop_everything(tmp_path)
    databases.drop(name)


@pytest.mark.slow
@pytest.mark.ssh
def test_no_secret_is_told_anywhere(planted: tuple[Desk, dict[str, str]]) -> None:
    """Deploy, fail, judge, sign, prove: no file of archive or log, and no terminal, has one."""
    desk, variables = planted
    _commit(desk)
    told = Told()
    babbling = f"printf '%s\\n' {' '.join(map(_quoted, SAYINGS))} >&2; exit 3"
    _replace(desk, "install", ["sh", "-c", babbling])
    failed = told.keep(desk.run(*desk.deployment, **variables))
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "<GITHUB_TOKEN>" in _logged(desk)
    _replace(desk, "install", ["{python}", "-c", "print('installed')"])
    spoilt = desk.root / "migrations" / "047_spoilt.sql"
    _spoil(spoilt)
    assert told.keep(desk.run(*desk.deployment, **variables)).returncode == 1
    for left in (spoilt, spoilt.with_name("047_spoilt.revert.sql")):
        left.unlink()
    done = told.keep(desk.run(*desk.deployment, **variables))
    assert done.returncode == 0, done.stdout + done.stderr
    with psycopg.connect(desk.conninfo, autocommit=True) as connection:
        # As many messages as a record shows, with all that is planted.
        for part in range(MESSAGES):
            message = "; ".join(SAYINGS[part::MESSAGES])
            # The survey's cut goes through one more secret.
            connection.execute(SAYS, (message.ljust(CUT_AT_BYTES - len(HALF), ".") + JWT,))
    told.keep(desk.run("incident", "open", f"somebody pasted {JWT} and {CANARY}", **variables))
    (desk.root / "checks" / f"{CANARY}.toml").write_text(f'{CANARY} = "{CANARY}"\n', "utf-8")
    for typed, also in PASTED:
        assert told.keep(desk.run(*typed, **variables | also)).returncode, typed
    # One is judged by a file that a secret gave its name.
    named = desk.root / "checks" / f"{CANARY}.toml"
    shutil.copy(desk.root / "checks" / "criteria.toml", named)
    told.keep(desk.run("gate", "--window=1h", f"--criteria={named}", **variables))
    told.keep(desk.run("gate", "--window=1h", **variables))
    with serving(lambda *_: (200, ANSWER)) as address:
        answered = variables | {"WEBHOOK_BASE_URL": address}
        told.keep(desk.run("gate", "--window=1h", **answered))
        told.keep(desk.run("verify", **answered))
    told.keep(desk.run("gate", "--window=1h", **variables, **_unreachable(desk)))
    reachable, lost = sorted((desk.root / "archive" / "staging").glob("*_*/record.json"))[-2:]
    errors = top_errors(read_record(reachable.parent))
    assert any("<GITHUB_TOKEN>" in one.message for one in errors)
    assert "does not answer" in lost.read_text(encoding="utf-8")
    _sign_and_roll_back(desk, reachable.parent, told, variables)
    for table in LEDGER:
        told.text += str(desk.ask(f"select string_agg(t::text, ' ') from gonogo.{table} t"))
    assert "pasted <CANARY_TOKEN>" in told.text
    assert "ada <CANARY_TOKEN>" in told.text
    assert _found(told.text, "terminal") == []
    written = [path for name in ("archive", "logs") for path in (desk.root / name).rglob("*.*")]
    kinds = {path.suffix for path in written if path.is_file()}
    assert {".json", ".html", ".xml", ".jsonl", ".sig", ".sha256"} <= kinds
    texts = {path: _text(path) for path in written if path.is_file()}
    assert [found for path, text in texts.items() for found in _found(text, path)] == []
    assert [path for path, text in texts.items() if HALF in text] == []
    assert HALF not in told.text


def _sign_and_roll_back(desk: Desk, record: Path, told: Told, variables: dict[str, str]) -> None:
    """Decide on a record, look at everything, and go back."""
    words = ("--decision", "no-go", "--by", "ada@example.com", "--key", str(desk.root / "key"))
    signed = told.keep(desk.run("sign_off", str(record), *words, **variables))
    assert signed.returncode == 0, signed.stderr
    override = ("--decision", "go", "--override", f"pasted {CANARY}", *words[2:])
    told.keep(desk.run("sign_off", str(record), *override, **variables))
    for command in (("verify_record", "--all"), ("checklist",), ("status",), ("verify",)):
        told.keep(desk.run(*command, **variables))
    consent = f"--yes-roll-back={desk.database}"
    back = told.keep(desk.run("rollback", f"--reason=pasted {CANARY}", consent, **variables))
    assert back.returncode == 0, back.stdout + back.stderr


def test_what_is_masked_and_what_is_not(tmp_path: Path) -> None:
    """Values by their variables' names, passwords in any spelling, never a user's own name."""
    (tmp_path / ".pgpass").write_text(
        f"# a comment:of:five:fields:hush-not\n*:*:*:app:{IN_FILE}\na:1:b:c\\:d:hush\\:colon\n"
        "*:*:*:postgres:postgres\nshort\n",
        encoding="utf-8",
    )
    mask = Mask.of(PLANTED | {"HOME": str(tmp_path), "PATH": "/usr/bin", "USER": "ada"})
    for secret in (*NEEDLES, quote(PASSWORD, safe=""), "hush:colon"):
        assert secret not in mask(f"<{secret}>"), secret
    query = "'postgresql:///?user=a&password=hush-query&port=1' x"
    assert mask(query) == "'postgresql:///?user=a&password=<password>&port=1' x"
    for left in ("'postgresql:///?password=&port=1' x", "'postgresql:///?user=a&password=' x"):
        assert mask(left) == left
    untouched = "as postgres by ada in /usr/bin, hush-not"
    assert mask(untouched) == untouched
    assert mask.scrub({"a": [JWT, 1, None, True], JWT: (JWT,)}) == {
        "a": ["<ADMIN_JWT>", 1, None, True],
        "<ADMIN_JWT>": ["<ADMIN_JWT>"],
    }


def _found(text: str, where: object) -> list[str]:
    """Which secrets a text holds, in whatever way a file writes them."""
    spellings = {
        (secret, spelt)
        for secret in NEEDLES | SHAPES
        for spelt in (
            secret,
            quote(secret, safe=""),
            html.escape(secret),
            html.escape(secret).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
            json.dumps(secret)[1:-1],
        )
    }
    return sorted({f"{where}: {secret}" for secret, spelt in spellings if spelt in text})


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _logged(desk: Desk) -> str:
    return "".join(map(_text, desk.root.glob("logs/staging/*.jsonl")))


def _commit(desk: Desk) -> None:
    """Let the revision that is deployed be one whose author and message hold a secret."""
    before = desk.repository
    words = ["git", "-C", str(before.path), "-c", f"user.name={CANARY}", "-c", "user.email=a@b.c"]
    words += [
        "commit-tree",
        f"{before.after}^{{tree}}",
        "-p",
        before.after,
        "-m",
        f"It is {CANARY}",
    ]
    made = subprocess.run(words, check=True, capture_output=True, text=True)
    desk.repository = replace(before, after=made.stdout.strip())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _replace(desk: Desk, name: str, words: list[str]) -> None:
    """Change one command of the desk's rollout.toml, in every environment."""
    file = desk.root / "rollout.toml"
    # In words, a brace of its own is doubled; {python} is ours.
    command = f"{name} = {{ run = {json.dumps(words)} }}"
    told = re.sub(rf"^{name} = .*$", lambda _: command, _text(file), flags=re.MULTILINE)
    file.write_text(told, encoding="utf-8")


def _spoil(migration: Path) -> None:
    """A migration that fails with everything that it should not say."""
    text = " and ".join(SAYINGS).replace("'", "''").replace("%", "%%")
    raises = f"if exists (select from users) then raise exception '{text}'; end if"
    raised = f"do $do$ begin {raises}; end $do$;\n"
    migration.write_text(raised, encoding="utf-8")
    migration.with_name("047_spoilt.revert.sql").write_text("select 1;\n", encoding="utf-8")


def _unreachable(desk: Desk) -> Mapping[str, str]:
    """A database that is not there, with a password in its address."""
    user = conninfo_to_dict(desk.conninfo).get("user", "app")
    password = quote(PASSWORD, safe="")
    return {"DATABASE_URL": f"postgresql://{user}:{password}@127.0.0.1:1/{os.getpid()}"}
