"""Trees of any depth."""

from __future__ import annotations

import ctypes
import os
import signal
import warnings

import pytest

from gonogo.errors import MigrationError
from gonogo.postgres import sqlfile
from gonogo.postgres.parser import trees
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
    """Its places in the text do not make it another statement."""
    terms = "||".join(["name"] * TERMS)
    view = f"create view v as select {terms} from users where name = any (ARRAY['a', 'b']);\n"
    assert statements(view) == statements(f"\n{view.replace('||', ' || ')}")


def test_what_nests_deeper_than_the_parser_reads_is_refused() -> None:
    """The refusal names the file and the line; the parser's own stack does not overflow."""
    text = "\nselect " + "||".join(["'a'"] * 50_000) + ";\n"
    with pytest.raises(MigrationError, match=r"047_deep\.sql:2: .*: it nests too deep"):
        sqlfile.parse(text, "047_deep.sql")


def test_reading_takes_no_key_of_the_process() -> None:
    """Each thread that parses keeps one of the 1,024 keys that passwords need too."""
    trees.parse("select 1")
    before = _next_key()
    for _ in range(20):
        trees.parse("select 1")
    assert _next_key() == before


def test_a_fork_reads_too() -> None:
    """It has none of its parent's threads, and starts one of its own."""
    trees.parse("select 1")
    with warnings.catch_warnings():
        # Threads of the test's own runner have no part in what the child does.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(10)
        trees.parse("select 1")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def _next_key() -> int:
    """The number of the key that the C library hands out next; it is given back."""
    key = ctypes.c_uint()
    library = ctypes.CDLL(None)
    assert library.pthread_key_create(ctypes.byref(key), None) == 0
    library.pthread_key_delete(key)
    return key.value
