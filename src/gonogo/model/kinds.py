"""The words that the verdict is made of: environments, roles, outcomes, verdicts."""

from __future__ import annotations

from enum import StrEnum


class Environment(StrEnum):
    """Where the application runs."""

    STAGING = "staging"
    PRODUCTION = "production"


class Role(StrEnum):
    """What a check asks of its metric."""

    CRITERION = "criterion"
    ALERT = "alert"
    TRIGGER = "trigger"


class Level(StrEnum):
    """Which of a metric's limits one is."""

    OBJECTIVE = "objective"
    WARNING = "warning"
    CRITICAL = "critical"
    TRIGGER = "trigger"


class Outcome(StrEnum):
    """What a finding says. Only `MET` counts for GO; `WARNING` does not stand in its way."""

    MET = "met"
    WARNING = "warning"
    CRITICAL = "critical"
    FAILED = "failed"
    FIRED = "fired"
    INCONCLUSIVE = "inconclusive"
    LEFT_OUT = "left_out"


class VerdictKind(StrEnum):
    """The four verdicts, worst first."""

    ROLLBACK = "ROLLBACK"
    NO_GO = "NO-GO"
    HOLD = "HOLD"
    GO = "GO"

    @property
    def exit_code(self) -> int:
        """The exit code of ``pytest checks/``; 2 to 6 keep pytest's own meaning."""
        return {"ROLLBACK": 11, "NO-GO": 1, "HOLD": 10, "GO": 0}[self.value]
