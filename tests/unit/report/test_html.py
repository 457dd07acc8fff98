"""The page of a record: complete, stable, and deaf to whatever the data holds."""

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from importlib.resources import files
from importlib.util import cache_from_source
from itertools import pairwise
from pathlib import Path

import jinja2
import pytest

from gonogo.errors import RecordError, UsageError
from gonogo.model.finding import VerdictReason
from gonogo.model.kinds import (
    Environment,
    ItemState,
    Kind,
    OutageKind,
    Outcome,
    Role,
    State,
    VerdictKind,
    Why,
)
from gonogo.model.limit import Json
from gonogo.model.measurement import Measurement
from gonogo.model.record import ItemEntry, PhaseEntry, Record
from gonogo.model.step import Migrated, Outage
from gonogo.record.canonical import parsed_record, written
from gonogo.report import html as renderer
from gonogo.report.answers import answers, top_errors
from gonogo.report.html import render, renderer_sha256
from gonogo.report.page import facts
from record_examples import (
    EXAMPLES,
    START,
    change,
    checklist,
    deployment,
    entry,
    provenance,
    rollback,
)

ATTACKS = {
    "script": "<script>alert(1)</script>",
    "handler": '"><img src=x onerror=alert(1)>',
    "attribute": "' onmouseover='alert(1)",
    "style": "</style><style>@import url(https://evil.example/x)</style>",
    "template": "{{ 7 * 7 }}{% include 'record.css' %}",
    "comment": "--><svg onload=alert(1)>",
    "entity": "&lt;b&gt; &amp;",
    "nul": "before\x00after\x1b[31m",
    "right-to-left": "\u202egnp.exe\u2066\u200f",
    "surrogate": "bad \udc80 bytes",
    "lines": "one\ntwo\r\nthree\u2028four",
    "long": "x" * 1_000_000,
}


class Page(HTMLParser):
    """What a browser would see: elements, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.rows: list[str] = []
        self._skipped = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element and its attributes."""
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "style":
            self._skipped = tag
        if tag == "tr":
            self.rows.append("")
        if tag in {"td", "th"}:
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        """Leave the style sheet."""
        if tag == self._skipped:
            self._skipped = ""

    def handle_data(self, data: str) -> None:
        """Note the text, also by table row."""
        if self._skipped:
            return
        self.text += data
        if self.rows:
            self.rows[-1] += data


def place(html: str, metric: str) -> str:
    """The one place of a metric: its card, or its row with what it consists of."""
    start = html.index(f'id="{metric}"')
    ends = (html.find(end, start) for end in ("</article>", '<tr role="row" id="', "</tbody>"))
    return html[html.rindex("<", 0, start) : min(end for end in ends if end >= 0)]


def header(kind: Kind) -> Record:
    """What is known of a run at its beginning."""
    return Record(kind=kind, title="A run", environment=Environment.STAGING, started_at=START)


def item(state: str) -> ItemEntry:
    """An item of the checklist."""
    told = ItemState(state)
    return ItemEntry(id="a.b", text="It", how="proved", state=told, evidence="", is_own=False)


def test_the_same_document_renders_to_the_same_bytes(document: Record, templates_dir: Path) -> None:
    """Also when it was written and read in between."""
    read = parsed_record(written(document), Path("a/record.json"))
    assert render(read, templates_dir) == render(
        parsed_record(written(read), Path("a/record.json")), templates_dir
    )


def test_the_page_needs_no_script_and_no_network(document: Record, templates_dir: Path) -> None:
    """No script, no handler, no inline style, no address but files beside it."""
    html = render(document, templates_dir)
    page = Page(html)
    assert not {"script", "img", "iframe", "link", "object", "base"} & set(page.elements)
    names = {name for name, _ in page.attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]
    targets = [value for name, value in page.attributes if name in {"href", "src", "action"}]
    beside = r"#[a-z0-9._-]+|(record\.json|junit\.xml|(evidence|signatures|incident-report)\.html)"
    others = r"\.\./\.\./index\.html|\.\./[0-9TZ]+_[A-Z-]+/record\.html"
    assert [one for one in targets if not re.fullmatch(f"{beside}|{others}", one)] == []
    # What a record tells may name an address; markup and style may not.
    (style,) = re.findall(r"<style.*?</style>", html, re.DOTALL)
    markup = "".join(re.findall(r"<[^>]*>", html))
    assert "://" not in (style + markup).replace("http://www.w3.org/2000/svg", "")


