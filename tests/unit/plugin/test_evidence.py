"""What keeps pytest-html's page harmless."""

import re
import stat
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from gonogo.plugin import evidence

ATTACK = "<img src=x onerror=alert(1)>\x00"
PAGE = """<!DOCTYPE html>
<html>
  <head>
    <meta charset="utf-8"/>
  </head>
  <body>
    <div onclick="location.reload()"></div>
    <script>
      run("own")
    </script>
  </body>
</html>
"""


def test_metadata_is_an_allow_list_and_escaped() -> None:
    """A CI system's variables do not get in; what does is text."""
    given = {"Python": "3.11", "CI_JOB_TOKEN": "secret", "Packages": {"pytest": ATTACK}}
    shown = evidence.metadata_of(given, {"Environment": ATTACK})
    assert set(shown) == {"Python", "Packages", "Environment"}
    assert not any("<" in value or "\x00" in value for value in shown.values())


def test_of_a_ci_run_only_numbers_and_commits_get_in() -> None:
    """Which run it was, of which commit; whatever looks otherwise stays out."""
    commit = "9f1c2ab4c1d0" * 3
    given = {
        "GITHUB_RUN_ID": "1234567890",
        "GITHUB_SHA": commit,
        "GIT_COMMIT": "s3cr3t-of-somebody",
        "BUILD_NUMBER": "7 and more",
        "GITHUB_ACTOR": "ada",
        "BUILD_URL": "https://user:secret@ci.example.com/7",
    }
    shown = evidence.metadata_of(given, {})
    assert shown == {"GITHUB_RUN_ID": "1234567890", "GITHUB_SHA": commit}


def test_a_row_fits_its_head_and_is_escaped() -> None:
    """Four columns, the gate's own word among them, and no links."""
    own = ["<td>Passed</td>", "<td>id</td>", "<td>1 ms</td>", "<td>links</td>"]
    cells = evidence.row_cells(own, f"test_x[{ATTACK}]", "met")
    assert len(cells) == len(evidence.header_cells()) == 4
    assert "<img" not in "".join(cells)
    assert '<td class="col-gate">met</td>' in cells


def test_the_summary_shows_every_answer_without_a_script() -> None:
    """A table in plain HTML, with hostile reasons as text."""
    answers = [
        ("criterion:a", "met", "fine"),
        ("b", "failed", ATTACK),
    ]
    html = "".join(evidence.summary("NO-GO", [ATTACK], answers))
    assert "NO-GO" in html
    assert html.count("<tr>") == 3
    assert "<img" not in html


def test_a_log_holds_the_reason_alone_as_text() -> None:
    """It is put into the page as HTML, so it must be harmless."""
    assert evidence.log_lines(f"one\n{ATTACK}") == ["one\n&lt;img src=x onerror=alert(1)&gt;\\x00"]
    assert evidence.log_lines("") == ["No more to say."]


def test_a_sealed_page_runs_its_own_script_alone() -> None:
    """The policy names the script by its hash; handlers in attributes are gone."""
    sealed = evidence.seal(PAGE)
    script = re.search(r"<script>(.*?)</script>", sealed, re.DOTALL)
    assert script
    digest = b64encode(sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in sealed
    assert sealed.index("Content-Security-Policy") < sealed.index("<script>")
    assert "onclick" not in sealed


def test_a_sealed_page_has_language_title_landmark_and_labels() -> None:
    """What pytest-html leaves out, and a reader of a screen reader needs."""
    given = (
        '<html><head><title>evidence.html</title></head><body><input class="filter" '
        'type="checkbox" data-test-result="failed" disabled></body></html>'
    )
    sealed = evidence.seal(given)
    assert sealed.startswith('<html lang="en">')
    assert "<title>Evidence of the gate" in sealed
    assert "<main>" in sealed
    assert 'data-test-result="failed" aria-label="Show failed" disabled>' in sealed


def test_a_page_is_sealed_in_place_and_closed_to_others(tmp_path: Path) -> None:
    """Bytes that are no text do not stop it."""
    page = tmp_path / "evidence.html"
    page.write_bytes(PAGE.encode() + b"\xff")
    evidence.sealed_in_place(page)
    assert stat.S_IMODE(page.stat().st_mode) == 0o640
    assert "Content-Security-Policy" in page.read_text()
