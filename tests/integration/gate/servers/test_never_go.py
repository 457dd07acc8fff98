"""What must never be GO, each in a database that was healthy but for that one thing."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from gate_process import Soaked
from gonogo.model.kinds import Outcome, Reason, VerdictKind
from saying import why

Judged = Callable[..., Any]
# Newly connected users whose calendar never worked; their contacts do.
TWENTY_NEW = """
with chosen as (
    insert into users (email, google_id, created_at)
    select format('new%%s@example.com', n), format('new%%s', n), %(end)s - interval '6 hours'
    from generate_series(1, 20) as n
    returning id
), connected as (
    insert into sync_schedule (user_id, integration_type, current_frequency_ms,
        default_frequency_ms, min_frequency_ms, max_frequency_ms, next_sync_at, created_at,
        onboarding_until)
    select id, integration, 3600000, 3600000, 60000, 86400000, %(end)s,
        %(end)s - interval '5 hours', %(end)s + interval '19 hours'
    from chosen, (values ('google_contacts'), ('google_calendar')) as both_of (integration)
    returning user_id, integration_type
)
insert into sync_metrics (user_id, integration_type, sync_type, result, created_at)
select user_id, integration_type, 'full',
    case integration_type when 'google_contacts' then 'success' else 'failure' end,
    %(end)s - interval '4 hours'
from connected"""


def change(soaked: Soaked, *statements: str) -> None:
    """Change one thing."""
    end = soaked.end.replace(tzinfo=None)
    with psycopg.connect(soaked.conninfo) as connection:
        for statement in statements:
            connection.execute(statement.encode(), {"end": end})


def test_nothing_but_an_empty_schema(judged: Judged, soaked: Soaked) -> None:
    """Every table is there and every one is empty: no criterion on rows is met."""
    change(soaked, "truncate users cascade")
    verdict, observation = judged(soaked.conninfo, soaked.end)
    assert verdict.kind in {VerdictKind.HOLD, VerdictKind.NO_GO}, verdict.reasons
    for name in ("sync.success_rate", "sync.skip_rate", "webhook.success_rate"):
        finding = observation.findings[f"criterion:{name}"]
        assert finding.outcome is Outcome.INCONCLUSIVE
        assert "no data" in why(finding)


def test_all_tokens_unknown(judged: Judged, soaked: Soaked) -> None:
    """The health of no token is known: critical, not healthy for want of an expired one."""
    change(soaked, "update token_health set status = 'unknown'")
    verdict, _ = judged(soaked.conninfo, soaked.end)
    assert verdict.kind is VerdictKind.NO_GO
    assert any("token.unknown" in reason for reason in verdict.reasons), verdict.reasons


def test_all_subscriptions_expired(judged: Judged, soaked: Soaked) -> None:
    """No subscription is active: the renewal job's footprint fails, silence is no excuse."""
    change(soaked, "update calendar_webhook_subscriptions set expiration = %(end)s")
    verdict, observation = judged(soaked.conninfo, soaked.end)
    assert verdict.kind is VerdictKind.NO_GO
    assert any("jobs.webhook_renewal" in reason for reason in verdict.reasons), verdict.reasons
    assert observation.findings["alert:webhook.silent"].outcome is not Outcome.MET


def test_calendar_at_nothing_under_a_good_pool(judged: Judged, soaked: Soaked) -> None:
    """Calendar at 0 % beside contacts pools to more than 90 %: critical by integration."""
    change(
        soaked,
        "update sync_metrics set result = 'success' where result = 'failure'",
        "delete from sync_metrics where integration_type = 'google_calendar'"
        " and result = 'success' and created_at >= %(end)s - interval '48 hours'"
        " and id not in (select id from sync_metrics where integration_type = 'google_calendar'"
        " and result = 'success' order by created_at desc limit 60)",
        "update sync_metrics set result = 'failure'"
        " where integration_type = 'google_calendar' and result = 'success'",
    )
    verdict, observation = judged(soaked.conninfo, soaked.end)
    pool = observation.measurements["sync.success_rate"]
    assert pool.by_part["google_calendar"].k == 0
    assert pool.count.k > 0.9 * pool.count.n
    assert observation.findings["alert:sync.success_rate"].outcome is Outcome.CRITICAL
    assert verdict.kind is not VerdictKind.GO


