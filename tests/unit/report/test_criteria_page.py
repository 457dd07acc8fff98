"""docs/criteria.md: made from the criteria file, whole, and current."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import engine_criteria
from gonogo.cli import app
from gonogo.config.project import Project
from gonogo.criteria import Criteria, Metric, load
from gonogo.report.criteria_page import page

PROJECT = Project.find(Path(__file__).parent)
CRITERIA = load(PROJECT.criteria_file, PROJECT.sql_dir)
PAGE = page(CRITERIA)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A checkout of one's own with nothing but criteria and surveys, as the working directory."""
    project = Project(tmp_path)
    (tmp_path / "rollout.toml").touch()
    project.sql_dir.mkdir(parents=True)
    for file in PROJECT.sql_dir.glob("*.sql"):
        (project.sql_dir / file.name).write_bytes(file.read_bytes())
    project.criteria_file.write_bytes(PROJECT.criteria_file.read_bytes())
    monkeypatch.chdir(tmp_path)
    return project


def row(metric: str, told: str = PAGE) -> list[str]:
    """The cells of a metric's row of a page."""
    (line,) = [line for line in told.splitlines() if line.startswith(f"| `{metric}` |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_in_the_repository_is_current() -> None:
    """docs/criteria.md is what checks/criteria.toml says today; else run gonogo criteria."""
    assert PROJECT.criteria_page.read_text(encoding="utf-8") == PAGE


def test_every_metric_has_its_row_and_its_section() -> None:
    """No metric is left out: each has one row of limits and is described below it."""
    for metric in CRITERIA.metrics.values():
        assert row(metric.id)[1]
        assert metric.means in PAGE.replace("\\", "")
        assert metric.query.strip() in PAGE


def test_a_row_holds_every_limit_as_the_file_writes_it() -> None:
    """Objectives by environment, warning, critical, trigger and weight, each in its column."""
    told = page(engine_criteria.CRITERIA)
    name, limits = "sync.success_rate", ["`> 90 %`", "`> 90 %`", "`< 90 %`", "`< 80 %`", "`< 70 %`"]
    assert row(name, told) == [f"`{name}`", "Sync success rate", "rate", *limits, "25"]
    assert row("data.stale", told)[3:5] == ["", "`< 5 %`"]


@pytest.mark.parametrize(
    ("metric", "counted"),
    [
        ("sync.skip_rate", "rows with `result` `skipped` of all rows, in [`sync_cube`]"),
        ("sync.broken_users", "`broken` of `active`, in [`sync_users`]"),
        ("sync.duration", "the mean of `mean_ms` of [`sync_durations`]"),
        ("traffic.longest_gap", "`longest_gap`, derived from [`sync_cube`]"),
        ("endpoint.health", "asked over HTTP, at the time of the run"),
        ("breaker.stuck", "met when there is nothing (none)"),
        ("db.clock_skew", "a miss is inconclusive, never failed"),
        ("incident.critical", "left out by `--without=ledger`"),
    ],
)
def test_what_is_counted_stands_in_words(metric: str, counted: str) -> None:
    """Part, whole, survey, and what else applies to the metric."""
    section = PAGE.partition(f"#### `{metric}`\n")[2].partition("####")[0]
    assert counted in section


def test_neighbours_with_one_recommendation_share_a_section() -> None:
    """The nine migrations are listed once, each with what is counted for it."""
    section = PAGE.partition("#### `schema.038` to `schema.046`\n")[2].partition("####")[0]
    assert section.count("- **Counted for `schema.0") == 9
    assert section.count("```sql") == 1


def test_the_rules_tell_the_files_own_figures() -> None:
    """Another least n, tail or pattern in ``[rules]`` is another page."""
    changed = CRITERIA.rules.model_copy(
        update={"least_n": 12, "excluded_at": 0.01, "recent": (7,), "critical_patterns": ("a|b",)}
        | {"many_n": 77, "excluded_of_many": 0.004}
    )
    told = page(CRITERIA.model_copy(update={"rules": changed}))
    tails = ("at most 1 %", "from 77 events on,\n   0.4 %")
    for text in ("n ≥ 12", *tails, "the last 7 events", "`a\\|b`"):
        assert text in told


def test_verdicts_come_with_their_exit_codes() -> None:
    """The table of verdicts is the model's, worst first."""
    rows = [line.split("|") for line in PAGE.splitlines() if line.startswith("| `")][:4]
    told = [(cells[1].strip(), cells[3].strip()) for cells in rows]
    assert told == [("`ROLLBACK`", "11"), ("`NO-GO`", "1"), ("`HOLD`", "10"), ("`GO`", "0")]


def test_every_link_leads_somewhere() -> None:
    """Each survey, the file and the glossary are there."""
    links = {piece.partition(")")[0] for piece in PAGE.split("](")[1:]}
    assert links
    for link in links:
        assert (PROJECT.criteria_page.parent / link).is_file(), link


def test_the_command_writes_the_page_once(checkout: Project) -> None:
    """The first run writes it; ``--check`` then says that it is current."""
    assert CliRunner().invoke(app, ["criteria"]).output == "docs/criteria.md is written anew\n"
    assert checkout.criteria_page.read_text(encoding="utf-8") == PAGE
    told = CliRunner().invoke(app, ["criteria", "--check"])
    assert (told.exit_code, told.output) == (0, "docs/criteria.md is current\n")


def test_a_stale_page_fails_the_check_and_stays(checkout: Project) -> None:
    """``--check`` fails, says what to run, and writes nothing."""
    checkout.criteria_page.parent.mkdir()
    checkout.criteria_page.write_text("of yesterday", encoding="utf-8")
    told = CliRunner().invoke(app, ["criteria", "--check"])
    assert told.exit_code == 1
    assert "run gonogo criteria" in str(told.exception)
    assert checkout.criteria_page.read_text(encoding="utf-8") == "of yesterday"


def test_a_page_of_other_criteria_is_another_page() -> None:
    """What the page says of a limit is what the file says of it."""
    metric = CRITERIA.metrics["sync.success_rate"]
    told = page(_with(metric.model_copy(update={"title": "A | B", "weight": 99})))
    assert "| A \\| B |" in told
    assert row(metric.id, told)[-1] == "99"


def _with(metric: Metric) -> Criteria:
    metrics = dict(CRITERIA.metrics) | {metric.id: metric}
    return CRITERIA.model_copy(update={"metrics": metrics})


def test_code_stands_apart_from_the_words_around_it() -> None:
    """Before it and behind it."""
    metric = CRITERIA.metrics["sync.success_rate"]
    told = page(_with(metric.model_copy(update={"first": "See `./noxw -s status`, then wait."})))
    assert "**First**: See `./noxw -s status`, then wait." in told
