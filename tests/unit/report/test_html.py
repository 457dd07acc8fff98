"""The page of a record: complete, stable, and deaf to whatever the data holds."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest

from gonogo.errors import RecordError, UsageError
from gonogo.model.finding import VerdictReason
from gonogo.model.kinds import Environment, ItemState, Kind, Outcome, Role, State, VerdictKind, Why
from gonogo.model.measurement import Measurement
from gonogo.model.record import ItemEntry, PhaseEntry, Record
from gonogo.record.canonical import parsed_record, written
from gonogo.report.answers import answers, top_errors
from gonogo.report.html import render, renderer_sha256
from gonogo.report.page import facts
from record_examples import START, checklist, deployment, entry, provenance

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
    beside = r"#[a-z-]+|record\.json|evidence\.html|junit\.xml|signatures\.html"
    assert all(re.fullmatch(beside, target) for target in targets)
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


def test_every_finding_has_its_row(document: Record, templates_dir: Path) -> None:
    """Title, metric, limit and outcome stand together; what is not met gives its reason."""
    page = Page(render(document, templates_dir))
    words = {
        "met": "Met",
        "failed": "Failed",
        "critical": "Critical",
        "warning": "Warning",
        "fired": "Fires",
        "inconclusive": "Inconclusive",
        "left_out": "Left out",
    }
    for answer in answers(document):
        calm = answer.outcome is Outcome.MET and answer.role is not Role.CRITERION
        word = "Quiet" if calm else words[answer.outcome]
        wanted = [answer.title, answer.metric, answer.limit, word]
        assert any(all(part in row for part in wanted) for row in page.rows), answer.id
        if answer.outcome is not Outcome.MET:
            assert answer.reason in page.text


def test_every_step_has_its_row(document: Record, templates_dir: Path) -> None:
    """Title, time, what it proved or why it failed."""
    page = Page(render(document, templates_dir))
    for step in document.steps:
        wanted = [step.title, step.name, f"{step.started_at:%H:%M:%S}", step.proved]
        wanted += (step.error or "").splitlines()
        assert any(all(part in row for part in wanted) for row in page.rows), step.name


def test_everything_else_of_the_document_is_on_the_page(go: Record, templates_dir: Path) -> None:
    """Hours, integrations, breakdowns, notes, errors, facts, score and command."""
    page = Page(render(go, templates_dir))
    text = page.text
    for measurement in go.measurements.values():
        hours = [hour.count for hour in measurement.hourly]
        for count in [*hours, *measurement.by_part.values()]:
            assert f"{count.k:,} of {count.n:,}" in text
        for name, number in measurement.breakdown.items():
            assert any(name in row and f"{number:,}" in row for row in page.rows)
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
    assert any("Of something: part" in row and f"7{told}" in row for row in rows)


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


def test_where_only_time_is_missing_the_page_says_so(go: Record, templates_dir: Path) -> None:
    """Nothing is wrong, and nothing is proved yet."""
    assert go.window
    short = replace(go.window, end=START + timedelta(hours=31))
    text = Page(render(go.having(window=short), templates_dir)).text
    assert "What is missing is time: 31 h of 48 h have passed" in text
    assert "Nothing: every check" not in text


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
    first, _, rest = html.partition('id="criteria"')
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
    """More than 15 min between the window's end and the measuring are told with their length."""
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
    assert all("<caption>" in table for table in tables)
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
    """In each table, and before everything else as a card that is not told twice."""
    assert document.verdict
    itself = VerdictReason(Why.UNEXPLAINED, "the run itself")
    warned = replace(document.verdict, warnings=(*document.verdict.warnings, itself))
    turned = document.having(findings=document.findings[::-1], verdict=warned)
    html = render(turned, templates_dir)
    criteria = html[html.index('id="criteria"') : html.index('id="alerts"')]
    assert criteria.index("badge bad") < criteria.index("badge good")
    assert html.index('class="card bad"') < html.index('class="card warn"')
    warnings = html[html.index("Warnings, which") : html.index('id="criteria"')]
    assert "the run itself failed" in warnings
    assert "token.invalid_users" not in warnings


def test_the_evidence_of_a_step_reads_in_words(templates_dir: Path) -> None:
    """A page shows no language's own spelling of lists and mappings."""
    (step, *_) = deployment().steps
    shown = replace(step, evidence={"rows": {"users": 3}, "tables": ["a", "b"]})
    page = render(deployment().having(steps=(shown,)), templates_dir)
    assert "<bdi>users: 3</bdi>" in page
    assert "<bdi>a, b</bdi>" in page
