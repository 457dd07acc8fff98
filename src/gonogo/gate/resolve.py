"""Before the first check: whose criteria apply, and is what was asked possible at all."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from gonogo import criteria as criteria_file
from gonogo.checklist import Checklist
from gonogo.config.project import Project
from gonogo.criteria import ENDPOINTS, Criteria
from gonogo.errors import DatabaseError, UsageError
from gonogo.gate.setting import LEDGER, Options, Setting
from gonogo.measure.ledger_facts import LedgerFacts, read_ledger
from gonogo.model.kinds import Environment
from gonogo.model.window import check_as_of, format_moment
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.identity import read_identity
from gonogo.postgres.readonly import Session
from gonogo.postgres.snapshot import in_snapshot
from gonogo.rollout.checklist import load_checklist


def resolve(project: Project, options: Options, settings: DatabaseSettings) -> Setting:
    """Find out whose criteria apply, and refuse what cannot be meant before anything runs.

    Args:
        project: Where things lie.
        options: What was asked.
        settings: Which database.

    Raises:
        UsageError: The environment is unknown or contradicted by the ledger, `as_of` lies in the
            future, a group of `without` does not exist, or a file that it is judged by is wrong.
    """
    path = options.criteria or project.criteria_file
    criteria = criteria_file.load(path, project.sql_dir)
    checklist = _checklist(project, options, criteria, path)
    _check_groups(options.without, criteria)
    try:
        facts, now = _ask_ledger(settings, options)
    except DatabaseError as error:
        named, problem = options.environment, str(error)
        if named is None:
            hint = "pass --environment or set NODE_ENV to get a record of that"
            raise UsageError(problem, hint) from None
        return Setting(project, options, criteria, named, settings, checklist, problem=problem)
    environment = _agreed(options.environment, facts)
    as_of = options.as_of or now
    check_as_of(as_of, now, simulated=facts.simulated)
    if options.deployed_at and options.deployed_at > as_of:
        raise UsageError(
            f"--deployed-at={format_moment(options.deployed_at)} lies after the window's end",
            "it is the moment at which the soak began",
        )
    return Setting(project, options, criteria, environment, settings, checklist, facts.simulated)


def _checklist(project: Project, options: Options, criteria: Criteria, path: Path) -> Checklist:
    """The project's; its items may name the project's metrics, whatever file judges this run."""
    metrics = set(criteria.metrics)
    if path != project.criteria_file and project.criteria_file.is_file():
        metrics |= set(criteria_file.load(project.criteria_file, project.sql_dir).metrics)
    return load_checklist(project, metrics, options.endpoints.smoke_names)


def _ask_ledger(settings: DatabaseSettings, options: Options) -> tuple[LedgerFacts, datetime]:
    def read(session: Session) -> tuple[LedgerFacts, datetime]:
        _, now = read_identity(session)
        if LEDGER in options.without:
            return LedgerFacts(problem="left out on purpose"), now
        return read_ledger(session, options.environment), now

    return in_snapshot(settings, options.manners, read)


def _agreed(asked: Environment | None, facts: LedgerFacts) -> Environment:
    if asked and facts.environment and asked is not facts.environment:
        raise UsageError(
            f"the environment is {asked} here, but the ledger says that this database is "
            f"{facts.environment}",
            "check DATABASE_URL, --environment and NODE_ENV",
        )
    environment = asked or facts.environment
    if environment is None:
        raise UsageError(
            "nothing says which environment this is", "pass --environment or set NODE_ENV"
        )
    return environment


def _check_groups(without: frozenset[str], criteria: Criteria) -> None:
    # The names that rollout.toml may hold for every project, whether or not a metric needs them.
    known = frozenset({ENDPOINTS, LEDGER}).union(*(m.groups for m in criteria.metrics.values()))
    for name in sorted(without - known):
        raise UsageError(
            f"--without={name}: there is no such group", f"there are {', '.join(sorted(known))}"
        )
