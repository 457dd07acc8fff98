"""Tables of surveys become measurements, as the criteria file says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from gonogo.criteria import load
from gonogo.judge.finding import judge
from gonogo.measure.metrics import measure
from gonogo.measure.surveys import Table, hours
from gonogo.model.kinds import Environment, Outcome, Says
from gonogo.model.measurement import Count, Measurement, Remark, Window
from gonogo.postgres.readonly import Row
from saying import team

CHECKS = Path(__file__).parents[3] / "checks"
CRITERIA = load(CHECKS / "criteria.toml", CHECKS / "sql")
END = datetime(2026, 11, 23, tzinfo=UTC)
WINDOW = Window(timedelta(hours=2), END - timedelta(hours=2), END)
FIRST, SECOND = (start for start, _ in hours(WINDOW))


def measured(
    name: str,
    *rows: Row,
    recent: Mapping[str, Table] | None = None,
    sliced: bool = False,
    also: Mapping[str, Table] | None = None,
) -> Measurement:
    """What one metric of the project's criteria makes of these rows of its survey."""
    metric = CRITERIA.metrics[name]
    tables = {metric.survey: Table(rows, sliced=sliced), **(also or {})}
    newest = {metric.recency or "": recent or {}}
    only = CRITERIA.model_copy(update={"metrics": {name: metric}})
    return measure(only, tables, newest, {}, WINDOW)[name]


def sync(n: int, result: str = "success", **others: object) -> Row:
    """One row of the sync cube."""
    return {
        "integration": "google_calendar",
        "sync_type": "full",
        "result": result,
        "skip_reason": None,
        "n": n,
        "api_calls_made": 0,
        "api_calls_saved": 0,
        "hour": FIRST,
        **others,
    }


def test_skipped_syncs_are_not_executed() -> None:
    """Success is of success and failure; the skip rate is of all rows."""
    rows = (sync(90), sync(10, "failure"), sync(300, "skipped", hour=SECOND))
    assert measured("sync.success_rate", *rows).count == Count(90, 100)
    assert measured("sync.skip_rate", *rows).count == Count(300, 400)


def test_a_rate_brings_its_hours_and_integrations() -> None:
    """Both hours are there, and each integration has its own count."""
    rows = (sync(9), sync(1, "failure"), sync(5, integration="google_contacts"))
    found = measured("sync.success_rate", *rows, sliced=True)
    assert [hour.count for hour in found.hourly] == [Count(14, 15), Count(0, 0)]
    assert found.by_part == {"google_calendar": Count(9, 10), "google_contacts": Count(5, 5)}


def test_a_rate_whose_falls_are_sought_brings_the_hours_of_each_part() -> None:
    """Every hour of each; another rate brings those of the whole alone."""
    rows = (sync(9), sync(1, "failure"), sync(5, integration="google_contacts", hour=SECOND))
    found = measured("sync.success_rate", *rows, sliced=True).hours_by_part
    assert {name: [hour.count for hour in hours] for name, hours in found.items()} == {
        "google_calendar": [Count(9, 10), Count(0, 0)],
        "google_contacts": [Count(0, 0), Count(5, 5)],
    }
    assert not measured("sync.skip_rate", *rows, sliced=True).hours_by_part
    assert not measured("sync.success_rate", *rows).hours_by_part


def test_a_breakdown_is_told_by_hour() -> None:
    """Each name has a count in each hour, and be it 0; together they are the breakdown."""
    rows = (
        sync(5, "skipped", skip_reason="not_due"),
        sync(2, "skipped", skip_reason="mystery", hour=SECOND),
        sync(9, hour=SECOND),
    )
    found = measured("sync.skip_rate", *rows, sliced=True)
    assert found.hourly_parts == {"adaptive": (5, 0), "other": (0, 2)}
    assert found.breakdown == {"adaptive": 5, "other": 2}


def test_a_silent_survey_still_brings_its_hours() -> None:
    """No row at all: 0 of 0 in every hour, and no data in the whole."""
    found = measured("sync.success_rate", sliced=True)
    assert found.count == Count(0, 0)
    assert [hour.count for hour in found.hourly] == [Count(0, 0)] * 2


def test_a_row_without_integration_is_part_of_the_whole() -> None:
    """Only where a survey is said to bring the whole beside its parts is null the whole."""
    rows = (sync(90), sync(10, "failure", integration=None))
    assert measured("sync.success_rate", *rows).count == Count(90, 100)


def test_skip_reasons_read_as_the_mission_names_them() -> None:
    """Adaptive are two of them; what is unknown is other; executed rows have no reason to skip."""
    reasons = ("adaptive_scheduling", "not_due", "circuit_breaker_open", "moon_phase", None)
    rows = [sync(10, "skipped", skip_reason=reason) for reason in reasons]
    found = measured("sync.skip_rate", *rows, sync(99))
    assert found.breakdown == {"adaptive": 20, "other": 20, "circuit breaker": 10}


