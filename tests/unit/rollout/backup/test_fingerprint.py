"""A schema's dump is stripped of what does not tell about the schema."""

from __future__ import annotations

import pytest

from gonogo.rollout.backup.fingerprint import described

DUMP = """--
-- PostgreSQL database dump
--

\\restrict {token}

SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);

--
-- Name: t; Type: TABLE; Schema: public; Owner: {owner}
--

CREATE TABLE public.t ();

\\unrestrict {token}
"""
CHECK = "ALTER TABLE t ADD CHECK ({});"


def words(condition: str) -> list[str]:
    """A constraint, as it counts."""
    return list(described(CHECK.format(condition)))


def test_random_tokens_and_headers_do_not_count() -> None:
    """Two dumps of one schema differ in their tokens only."""
    one, other = (described(DUMP.format(token=token, owner=token)) for token in ("aB1", "xY2"))
    assert list(one) == list(other) == ["CREATE TABLE public.t ()"]


def test_a_cast_of_an_array_is_that_of_its_elements() -> None:
    """A dump and restore words it so; the labels still count."""
    one = words("(r)::text = ANY ((ARRAY['a'::character varying])::text[])")
    assert one == words("(r)::text = ANY (ARRAY[('a'::character varying)::text])")
    assert one != words("(r)::text = ANY (ARRAY[('b'::character varying)::text])")


def test_the_name_of_a_not_null_does_not_count() -> None:
    """A restore names it otherwise where a former partition has the name."""
    named = 'CREATE TABLE t (a int CONSTRAINT "t ""a" NOT NULL, b int CONSTRAINT n NOT NULL)'
    plain = "CREATE TABLE t (a int NOT NULL, b int NOT NULL)"
    assert list(described(named)) == list(described(plain)) != list(described("CREATE TABLE t ()"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(a OR b) AND c", "a OR (b AND c)"),
        ("(ARRAY['1'])::text[] = x", "(ARRAY['1'])::integer[] = x"),
        ("(ARRAY[]::text[] = x)", "(ARRAY[]::integer[] = x)"),
        ("(x)::text > '5'::text", "x > '5'::text"),
        ("(ARRAY['a'] = x) AND (b OR c)", "(ARRAY['a'] = x AND b) OR c"),
    ],
)
def test_what_is_read_otherwise_counts(one: str, other: str) -> None:
    """Parentheses, casts and the type of an empty array are part of a condition."""
    assert words(one) != words(other)


def test_what_the_parser_cannot_read_counts_as_it_is() -> None:
    """A newer server's words, too, distinguish one schema from another."""
    assert list(described("CREATE WONDER a ARRAY['x'];")) != list(
        described("CREATE WONDER a ARRAY['y'];")
    )
    assert list(described("CREATE TABLE 'open")) == ["CREATE TABLE 'open"]


def test_where_a_relation_lies_counts_with_it() -> None:
    """A dump says it above, once for all that follow."""
    place = "SET default_tablespace = {};\nCREATE TABLE t ();\nCREATE FUNCTION f();"
    assert list(described(place.format("fast"))) == [
        "CREATE TABLE t () fast",
        "CREATE FUNCTION f()",
    ]
    assert next(described(place.format("''"))) == "CREATE TABLE t ()"


def test_what_the_gates_role_is_granted_does_not_count() -> None:
    """A deployment gives it what it needs, and that may stay."""
    grants = (
        'GRANT SELECT(a) ON TABLE t TO gate;\nGRANT SELECT ON TABLE t TO "gate";\nGRANT x TO b;'
    )
    assert list(described(grants, "gate")) == ["GRANT x TO b"]
    assert len(list(described(grants))) == 3
