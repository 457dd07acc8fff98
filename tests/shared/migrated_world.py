"""A database that the project's migrations go forward and back in, with rows of the new version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gonogo.ledger.migration import Migration
from gonogo.postgres.session import Connection
from gonogo.rollout.backup.fingerprint import schema_fingerprint
from gonogo.rollout.migrations.apply import MigrationEvent, apply_pending
from gonogo.sandbox.server import EmbeddedServer

Deploy = Callable[[], int]

ROWS = {
    "038": "update users set is_admin = true, admin_promoted_by = 'test' where email like '%-1@%'",
    "039": """insert into token_health (user_id, integration_type, status)
        select id, 'google_contacts', 'valid' from users""",
    "040": """insert into circuit_breaker_state (user_id, integration_type, state)
        select id, 'google_contacts', 'open' from users""",
    "041": """insert into sync_schedule (user_id, integration_type, current_frequency_ms,
            default_frequency_ms, min_frequency_ms, max_frequency_ms, next_sync_at)
        select id, 'google_calendar', 1, 1, 1, 1, now() from users""",
    "042": """insert into calendar_webhook_subscriptions
            (user_id, channel_id, resource_id, expiration)
        select id, id::text, 'r', now() from users""",
    "043": """insert into sync_metrics (user_id, integration_type, sync_type, result)
        select id, 'google_calendar', 'initial', 'success' from users""",
    "044": """insert into token_health_notifications (user_id, integration_type, notification_type)
        select id, 'google_contacts', 'token_invalid' from users""",
    "045": "update sync_schedule set onboarding_until = now()",
    "046": """insert into webhook_notifications (user_id, channel_id, resource_state, result)
        select id, 'c', 'exists', 'success' from users""",
}
ASIDE = {
    "038": {"users_038": 1},
    "039": {"token_health": 20},
    "040": {"circuit_breaker_state": 20},
    "041": {"sync_schedule": 20},
    "042": {"calendar_webhook_subscriptions": 20},
    "043": {"sync_metrics": 20},
    "044": {"token_health_notifications": 20},
    "045": {"sync_schedule_045": 20},
    "046": {"webhook_notifications": 20},
}


def quietly(_event: MigrationEvent) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class World:
    """A database that migrations go forward and back in."""

    connection: Connection
    migrations: tuple[Migration, ...]
    survey: str
    deploy: Deploy
    server: EmbeddedServer

    def forward(self, migrations: tuple[Migration, ...]) -> int:
        """Apply in a deployment of its own, and return its id."""
        deployment = self.deploy()
        apply_pending(
            self.connection,
            migrations,
            deployment,
            on_event=quietly,
            survey=self.survey,
            anchor="users",
        )
        return deployment

    def fill(self, migrations: tuple[Migration, ...]) -> None:
        """Write what the new version would."""
        for one in migrations:
            self.connection.execute(ROWS[one.version].encode())

    def fingerprint(self) -> str:
        """The schema as it is now."""
        return schema_fingerprint(self.server.bin_dir, self.connection.info.dsn)
