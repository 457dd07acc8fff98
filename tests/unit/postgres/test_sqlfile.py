"""SQL files are cut where PostgreSQL's own lexer would cut them."""

from __future__ import annotations

import pytest

from gonogo.errors import MigrationError
from gonogo.postgres.sqlfile import parse


def texts(sql: str) -> list[str]:
    """The statements of a file, as text."""
    return [statement.text for statement in parse(sql, "x.sql").inside]


@pytest.mark.parametrize(
    "whole",
    [
        "select ';'",
        "select 'it''s; here'",
        r"select e'\';'",
        r"select name'\'",
        'select 1 as ";"',
        "select $$;$$",
        "select $a$ $$ ; $b$ ; $a$",
        "select a$b$c, 1",
        "select 1 /* ; /* ; */ ; */ + 1",
        "select 1 -- ;\n + 1",
        "create rule r as on insert to t do (select 1; select 2)",
        "create function f() returns int begin atomic select case when true then 1 end; end",
        "select '{1}'::text[], 5 % 2, $1",
        "select 'ü;', \"ü;\", $ü$;$ü$",
    ],
)
def test_semicolons_within_a_statement_do_not_end_it(whole: str) -> None:
    """Quotes, comments, parentheses and atomic bodies keep their semicolons."""
    assert texts(f"{whole};\nselect 2;") == [whole, "select 2"]


@pytest.mark.parametrize("nothing", ["", " \n", "-- only a comment", ";;", "/* x */ ;"])
def test_a_file_without_statements_has_none(nothing: str) -> None:
    """White space, comments and bare semicolons are no statements."""
    assert texts(nothing) == []


def test_the_last_semicolon_may_be_missing() -> None:
    """What stands after the last semicolon is a statement too."""
    assert texts("select 1; select 2") == ["select 1", "select 2"]


def test_statements_know_their_lines() -> None:
    """A statement's line is that of its first word, not of the comment before it."""
    file = parse("-- one\n\nselect 1;\n/* four\nfive */ select\n 2;", "x.sql")
    assert [statement.line for statement in file.inside] == [3, 5]


def test_a_position_has_a_line() -> None:
    """PostgreSQL's character position becomes a line of the file."""
    statement = parse("\nselect\n  1,\n  nothing;", "x.sql").inside[0]
    assert statement.line_at(statement.text.index("nothing") + 1) == 4


def test_what_follows_the_marker_runs_outside_the_transaction() -> None:
    """The marker parts the file, even when the semicolon before it is missing."""
    file = parse("select 1\n-- gonogo: no-transaction\nselect 2; select 3;", "x.sql")
    assert [one.text for one in file.inside] == ["select 1"]
    assert [one.text for one in file.outside] == ["select 2", "select 3"]


def test_a_quoted_marker_is_text() -> None:
    """The marker counts only as a comment of its own."""
    assert parse("select '\n-- gonogo: no-transaction\n';", "x.sql").outside == ()


def test_placeholders_become_quoted_identifiers() -> None:
    """A name with a quote in it cannot break out of its place."""
    statement = parse("alter table t set schema :aside;", "x.sql").inside[0]
    assert statement.bind({"aside": 'a"; drop'}) == b'alter table t set schema "a""; drop"'


def test_casts_quotes_and_comments_hold_no_placeholder() -> None:
    """Only a placeholder in plain SQL is one."""
    text = "select 1::aside, ':aside', \":aside\", $$:aside$$ /* :aside */"
    statement = parse(text, "x.sql").inside[0]
    assert statement.slots == ()


@pytest.mark.parametrize(
    ("sql", "line", "words"),
    [
        ("select 1;\nselect 'x", 2, "quote"),
        ("\n\nselect $a$ x $b$", 3, "quote"),
        ('select "x', 1, "quote"),
        ("select 1;\n/* /* */", 2, "comment"),
        ("select 1;\n\\i other.sql", 2, "backslash"),
        ("\\restrict abc\nselect 1;", 1, "backslash"),
        ("select 1;\n\ncommit;", 3, "begins and commits"),
        ("BEGIN;", 1, "begins and commits"),
        ("savepoint a", 1, "begins and commits"),
    ],
)
def test_what_cannot_be_run_is_refused_with_its_line(sql: str, line: int, words: str) -> None:
    """Open quotes, psql's commands and transaction control are errors before anything runs."""
    with pytest.raises(MigrationError, match=words) as caught:
        parse(sql, "038_x.sql")
    assert (caught.value.file, caught.value.line) == ("038_x.sql", line)
