"""How far a backup is, told from what pg_dump and pg_restore say."""

from __future__ import annotations

from gonogo.rollout.backup.order import TableProgress

SIZES = {"public.users": 1000, "public.sync_metrics": 9000}


def test_bytes_of_tables_are_told_as_each_is_begun() -> None:
    """A table that is done counts whole, the one at work as far as the file has grown."""
    told: list[tuple[str, int, int]] = []
    progress = TableProgress("dump", SIZES, lambda *line: told.append(line))
    progress.tick(100)
    progress.line('pg_dump: dumping contents of table "public.users"')
    progress.tick(400)
    progress.tick(5000)
    progress.line("pg_dump: something else")
    progress.line('pg_dump: dumping contents of table "public.sync_metrics"')
    progress.tick(7000)
    assert told == [
        ("dump", 0, 10000),
        ("dump", 300, 10000),
        ("dump", 1000, 10000),
        ("dump", 3000, 10000),
    ]


def test_a_restore_is_told_too_and_strangers_count_nothing() -> None:
    """A table that nobody sized brings nothing, and breaks nothing."""
    told: list[tuple[str, int, int]] = []
    progress = TableProgress("restore", SIZES, lambda *line: told.append(line))
    progress.line('pg_restore: processing data for table "public.users"')
    progress.line('pg_restore: processing data for table "public.other"')
    progress.tick()
    assert told == [("restore", 1000, 10000)]
