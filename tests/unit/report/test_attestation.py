"""The attestation beside a gate's record, held against what in-toto and SLSA publish."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gonogo.model.finding import Verdict, VerdictReason
from gonogo.model.kinds import VerdictKind, Why
from gonogo.model.record import Record
from gonogo.record.canonical import written
from gonogo.report.html import attestation
from record_examples import IDENTITY, SUBJECT, gate, provenance
from record_schema import SUMMARY_FILE, statement_faults

COMMIT = "9f1c2ab4c1d05e6f7a8b9c0d1e2f3a4b5c6d7e8f"
MIGRATIONS = {"039_b.sql": "7d" * 32, "038_a.sql": "6c" * 32}


def judged(revision: str = COMMIT, **changes: Any) -> Record:
    """A GO record whose subject has hashes."""
    known = {"revision": revision, "migrations": MIGRATIONS, **changes.pop("subject", {})}
    subject = SUBJECT.model_copy(update=known)
    return gate(provenance=provenance(subject=subject), **changes)


def said(record: Record) -> dict[str, Any]:
    """What its attestation says, which is as the specifications ask for."""
    statement = attestation(record)
    assert statement is not None
    document: dict[str, Any] = json.loads(statement)
    assert statement_faults(document) == []
    return document


def test_the_schema_itself_refuses_what_the_specifications_refuse() -> None:
    """A judge that lets everything pass would prove nothing."""
    Draft202012Validator.check_schema(json.loads(SUMMARY_FILE.read_text(encoding="utf-8")))
    right = said(judged())
    for part, wrong in (
        ("_type", "https://in-toto.io/Statement/v0.1"),
        ("subject", []),
        ("subject", [{"name": "without a digest"}]),
        ("predicate", {}),
        ("predicate", {**right["predicate"], "verificationResult": "HOLD"}),
        ("predicate", {**right["predicate"], "verifiedLevels": ["SLSA_GONOGO"]}),
        ("predicate", {**right["predicate"], "verifiedLevels": ["FAILED"]}),
        ("predicate", {**right["predicate"], "policy": {"name": "no URI"}}),
        ("predicate", {**right["predicate"], "resourceUri": "not a URI"}),
        ("predicate", {**right["predicate"], "verdict": "no URI for a name"}),
    ):
        assert statement_faults({**right, part: wrong}), (part, wrong)


def test_a_go_says_of_what_by_what_and_when() -> None:
    """Subjects are the commit and each migration, the policy is the criteria file."""
    record = judged()
    document = said(record)
    assert document["subject"] == [
        {"name": "application", "digest": {"gitCommit": COMMIT}},
        {"name": "038_a.sql", "digest": {"sha256": "6c" * 32}},
        {"name": "039_b.sql", "digest": {"sha256": "7d" * 32}},
    ]
    predicate = document["predicate"]
    assert predicate["verificationResult"] == "PASSED"
    assert predicate["verifiedLevels"] == ["GONOGO_STAGING_GO"]
    assert predicate["urn:gonogo:verdict"] == "GO"
    assert predicate["verifier"] == {"id": "urn:gonogo:gate", "version": {"gonogo": "1.2.3"}}
    assert predicate["policy"] == {
        "uri": "urn:gonogo:criteria:staging",
        "digest": {"sha256": SUBJECT.criteria_sha256},
    }
    database = f"{IDENTITY.system_identifier}/{IDENTITY.database}"
    assert predicate["resourceUri"] == f"urn:gonogo:staging:{database}"
    assert record.window is not None
    assert datetime.fromisoformat(predicate["timeVerified"]) == record.window.end


def test_it_names_the_very_record() -> None:
    """Whoever signs the statement alone has signed the figures too."""
    record = judged()
    proof = said(record)["predicate"]["urn:gonogo:record"]
    assert proof == {
        "name": "record.json",
        "digest": {"sha256": sha256(written(record)).hexdigest()},
    }


@pytest.mark.parametrize("kind", [VerdictKind.NO_GO, VerdictKind.HOLD, VerdictKind.ROLLBACK])
def test_every_other_verdict_is_failed_and_named(kind: VerdictKind) -> None:
    """SLSA knows two results; the verdict stands beside them."""
    record = judged(verdict=Verdict(kind, (VerdictReason(Why.ABORTED),)))
    predicate = said(record)["predicate"]
    assert predicate["verificationResult"] == "FAILED"
    assert predicate["verifiedLevels"] == ["FAILED"]
    assert predicate["urn:gonogo:verdict"] == kind


@pytest.mark.parametrize(
    ("changes", "level", "place"),
    [
        ({"simulated": True}, "GONOGO_REHEARSAL_GO", "rehearsal"),
        ({"without": ("endpoints",)}, "GONOGO_STAGING_GO_WITHOUT_ENDPOINTS", "staging"),
    ],
    ids=["a rehearsal", "a group left out"],
)
def test_less_than_a_whole_gate_has_another_level(
    changes: dict[str, Any], level: str, place: str
) -> None:
    """Whoever asks for the level of a whole gate of staging does not get it from these."""
    predicate = said(judged(**changes))["predicate"]
    assert predicate["verifiedLevels"] == [level]
    assert predicate["resourceUri"].startswith(f"urn:gonogo:{place}:")


def test_a_revision_that_is_no_commit_is_no_subject() -> None:
    """A branch or a version can move: only what has a hash is attested."""
    subject = said(judged("release-7"))["subject"]
    assert [one["name"] for one in subject] == ["038_a.sql", "039_b.sql"]


@pytest.mark.parametrize(
    "record",
    [
        judged("release-7", subject={"migrations": {}}),
        judged(verdict=None),
        judged(window=None),
        gate(provenance=provenance(subject=None)),
        gate(provenance=None),
    ],
    ids=["nothing has a hash", "no verdict", "nothing measured", "no subject", "no database"],
)
def test_without_a_subject_or_a_verdict_there_is_none(record: Record) -> None:
    """A statement of nothing would be none that in-toto's tools read."""
    assert attestation(record) is None


def test_a_database_of_any_name_stands_in_a_uri() -> None:
    """Escaped as URIs are."""
    database = replace(IDENTITY, database='spaß "now"/100%')
    subject = SUBJECT.model_copy(update={"revision": COMMIT})
    uri = said(gate(provenance=provenance(subject=subject, database=database)))["predicate"]
    assert uri["resourceUri"].endswith("/spa%C3%9F%20%22now%22/100%25")
