"""What becomes of the rows since a backup, in one line and in figures."""

from __future__ import annotations

from gonogo.rollout.restore.carry import Carried
from gonogo.rollout.runner.steps import Evidence


def summed_up(carried: Carried) -> str:
    """What becomes of the rows since the backup, in one line."""
    since = sum(one.total for one in carried.since)
    line = f"{since:,} rows written since the backup, {carried.carried:,} carried over"
    left = sum(one.total for one in carried.left)
    damage = sum(one.total for one in carried.damage)
    return (
        line
        + (f", {left:,} cannot be" if left else "")
        + (f", {damage:,} taken for damage" if damage else "")
    )


def told(carried: Carried) -> Evidence:
    """The same with its figures, as a record's evidence."""
    return {
        "since": [str(one) for one in carried.since],
        "cannot_be_carried": [str(one) for one in carried.left],
        "taken_for_damage": [str(one) for one in carried.damage],
        "reasons": dict(carried.reasons),
        "tables_not_in_the_backup": dict(carried.beyond.tables),
        "columns_not_in_the_backup": list(carried.beyond.columns),
        "large_objects_not_in_the_backup": carried.beyond.large_objects,
        "columns_that_are_gone": {name: list(gone) for name, gone in carried.gone.items()},
    }
