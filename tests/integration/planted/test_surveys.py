"""Whatever keeps a survey from its answer: what depends on it is open, and nothing turns green."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gonogo import criteria as criteria_file
from gonogo.criteria import ENDPOINTS, Metric
from gonogo.judge.finding import judge
from gonogo.model.finding import Finding
from gonogo.model.kinds import Environment, Outcome, Role
from gonogo.model.measurement import Measurement
from gonogo.postgres.parser.columns import columns_read
from gonogo.report.english import remark_of
from saying import why

CHECKS = Path(__file__).parents[3] / "checks"
CRITERIA = criteria_file.load(CHECKS / "criteria.toml", CHECKS / "sql")
SURVEYS = tuple(sorted(path.stem for path in (CHECKS / "sql").glob("*.sql")))
PARAMETER = re.compile(r"%\(\w+\)s")
TABLES = {
    "users",
    "sync_metrics",
    "sync_schedule",
    "webhook_notifications",
    "calendar_webhook_subscriptions",
    "token_health",
    "token_health_notifications",
    "circuit_breaker_state",
    *(f"gonogo.{name}" for name in ("deployment", "migration", "migration_attempt")),
    *(f"gonogo.{name}" for name in ("incident", "job_run")),
}
# What reads the server's own catalogs, or asks a function of its: these cannot be missing, but a
# role can be kept from them.
CATALOGS = {
    "partitions": "pg_partitioned_table",
    "replica": "pg_stat_wal_receiver",
    "row_security": "row_security_active(oid)",
    "schema_objects": "pg_constraint",
    "sync_type_constraint": "pg_constraint",
    "time_zone_overrides": "pg_db_role_setting",
}
A_MOMENT = "1s"
READER = """
do $$ begin
    execute format('create role %1$I; grant usage on schema public, gonogo to %1$I; '
        'grant select on all tables in schema public, gonogo to %1$I',
        format('reader_%s', pg_backend_pid()));
end $$;
{};
select set_config('role', format('reader_%s', pg_backend_pid()), true)"""


def text_of(survey: str) -> str:
    """The SQL without its comments."""
    lines = (CHECKS / "sql" / f"{survey}.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.strip().startswith("--"))


def tables_of(survey: str) -> list[str]:
    """The tables that a survey reads."""
    return sorted(TABLES & {".".join(filter(None, name)) for name in columns_read(text_of(survey))})


# A fleet alone is asked for histograms: tests/integration/gate/test_fleet.py.
FLEETS = {metric.histogram for metric in CRITERIA.metrics.values() if metric.histogram}
ASKED = tuple(survey for survey in SURVEYS if survey not in FLEETS)
READ = [(survey, table) for survey in SURVEYS for table in tables_of(survey)]


def open_roles(metric: Metric, survey: str) -> set[Role]:
    """The checks of a metric that cannot be answered without a survey."""
    roles = set(metric.roles(Environment.STAGING)) | set(metric.roles(Environment.PRODUCTION))
    if survey in metric.sources:
        return roles
    # The newest events are asked by the alert alone, the days before the window by the presence,
    # and which integrations there are by both; whose failures they are is only shown.
    asked = {Role.ALERT} if survey in {metric.recency, metric.parts_in} else set()
    asked |= {Role.PRESENCE} if survey in {metric.stream_survey, metric.parts_in} else set()
    return roles & asked


def judged(measured: Mapping[str, Measurement], environment: Environment) -> dict[str, Finding]:
    """Every check's answer but the endpoints'."""
    return {
        finding.id: finding
        for role, metric in CRITERIA.checks(environment)
        if metric.survey != ENDPOINTS
        for finding in [judge(role, metric, measured[metric.id], CRITERIA.rules, environment)]
    }


@pytest.fixture
def sql_dir(tmp_path: Path) -> Path:
    """The surveys, to be broken."""
    return Path(shutil.copytree(CHECKS / "sql", tmp_path / "sql"))


@pytest.fixture
def told(planting: Callable[..., Any], sql_dir: Path) -> Callable[..., list[str]]:
    """The message in place of an answer, where a script was run; and nothing is green."""

    def reasons(survey: str, script: str = "") -> list[str]:
        with planting() as world:
            world.plant(script)
            measured = world.measured(Environment.STAGING, sql_dir)
        needing = [m for m in CRITERIA.metrics.values() if survey in m.surveys]
        heard = [remark_of(reason) for m in needing if (reason := measured[m.id].missing)]
        noted = (note for metric in needing for note in measured[metric.id].notes)
        heard += [remark_of(note) for note in noted if note.subject == survey]
        for environment in Environment:
            for check, finding in judged(measured, environment).items():
                if finding.role in open_roles(CRITERIA.metrics[finding.metric], survey):
                    assert finding.outcome is Outcome.INCONCLUSIVE, (check, why(finding))
                    heard.append(why(finding))
        return heard

    return reasons


@pytest.mark.parametrize("survey", ASKED)
def test_broken_sql_leaves_its_checks_open(
    told: Callable[..., list[str]], sql_dir: Path, survey: str
) -> None:
    """A survey with an error of syntax; whatever needs it says so."""
    (sql_dir / f"{survey}.sql").write_text(f"selec {text_of(survey)}", encoding="utf-8")
    reasons = told(survey)
    assert reasons
    assert all("syntax error" in reason for reason in reasons)


@pytest.mark.parametrize(("survey", "table"), READ)
def test_a_missing_table_leaves_its_checks_open(
    told: Callable[..., list[str]], survey: str, table: str
) -> None:
    """Each table that the survey reads."""
    reasons = told(survey, f"alter table {table} rename to gone")
    assert reasons
    assert all("a table is missing" in reason for reason in reasons)


@pytest.mark.slow
@pytest.mark.parametrize(("survey", "table"), [*READ, *CATALOGS.items()])
def test_a_missing_privilege_leaves_its_checks_open(
    told: Callable[..., list[str]], survey: str, table: str
) -> None:
    """Each table that the survey reads, and the catalogs of those that read no table."""
    right = f"execute on function {table}" if table.endswith(")") else f"select on {table}"
    whose = "%I" if table in TABLES else "public"
    revoke = f"format('revoke {right} from {whose}', 'reader_' || pg_backend_pid())"
    reasons = told(survey, READER.format(f"do $$ begin execute {revoke}; end $$"))
    assert reasons
    assert all("the role has no right to read it" in reason for reason in reasons)


@pytest.mark.slow
@pytest.mark.parametrize("survey", ASKED)
def test_a_timeout_leaves_its_checks_open(
    told: Callable[..., list[str]], sql_dir: Path, survey: str
) -> None:
    """A survey that does not end; the others still have their time."""
    asked = sorted(set(PARAMETER.findall(text_of(survey))))
    columns = ["pg_sleep(60)", *(f"{name}::text" for name in asked)]
    (sql_dir / f"{survey}.sql").write_text(f"select {', '.join(columns)}", encoding="utf-8")
    reasons = told(survey, f"set local statement_timeout = '{A_MOMENT}'")
    assert reasons
    assert all("the query took longer than" in reason for reason in reasons)


def test_every_survey_is_of_some_check_or_shown() -> None:
    """Each is broken above in each way that applies to it."""
    assert {name for metric in CRITERIA.metrics.values() for name in metric.surveys} == set(SURVEYS)
    assert {survey for survey, _ in READ} | set(CATALOGS) == set(SURVEYS)