def test_manual_syncs_count_when_they_were_executed() -> None:
    """A skipped one is no press of the button."""
    rows = (sync(2, sync_type="manual"), sync(98), sync(50, "skipped", sync_type="manual"))
    assert measured("sync.manual_share", *rows).count == Count(2, 100)


def test_ignored_notifications_are_shown_and_not_counted() -> None:
    """They are the provider's own confirmations."""
    rows = [{"result": r, "n": n} for r, n in (("success", 95), ("failure", 5), ("ignored", 40))]
    found = measured("webhook.success_rate", *rows)
    assert found.count == Count(95, 100)
    assert found.breakdown == {"success": 95, "ignored": 40, "failure": 5}


def test_onboarding_counts_users_not_connections() -> None:
    """The survey's row without integration is the whole; a user with two connections is one."""
    whole = {"integration": None, "succeeded": 18, "settled": 20, "pending": 3, "new_users": 23}
    part = {
        "integration": "google_calendar",
        "succeeded": 19,
        "settled": 20,
        "pending": 3,
        "new_users": 23,
    }
    found = measured("onboarding.success_rate", whole, part)
    assert found.count == Count(18, 20)
    assert found.by_part == {"google_calendar": Count(19, 20)}
    assert found.breakdown == {"new_users": 23, "pending": 3}


def test_an_integration_of_which_nothing_was_counted_has_its_place() -> None:
    """Connections to contacts and no sync of them: none of none, not nothing."""
    names = ("google_contacts", "google_calendar")
    schedule = Table(tuple({"integration": name} for name in names))
    found = measured("sync.success_rate", sync(9), also={"schedule_states": schedule})
    assert found.by_part == {"google_contacts": Count(0, 0), "google_calendar": Count(9, 9)}
    assert found.parts_missing is None


def test_integrations_that_nobody_could_name_are_told() -> None:
    """The count stands; which integrations are lacking in it is not known."""
    schedule = Table(missing=team("a table is missing"))
    found = measured("sync.success_rate", sync(9), also={"schedule_states": schedule})
    assert (found.count, found.parts_missing) == (Count(9, 9), team("a table is missing"))


def subscriptions(**counts: int) -> Row:
    """The one row of the subscriptions' survey."""
    zero = dict.fromkeys(("total", "expired", "active", "settled", "recent", "silent"), 0)
    return zero | counts


def test_silent_webhooks_are_left_out_until_one_is_48_hours_old() -> None:
    """Not yet is said only while there are subscriptions; none at all is no data."""
    assert measured("webhook.silent", subscriptions(active=9)).left_out == team(
        "not yet: no subscription is 48 h old"
    )
    assert measured("webhook.silent", subscriptions(active=9, settled=1)).left_out is None
    none = measured("webhook.silent", subscriptions())
    assert (none.left_out, none.count) == (None, Count(0, 0))


def test_the_newest_events_are_counted_in_steps_as_far_as_there_are_any() -> None:
    """Of twelve events there are a last five and a last ten, newest first."""
    results = ["failure"] * 5 + ["success"] * 7
    newest = {"": Table(tuple({"result": result} for result in results)), "x": Table()}
    found = measured("sync.success_rate", sync(9), recent=newest)
    assert found.recent == {"": (Count(0, 5), Count(5, 10)), "x": ()}
    assert found.recent_missing is None


def test_newest_events_that_could_not_be_asked_are_told() -> None:
    """A survey without an answer is not one without events."""
    newest = {
        "": Table(),
        "google_calendar": Table(missing=team("the query took longer than 60 s")),
    }
    found = measured("sync.success_rate", sync(9), recent=newest)
    assert found.recent_missing == team("the query took longer than 60 s")
    assert found.count == Count(9, 9)


@pytest.mark.parametrize("name", [m.id for m in CRITERIA.metrics.values() if m.surveys])
def test_a_survey_without_an_answer_is_missing_data(name: str) -> None:
    """Its reason stands in the measurement, also when it is one that is only read beside."""
    metric = CRITERIA.metrics[name]
    for lost in metric.sources:
        tables = {
            other: Table(missing=team("no right to read it") if other == lost else None)
            for other in metric.sources
        }
        only = CRITERIA.model_copy(update={"metrics": {name: metric}})
        found = measure(only, tables, {}, {}, WINDOW)[name]
        assert found == Measurement(name, missing=team("no right to read it"))


@pytest.mark.parametrize(
    "value",
    [None, Decimal("NaN"), Decimal("Infinity"), float("nan"), float("-inf"), "26", 1e40, -1e40],
)
def test_what_is_no_number_is_no_data(value: object) -> None:
    """Null, NaN, infinity and beyond all counting: inconclusive, never 0 and never an error."""
    found = measured("jobs.adaptive_sync", {"adaptive_sync_age_s": value})
    assert found == Measurement(
        "jobs.adaptive_sync", missing=Remark(Says.NO_VALUE, "adaptive_sync_age_s")
    )


