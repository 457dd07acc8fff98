"""Backups that are older than they need be kept: listed, and never deleted by us."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from gonogo.ledger.rows import Backup

# What a rollback may still want is never listed, whatever a team's file says.
SHORTEST_DAYS = 14


def past_retention(
    backups: Sequence[Backup], retention_days: int, now: datetime
) -> tuple[Backup, ...]:
    """The backups of this machine that are older than their retention, oldest first.

    The newest verified one is never among them: it is what a restore would take.

    Args:
        backups: From the ledger.
        retention_days: How long they are kept, in days; never counted as less than two weeks.
        now: The moment that ages are counted from.
    """
    kept = timedelta(days=max(retention_days, SHORTEST_DAYS))
    newest = max((one.made_at for one in backups if one.verified_at), default=now)
    old = [one for one in backups if now - one.made_at > kept and one.made_at != newest]
    return tuple(sorted((one for one in old if Path(one.path).is_file()), key=_made_at))


def _made_at(backup: Backup) -> datetime:
    return backup.made_at
