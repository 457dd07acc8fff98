"""criteria.toml: complete, consistent with its SQL and its checks, and refused when it is not."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import cast

import pytest

from gonogo.criteria import ENDPOINTS, Criteria, Metric, load
from gonogo.errors import ConfigError
from gonogo.measure.cube import DERIVATIONS
from gonogo.model.kinds import Environment, Role

CHECKS = Path(__file__).parents[3] / "checks"
FILE = CHECKS / "criteria.toml"
SQL = CHECKS / "sql"
CRITERIA = load(FILE, SQL)
BOTH = tuple(Environment)
DAY = 86_400
ALERT = ("warning", "critical")
LEVELS = (*ALERT, "trigger")
HEAD = """
[rules]
least_n = 10
band_n = 30
excluded_at = "2.5 %"
many_n = 200
excluded_of_many = "0.1 %"
recent = [5, 10]
since_deployment_days = 14
critical_patterns = ["deadlock"]
[score]
jobs = 5
bands = { Good = 50, Poor = 0 }
[metric."a.rate"]
title = "A"
kind = "rate"
survey = "a"
part = "k"
whole = "n"
objective = "> 95 %"
weight = 95
"""


OTHER = '[metric."b.x"]\ntitle = "B"\nsurvey = "a"\n'


def loaded(folder: Path, text: str) -> Criteria:
    """A criteria file of this text, beside one survey ``a``."""
    (folder / "a.sql").touch()
    path = folder / "criteria.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, folder)


def refused(folder: Path, text: str) -> str:
    """What the author of such a file reads."""
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ── What the mission asks for; the numbers are the team's, and docs/criteria.md shows each ───────


@pytest.mark.parametrize(
    ("metric", "fine", "wrong"),
    [
        ("webhook.success_rate", 1, 0),
        ("onboarding.success_rate", 1, 0),
        ("sync.success_rate", 1, 0),
        ("errors.critical", 0, 999),
        ("incident.critical", 0, 999),
        ("data.scheduled", 1, 0),
        ("webhook.coverage", 1, 0),
        ("jobs.token_refresh", 1, 0),
        ("token.outlived", 0, 1),
        ("jobs.webhook_renewal", 0, 1),
        ("jobs.adaptive_sync", 0, 999 * DAY),
        ("jobs.webhook_health_check", 0, 999 * DAY),
        ("jobs.reminders", 0, 999),
        ("jobs.consecutive_failures", 0, 999),
        ("endpoint.health", 1, 0),
        ("endpoint.admin", 1, 0),
        ("endpoint.dashboard", 1, 0),
        ("schema.038", 1, 0),
        ("schema.046", 1, 0),
        ("db.clock_skew", 0, DAY),
        ("db.replica_lag", 0, DAY),
    ],
)
def test_a_success_criterion_is_asked_in_both_environments(
    metric: str, fine: int, wrong: int
) -> None:
    """Its objective is met by the best value, and missed by the worst."""
    objective = CRITERIA.metrics[metric].objective
    assert set(objective) == set(BOTH)
    assert all(limit.holds(fine) and not limit.holds(wrong) for limit in objective.values())


@pytest.mark.parametrize(
    ("metric", "wrong"),
    [
        ("rollout.rollbacks", 999),
        ("sync.manual_share", 1),
        ("data.stale", 1),
        ("incident.complaints", 999),
    ],
)
def test_some_success_criteria_are_asked_in_production_alone(metric: str, wrong: int) -> None:
    """Their objective is met by 0, and missed by much."""
    ((environment, limit),) = CRITERIA.metrics[metric].objective.items()
    assert environment is Environment.PRODUCTION
    assert limit.holds(0)
    assert not limit.holds(wrong)


def test_the_api_usage_is_reduced_within_a_band() -> None:
    """Neither none nor all syncs may be skipped, in either environment."""
    objective = CRITERIA.metrics["sync.skip_rate"].objective
    assert set(objective) == set(BOTH)
    for limit in objective.values():
        assert limit.is_band
        assert all(limit.holds(end) for end in limit.ends)
        assert not limit.holds(0)
        assert not limit.holds(1)


@pytest.mark.parametrize(
    ("metric", "levels", "wrong", "fine"),
    [
        ("sync.success_rate", LEVELS, 0, 1),
        ("webhook.success_rate", LEVELS, 0, 1),
        ("onboarding.success_rate", LEVELS, 0, 1),
        ("token.invalid_users", ALERT, 1, 0),
        ("breaker.open_users", ALERT, 1, 0),
        ("webhook.silent", ALERT, 1, 0),
        ("token.unknown", ALERT, 1, 0),
        ("breaker.stuck", ALERT, 1, 0),
        ("breaker.lingering", ALERT, 1, 0),
        ("onboarding.flagged", ALERT, 0, 1),
        ("data.scheduled", ("critical",), 0, 1),
        ("webhook.coverage", ("critical",), 0, 1),
        ("sync.bad_skips", ALERT, 1, 0),
        ("traffic.longest_gap", ALERT, 999 * DAY, 0),
        ("webhook.frequency", ("warning",), 0, 20),
        ("webhook.frequency", ("warning",), 999, 20),
        ("sync.broken_users", ("trigger",), 1, 0),
        ("incident.open_critical", ("trigger",), 999, 0),
        ("rollout.migration_failed", ("trigger",), 999, 0),
        ("jobs.consecutive_failures", ("trigger",), 999, 0),
        ("endpoint.dashboard", ("trigger",), 0, 1),
        ("schema.initial_allowed", ("warning",), 0, 1),
    ],
)
def test_alerts_and_triggers_have_their_levels(
    metric: str, levels: tuple[str, ...], wrong: int, fine: int
) -> None:
    """Those of the mission's tables and no others; the worst value passes each, the best none."""
    given = {key: getattr(CRITERIA.metrics[metric], key) for key in LEVELS}
    assert tuple(key for key, limit in given.items() if limit) == levels
    assert all(given[key].holds(wrong) and not given[key].holds(fine) for key in levels)