def test_the_policy_allows_the_pages_own_style_only(go: Record, templates_dir: Path) -> None:
    """Nothing else is loaded or run, whatever found its way into the page."""
    html = render(go, templates_dir)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    assert policy[1].startswith("default-src &#39;none&#39;; style-src &#39;sha256-")
    assert "unsafe" not in policy[1]
    assert html.count("<style>") == 1


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_hostile_text_stays_text(
    name: str, hostile: Callable[[str], Record], templates_dir: Path
) -> None:
    """Planted everywhere, it adds no element, no attribute and no unseen character."""
    html = render(hostile(ATTACKS[name]), templates_dir)
    page, harmless = Page(html), Page(render(hostile("harmless"), templates_dir))
    assert page.elements == harmless.elements
    assert [name for name, _ in page.attributes] == [name for name, _ in harmless.attributes]
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", html
    )
    assert len(html.encode()) < 1_000_000


def test_hostile_text_can_be_read(hostile: Callable[[str], Record], templates_dir: Path) -> None:
    """What cannot be seen is spelt out; markup stands as it was written."""
    page = Page(render(hostile("<b>\x00\u202e\udc80\n</b>"), templates_dir))
    assert "<b>\\x00\\u202e\\udc80\\n</b>" in page.text


def test_a_long_message_is_cut_and_says_so(go: Record, templates_dir: Path) -> None:
    """200 characters are shown, and how many there were."""
    long = replace(go.measurements["errors.sync"], breakdown={"é" * 1_000_000: 2})
    html = render(go.having(measurements={**go.measurements, "errors.sync": long}), templates_dir)
    assert "é" * 200 + "… (1,000,000 characters)" in html
    assert len(html) < 200_000


def test_every_metric_has_one_place_with_all_of_its_answers(
    document: Record, templates_dir: Path
) -> None:
    """Its title stands there once, with value, levels and outcome; what is not met says why."""
    html = render(document, templates_dir)
    places = {name: place(html, name) for name in {one.metric for one in answers(document)}}
    for answer in answers(document):
        text = Page(places[answer.metric]).text
        assert answer.title in text
        assert answer.reason in text or answer.outcome is Outcome.MET
        assert all(bound in text for bound in re.findall(r"([\d.]+) %", answer.limit))
    for name, one in places.items():
        assert html.count(f'id="{name}"') == 1
        assert one.count('<svg class="scale"') <= 1
        outcomes = {answer.outcome for answer in answers(document) if answer.metric == name}
        assert ("badge good" in one) or outcomes != {Outcome.MET}


def test_every_step_has_its_row(document: Record, templates_dir: Path) -> None:
    """Title, time, what it proved or why it failed."""
    page = Page(render(document, templates_dir))
    for step in document.steps:
        wanted = [step.title, step.name, f"{step.started_at:%H:%M:%S}", step.proved]
        wanted += (step.error or "").splitlines()
        assert any(all(part in row for part in wanted) for row in page.rows), step.name


def test_everything_else_of_the_document_is_on_the_page(go: Record, templates_dir: Path) -> None:
    """The hours of rates that decide, integrations, breakdowns, notes, errors, facts, score."""
    page = Page(render(go, templates_dir))
    text = page.text
    deciding = {one.metric for one in go.findings if one.interval and one.role is Role.CRITERION}
    for name, measurement in go.measurements.items():
        hours = [hour.count for hour in measurement.hourly if name in deciding]
        for count in [*hours, *measurement.by_part.values()]:
            assert f"{count.k:,} of {count.n:,}" in text
        for part, number in measurement.breakdown.items():
            assert any(part in row and f"{number:,}" in row for row in page.rows)
        assert all(note.detail in text for note in measurement.notes)
    assert all(error.message in text for error in top_errors(go))
    assert all(name + value in text for name, value in facts(go))
    assert go.score
    assert all(part.name in text for part in go.score.parts)
    assert go.reproduce in text


