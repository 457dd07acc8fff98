"""A hot standby: measured like its primary while it keeps up, inconclusive when it does not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import engine_criteria
from gonogo.model.kinds import Environment, Outcome, VerdictKind
from gonogo.model.limit import parse_limit
from gonogo.postgres import session
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners, Session
from gonogo.postgres.snapshot import in_snapshot
from gonogo.rollout.grants import grant_gate, readable

Judged = Callable[..., Any]
READABLE = readable(Path(__file__).parents[4] / "checks" / "sql")
Ask = Callable[[str, str], Any]
CONFLICTS = "select confl_snapshot from pg_stat_database_conflicts where datname = 'app'"
FLAG_DOWN = ("delete from flag", "vacuum flag")
FLAGS = "select count(*) as n from flag"
HEARD_SINCE = """
select last_msg_receipt_time > pg_last_xact_replay_timestamp() + interval '1 second'
from pg_stat_wal_receiver"""

AGE = "extract(epoch from now() - pg_last_xact_replay_timestamp())"


def change(conninfo: str, *statements: str) -> None:
    """Change something, each statement in a transaction of its own."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def allow_a_second(monkeypatch: pytest.MonkeyPatch, metric: str) -> None:
    """Lower the limit of a metric: a test has no five minutes."""
    known = engine_criteria.CRITERIA
    a_second = dict.fromkeys(Environment, parse_limit("<= 0.0166 min"))
    lowered = known.metrics[metric].model_copy(update={"objective": a_second})
    held = known.model_copy(update={"metrics": {**known.metrics, metric: lowered}})
    monkeypatch.setattr(engine_criteria, "CRITERIA", held)


def test_a_standby_that_keeps_up_is_go(judged: Judged, pair: Any) -> None:
    """The standby's verdict is its primary's, from the same counts."""
    verdict, on_standby = judged(pair.standby)
    assert verdict.kind is VerdictKind.GO, verdict.reasons
    assert on_standby.identity.standby
    _, on_primary = judged(pair.primary, on_standby.window.end)
    for name in ("sync.success_rate", "webhook.success_rate", "onboarding.success_rate"):
        assert on_standby.measurements[name].count == on_primary.measurements[name].count


