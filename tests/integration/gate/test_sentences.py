"""Sentences are for people alone: nothing that gonogo decides or keeps hangs on their words."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from gate_process import GateOutcome, Soaked, make_checkout, run_gate
from gonogo.model.measurement import format_moment
from gonogo.postgres import session
from gonogo.sandbox.incidents import inject, load_incidents

# Put before the checkout's own conftest.py: every word of every sentence turned round.
OTHER_WORDS = """
from dataclasses import replace
from gonogo.report import english, sentences

def turned(text):
    return " ".join(word if "{" in word else word[::-1] for word in text.split(" "))

for templates in (sentences.REMARKS, sentences.TALLY):
    templates.update({code: turned(text) for code, text in templates.items()})
for looks in (sentences.VERDICTS, sentences.OUTCOMES):
    for key, look in looks.items():
        looks[key] = replace(look, word=turned(look.word), meaning=turned(look.meaning))
as_before = english.template_of
english.template_of = lambda *asked: turned(as_before(*asked))
"""
# What differs between any two runs.
MOMENTS = ("started_at", "finished_at", "previous", "gates", "renderer_sha256", "reproduce", "name")


def both(tmp_path: Path, conninfo: str, *options: str) -> tuple[GateOutcome, GateOutcome]:
    """The same gate in gonogo's words, and in others, each in an archive of its own."""
    plain, turned = (make_checkout(tmp_path / name) for name in ("plain", "turned"))
    conftest = turned / "conftest.py"
    conftest.write_text(OTHER_WORDS + conftest.read_text("utf-8"), "utf-8")
    summaries = [{"GITHUB_STEP_SUMMARY": str(root / "summary.md")} for root in (plain, turned)]
    first = run_gate(plain, conninfo, *options, **summaries[0])
    return first, run_gate(turned, conninfo, *options, **summaries[1])


def kept(outcome: GateOutcome) -> dict[str, Any]:
    """What a record holds, but for what differs between any two runs, and the checklist's prose."""
    document = {k: v for k, v in outcome.document.items() if k not in {*MOMENTS, "sign"}}
    # The words are turned by a conftest.py, which is hashed with all that judges.
    document["provenance"]["subject"]["criteria_sha256"] = ""
    document["provenance"]["taken_at"] = ""
    document["provenance"]["database"]["snapshot"] = ""
    for phase in document["checklist"]:
        for item in phase["items"]:
            del item["evidence"]
    soak = document["soak"]
    return document | {"soak": soak and {**soak, "marks": [m["state"] for m in soak["marks"]]}}


def properties(directory: Path) -> list[tuple[str, str, str]]:
    """What junit.xml says of each check, but for its sentence."""
    cases = ET.parse(directory / "junit.xml").iter("testcase")
    return [
        (case.get("name", ""), one.get("name", ""), one.get("value", ""))
        for case in cases
        for one in case.iter("property")
        if one.get("name") != "reason"
    ]


def test_other_words_change_nothing_but_text(tmp_path: Path, soaked: Soaked) -> None:
    """Verdict, exit code, record, checklist and JUnit's figures are the same; the prose differs."""
    with session.connect(soaked.conninfo) as connection:
        injected = inject(connection, load_incidents()["calendar-down"], soaked.end)
    as_of = f"--as-of={format_moment(injected.as_of)}"
    options = ("--environment=staging", "--without=endpoints", as_of, "--figures")
    plain, turned = both(tmp_path, soaked.conninfo, *options)
    assert plain.code == turned.code != 0
    assert kept(plain) == kept(turned)
    assert properties(plain.records[-1]) == properties(turned.records[-1])
    for name in ("record.html", "evidence.html", "junit.xml"):
        pages = [(one.records[-1] / name).read_text("utf-8") for one in (plain, turned)]
        assert ["tsal" in page for page in pages] == [False, True], name
    summaries = [one.records[-1].parents[3] / "summary.md" for one in (plain, turned)]
    assert ["tsal" in one.read_text("utf-8") for one in summaries] == [False, True]
    assert ["tsal" in one.output for one in (plain, turned)] == [False, True]