@pytest.mark.parametrize(("unit", "told"), [("", ""), ("h", " s"), ("ms", " ms")])
def test_a_breakdown_tells_the_unit_of_its_own_figures(
    unit: str, told: str, go: Record, templates_dir: Path
) -> None:
    """Parts of a share are counts; lengths of time are seconds, whatever their limit says."""
    of_it = go.having(
        findings=(),
        metrics={"a": entry("a", "Of something", unit=unit)},
        measurements={"a": Measurement("a", breakdown={"part": 7})},
    )
    rows = Page(render(of_it, templates_dir)).rows
    assert any("part" in row and f"7{told}" in row for row in rows)


@pytest.mark.parametrize("label", ["HOLD"], indirect=True)
def test_checks_without_an_answer_are_named(document: Record, templates_dir: Path) -> None:
    """A check that was expected and did not run is not passed over."""
    text = Page(render(document, templates_dir)).text
    assert "Expected checks that gave no answer" in text
    assert "1 of 11 checks" in text
    assert document.verdict
    assert document.verdict.not_run[0] in text


def test_the_verdict_is_the_first_heading(
    document: Record, label: str, templates_dir: Path
) -> None:
    """One h1, with the word in it; headings never skip a level."""
    html = render(document, templates_dir)
    first = re.search(r"<h1>(.*?)</h1>", html, re.DOTALL)
    assert first
    word = "GO" if label == "SUMMARY" else label
    assert word.replace("-FAILED", " FAILED").replace("D-B", "D B") in first[1]
    levels = [int(level) for level in re.findall(r"<h(\d)", html)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_what_is_open_in_the_checklist_is_told_before_the_tables(
    go: Record, templates_dir: Path
) -> None:
    """By phase, with what is not settled; not the phases that are, nor what is not due."""
    states = {"Settled": ("proved", "attested"), "Late": ("open", "failed"), "Far": ("not due",)}
    phases = tuple(
        PhaseEntry(phase=title, title=title, items=tuple(map(item, told)))
        for title, told in states.items()
    )
    html = render(go.having(checklist=phases), templates_dir)
    first, _, rest = html.partition('id="deciding"')
    assert "Late: 2 of 2" in first
    assert "Settled" not in first
    assert "Far" not in first
    assert "Settled" in rest


def test_the_evidence_of_an_item_is_told_whole(go: Record, templates_dir: Path) -> None:
    """However long the sentence is that several steps add up to."""
    evidence = "npm test ended with 0; " * 30
    assert evidence in render(go.having(checklist=checklist("Code", evidence)), templates_dir)


def test_a_rollout_that_was_killed_does_not_say_that_nothing_was_begun(templates_dir: Path) -> None:
    """Nobody could write down how far it came, and the page says who knows."""
    killed = header(Kind.DEPLOYMENT)
    text = Page(render(killed, templates_dir)).text
    assert "No step was begun" not in text
    assert "gonogo status shows it" in text
    whole = killed.having(state=State.COMPLETE)
    assert "No step was begun" in Page(render(whole, templates_dir)).text


def test_a_rehearsal_says_so_first(go: Record, templates_dir: Path) -> None:
    """The first words of the page."""
    text = Page(render(go.having(simulated=True), templates_dir)).text
    assert text.partition("UTC")[2].strip().startswith("Simulated")


@pytest.mark.parametrize(("age_s", "times"), [(900, 0), (960, 1)])
def test_a_stale_record_says_so_first(
    age_s: int, times: int, go: Record, templates_dir: Path
) -> None:
    """More than 15 min between the window's end and the measuring are named with their length."""
    assert go.window
    late = provenance(taken_at=go.window.end + timedelta(seconds=age_s))
    text = Page(render(go.having(provenance=late), templates_dir)).text
    notice = "As of 23 Nov 2026, 14:15:00 UTC, 16 min before it was measured"
    assert text.count(notice) == times


@pytest.mark.parametrize("state", ["running", "aborted"])
def test_a_run_that_never_finished_reads_aborted(state: str, templates_dir: Path) -> None:
    """From nothing but its header, with every expected check named as open."""
    ended = header(Kind.GATE).having(state=State(state), expected=("criterion:a", "alert:b"))
    text = Page(render(ended, templates_dir)).text
    assert "ABORTED" in text
    assert "2 of 2 checks" in text
    assert "alert:b" in text


def test_an_interrupted_gate_keeps_its_verdict_and_says_aborted(
    go: Record, templates_dir: Path
) -> None:
    """Who reads the verdict reads that the run did not get to its end."""
    assert go.verdict
    held = replace(go.verdict, kind=VerdictKind.HOLD)
    text = Page(render(go.having(state=State.ABORTED, verdict=held), templates_dir)).text
    assert text.index("Aborted:") < text.index("HOLD", text.index("Aborted:"))


def test_tables_tell_what_their_cells_are(document: Record, templates_dir: Path) -> None:
    """Each has a caption, and each head cell a scope."""
    html = render(document, templates_dir)
    tables = re.findall(r"<table.*?</table>", html, re.DOTALL)
    assert tables
    assert all("<caption" in table for table in tables)
    assert all("scope=" in cell for cell in re.findall(r"<th[ >][^>]*>?", html))


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.SUMMARY])
def test_a_record_that_holds_nearly_nothing_is_rendered(kind: Kind, templates_dir: Path) -> None:
    """Whatever a killed run left can be read."""
    assert "<h1>" in render(header(kind), templates_dir)