def test_a_standby_that_lags_is_inconclusive(
    judged: Judged, pair: Any, ask: Ask, until: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replay that stands still past the limit (a second here) is HOLD, and the reason says so."""
    allow_a_second(monkeypatch, "db.replica_lag")
    ask(pair.standby, "select pg_wal_replay_pause()")
    try:
        until(pair.standby, "select pg_get_wal_replay_pause_state() = 'paused'")
        ask(pair.primary, "select pg_current_xact_id()")
        until(pair.standby, f"select {AGE} > 1.2")
        verdict, observation = judged(pair.standby)
    finally:
        ask(pair.standby, "select pg_wal_replay_resume()")
    assert verdict.kind is VerdictKind.HOLD, verdict.reasons
    assert any("db.replica_lag" in reason for reason in verdict.reasons)
    assert observation.measurements["db.replica_lag"].value > 1


def test_a_standby_whose_replay_is_paused_is_inconclusive(
    judged: Judged, pair: Any, ask: Ask, until: Ask
) -> None:
    """However little it is behind yet: what is written from now on is in no figure of it."""
    ask(pair.standby, "select pg_wal_replay_pause()")
    try:
        until(pair.standby, "select pg_get_wal_replay_pause_state() = 'paused'")
        verdict, observation = judged(pair.standby)
    finally:
        ask(pair.standby, "select pg_wal_replay_resume()")
    assert verdict.kind is VerdictKind.HOLD, verdict.reasons
    assert [reason.partition(":")[0] for reason in verdict.reasons] == ["db.replica_paused"]
    assert observation.findings["criterion:db.replica_lag"].outcome is Outcome.MET


def test_a_standby_of_a_standby_that_is_cut_off_is_inconclusive(
    judged: Judged, cascade: Any, ask: Ask, until: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hears of its sender all the time, and calls itself up to date; the busy streams do not."""
    allow_a_second(monkeypatch, "db.replica_rows")
    ask(cascade.primary, "select pg_current_xact_id()")
    until(cascade.standby, f"select {AGE} > 2")
    # In four minutes the streams would have brought fifty rows.
    later = ask(cascade.standby, "select now() + interval '4 minutes'")
    verdict, observation = judged(cascade.standby, later)
    assert observation.findings["criterion:db.replica_lag"].outcome is Outcome.MET
    assert observation.measurements["db.replica_lag"].value < ask(cascade.standby, f"select {AGE}")
    assert verdict.kind is VerdictKind.HOLD, verdict.reasons
    assert any(reason.startswith("db.replica_rows") for reason in verdict.reasons)


def test_a_standby_of_an_idle_primary_is_not_behind(
    judged: Judged, pair: Any, ask: Ask, until: Ask
) -> None:
    """Where nothing is written nothing is missed: the primary's last sign of life counts."""
    until(pair.standby, HEARD_SINCE)
    verdict, observation = judged(pair.standby)
    assert verdict.kind is VerdictKind.GO, verdict.reasons
    behind_s = observation.measurements["db.replica_lag"].value
    assert behind_s + 1 < ask(pair.standby, f"select {AGE}")


def test_the_shipped_role_is_enough_on_a_standby(judged: Judged, pair: Any, until: Ask) -> None:
    """It may not see what the standby receives, so the last transaction shows how far it is."""
    with session.connect(pair.primary) as connection:
        connection.execute("create role gate_on_standby login")
        grant_gate(connection, "gate_on_standby", "public", READABLE)
    pair.catch_up()
    until(pair.standby, f"select {AGE} > 1")
    verdict, observation = judged(make_conninfo(pair.standby, user="gate_on_standby"))
    assert verdict.kind is VerdictKind.GO, verdict.reasons
    assert observation.measurements["db.replica_lag"].value > 1


@pytest.fixture
def flagged(pair: Any, checkout: Path) -> Any:
    """A survey sleeps as long as a flag is set: in a snapshot from before it was cleared."""
    change(
        pair.primary,
        "create table if not exists flag (up integer)",
        "insert into flag select 1 where not exists (select from flag)",
    )
    pair.catch_up()
    path = checkout / "checks" / "sql" / "token_states.sql"
    nap = "from token_health cross join (select count(pg_sleep(600)) from flag) as nap"
    path.write_text(path.read_text("utf-8").replace("from token_health", nap), "utf-8")
    return pair


def test_a_cancelled_snapshot_is_measured_anew_as_a_whole(
    judged: Judged, flagged: Any, while_asleep: Callable[..., Any], ask: Ask
) -> None:
    """A recovery conflict (40001) repeats every survey in a new snapshot, never half of them."""
    conflicts_before = ask(flagged.standby, CONFLICTS)

    def conflict(_backend: int) -> None:
        # Counted by a survey that has answered before the one that sleeps.
        change(flagged.primary, "delete from sync_metrics where sync_type = 'manual'", *FLAG_DOWN)

    with while_asleep(flagged.standby, conflict):
        verdict, observation = judged(flagged.standby)
    assert ask(flagged.standby, CONFLICTS) > conflicts_before
    assert verdict.kind is VerdictKind.GO, verdict.reasons
    assert observation.measurements["sync.manual_share"].count.k == 0


def test_a_snapshot_cancelled_between_two_queries_is_read_anew(
    flagged: Any, ask: Ask, until: Ask
) -> None:
    """A session that is ended while it asks nothing begins again, and sees one state only."""
    seen: list[int] = []

    def read(session: Session) -> int:
        seen.append(session.ask(FLAGS)[0]["n"])
        if len(seen) == 1:
            conflicts = ask(flagged.standby, CONFLICTS)
            change(flagged.primary, *FLAG_DOWN)
            until(
                flagged.standby,
                CONFLICTS.replace("confl_snapshot", f"confl_snapshot > {conflicts}"),
            )
        again: int = session.ask(FLAGS)[0]["n"]
        return again

    again = in_snapshot(DatabaseSettings(flagged.standby, "the test"), Manners(), read)
    assert seen == [1, 0]
    assert again == 0
