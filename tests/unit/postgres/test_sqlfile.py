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


@pytest.mark.parametrize(
    "whole",
    [
        "create function f() returns int language sql begin atomic select max(s.end) from s; end",
        "create procedure p() begin atomic insert into a values (1); update a set x = 2; end",
        "refresh materialized view concurrently a",
        "alter type mood add value 'fine'",
        "create table commit (rollback int)",
        "copy a from '/tmp/rows'",
        "copy a from program 'cat rows'",
        "analyze a",
        "do $$ begin commit; end $$",
        "create table a (b int, c int generated always as (b * 2) virtual)",
    ],
)
def test_words_alone_are_not_judged(whole: str) -> None:
    """What is fine within a transaction stays one statement of it."""
    assert texts(f"{whole};\nselect 2;") == [whole, "select 2"]


def test_a_query_may_be_required_over_several_lines() -> None:
    """Comments that are indented go on with it, and end with the first that is not."""
    text = (
        "-- gonogo: require select email from users\n"
        "--   group by email -- the address\n"
        "--\thaving count(*) > 1;\n"
        "-- Addresses are unique from now on.\n"
        "-- gonogo: require values (1)\n"
        "-- gonogo: stop_before_migrate\n"
    )
    file = parse(text, "x.sql")
    assert [(one.line, one.text.count("\n")) for one in file.requires] == [(1, 2), (5, 0)]
    assert file.marks == {"stop_before_migrate"}


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
        ("select 1;\nprepare transaction 'later';", 2, "begins and commits"),
        ("rollback prepared 'later';", 1, "begins and commits"),
        ("abort;", 1, "begins and commits"),
        ("create table atomic (id int, begin date);\n/* x */ commit;", 2, "begins and commits"),
        ("create table a (begin int, atomic int); end;", 1, "begins and commits"),
        ("create table a (x int);\ncopy a from stdin;\n1\n2\n\\.\n", 2, "COPY FROM STDIN"),
        ("-- é\n/* ü */ COPY public.a (x)\n  FROM STDIN (format csv);\nit's\n", 2, "COPY FROM"),
        ("copy a from stdin", 1, "COPY FROM STDIN"),
        ("copy (select 1) to stdout;", 1, "COPY TO STDOUT"),
        ("select 1 \\gset", 1, "backslash"),
        ("select 'é';\n\\copy a from 'b'", 2, "backslash"),
        ("select :'name'", 1, "variable of psql"),
        ("insert into a values (:value);", 1, "variable of psql"),
        ("select 'é';\n\ncreate tabel a ();", 3, 'at or near "tabel"'),
        ("create table a (\n  x int,\n)", 3, "syntax error"),
        ("select 1 from", 1, "end of input"),
        ("select 1;\nselect 1\0 where false", 2, "NUL"),
        ("select 1;\nvacuum full a;", 2, "VACUUM cannot run"),
        ("create database b;", 1, "CREATE DATABASE cannot"),
        ("alter system set work_mem = '1GB'", 1, "ALTER SYSTEM cannot"),
        ("create index concurrently on a (x)", 1, "CREATE INDEX CONCURRENTLY cannot"),
        ("\ncreate unique index -- c\n concurrently if not exists s on a.b (x)", 2, "CONCURRENTLY"),
        ("drop index concurrently if exists a.b", 1, "DROP INDEX CONCURRENTLY cannot"),
        ("reindex table concurrently a", 1, "REINDEX CONCURRENTLY cannot"),
        ("reindex (verbose, concurrently) index a", 1, "REINDEX CONCURRENTLY cannot"),
        ("alter table a detach partition b concurrently", 1, "DETACH PARTITION CONCURRENTLY"),
        ("select 1;\n-- gonogo: no-transactions", 2, "is no marker"),
        ("--gonogo:require", 1, "needs one query"),
        ("-- gonogo: require delete from a", 1, "needs one query"),
        ("-- gonogo: require select 1; select 2", 1, "needs one query"),
        ("-- gonogo: require select 1 into b", 1, "needs one query"),
    ],
)
def test_what_cannot_be_run_is_refused_with_its_line(sql: str, line: int, words: str) -> None:
    """Open quotes, psql's commands and transaction control are errors before anything runs."""
    with pytest.raises(MigrationError, match=words) as caught:
        parse(sql, "038_x.sql")
    assert (caught.value.file, caught.value.line) == ("038_x.sql", line)