def test_a_template_that_does_not_work_is_told_in_one_line(go: Record, tmp_path: Path) -> None:
    """A misspelt name in a template is an error, never an empty place."""
    (tmp_path / "gate.html.jinja").write_text("{{ record.verdit }}")
    with pytest.raises(UsageError, match="verdit") as refused:
        render(go, tmp_path)
    assert "delete it from" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"{% if %}\xff", b"\xff", None], ids=["jinja", "bytes", "dir"])
@pytest.mark.parametrize("name", ["record.css", "gate.html.jinja"])
def test_a_template_that_cannot_be_read_is_named(
    name: str, content: bytes | None, go: Record, tmp_path: Path
) -> None:
    """Whatever lies in the place of a template or of the style sheet."""
    if content is None:
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=f"the template {name} does not work"):
        render(go, tmp_path)


def test_a_template_that_fails_on_the_figures_is_named(go: Record, tmp_path: Path) -> None:
    """The document is the first to look at, and the team's own template the second."""
    (tmp_path / "gate.html.jinja").write_text("{{ record.title + 1 }}")
    with pytest.raises(RecordError, match=r"and at your own gate\.html\.jinja"):
        render(go, tmp_path)


def test_a_teams_own_template_wins(go: Record, tmp_path: Path) -> None:
    """It extends gonogo's own and includes the team's others, by name."""
    (tmp_path / "ours.jinja").write_text("ours")
    (tmp_path / "gate.html.jinja").write_text(
        "{% extends 'base.html.jinja' %}{% block body %}{% include 'ours.jinja' %}{% endblock %}"
    )
    (tmp_path / "record.css").write_text("body { color: #123456 }")
    html = render(go, tmp_path)
    assert "ours" in html
    assert "#123456" in html
    assert "</html>" in html