def test_no_metric_has_a_level_that_no_table_names() -> None:
    """What fires is exactly what the mission lists."""
    fires = {metric.id for metric in CRITERIA.metrics.values() if metric.trigger}
    assert fires == {
        "sync.success_rate",
        "webhook.success_rate",
        "onboarding.success_rate",
        "sync.broken_users",
        "incident.open_critical",
        "rollout.migration_failed",
        "jobs.consecutive_failures",
        "endpoint.dashboard",
    }


def test_the_score_weighs_what_the_mission_names() -> None:
    """Seven shares and the background jobs; four bands."""
    assert {metric.id for metric in CRITERIA.metrics.values() if metric.weight} == {
        "sync.success_rate",
        "webhook.success_rate",
        "onboarding.success_rate",
        "sync.skip_rate",
        "token.invalid_users",
        "breaker.open_users",
        "webhook.silent",
    }
    assert CRITERIA.score.jobs
    assert list(CRITERIA.score.bands) == ["Excellent", "Good", "Fair", "Poor"]


def test_many_events_excuse_no_large_tail(tmp_path: Path) -> None:
    """From 200 of them on 0.1 % counts in place of 2.5 %."""
    rules = loaded(tmp_path, HEAD).rules
    assert [rules.tail(n) for n in (1, 199, 200, 10_000)] == [0.025, 0.025, 0.001, 0.001]


@pytest.mark.parametrize("pattern", CRITERIA.rules.critical_patterns)
def test_the_drill_down_finds_what_was_counted(pattern: str) -> None:
    """The pasted query looks for every critical pattern."""
    assert pattern in CRITERIA.metrics["errors.critical"].query


