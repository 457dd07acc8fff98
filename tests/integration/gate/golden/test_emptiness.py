"""No data is never a pass: empty tables, one row, no tables."""

from __future__ import annotations

import pytest

from golden_world import World
from gonogo.criteria import ENDPOINTS
from gonogo.judge.finding import judge
from gonogo.model.kinds import Environment, Outcome, Role
from gonogo.model.measurement import Count
from saying import why

# What may be met without a row of the application: there is nothing wrong where nothing is.
NEED_NO_ROW = {
    "breaker.stuck",
    "onboarding.flagged",
    "breaker.lingering",
    "jobs.reminders",
    "jobs.consecutive_failures",
    "incident.critical",
    "incident.open_critical",
    "incident.complaints",
    "errors.critical",
    "rollout.deployed",
    "rollout.migration_failed",
    "rollout.rollbacks",
    *(f"schema.0{number}" for number in range(38, 47)),
    "schema.recorded",
    "schema.initial_allowed",
    "schema.initial_kept",
    "db.undated_rows",
    "db.sync_results",
    "db.webhook_results",
    "db.token_states",
    "db.breaker_states",
    "db.time_zone",
    "db.row_security",
    "db.partitions",
    "db.replica_lag",
    "db.replica_paused",
    "db.replica_rows",
}


@pytest.mark.parametrize("environment", Environment)
def test_empty_tables_meet_nothing_that_needs_a_row(world: World, environment: Environment) -> None:
    """After the deployment and before the first row, exactly these checks are met."""
    measured = world.everything()
    checks = [
        (role, metric)
        for role, metric in world.criteria.checks(environment)
        if metric.survey != ENDPOINTS
    ]
    found = [
        judge(role, metric, measured[metric.id], world.criteria.rules, environment)
        for role, metric in checks
    ]
    met = {finding.metric for finding in found if finding.outcome is Outcome.MET}
    assert met == NEED_NO_ROW & {metric.id for _, metric in checks}
    others = {
        finding.outcome for finding in found if finding.metric not in met | {"db.write_order"}
    }
    # A window without a sync is one long gap, and that is known.
    assert others == {Outcome.INCONCLUSIVE, Outcome.CRITICAL}


def test_a_database_without_tables_measures_nothing(own_world: World) -> None:
    """Whatever reads a table says that it is missing; the schema's parts are all missed."""
    own_world.run("drop schema public, gonogo cascade; create schema public")
    measured = own_world.everything()
    tell = {name for name, told in measured.items() if not told.missing}
    parts = {f"schema.0{number}" for number in range(38, 47)}
    standby = {"db.replica_lag", "db.replica_paused"}
    assert tell == parts | standby | {"db.time_zone", "db.row_security", "db.partitions"}
    assert all(count.k == 0 for name in parts if (count := measured[name].count))
    assert all(measured[name].count for name in parts)


@pytest.mark.parametrize("metric", ["sync.success_rate", "webhook.success_rate"])
def test_one_success_proves_nothing(world: World, metric: str) -> None:
    """1 of 1 is 100 %, and inconclusive."""
    world.sync()
    world.notification()
    found = world.found(metric)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "1 of 1" in why(found)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.PRESENCE])
def test_one_failure_is_no_evidence_of_an_outage(world: World, role: Role) -> None:
    """0 of 1 is neither failed, critical nor a reason to roll back; and never met."""
    world.sync("failure")
    assert world.found("sync.success_rate", role).outcome is Outcome.INCONCLUSIVE


def test_one_new_user_proves_nothing(world: World) -> None:
    """Neither by success nor by failure."""
    world.connected(1)
    assert world.measured("onboarding.success_rate").count == Count(0, 1)
    assert world.found("onboarding.success_rate").outcome is Outcome.INCONCLUSIVE
    world.sync()
    assert world.measured("onboarding.success_rate").count == Count(1, 1)
    assert world.found("onboarding.success_rate").outcome is Outcome.INCONCLUSIVE


def test_a_census_of_one_stands(world: World) -> None:
    """One valid token is all there are; one bad one of one is too few to be critical."""
    world.token("valid")
    assert world.found("token.invalid_users", "alert").outcome is Outcome.MET
    world.clear()
    world.token("revoked")
    assert world.found("token.invalid_users", "alert").outcome is Outcome.INCONCLUSIVE