@pytest.mark.parametrize(
    ("name", "changes"), [("record.css", True), ("more.jinja", True), ("README.md", False)]
)
def test_the_renderers_hash_changes_with_a_template(
    name: str, *, changes: bool, templates_dir: Path, tmp_path: Path
) -> None:
    """So that verification knows whether a page can be rendered again."""
    before = renderer_sha256(tmp_path)
    assert before == renderer_sha256(templates_dir)
    (tmp_path / name).write_text("body {}")
    assert (renderer_sha256(tmp_path) != before) is changes


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_contrasts_with_its_ground(scheme: int) -> None:
    """WCAG AA: at least 4.5 to 1, on the page and on each badge."""
    css = (files("gonogo.report") / "templates" / "record.css").read_text()
    roots = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", roots[scheme]))
    grounds = {"paper", "panel"}
    pairs = {(ink, ground) for ink in ("ink", "quiet", "link") for ground in grounds}
    tones = ("good", "open", "warn", "bad", "worst")
    pairs |= {(tone, f"{tone}-soft") for tone in tones} | {(tone, "paper") for tone in tones[:-1]}
    pairs |= {("ink", "open-soft")}
    for ink, ground in pairs:
        light, dark = sorted((_luminance(colours[ink]), _luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)


@pytest.mark.parametrize("label", ["NO-GO"], indirect=True)
def test_what_is_not_met_comes_first(document: Record, templates_dir: Path) -> None:
    """A card a metric, the worst first; what is calm stands below, and nothing is said twice."""
    assert document.verdict
    itself = VerdictReason(Why.UNEXPLAINED, "the run itself")
    warned = replace(document.verdict, warnings=(*document.verdict.warnings, itself))
    turned = document.having(findings=document.findings[::-1], verdict=warned)
    html = render(turned, templates_dir)
    cards = [html.index(f'class="card {tone}"') for tone in ("bad", "warn", "good")]
    assert cards == sorted(cards)
    warnings = html[html.index("Warnings, which") : html.index('id="deciding"')]
    assert "the run itself failed" in warnings
    assert "token.invalid_users" not in warnings


def test_the_evidence_of_a_step_is_tables(templates_dir: Path) -> None:
    """A page shows no language's own spelling of lists and mappings."""
    (step, *_) = deployment().steps
    evidence: dict[str, Json] = {
        "rows": {"users": 3},
        "tables": ["a", "b"],
        "answers": [{"name": "health", "ok": True}, {"name": "<b>", "ok": None}],
        "none": [],
    }
    page = Page(
        render(deployment().having(steps=(replace(step, evidence=evidence),)), templates_dir)
    )
    flat = [" ".join(row.split()) for row in page.rows]
    assert {"users 3", "name ok", "health yes", "<b> -"} <= set(flat)
    assert not re.search(r"[{}\[\]]", page.text.split("Evidence")[1].split("Checklist")[0])


def test_ten_thousand_kinds_of_error_make_no_large_page(go: Record, templates_dir: Path) -> None:
    """The most frequent are shown, and how many there are besides."""
    kinds = {f"error number {number}: {'x' * 150}": number + 1 for number in range(10_000)}
    many = replace(go.measurements["errors.sync"], breakdown=kinds)
    parts = replace(go.measurements["sync.success_rate"], breakdown=kinds)
    measured = {**go.measurements, "errors.sync": many, "sync.success_rate": parts}
    html = render(go.having(measurements=measured), templates_dir)
    assert len(html.encode()) < 300_000
    text = Page(html).text
    assert "error number 9999:" in text
    assert "9,950 more" in text


def test_the_first_screen_says_what_is_approved_and_how_it_is_signed(
    go: Record, templates_dir: Path
) -> None:
    """Revisions, commits and how many more, migrations with locks, deployer, CI, the command."""
    name = "20261123T141500Z_GO"
    sign = f"gonogo sign_off {name} --decision go --by NAME"
    closed = go.having(name=name, sign=sign, ci_run="https://ci.example/runs/7")
    html = render(closed, templates_dir)
    first = Page(html[: html.index('id="deciding"')])
    text = " ".join(first.text.split())
    for said in (
        "Revision 77aa0123bc45 to→ 9f1c2ab4c1d0",
        "deployment 2, 21 Nov 2026, 14:15:00 UTC, by ada",
        "12 commits added, 1 commit taken back",
        "Renew webhooks in time 0000000, Ada",
        "9 more commits",
        "2 of them are in git alone",
        "Strongest lock: ACCESS EXCLUSIVE on users (no reading and no writing meanwhile)",
        "038_add_admin_role_support.sql ACCESS EXCLUSIVE on users",
        "039_create_token_health_table.sql locks not measured",
        "2 people must sign, not who deploys.",
        "Nobody had signed when this page was made",
        sign,
    ):
        assert said in text
    hrefs = [value for name, value in first.attributes if name == "href"]
    assert "https://ci.example/runs/7" in hrefs
    assert {
        "signatures.html",
        "../../index.html",
        "../20261121T141200Z_DEPLOYED/record.html",
    } <= set(hrefs)


@pytest.mark.parametrize(
    ("example", "heading", "said"),
    [
        ("GO", "What is approved", "2 people must sign"),
        ("HOLD", "What was judged", 'whoever signs "go" all the same must give a reason'),
        ("ROLLED-BACK", "What was taken back", "No signature is asked for."),
    ],
)
def test_the_first_screen_names_what_a_signature_is_worth(
    example: str, heading: str, said: str, templates_dir: Path
) -> None:
    """Only a GO asks for an approval."""
    closed = EXAMPLES[example]().having(name="20261123T141500Z_X", sign="gonogo sign_off X")
    page = Page(render(closed, templates_dir))
    assert heading in page.text
    assert said in page.text


def test_a_rollback_names_the_migrations_taken_back_and_left_in_place(
    templates_dir: Path,
) -> None:
    """The first three of each by name, the others folded; no lock, and the outage."""
    names = tuple(f"{number:03}_a.sql" for number in range(1, 6))
    back = tuple(Migrated(name, None) for name in names)
    record = rollback().having(change=change(migrations=back, stays=("006_adopted.sql",)))
    assert record.rollout
    outage = Outage(OutageKind.MEASURED, 1.3)
    record = record.having(rollout=record.rollout.model_copy(update={"outage": outage}))
    text = " ".join(Page(render(record, templates_dir)).text.split())
    assert "back 001_a.sql 002_a.sql 003_a.sql 2 more migrations 004_a.sql 005_a.sql" in text
    assert "1 migration left in place 006_adopted.sql" in text
    assert "locks not measured" not in text
    assert "1.3 s, from the first refused" in text


def test_the_first_screen_says_what_has_changed(go: Record, templates_dir: Path) -> None:
    """Verdict, score and each rate beside the last look's and the last GO's, with its way."""
    page = Page(render(go, templates_dir))
    rows = [" ".join(row.split()) for row in page.rows]
    assert "Figure Last look Last GO Now" in rows
    assert "Verdict HOLD GO GO" in rows
    assert "Health score 96.1 ↑up since 97.3 =the same since 97.3" in rows
    assert any(
        row.startswith("Sync success rate 93.0 % ↑up since 96.8 % ↓down since 96.7 %")
        for row in rows
    )


def test_without_an_earlier_look_or_a_change_the_page_says_so(
    go: Record, templates_dir: Path
) -> None:
    """Neither is left empty."""
    bare = go.having(change=None, last_look=None, last_go=None)
    text = Page(render(bare, templates_dir)).text
    assert "Nothing says what is deployed" in text
    assert "This is the first look" in text


def test_a_template_is_compiled_once_and_kept_beside_compiled_modules(
    tmp_path: Path, go: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run loads it as Python loads its own modules; an environment is one run's."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    Path(cache_from_source(renderer.__file__)).parent.mkdir(parents=True)
    page = render(go, tmp_path / "one run")
    monkeypatch.delattr(jinja2.Environment, "compile")
    assert render(go, tmp_path / "the next") == page
