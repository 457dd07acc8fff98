"""GitHub's step summary: Markdown from the record, escaped, bounded, and never in the way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from gonogo.model.finding import VerdictReason
from gonogo.model.kinds import Why
from gonogo.report.digest import CUT_OFF, MOST_BYTES, append_step_summary, markdown

Make = Callable[..., Any]
DIRECTORY = Path("/archive/staging/20261123T141500Z_GO")
READER = MarkdownIt("commonmark").enable("table")


def headings(text: str) -> list[str]:
    """The titles of its sections."""
    return [line for line in text.splitlines() if line.startswith("#")]


def test_it_tells_verdict_why_warnings_checks_and_what_was_not_run(
    record: Make, found: Make
) -> None:
    """Every part has its section; the record's path stands before them."""
    findings = [found("a.bad", "failed"), found("a.odd", "warning"), found("a.fine")]
    text = markdown(record("NO-GO", findings, not_run=["alert:a.b"]), DIRECTORY)
    assert headings(text) == [
        "## NO-GO: Staging gate, 48h",
        "### Why",
        "### Warnings",
        "### Checks",
        "### Not run",
    ]
    assert text.index(str(DIRECTORY / "record.html")) < text.index("### Why")
    assert "- **The a.bad**, failed: 97.0 % (97 of 100) is failed" in text
    assert "  - First: a.bad first" in text
    assert "| The a.fine | 97.0 % (97 of 100) | \\> 90 % | met |" in text
    assert "- `alert:a.b`" in text


def test_sections_without_content_are_left_out(record: Make, found: Make) -> None:
    """A GO has neither warnings nor checks that were not run."""
    text = markdown(record("GO", [found("a.fine")], [VerdictReason(Why.ALL_MET)]), DIRECTORY)
    assert headings(text)[1:] == ["### Why", "### Checks"]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=y>",
        "[click](https://evil.example)",
        "![x](https://evil.example/p.png)",
        "a | b | c",
        "line\n\n## NO-GO\n",
        "```\nx",
        "</td></table>",
    ],
)
def test_text_of_the_database_stays_text(record: Make, found: Make, text: str) -> None:
    """No tag, link, image, cell or heading comes out of a reason or a title."""
    plain = [found("a.b", "failed", reason="x", title="x")]
    hostile = [found("a.b", "failed", reason=text, title=text)]
    kinds = [
        [token.type for token in READER.parse(markdown(record("NO-GO", answers), DIRECTORY))]
        for answers in (plain, hostile)
    ]
    assert kinds[0] == kinds[1]
    inner = {
        inline.type
        for token in READER.parse(markdown(record("NO-GO", hostile), DIRECTORY))
        for inline in token.children or ()
    }
    assert not inner & {"html_inline", "link_open", "image"}


def test_it_ends_well_below_githubs_limit(record: Make, found: Make) -> None:
    """Beyond 64 KiB it is cut off between two lines and says so; the record's path is there."""
    findings = [found(f"a.{n}", "failed", reason=f"{n} {'é' * 250}") for n in range(500)]
    text = markdown(record("NO-GO", findings), DIRECTORY)
    assert MOST_BYTES - 1024 < len(text.encode()) <= MOST_BYTES
    assert text.endswith(f"\n\n{CUT_OFF}\n")
    assert str(DIRECTORY) in text


def test_it_is_added_to_what_other_steps_wrote(record: Make, tmp_path: Path) -> None:
    """Two gates in one step are two summaries, after whatever was there."""
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    document, environ = record("GO", []), {"GITHUB_STEP_SUMMARY": str(file)}
    assert append_step_summary(document, DIRECTORY, environ) is None
    assert append_step_summary(document, DIRECTORY, environ) is None
    assert file.read_text() == "before\n" + 2 * markdown(document, DIRECTORY)


@pytest.mark.parametrize("environ", [{}, {"GITHUB_STEP_SUMMARY": " "}], ids=["unset", "blank"])
def test_elsewhere_nothing_is_written(
    record: Make, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without GitHub's variable there is no summary."""
    monkeypatch.chdir(tmp_path)
    assert append_step_summary(record("GO", []), DIRECTORY, environ) is None
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_one_line(record: Make, tmp_path: Path) -> None:
    """The reason is a line; nothing is raised."""
    problem = append_step_summary(
        record("GO", []), DIRECTORY, {"GITHUB_STEP_SUMMARY": str(tmp_path)}
    )
    assert problem
    assert problem == f"the step summary could not be written: {tmp_path}: Is a directory"
