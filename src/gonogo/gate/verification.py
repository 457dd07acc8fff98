"""Right after a deployment: is all in place? What needs no window, asked and judged as a gate does.

A part of the checks is never GO, so this brings no verdict, and leaves no record of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gonogo.config.project import Project
from gonogo.criteria import Metric
from gonogo.errors import DatabaseError
from gonogo.gate.closing import provenance
from gonogo.gate.observe import ask_endpoints, observe
from gonogo.gate.setting import Options, resolve
from gonogo.masking import Mask
from gonogo.model.finding import Finding
from gonogo.model.kinds import EXIT_CODES, Environment, Outcome, VerdictKind
from gonogo.model.step import Provenance
from gonogo.postgres.dsn import DatabaseSettings

GROUPS = frozenset({"schema", "endpoint", "rollout"})
WRONG = frozenset({Outcome.FAILED, Outcome.CRITICAL, Outcome.FIRED})
STATED = {Outcome.LEFT_OUT: "left out"}


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found.

    Args:
        environment: Whose criteria were applied.
        findings: One for every check, in the order of the criteria file.
        metrics: What was asked, by id.
        simulated: Whether the ledger marks the database as the sandbox.
        provenance: Which database was asked, and what is deployed there.
    """

    environment: Environment
    findings: tuple[Finding, ...]
    metrics: Mapping[str, Metric]
    simulated: bool
    provenance: Provenance

    @property
    def exit_code(self) -> int:
        """0 when all is in place; as the gate's where something is wrong or unknown."""
        outcomes = {finding.outcome for finding in self.findings}
        if outcomes & WRONG:
            return EXIT_CODES[VerdictKind.NO_GO]
        if Outcome.INCONCLUSIVE in outcomes or Outcome.MET not in outcomes:
            return EXIT_CODES[VerdictKind.HOLD]
        return 0

    @property
    def tally(self) -> str:
        """How many checks came out how."""
        if not self.findings:
            return f"the criteria file has no metric of {', '.join(sorted(GROUPS))}"
        counts = Counter(finding.outcome for finding in self.findings)
        return ", ".join(
            f"{count} {STATED.get(outcome, outcome.value)}" for outcome, count in counts.items()
        )


def verify(
    project: Project, options: Options, settings: DatabaseSettings, environ: Mapping[str, str]
) -> Verification:
    """Ask and judge schema, endpoints and ledger, now.

    Args:
        project: Where things lie.
        options: What a gate would be asked.
        settings: Which database.
        environ: Holds the application's address and, optionally, tokens.

    Raises:
        UsageError: As `resolve` raises it.
        DatabaseError: The database does not answer.
    """
    setting = resolve(project, options, settings)
    if setting.problem:
        raise DatabaseError(setting.problem)
    every = setting.criteria.metrics
    asked = {name: metric for name, metric in every.items() if metric.group in GROUPS}
    mask = Mask.of(environ)
    part = replace(
        setting, mask=mask, criteria=setting.criteria.model_copy(update={"metrics": asked})
    )
    answers = ask_endpoints(part, environ)
    seen = observe(part, answers)
    return Verification(
        environment=setting.environment,
        findings=tuple(seen.findings.values()),
        metrics=asked,
        simulated=setting.simulated,
        provenance=provenance(part, seen),
    )
