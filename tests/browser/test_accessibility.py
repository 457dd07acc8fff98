"""What axe-core, the rules of accessibility that browsers' makers share, says of our pages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from browsing import LAPTOP, PHONE, Scheme, Visit
from gate_process import GateOutcome

pytestmark = [pytest.mark.browser, pytest.mark.axe]

Open = Callable[..., AbstractContextManager[Visit]]

# Levels A and AA of WCAG 2.0 to 2.2, and what is agreed to be good practice.
RUN = """async () => {
    const told = await axe.run(document, { runOnly: [
        "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
    const places = (found) => found.nodes.map((node) => node.target.join(" ")).slice(0, 5);
    return {
        violations: told.violations.map((one) => [one.impact, one.id, ...places(one)]),
        passes: told.passes.map((one) => one.id),
    };
}"""
LOOKS = (
    pytest.param(LAPTOP, "light", id="laptop by day"),
    pytest.param(PHONE, "dark", id="phone at night", marks=pytest.mark.slow),
)


@pytest.mark.parametrize(("width_px", "scheme"), LOOKS)
def test_a_records_page_has_no_violation(
    visit: Open, record: Path, axe: str, width_px: int, scheme: Scheme
) -> None:
    """Of no impact at all, with all that can be unfolded; contrast was looked at."""
    with visit(record / "record.html", javascript=True) as page:
        page.show(width_px=width_px, scheme=scheme)
        assert _violations(page, axe) == []


@pytest.mark.parametrize(("width_px", "scheme"), LOOKS)
def test_the_list_of_records_has_no_violation(
    visit: Open, archive: Path, axe: str, width_px: int, scheme: Scheme
) -> None:
    """By day and night, on a laptop and on a phone."""
    with visit(archive / "index.html", javascript=True) as page:
        page.show(width_px=width_px, scheme=scheme)
        assert _violations(page, axe) == []


@pytest.mark.parametrize(("width_px", "scheme"), LOOKS)
def test_the_evidence_of_the_checks_has_no_violation(
    visit: Open, gated: GateOutcome, axe: str, width_px: int, scheme: Scheme
) -> None:
    """pytest-html's page, with a language, labels and contrast of ours."""
    with visit(gated.records[-1] / "evidence.html", javascript=True) as page:
        page.show(width_px=width_px, scheme=scheme)
        assert _violations(page, axe) == []


@pytest.mark.ssh
@pytest.mark.parametrize(("width_px", "scheme"), LOOKS)
def test_the_page_of_signatures_has_no_violation(
    visit: Open, signed: Path, axe: str, width_px: int, scheme: Scheme
) -> None:
    """With a decision and its withdrawal."""
    with visit(signed, javascript=True) as page:
        page.show(width_px=width_px, scheme=scheme)
        assert _violations(page, axe) == []


def _violations(page: Visit, axe: str) -> list[list[str]]:
    # The page's own policy forbids every script; the debugger's are not the page's.
    page.page.evaluate(axe)
    told = page.page.evaluate(RUN)
    assert "color-contrast" in told["passes"]
    violations: list[list[str]] = told["violations"]
    return violations