def test_twenty_new_users_whose_calendar_failed(judged: Judged, soaked: Soaked) -> None:
    """Their contacts work and their calendar does not: they have not been onboarded."""
    change(soaked, TWENTY_NEW)
    verdict, observation = judged(soaked.conninfo, soaked.end)
    onboarding = observation.measurements["onboarding.success_rate"]
    assert onboarding.count.n - onboarding.count.k >= 20
    assert verdict.kind in {VerdictKind.NO_GO, VerdictKind.ROLLBACK}
    assert any("onboarding.success_rate" in reason for reason in verdict.reasons)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_the_gates_own_time_zone_changes_nothing(judged: Judged, soaked: Soaked, zone: str) -> None:
    """A session that begins in another zone is pinned to UTC: the same counts, the same verdict."""
    _, in_utc = judged(soaked.conninfo, soaked.end)
    verdict, elsewhere = judged(f"{soaked.conninfo} options='-c timezone={zone}'", soaked.end)
    assert verdict.kind is VerdictKind.GO, verdict.reasons
    assert elsewhere.window == in_utc.window
    assert elsewhere.measurements == in_utc.measurements


# Each row in a transaction of its own, as two writers take turns.
TWO_WRITERS = """
do $$
declare
    event record;
begin
    -- What was written row by row before is one bulk now: it tells of no moment.
    update webhook_notifications set id = id;
    for event in
        select id, row_number() over (order by created_at) as no
        from (select id, created_at from sync_metrics order by created_at desc limit 1200) as newest
        order by created_at
    loop
        begin
            update sync_metrics set created_at = created_at - (event.no % 2) * interval '11 hours'
            where id = event.id;
        exception when division_by_zero then
            raise;
        end;
    end loop;
end
$$"""


def test_half_of_the_writers_eleven_hours_off(judged: Judged, soaked: Soaked) -> None:
    """Every rate is as before, and no stream is silent: only the order of writing shows it."""
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute(TWO_WRITERS.encode())
    verdict, observation = judged(soaked.conninfo, soaked.end)
    assert verdict.kind is VerdictKind.HOLD, verdict.reasons
    assert any(reason.startswith("db.write_order: 6") for reason in verdict.reasons)
    assert observation.measurements["db.write_order"].notes[0].number > 500


# Every writer five hours west, as if its time zone were that of New York.
WEST = (
    "update sync_metrics set created_at = created_at - interval '5 hours'",
    "update webhook_notifications set created_at = created_at - interval '5 hours'",
    """
    update sync_schedule
    set created_at = created_at - interval '5 hours', updated_at = updated_at - interval '5 hours',
        last_sync_at = last_sync_at - interval '5 hours',
        next_sync_at = next_sync_at - interval '5 hours',
        onboarding_until = onboarding_until - interval '5 hours'""",
)


def test_all_writers_five_hours_west_of_utc(judged: Judged, soaked: Soaked) -> None:
    """No clock and no order of writing shows it; but the window ends in silence."""
    change(soaked, *WEST)
    verdict, observation = judged(soaked.conninfo, soaked.end)
    assert verdict.kind is VerdictKind.HOLD, verdict.reasons
    for metric in ("sync.success_rate", "sync.skip_rate", "webhook.success_rate"):
        assert observation.findings[f"presence:{metric}"].reason is Reason.OVERDUE


UNCOUNTED = {
    "db.sync_results": (
        "alter table sync_metrics alter column result drop not null",
        "update sync_metrics set result = null where result = 'failure'",
    ),
    "db.undated_rows": (
        "alter table sync_metrics alter column created_at drop not null",
        "update sync_metrics set created_at = null where result = 'failure'",
    ),
    "db.token_states": (
        "alter table token_health alter column status drop not null",
        "update token_health set status = null where status <> 'valid'",
    ),
    "db.clock_skew": (
        """update token_health set last_checked = last_checked + interval '13 hours'
        where status <> 'valid'""",
    ),
}


