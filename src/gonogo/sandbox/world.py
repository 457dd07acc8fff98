"""The application's database: the schema as before 038 and who lives in it; or as deployed."""

from __future__ import annotations

from pathlib import Path

from gonogo.ledger.installation import install
from gonogo.ledger.ledger import Ledger
from gonogo.ledger.migration import digest, load
from gonogo.ledger.rows import NewDeployment
from gonogo.rollout.migrations.migrate import apply_pending
from gonogo.sandbox.script import Connection, run_script


def create_base(connection: Connection, *, users: int = 500, seed: int = 1) -> None:
    """Create the schema and fill it, in one transaction.

    The rows follow from `users` and `seed` alone, whatever the day. About 94 % of the users have
    connected Google, seven of ten of them both contacts and calendar.

    Args:
        connection: To an empty database.
        users: How many users.
        seed: Another seed makes other people.
    """
    with connection.transaction():
        run_script(connection, "base_schema", {})
        run_script(connection, "sql/base_rows", {"users": users, "seed": seed})


def migrate_base(connection: Connection, migrations_dir: Path) -> None:
    """Deploy the migrations alone, without application or backup: staging, simulated.

    Args:
        connection: To a database from `create_base`, in autocommit.
        migrations_dir: Holds the migrations.
    """
    migrations = load(migrations_dir)
    install(connection)
    ledger = Ledger(connection)
    ledger.mark_environment("staging", simulated=True)
    hashes = (digest(migrations), "0" * 64)
    number = ledger.open_deployment(NewDeployment("staging", "after", "before", *hashes, "sandbox"))
    apply_pending(connection, migrations, number, on_event=lambda _event: None)
    ledger.finish_deployment(number, "succeeded")
