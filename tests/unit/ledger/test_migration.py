"""A directory of migrations is read whole, or refused with the file at fault."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gonogo.config.sections import versions
from gonogo.errors import MigrationError
from gonogo.ledger.migration import digest, load, problems, read
from gonogo.ledger.rows import MigrationRow

STEMS = [
    "038_add_admin_role_support",
    "039_create_token_health_table",
    "040_create_circuit_breaker_state_table",
    "041_create_sync_schedule_table",
    "042_create_calendar_webhook_subscriptions_table",
    "043_create_sync_metrics_table",
    "044_create_token_health_notifications_table",
    "045_add_onboarding_until_to_sync_schedule",
    "046_create_webhook_notifications_table",
]


def test_the_projects_migrations_have_the_names_of_the_runbooks(
    pytestconfig: pytest.Config,
) -> None:
    """Each of the nine is there, in order, with its revert."""
    migrations = load(pytestconfig.rootpath / "migrations")
    assert [one.filename for one in migrations] == [f"{stem}.sql" for stem in STEMS]
    assert all(one.revert and one.revert.inside for one in migrations)


def test_versions_are_ordered_as_numbers(tmp_path: Path) -> None:
    """1000 comes after 999."""
    for name in ("1000_b.sql", "999_a.sql"):
        (tmp_path / name).write_text("select 1;")
    assert [one.version for one in load(tmp_path)] == ["999", "1000"]


def test_the_digest_changes_with_any_file(tmp_path: Path) -> None:
    """One changed byte is another set of migrations."""
    (tmp_path / "100_a.sql").write_text("select 1;")
    before = digest(load(tmp_path))
    (tmp_path / "100_a.sql").write_text("select 2;")
    assert digest(load(tmp_path)) != before


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no migrations"),
        ({"create_x.sql": b""}, "is named"),
        ({"038_a.sql": b"", "0038_b.sql": b""}, "has the version of"),
        ({"038_a.sql": b"", "038_b.revert.sql": b""}, "not there"),
        ({"038_a.sql": b"select '\xff'"}, "UTF-8"),
        ({"038_a.sql": b"alter table t set schema :aside"}, "revert files only"),
        ({"038_a.sql": b"select 1", "038_a.revert.sql": b""}, "holds no statement"),
        ({"038_a.sql": b"select 1", "038_a.revert.sql": b"-- later"}, "holds no statement"),
        ({"038_a.sql": b"", "038_a.revert.sql": b"-- gonogo: no-transaction\nselect 1"}, "one"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, files: dict[str, bytes], words: str
) -> None:
    """A wrong name, a doubled version, an orphan or a misplaced part is an error at load time."""
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(MigrationError, match=words):
        load(tmp_path)


AS_FOUND = {
    "a NUL": (b"select 1;\nupdate users set role = 'x' \0where false;", 2, "NUL", "take the byte"),
    "a byte order mark": (b"\xef\xbb\xbfcreate table a ();", 1, "byte order mark", "without one"),
    "a mark of a file put behind another": (
        b"select 1;\n\xef\xbb\xbfselect 2;",
        2,
        "byte order mark",
        "without one",
    ),
    "UTF-16": ("select 1;".encode("utf-16"), 1, "UTF-16", "UTF-8"),
    "UTF-16 without a mark": ("select 1;".encode("utf-16-le"), 1, "NUL", "take the byte"),
    "line ends of an old Mac": (b"-- a\rcreate table a ();\r", 1, "carriage return", "end lines"),
    "one of them": (b"select 1;\n\n-- a\rselect 2;\n", 3, "carriage return", "end lines"),
    "line ends converted twice": (b"select 1;\r\r\n", 1, "carriage return", "end lines"),
    "a carriage return in a text": (b"select 1;\nselect 'a\rb';", 2, "carriage return", "E'"),
    "Latin 1": (b"select 1;\n\nselect 'gr\xfc\xdfe';", 3, "UTF-8", "save it"),
    "a surrogate": (b"select '\xed\xa0\x80';", 1, "UTF-8", "save it"),
}


@pytest.mark.parametrize("name", ["038_a.sql", "038_a.revert.sql"])
@pytest.mark.parametrize(("content", "line", "words", "remedy"), AS_FOUND.values(), ids=AS_FOUND)
def test_bytes_that_are_read_otherwise_elsewhere_are_refused(
    name: str, content: bytes, line: int, words: str, remedy: str
) -> None:
    """File, line and what to do, in a migration and in its revert."""
    files = {"038_a.sql": b"select 1;", "038_a.revert.sql": b"select 1;"} | {name: content}
    with pytest.raises(MigrationError, match=words) as caught:
        read(files.items(), "here")
    assert (caught.value.file, caught.value.line) == (name, line)
    assert remedy in caught.value.remedy


def test_a_checkout_with_carriage_returns_holds_the_same_migrations(
    pytestconfig: pytest.Config,
) -> None:
    """The shipped files with CRLF, markers included, are what they are with LF."""
    files = {path.name: path.read_bytes() for path in pytestconfig.rootpath.glob("migrations/*")}
    crlf = {name: content.replace(b"\n", b"\r\n") for name, content in files.items()}
    migrations = read(crlf.items(), "here")
    assert migrations == read(files.items(), "here")
    assert migrations[0].file.outside


@pytest.mark.parametrize("name", ["039_b.SQL", "039_b.Sql", "039_B.sql", "039_b.revert.SQL"])
def test_no_file_of_sql_is_passed_over(tmp_path: Path, name: str) -> None:
    """A name in capitals is refused, where a pattern of small letters would not see it."""
    (tmp_path / "038_a.sql").write_text("select 1;")
    (tmp_path / name).write_text("select 1;")
    with pytest.raises(MigrationError, match="rename it") as caught:
        load(tmp_path)
    assert caught.value.file == name


@pytest.mark.parametrize(
    ("names", "gap"),
    [
        (("038_a.sql", "040_b.sql"), "039 "),
        (("0001_a.sql", "0004_b.sql"), "002 to 003"),
        (("20260101_a.sql", "20260201_b.sql"), ""),
    ],
)
def test_a_gap_between_counted_versions_is_a_problem(names: tuple[str, ...], gap: str) -> None:
    """A file may have been forgotten; versions that are days or moments have gaps."""
    found = list(problems(read([(name, b"select 1;") for name in names], "here"), {}))
    assert [f"no migration {gap}" in line for line in found] == [True] * bool(gap)


def test_files_before_the_first_version_are_passed_over(tmp_path: Path) -> None:
    """Not even their names are looked at; the first itself and what follows are."""
    for name in ("001 old.sql", "037_old.sql", "038_new.sql", "039_new.sql"):
        (tmp_path / name).write_text("select 1;")
    assert [one.version for one in load(tmp_path, first="038")] == ["038", "039"]
    with pytest.raises(MigrationError, match="from 040 on"):
        load(tmp_path, first="040")


def test_files_after_the_last_version_are_passed_over(tmp_path: Path) -> None:
    """Likewise, and what the ledger has of them is not missing."""
    for name in ("038_new.sql", "039_new.sql", "040 later.sql", "040_later.sql"):
        (tmp_path / name).write_text("select 1;")
    files = load(tmp_path, last="039")
    assert [one.version for one in files] == ["038", "039"]
    assert versions(tmp_path, first="039", last="039") == ("039",)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    applied = MigrationRow(1, "040", "later", "", "1", moment, 1, False, moment, None)  # noqa: FBT003
    assert list(problems(files[:1], {"040": applied}, None, "038")) == [
        "038_new.sql comes before 040, which is applied: renumber it"
    ]
    with pytest.raises(MigrationError, match="from 038 on up to 037"):
        load(tmp_path, first="038", last="037")


def test_versions_are_listed_without_reading_a_file(tmp_path: Path) -> None:
    """A file of another name, a revert and a lower version are left out; no content matters."""
    for name in ("037_a.sql", "038_a.sql", "038_a.revert.sql", "039_B.sql", "040.sql", "x_1.sql"):
        (tmp_path / name).write_bytes(b"'\xff")
    assert versions(tmp_path, first="038") == ("038", "039")


def test_a_directory_that_is_not_there_has_no_versions(tmp_path: Path) -> None:
    """A project without migrations can be measured."""
    assert versions(tmp_path / "nowhere") == ()
