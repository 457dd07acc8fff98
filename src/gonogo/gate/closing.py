"""What a record says once the verdict is there, beside its header and its checklist."""

from __future__ import annotations

from gonogo.gate.document import Json, document, unmeasured
from gonogo.gate.facts import facts_of
from gonogo.gate.reproduce import reproduce
from gonogo.gate.setting import Observation, Setting
from gonogo.gate.soak import soak
from gonogo.judge.score import health_score
from gonogo.model.finding import Finding, Verdict
from gonogo.record.archive import gates_since


def closing(
    setting: Setting,
    observation: Observation | None,
    answers: tuple[Finding, ...],
    verdict: Verdict,
) -> Json:
    """All that was measured and answered, with the archive's share of it.

    Args:
        setting: From `resolve`.
        observation: From `observe`; None when no check ran.
        answers: What the checks of this run asserted.
        verdict: The decision on them.
    """
    if observation is None:
        # Nothing was measured, and nothing is measured for the record alone.
        return unmeasured(verdict)
    score = health_score(setting.criteria, observation.measurements, setting.environment)
    told = document(setting, observation, answers, verdict, score)
    archive_dir, environment, window = setting.archive_dir, setting.environment, observation.window
    gates = gates_since(archive_dir, environment, window.deployed_at or window.start)
    metric = setting.criteria.traffic
    traffic = observation.measurements.get(metric.id) if metric else None
    return told | {
        "facts": {**facts_of(setting, observation), "Gates since the deployment": str(gates)},
        "reproduce": reproduce(setting, window.end),
        "soak": soak(archive_dir, environment, window, traffic),
    }
