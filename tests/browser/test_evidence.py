"""evidence.html, which pytest-html writes: what the checks of a real gate said."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from browsing import Visit
from gate_process import GateOutcome
from gonogo.report.answers import answers

pytestmark = pytest.mark.browser

Open = Callable[..., AbstractContextManager[Visit]]

# Result, the gate's outcome, and of the test's id the metric alone.
ROWS = r"""all => all.map(row => row.innerText.replace(/\S+\[([a-z0-9_.]+)\[\S+/, "$1"))"""
WORDS = {"failed": "Failed", "fired": "Failed", "left_out": "Skipped"}


@pytest.fixture
def path(gated: GateOutcome) -> Path:
    """The page beside the record of a real gate."""
    return gated.records[-1] / "evidence.html"


def test_without_javascript_every_answer_stands_in_a_plain_table(
    visit: Open, gated: GateOutcome, path: Path
) -> None:
    """Each check with its outcome and its reason, one click away."""
    with visit(path) as page:
        page.show()
        rows = page.rows()
        _is_quiet(page, path)
    for found in answers(gated.record):
        assert f"{found.id} {found.outcome} {found.reason}" in rows


def test_with_javascript_each_check_has_its_row(
    visit: Open, gated: GateOutcome, path: Path
) -> None:
    """Pytest's result and the gate's own word stand side by side; its one script may run."""
    with visit(path, javascript=True) as page:
        told = page.page.locator("tr.collapsible").evaluate_all(ROWS)
        _is_quiet(page, path)
    wanted = sorted(
        (WORDS.get(found["outcome"], "Passed"), found["outcome"], found["metric"])
        for found in gated.document["findings"]
    )
    assert sorted(tuple(row.split()[:3]) for row in told) == wanted


def test_what_a_check_said_unfolds_with_a_click(visit: Open, path: Path) -> None:
    """The reason of what failed or was left out, and no path of the machine that it ran on."""
    with visit(path, javascript=True) as page:
        page.page.get_by_text("Show all details").click()
        said = page.page.locator(".log").all_inner_texts()
    assert "fired: 1 fires at > 0" in said
    assert "left out on purpose: --without=endpoints" in said
    assert not any(str(path.parents[4]) in text for text in said)


@pytest.mark.parametrize("javascript", [True, False])
def test_the_page_fits_a_phone(visit: Open, path: Path, *, javascript: bool) -> None:
    """No horizontal scroll, with its script and without."""
    with visit(path, javascript=javascript) as page:
        page.show(width_px=390)
        assert page.overflow_px() == 0


def test_nothing_of_the_environment_is_in_it(path: Path) -> None:
    """No variable of a CI system, by name or by value, not even in the page's own data."""
    page = path.read_text()
    assert "planted-in-the-environment" not in page
    assert not re.search("BUILD_URL|CI_JOB_NAME|GITHUB_REPOSITORY|JENKINS_URL", page)


def _is_quiet(page: Visit, path: Path) -> None:
    assert page.requests == [path.as_uri()]
    assert page.complaints == []