@pytest.mark.parametrize("metric", UNCOUNTED)
def test_rows_that_no_rate_counts(judged: Judged, soaked: Soaked, metric: str) -> None:
    """What is left would look better than ever: HOLD, for the rows that are not counted."""
    change(soaked, *UNCOUNTED[metric])
    verdict, _ = judged(soaked.conninfo, soaked.end)
    assert verdict.kind is VerdictKind.HOLD, verdict.reasons
    assert [reason.partition(":")[0] for reason in verdict.reasons] == [metric]


# Beside others whose onboarding period is set.
UNFLAGGED = TWENTY_NEW.replace("%(end)s + interval '19 hours'", "null::timestamp")
# What no rate over events sees, by what happened: who must say so, and what it takes.
UNSEEN = {
    "nine of ten webhook subscriptions are gone": (
        "webhook.coverage",
        """delete from calendar_webhook_subscriptions where id not in (
            select id from calendar_webhook_subscriptions order by id
            limit (select count(*) / 10 from calendar_webhook_subscriptions))""",
    ),
    "new users who never succeed do not count as new": ("onboarding.success_rate", UNFLAGGED),
    "an integration is gone from schedule and metrics": (
        "data.scheduled",
        "delete from sync_schedule where integration_type = 'google_contacts'",
        "delete from sync_metrics where integration_type = 'google_contacts'",
    ),
    "an integration is gone from schedule, metrics and tokens alike": (
        "sync.success_rate",
        "delete from sync_schedule where integration_type = 'google_contacts'",
        "delete from token_health where integration_type = 'google_contacts'",
        """delete from sync_metrics where integration_type = 'google_contacts'
            and created_at >= %(end)s - interval '30 hours'""",
    ),
    "nothing is scheduled before the end of all time": (
        "data.scheduled",
        "update sync_schedule set next_sync_at = 'infinity'",
    ),
    "all is scheduled for before all time": (
        "data.scheduled",
        "update sync_schedule set next_sync_at = '-infinity'",
    ),
    "every skip is for an invalid token": (
        "sync.bad_skips",
        "update sync_metrics set skip_reason = 'invalid_token' where result = 'skipped'",
    ),
    "one token was checked and all others not for 40 days": (
        "jobs.token_refresh",
        """update token_health set last_checked = %(end)s - interval '40 days'
        where id <> (select min(id::text)::uuid from token_health)""",
    ),
    "one success dated 2099 hides twenty failures of a job": (
        "jobs.consecutive_failures",
        """insert into gonogo.job_run (job_name, started_at, succeeded)
        select 'renewal', %(end)s - n * interval '1 hour', false
        from generate_series(1, 20) as n union all select 'renewal', '2099-01-01', true""",
    ),
}


@pytest.mark.parametrize("what", UNSEEN)
def test_what_no_rate_over_events_sees(judged: Judged, soaked: Soaked, what: str) -> None:
    """Every rate stays perfect; what is gone is NO-GO or ROLLBACK, by its name."""
    metric, *statements = UNSEEN[what]
    change(soaked, *statements)
    verdict, _ = judged(soaked.conninfo, soaked.end)
    assert verdict.kind in {VerdictKind.NO_GO, VerdictKind.ROLLBACK}, verdict.reasons
    assert metric in {reason.partition(":")[0] for reason in verdict.reasons}, verdict.reasons


ONE_AN_HOUR = """
delete from sync_metrics where integration_type = 'google_contacts' and result <> 'skipped'
    and sync_type <> 'initial' and created_at >= %(end)s - interval '30 hours'
    and id not in (
        select distinct on (floor(extract(epoch from %(end)s - created_at) / 3600)) id
        from sync_metrics
        where result <> 'skipped' and integration_type = 'google_contacts'
        order by floor(extract(epoch from %(end)s - created_at) / 3600), id)"""


def test_a_part_that_dies_down_to_a_row_an_hour(judged: Judged, soaked: Soaked) -> None:
    """For 30 hours no silence is long, every rate is perfect, and the other part flows."""
    change(soaked, ONE_AN_HOUR)
    verdict, observation = judged(soaked.conninfo, soaked.end)
    assert verdict.kind is VerdictKind.HOLD, verdict.reasons
    found = observation.findings["presence:sync.success_rate"]
    assert (found.reason, found.figures.part) == (Reason.TRICKLES, "google_contacts")