def test_rates_are_looked_at_by_part_of_late_and_over_time_where_asked() -> None:
    """Syncs, bad skips and onboarding by integration; all but bad skips by recency."""
    metrics = CRITERIA.metrics.values()
    judged = {m.id for m in metrics if m.kind == "rate" and m.by and m.critical}
    assert judged == {"sync.success_rate", "sync.bad_skips", "onboarding.success_rate"}
    recent = {m.id for m in metrics if m.recency}
    assert recent == {f"{name}.success_rate" for name in ("sync", "webhook", "onboarding")} | {
        "onboarding.flagged"
    }
    assert {m.id for m in metrics if m.falls} == {"sync.success_rate", "webhook.success_rate"}


# ── Every name has its other end ─────────────────────────────────────────────────────────────────


def test_every_survey_has_its_file_and_no_file_is_an_orphan() -> None:
    """The surveys that metrics name are the files in checks/sql, no more and no fewer."""
    assert set(CRITERIA.surveys()) == {path.stem for path in SQL.glob("*")}
    assert all(path.suffix == ".sql" for path in SQL.iterdir())


def test_every_derivation_is_named_and_known() -> None:
    """What TOML may name is what the code can derive."""
    named = {metric.derived for metric in CRITERIA.metrics.values() if metric.derived}
    assert named == set(DERIVATIONS)


