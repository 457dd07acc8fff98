"""A schema's dump is stripped of what does not tell about the schema."""

from __future__ import annotations

from gonogo.rollout.backup import fingerprint


def test_random_tokens_and_headers_do_not_count() -> None:
    """Two dumps of one schema differ in their tokens and versions only."""
    dump = (
        "--\n-- PostgreSQL database dump\n--\n\n\\restrict {}\nCREATE TABLE t ();\n\\unrestrict {}"
    )
    one, other = (fingerprint.normalised(dump.format(token, token)) for token in ("aB1", "xY2"))
    assert list(one) == list(other) == ["CREATE TABLE t ();"]


def test_a_condition_counts_by_its_labels() -> None:
    """Casts move with each dump and restore; the labels stay."""
    one = "CHECK (((r)::text = ANY ((ARRAY['a'::character varying])::text[])))"
    other = "CHECK (((r)::text = ANY (ARRAY[('a'::character varying)::text])))"
    changed = "CHECK (((r)::text = ANY (ARRAY[('b'::character varying)::text])))"
    lines = [next(iter(fingerprint.normalised(line))) for line in (one, other, changed)]
    assert lines[0] == lines[1] != lines[2]