@pytest.mark.parametrize("value", [3600, Decimal("3600.000000"), 3600.0])
def test_seconds_arrive_in_the_type_of_the_servers_version(value: object) -> None:
    """PostgreSQL 13 extracts floats, later ones numerics."""
    found = measured("jobs.adaptive_sync", {"adaptive_sync_age_s": value})
    assert found.value == Fraction(3600)


def test_a_value_of_countless_digits_fits_into_a_record() -> None:
    """Rounded where no column is that fine."""
    found = measured("jobs.adaptive_sync", {"adaptive_sync_age_s": 1e-80})
    assert found.value == 0


def test_one_null_among_several_rows_is_no_data() -> None:
    """A sum of what is known is not the sum."""
    rows = ({"api_calls_saved": 0}, {"api_calls_saved": None})
    assert measured("sync.api_calls_saved", *rows).missing == Remark(
        Says.NO_VALUE, "api_calls_saved"
    )


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("jobs.consecutive_failures", "no runs reported; the footprints stand alone"),
        ("db.replica_lag", "this is the primary"),
    ],
)
def test_no_row_is_none_where_the_criteria_say_so(name: str, note: str) -> None:
    """The reason is noted beside the zero."""
    found = measured(name)
    assert (found.value, found.notes) == (Fraction(0), (team(note),))


def test_a_standby_that_cannot_tell_its_lag_is_no_primary() -> None:
    """A null of a standby is no data, although a primary brings no row at all."""
    assert measured("db.replica_lag", {"behind_s": None}).missing is not None


def test_the_worst_job_counts_not_the_sum_of_all() -> None:
    """Two failures of one job and two of another are not four in a row."""
    rows = ({"job": "renewal", "failures": 2}, {"job": "refresh", "failures": 1})
    found = measured("jobs.consecutive_failures", *rows)
    assert found.value == Fraction(2)
    assert found.breakdown == {"renewal": 2, "refresh": 1}


def test_the_mean_duration_is_weighed_and_its_percentiles_shown() -> None:
    """Three calendar syncs of 100 ms and one contact sync of 300 ms last 150 ms on average."""
    rows = [
        {"integration": name, "n": n, "mean_ms": mean, "p50_ms": 1, "p95_ms": 2, "p99_ms": 3}
        for name, n, mean in (("google_calendar", 3, 100), ("google_contacts", 1, 300))
    ]
    found = measured("sync.duration", *rows)
    assert found.value == Fraction(150, 1000)
    assert found.breakdown["google_contacts"] == 300
    assert found.breakdown["google_calendar p95_ms"] == 2


def test_a_schema_names_what_it_lacks() -> None:
    """The objects of this migration that are not there, and no other's."""
    rows = [
        {"migration": "039", "object": "table a", "present": True, "n": 1},
        {"migration": "039", "object": "index b", "present": False, "n": 1},
        {"migration": "040", "object": "index c", "present": False, "n": 1},
    ]
    found = measured("schema.039", *rows)
    assert found.count == Count(1, 2)
    assert found.notes == (Remark(Says.LACKS, "index b"),)


def test_top_errors_keep_their_text() -> None:
    """As hostile as it is; whoever shows it escapes it."""
    found = measured("sync.errors", {"message": "<script>", "n": 3})
    assert found.breakdown == {"<script>": 3}


@pytest.mark.parametrize("row", [{"wrong": 1}, {"invalid": "many", "users": 3}])
def test_a_survey_that_brings_something_else_is_no_data(row: Row) -> None:
    """A renamed column or a text for a number: inconclusive, with the file's name; never a zero."""
    metric = CRITERIA.metrics["token.invalid_users"]
    found = measured(metric.id, row)
    assert found.missing is not None
    assert found.missing.subject == "token_users"
    for role in metric.roles(Environment.STAGING):
        finding = judge(role, metric, found, CRITERIA.rules, Environment.STAGING)
        assert finding.outcome is Outcome.INCONCLUSIVE


def test_what_no_survey_tells_is_not_measured_here() -> None:
    """Endpoints are asked over HTTP."""
    assert measure(CRITERIA, {}, {}, {}, WINDOW) == {}


@pytest.mark.parametrize("rows", [[sync(-9)], [sync(9), sync(-1, "failure")]])
def test_a_count_that_is_no_share_is_no_data(rows: list[Row]) -> None:
    """A negative one, or more successes than syncs: nothing can be judged by it."""
    missing = measured("sync.success_rate", *rows).missing
    assert missing is not None
    assert (missing.says, "is no share" in missing.detail) == (Says.BAD_VALUE, True)
