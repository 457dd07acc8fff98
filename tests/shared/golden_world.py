"""A world of a few rows, so that a reader can count k and n in the test itself.

Moments are told from the window's end: ``-48h`` is its start when it is 48 h long, ``0`` its end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from engine_criteria import judged_alike
from gonogo import criteria as criteria_file
from gonogo.config.project import Project
from gonogo.criteria import Criteria
from gonogo.judge.finding import judge
from gonogo.measure.surveys import naive
from gonogo.measure.take import Plan, take
from gonogo.model.finding import Finding
from gonogo.model.kinds import Environment, Role
from gonogo.model.measurement import Measurement, Window, clip, parse_duration
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners, Session
from gonogo.postgres.snapshot import in_snapshot

PROJECT = Project(Path(__file__).parents[2])
CRITERIA = judged_alike(criteria_file.load(PROJECT.criteria_file, PROJECT.sql_dir))
VERSIONS = tuple(f"0{number}" for number in range(38, 47))
# Ahead of every clock: the newest row is then held against this moment, not against the clock.
AS_OF = datetime(2100, 6, 1, 12, 30, tzinfo=UTC)
OFFSET = re.compile(r"([+-][0-9]+)(d|h|m|s|us)")
MOMENTS = ("_at", "_until", "_checked", "_date", "expiration")
UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds", "us": "microseconds"}
TABLES = (
    "sync_metrics",
    "sync_schedule",
    "webhook_notifications",
    "calendar_webhook_subscriptions",
    "token_health",
    "token_health_notifications",
    "circuit_breaker_state",
    "gonogo.incident",
    "gonogo.job_run",
    "gonogo.migration_attempt where version > '046'",
    "gonogo.deployment where id > (select min(id) from gonogo.deployment)",
)


class World:
    """One database, its users numbered from 1; each method adds rows.

    Args:
        conninfo: A migrated database.
    """

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self.connection = psycopg.connect(conninfo)
        self.users = [row[0] for row in self.ask("select id from users order by email")]
        self.as_of = AS_OF
        self.criteria = CRITERIA

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """The rows of a query."""
        return self.connection.execute(query.encode()).fetchall()

    def run(self, statement: str) -> None:
        """Change something that no other method changes."""
        self.connection.execute(statement.encode())

    def clear(self) -> None:
        """Remove every row that a test may add."""
        self.connection.rollback()
        self.run("; ".join(f"delete from {table}" for table in TABLES))
        self.run("update gonogo.deployment set rolled_back_at = null, served = null")
        self.run("update users set created_at = '2023-01-09'")

    def moment(self, told: str | None) -> datetime | None:
        """The moment that an offset such as ``-48h-1us`` tells; aware, UTC."""
        if told is None:
            return None
        assert told == "0" or not OFFSET.sub("", told), f"{told!r} is no offset"
        shifts = (timedelta(**{UNITS[unit]: int(n)}) for n, unit in OFFSET.findall(told))
        return self.as_of + sum(shifts, timedelta())

    def sync(
        self,
        result: str | None = "success",
        *,
        user: int = 1,
        at: str | None = "-1h",
        integration: str = "calendar",
        times: int = 1,
        **more: object,
    ) -> None:
        """Add so many equal syncs; `more` holds other columns."""
        told = {"sync_type": "incremental", "result": result, "created_at": at, **more}
        self._insert("sync_metrics", self._who(user, integration) | told, times)

    def notification(
        self,
        result: str | None = "success",
        *,
        user: int = 1,
        at: str = "-1h",
        times: int = 1,
        **more: object,
    ) -> None:
        """Add so many equal webhook notifications; `more` holds other columns."""
        source = {"channel_id": f"channel {user}", "resource_state": "exists"}
        told = {"result": result, "created_at": at, **more}
        self._insert("webhook_notifications", self._who(user) | source | told, times)

    def connected(
        self,
        user: int,
        *,
        at: str | None = "-3h",
        integration: str = "calendar",
        due: str = "+1h",
        new: bool = True,
    ) -> None:
        """Connect a user's integration; one that is not `new` was backfilled by migration 041."""
        frequencies = {f"{name}_frequency_ms": 1 for name in ("current", "default", "min", "max")}
        moments = {"created_at": at, "next_sync_at": due, "onboarding_until": at if new else None}
        self._insert("sync_schedule", self._who(user, integration) | frequencies | moments)

    def came(self, user: int, at: str) -> None:
        """Let a user have signed up then, not long before the rollout."""
        query = "update users set created_at = %s where id = %s"
        self.connection.execute(query, [self.moment(at), self.users[user - 1]])

    def subscription(
        self, user: int, *, at: str = "-3d", expires: str = "+4d", touched: str = "-1h"
    ) -> None:
        """Subscribe a user's calendar."""
        names = {"channel_id": f"channel {user}", "resource_id": "resource"}
        moments = {"created_at": at, "expiration": expires, "updated_at": touched}
        self._insert("calendar_webhook_subscriptions", self._who(user) | names | moments)

    def token(
        self,
        status: str | None,
        *,
        user: int = 1,
        integration: str = "calendar",
        checked: str = "-1h",
        expires: str | None = None,
        at: str | None = "-9d",
    ) -> None:
        """Add a token's health."""
        moments = {"last_checked": checked, "expiry_date": expires, "created_at": at}
        told = {"status": status} | moments
        self._insert("token_health", self._who(user, integration) | told)

    def notice(
        self,
        *,
        user: int = 1,
        at: str | None,
        resolved: str | None = None,
        reminded: str | None = None,
    ) -> None:
        """Tell a user that a token broke."""
        told = {"notification_type": "token_invalid", "created_at": at}
        answers = {"resolved_at": resolved, "reminder_sent_at": reminded}
        who = self._who(user, "calendar")
        self._insert("token_health_notifications", who | told | answers)

    def breaker(
        self,
        state: str | None,
        *,
        user: int = 1,
        integration: str = "calendar",
        retry: str | None = None,
        opened: str | None = None,
        touched: str | None = "-1h",
    ) -> None:
        """Add a circuit breaker."""
        told = {"state": state, "next_retry_at": retry, "opened_at": opened, "updated_at": touched}
        self._insert("circuit_breaker_state", self._who(user, integration) | told)

    def job(self, name: str, at: str, *, succeeded: bool) -> None:
        """Report a run of a job."""
        told = {"job_name": name, "started_at": at, "succeeded": succeeded}
        self._insert("gonogo.job_run", told)

    def incident(
        self, kind: str, *, opened: str, closed: str | None = None, void: bool = False
    ) -> None:
        """Open an incident, and close it."""
        told = {"title": "an incident", "kind": kind, "void": void}
        moments = {"opened_at": opened, "closed_at": closed}
        self._insert("gonogo.incident", told | moments)

    def measured(self, metric: str, **how: Any) -> Measurement:
        """Measure one metric in a snapshot of its own; see `everything` for the options."""
        return self.everything(metric, **how)[metric]

    def everything(
        self,
        *metrics: str,
        window: str = "48h",
        deployed: str | None = None,
        environment: Environment = Environment.STAGING,
        options: str = "",
        cluster: bool = False,
    ) -> dict[str, Measurement]:
        """Measure these metrics, or all of the criteria.

        Args:
            metrics: Ids; none means every one.
            window: Its length.
            deployed: The deployment's end, from which the window is cut off.
            environment: Whose deployments count.
            options: What the measuring session begins with, such as another time zone.
            cluster: Whether the window is cut into the wide slices of a cluster.
        """
        self.connection.commit()
        plan = Plan(
            self.narrowed(*metrics),
            PROJECT.sql_dir,
            environment,
            self.window(window, deployed),
            VERSIONS,
        )
        conninfo = make_conninfo(self.conninfo, options=options) if options else self.conninfo
        settings = DatabaseSettings(conninfo, "the test")

        def read(session: Session) -> dict[str, Measurement]:
            return take(replace(session, on_cluster=cluster), plan)

        return in_snapshot(settings, Manners(anchor="users"), read)

    def narrowed(self, *metrics: str) -> Criteria:
        """The criteria with only these metrics, so that only their surveys are asked."""
        every = self.criteria.metrics
        chosen = {name: every[name] for name in metrics or every}
        return self.criteria.model_copy(update={"metrics": chosen})

    def window(self, window: str = "48h", deployed: str | None = None) -> Window:
        """The window that ends at this world's moment."""
        return clip(parse_duration(window), self.as_of, self.moment(deployed))

    def found(
        self,
        metric: str,
        role: str = "criterion",
        environment: Environment = Environment.STAGING,
        **how: Any,
    ) -> Finding:
        """Measure one metric and judge it."""
        measurement = self.measured(metric, environment=environment, **how)
        rules = self.criteria.rules
        return judge(Role(role), self.criteria.metrics[metric], measurement, rules, environment)

    def _who(self, user: int, integration: str | None = None) -> dict[str, object]:
        who = {"user_id": self.users[user - 1]}
        return who | ({"integration_type": f"google_{integration}"} if integration else {})

    def _insert(self, table: str, columns: Mapping[str, object], times: int = 1) -> None:
        aware = table.startswith("gonogo.")
        values = [self._value(name, value, aware=aware) for name, value in columns.items()]
        query = sql.SQL("insert into {} ({}) select {} from generate_series(1, {})").format(
            sql.Identifier(*table.split(".")),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(map(sql.Literal, values)),
            sql.Literal(times),
        )
        self.connection.execute(query)

    def _value(self, column: str, value: object, *, aware: bool) -> object:
        """Moments as the column holds them: the application's are UTC without a time zone."""
        if value in {"infinity", "-infinity"}:
            return value
        if column.endswith(MOMENTS) and isinstance(value, str):
            moment = self.moment(value)
            return moment if aware or moment is None else naive(moment)
        return value
