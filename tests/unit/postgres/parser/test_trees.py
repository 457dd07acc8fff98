"""Trees of any depth."""

from __future__ import annotations

import pytest

from gonogo.errors import MigrationError
from gonogo.postgres import sqlfile
from gonogo.postgres.parser.questions import Rows, tables_read
from gonogo.postgres.parser.wording import statements
from gonogo.postgres.sqlfile import Statement

TERMS = 3_000
DEEP = {
    "a text of many parts": "select " + " || ".join(["name"] * TERMS) + " from users",
    "a seed of many rows": "insert into codes " + " union all ".join(["select 1"] * TERMS),
    "a formula of many calls": "select " + "abs(" * 300 + "1" + ")" * 300,
    "a case within a case": "select " + "case when a then 1 else " * 300 + "2" + " end" * 300,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=list(DEEP))
def test_what_the_server_takes_is_read_however_deep_it_nests(text: str) -> None:
    """A statement of thousands of terms is read, and its effects are known."""
    (statement,) = sqlfile.parse(f"{text};\n", "047_deep.sql").inside
    Rows().after(statement)
    assert statement.text == text


def test_the_tables_of_a_deep_query_are_known() -> None:
    """Walking a deep tree takes no stack."""
    assert tables_read(Statement(DEEP["a text of many parts"], 1)) == (("", "users"),)


def test_a_deep_statement_of_a_dump_is_worded_like_any_other() -> None:
    """Its places in the text do not tell it from the same statement elsewhere."""
    terms = "||".join(["name"] * TERMS)
    view = f"create view v as select {terms} from users where name = any (ARRAY['a', 'b']);\n"
    assert statements(view) == statements(f"\n{view.replace('||', ' || ')}")


def test_what_nests_deeper_than_the_parser_reads_is_refused() -> None:
    """The refusal names the file and the line; the parser's own stack does not overflow."""
    text = "\nselect " + "||".join(["'a'"] * 70_000) + ";\n"
    with pytest.raises(MigrationError, match=r"047_deep\.sql:2: .*: it nests too deep"):
        sqlfile.parse(text, "047_deep.sql")
