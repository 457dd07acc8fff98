"""No secret reaches a log, a message or a record."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gonogo.masking import Mask, ci_run
from gonogo.record.files import Log

ENVIRON = {
    "DB_PASSWORD": "hush-1",
    "DATABASE_URL": "postgresql://app:p%40ss-word@db/app",
    "ADMIN_JWT": "hush-1-and-more",
    "WEBHOOK_BASE_URL": "https://app.example.com",
    "HOME": "/home/app",
}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("password hush-1 here", "password <DB_PASSWORD> here"),
        ("token hush-1-and-more", "token <ADMIN_JWT>"),
        ("the password p%40ss-word", "the password <DATABASE_URL>"),
        ("the password p@ss-word", "the password <DATABASE_URL>"),
        ("https://app.example.com in /home/app", "https://app.example.com in /home/app"),
        ("postgresql://bob:other@db/x", "postgresql://bob:<password>@db/x"),
        ("at postgres://bob:o?th/er@mine@db/x.", "at postgres://bob:<password>@db/x."),
        ("at https://db:5432/x?mail=a@b", "at https://db:5432/x?mail=a@b"),
        ("host=db password='it''s' user=x", "host=db password=<password>'s' user=x"),
        ("host=db password=secret user=x", "host=db password=<password> user=x"),
    ],
)
def test_a_secret_is_replaced_by_its_name(text: str, masked: str) -> None:
    """Values of secret variables, and passwords in connection strings, do not appear."""
    assert Mask.of(ENVIRON)(text) == masked


def test_a_password_that_its_url_should_escape_is_masked_alone() -> None:
    """Whoever reads the URL may take it from the first colon to the last @."""
    mask = Mask.of({"CACHE_URL": "redis://:pa#ss?w/or@d@cache:6379/0"})
    assert mask("refused: pa#ss?w/or@d") == "refused: <CACHE_URL>"


def test_a_mask_does_not_show_what_it_masks() -> None:
    """A repr in a traceback holds no secret."""
    assert "hush" not in repr(Mask.of(ENVIRON))


def test_the_log_is_json_lines_without_secrets(tmp_path: Path) -> None:
    """Nested evidence is masked too, and each line is whole by itself."""
    with Log.open(tmp_path / "logs", "deploy", Mask.of(ENVIRON)) as log:
        log.write("finished", evidence={"lines": ["a hush-1"], "n": 3}, path=Path("/x/hush-1"))
    line = json.loads(log.path.read_text(encoding="utf-8"))
    assert line["evidence"] == {"lines": ["a <DB_PASSWORD>"], "n": 3}
    assert line["path"] == "/x/<DB_PASSWORD>"


def test_a_log_does_nothing_to_the_terminal_that_shows_it(tmp_path: Path) -> None:
    """Escapes of any length, turned directions and broken UTF-8 stand as JSON's own escapes."""
    hostile = "\x1b[31m \x9b31m \u202egnp.exe\u2028 \udcff größer \U0001f600"
    with Log.open(tmp_path / "logs", "deploy", Mask.of(ENVIRON)) as log:
        log.write("output", title=hostile)
    text = log.path.read_text(encoding="utf-8")
    assert json.loads(text)["title"] == hostile
    assert "größer" in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\udcff]", text)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("it said hush-1-and-", "it said <ADMIN_JWT>"),
        ("it said hush-1", "it said <DB_PASSWORD>"),
        ("it said hush", "it said <DB_PASSWORD>"),
        ("it said hus", "it said hus"),
        ("hush-1 and p@ss-", "<DB_PASSWORD> and <DATABASE_URL>"),
        ("see postgresql://bob:oth", "see postgresql://bob:<password>"),
        ("see host=db password='oth er", "see host=db password=<password>"),
        ("nothing of the kind", "nothing of the kind"),
    ],
)
def test_what_was_cut_off_ends_with_no_half_of_a_secret(text: str, masked: str) -> None:
    """However much of it is left, down to what is too short to be a secret at all."""
    assert Mask.of(ENVIRON).of_cut(text) == masked


def test_each_line_of_a_secret_is_one() -> None:
    """A command prints a private key line by line."""
    mask = Mask.of({"PRIVATE_KEY": "-----BEGIN-----\nMIIEvQIBADANBg\nshort\n"})
    assert mask("    MIIEvQIBADANBg") == "    <PRIVATE_KEY>"
    assert mask("short of it") == "short of it"


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        (
            {
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_REPOSITORY": "team/app",
                "GITHUB_RUN_ID": "17",
            },
            "https://github.com/team/app/actions/runs/17",
        ),
        ({"CI_JOB_URL": "https://git.example/a/-/jobs/3"}, "https://git.example/a/-/jobs/3"),
        ({"BUILD_URL": "http://ci:8080/job/a%20b/3/"}, "http://ci:8080/job/a%20b/3/"),
        ({"GITHUB_RUN_ID": "17"}, ""),
        ({"BUILD_URL": "javascript:alert(1)"}, ""),
        ({"BUILD_URL": "https://me:pass@ci.example/3"}, ""),
        ({"BUILD_URL": 'https://ci.example/"><script>'}, ""),
        ({"BUILD_URL": "https://ci.example/hush-hush/3", "A_TOKEN": "hush-hush"}, ""),
    ],
)
def test_the_page_of_the_ci_run_is_a_plain_address(environ: dict[str, str], address: str) -> None:
    """From the variables of whichever system runs it; nothing that is a secret or misread."""
    assert ci_run(environ) == address
