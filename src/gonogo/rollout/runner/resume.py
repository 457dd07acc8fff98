"""Take up a run where an earlier one ended: which steps stand, which are run again, and why.

The ledger says what the earlier one did. Only its last unbroken stretch counts: when a rollback was
begun after a deployment's steps, nothing of what those did can be relied upon.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC

from gonogo.ledger.rows import StepRow
from gonogo.rollout.runner.steps import Procedure, Step
from gonogo.rollout.runner.work import Work

STAMP = "%Y-%m-%d %H:%M:%SZ"


def carry_out(steps: Iterable[Step[Work]], work: Work) -> None:
    """Run the steps of a deployment or rollback, save for those that an earlier run did.

    Args:
        steps: From first to last.
        work: What they work on; its narrator tells of which procedure they are.

    Raises:
        GonogoError: A step failed; the later ones were not begun.
    """
    narrator, ledger, deployment_id = work.site.narrator, work.site.ledger, work.deployment.id
    ledger.cut_short(deployment_id)
    earlier = last_stretch(ledger.steps(deployment_id), narrator.procedure)
    for step in steps:
        row = earlier.get(step.name)
        if row is None or row.outcome == "skipped":
            pass
        elif row.outcome != "succeeded":
            narrator.note(f"{step.name} {_told(row)}: {step.resumption.cut_short}")
            step.resumption.undo(work, "failed" if row.finished_at else "killed")
        elif step.resumption.stands(work):
            narrator.stands(step, f"done {_at(row)}, not repeated", dict(row.evidence))
            continue
        else:
            narrator.note(f"{step.name} succeeded {_at(row)}: {step.resumption.otherwise}")
        narrator.run(step, work, ledger, deployment_id)


def last_stretch(rows: Sequence[StepRow], procedure: Procedure) -> Mapping[str, StepRow]:
    """The newest row of each step since the other procedure was last at work.

    Args:
        rows: The steps of one deployment, oldest first.
        procedure: deploy or rollback.
    """
    others = [place for place, row in enumerate(rows) if row.procedure != procedure]
    return {row.name: row for row in rows[others[-1] + 1 if others else 0 :]}


def _told(row: StepRow) -> str:
    return f"failed {_at(row)}" if row.finished_at else f"was cut short (begun {_at(row)})"


def _at(row: StepRow) -> str:
    return f"at {(row.finished_at or row.started_at).astimezone(UTC):{STAMP}}"