def test_a_survey_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Before anything is measured."""
    loaded(tmp_path, HEAD)
    (survey,) = tmp_path.rglob("*.sql")
    survey.write_bytes(b"select 'caf\xe9'")
    with pytest.raises(ConfigError, match=f"{survey.name} cannot be read: 'utf-8' codec"):
        load(tmp_path / "criteria.toml", survey.parent)


@pytest.mark.parametrize("metric", CRITERIA.metrics.values(), ids=lambda metric: metric.id)
def test_what_can_fail_says_what_to_do(metric: Metric) -> None:
    """Each limit carries its meaning, a first step, and a query unless it is asked over HTTP."""
    if not any(metric.roles(environment) for environment in BOTH):
        return
    assert metric.means
    assert metric.first
    assert bool(metric.query) is (metric.survey != ENDPOINTS)
    assert not metric.query or metric.query.lstrip().startswith(("select", "with"))


def markers() -> list[dict[str, object]]:
    """What each test of checks/ is marked to ask."""
    found = []
    for path in sorted(CHECKS.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_call = isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.asks"
            if is_call:
                keywords = cast("ast.Call", node).keywords
                found.append({str(key.arg): ast.literal_eval(key.value) for key in keywords})
    return found


def asks(marker: dict[str, object], role: Role, metric: Metric) -> bool:
    """Whether a marker claims a check."""
    only = cast("tuple[str, ...]", marker.get("groups", ()))
    but = cast("tuple[str, ...]", marker.get("others", ()))
    claimed = metric.group in only if only else metric.group not in but
    return role.value == marker["role"] and claimed


@pytest.mark.parametrize("environment", BOTH)
def test_every_check_is_asked_by_exactly_one_test(environment: Environment) -> None:
    """No expected check falls between the modules of checks/, and none is answered twice."""
    found = markers()
    assert len(found) == len(list(CHECKS.glob("test_*.py")))
    for role, metric in CRITERIA.checks(environment):
        claims = [marker for marker in found if asks(marker, role, metric)]
        assert len(claims) == 1, f"{role}:{metric.id} is asked {len(claims)} times"


@pytest.mark.parametrize("environment", BOTH)
def test_ids_of_checks_are_unique(environment: Environment) -> None:
    """Role and metric name a check."""
    ids = [f"{role}:{metric.id}" for role, metric in CRITERIA.checks(environment)]
    assert len(ids) == len(set(ids))


def test_expansion_makes_one_metric_a_value() -> None:
    """Nine migrations, one entry; the placeholder is filled in at any depth."""
    found = [metric.id for metric in CRITERIA.metrics.values() if metric.id.startswith("schema.0")]
    assert found == [f"schema.{number:03}" for number in range(38, 47)]
    assert CRITERIA.metrics["schema.041"].whole == {"migration": ("041",)}
    assert "041" in CRITERIA.metrics["schema.041"].title


def test_what_is_left_out_by_name_is_a_group_or_a_need() -> None:
    """``--without=ledger`` reaches every metric that the ledger feeds."""
    assert CRITERIA.metrics["incident.critical"].groups == {"incident", "ledger"}
    assert CRITERIA.metrics["sync.skip_rate"].groups == {"sync"}
    ledger = {m.id for m in CRITERIA.metrics.values() if "ledger" in m.groups}
    for metric in CRITERIA.metrics.values():
        files = [(SQL / f"{name}.sql").read_text(encoding="utf-8") for name in metric.surveys]
        assert any("gonogo." in text for text in files) is (metric.id in ledger), metric.id


# ── What cannot be meant ─────────────────────────────────────────────────────────────────────────


def test_the_smallest_file_loads(tmp_path: Path) -> None:
    """One metric, the rules, the score: what the cases below break."""
    assert list(loaded(tmp_path, HEAD).metrics) == ["a.rate"]


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("titel = 1", 'metric."a.rate".titel: unknown key; did you mean title?'),
        ('wharning = "< 9 %"', "unknown key; did you mean warning?"),
        ("xyz = 1", "unknown key; known are title, kind, survey"),
        ('id = "b"', "unknown key; the id is the entry's own name"),
        ('warning = "95"', "metric.\"a.rate\".warning: '95' is no limit: write it like"),
        ("warning = 95", "must be a text like '> 95 %', but is 95"),
        ('warning = "< 5 h"', "'< 5 h' is no share: write it with %"),
        ('warning = "> 96 %"', "points the same way as staging's '> 95 %'"),
        ('warning = "< 96 %"', "'< 96 %' lies within the objective '> 95 %' of staging"),
        ('warning = "< 80 %"\ncritical = "< 90 %"', "'< 90 %' lies on the wrong side of warning"),
        ('warning = "< 90 %"\ncritical = "> 80 %"', "points the other way than '< 90 %'"),
        ('critical = "< 70 %"\ntrigger = "< 80 %"', "lies on the wrong side of critical '< 70 %'"),
        ('critical = "= 80 %"', "'= 80 %' cannot be a rate's level"),
        ('critical = "< 0 %"', "'< 0 %' cannot be a rate's level"),
        ('trigger = "< 5 % "\nunit = "x"', "'x' is no unit"),
        ('warning = "< 950 %"', "lies beyond 100 %"),
        ('recency = "a"', "held against the critical level: give one"),
        ('recency = "b"\ncritical = "< 80 %"', "there is no"),
        (
            f'{OTHER}kind = "quantity"\nvalue = "v"\nderived = "sum"\nplus = {{ b = "v" }}',
            "b.sql",
        ),
        (f'{OTHER}kind = "quantity"\nvalue = "v"\nderived = "sum"', "plus and derived = 'sum'"),
        (f'{OTHER}kind = "quantity"\nvalue = "v"\nper = {{ a = "v" }}', "per and derived = 'per_"),
        ('derived = "longest_gap"', "a rate is counted, not derived: only a quantity is"),
        (f'{OTHER}kind = "top"\ntraffic = true', "only a rate has"),
        (
            f'traffic = true\n{OTHER}kind = "rate"\npart = "k"\nwhole = "n"\ntraffic = true',
            "a.rate has it already, and one metric alone may",
        ),
        ("falls = true", "only a rate with a warning level is alerted of a fall: give one"),
        (
            f'{OTHER}kind = "rate"\npart = "k"\nwhole = "n"\nfalls = true\nwarning = "< 90 %"',
            "a rate falls below its objective: give one, such as '> 90 %'",
        ),
        ('parts_in = "a"', "it lists the values of a column: name that column with by"),
        ('derived = "guess"', "'sum' or 'write_order', but is 'guess'"),
        ("expand = 3", "is no list of names; write it like"),
        ("expand = { x = [] }", "is no list of names"),
        ("expand = { x = [1] }", "is no list of names"),
        ('expand = { x = ["1", "2"] }', "makes 'a.rate' twice; name it by its value"),
        (f'{OTHER}kind = "rat"', "kind: should be 'rate'"),
        (f'{OTHER}kind = "rate"', "needs both part and whole"),
        (f'{OTHER}kind = "answer"', "needs value, the column that holds it"),
        ('[metric."b.x"]\ntitle = "B"\nkind = "top"', 'metric."b.x".survey: is missing; add it'),
        (
            f'{OTHER}kind = "top"\nwarning = "> 1"',
            "a list of texts has no limit",
        ),
        (
            f'{OTHER}kind = "top"\nobjective = {{}}',
            "should have at least 1 item",
        ),
        (
            f'{OTHER}kind = "top"\nobjective = {{ stagin = "> 1" }}',
            "unknown environment; did you mean staging?",
        ),
        (
            f'{OTHER}kind = "quantity"\nvalue = "v"\nunit = "h"\nwarning = "> 5"',
            "'> 5' is not in the metric's unit 'h'",
        ),
        (f'{OTHER}kind = "top"\nweight = 1', "a top cannot be weighed: only a share can"),
        ("[extra]", "extra: unknown key; known are rules, score, metric"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, added: str, told: str) -> None:
    """One line with file, key, and what was probably meant."""
    text = refused(tmp_path, f"{HEAD}\n{added}\n")
    assert told in text
    assert text.startswith(str(tmp_path / "criteria.toml"))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("weight = 95", "weight = 94", "score: the weights add up to 99, not to 100"),
        ("Good = 50", "Fine = 50", "score.bands.Fine: should be 'Excellent', 'Good', 'Fair'"),
        ("Poor = 0", "Poor = 1", "score.bands: one band must begin at 0"),
        ("least_n = 10", "least_n = 0", "rules.least_n: should be greater than or equal to 1"),
        ("least_n = 10", "", "rules.least_n: is missing; add it"),
        ("least_n", "least_m", "unknown key (and 1 more); did you mean least_n?"),
        ('"2.5 %"', '"250 %"', "rules.excluded_at: should be less than 1"),
        ('"2.5 %"', '"often"', "rules.excluded_at: '= often' is no limit"),
        ("[5, 10]", "[]", "rules.recent: Tuple should have at least 1 item"),
        ('["deadlock"]', '[""]', "should have at least 1 character"),
        ('survey = "a"', 'survey = "b"', "b.sql"),
    ],
)
def test_a_wrong_number_is_refused(tmp_path: Path, before: str, after: str, told: str) -> None:
    """Rules, weights and bands are checked like everything else."""
    assert before in HEAD
    assert told in refused(tmp_path, HEAD.replace(before, after))


@pytest.mark.parametrize("metric", ["metric = 3", 'metric = "x"', "metric = []"])
def test_a_metric_that_is_no_table_is_refused(tmp_path: Path, metric: str) -> None:
    """Whatever stands there, it is reported in one line."""
    head = HEAD.partition("[metric")[0]
    assert "metric: " in refused(tmp_path, f"{metric}\n{head}")


def test_a_limit_may_differ_by_environment(tmp_path: Path) -> None:
    """An environment without an objective asks no criterion."""
    text = HEAD.replace('objective = "> 95 %"', 'objective = { production = "> 95 %" }')
    criteria = loaded(tmp_path, text)
    assert criteria.checks(Environment.STAGING) == ()
    assert [role for role, _ in criteria.checks(Environment.PRODUCTION)] == [Role.CRITERION]
