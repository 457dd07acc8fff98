"""What a gate run is asked, and what it saw: the values that the gate's rooms hand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gonogo import criteria as criteria_file
from gonogo.checklist.entries import Checklist, load_checklist
from gonogo.config.admission import AdmissionConfig, AnchorConfig
from gonogo.config.application import Endpoints
from gonogo.config.environments import DatabaseConfig
from gonogo.config.project import Project, meant
from gonogo.config.sections import NotificationConfig
from gonogo.criteria import ENDPOINTS, Criteria, Metric
from gonogo.errors import DatabaseError, UsageError
from gonogo.masking import Mask
from gonogo.measure.ledger_facts import LedgerFacts, read_ledger
from gonogo.model.finding import Finding, JudgedMember
from gonogo.model.kinds import Environment, Role
from gonogo.model.measurement import (
    DEFAULT_WINDOW,
    LONGEST,
    DatabaseIdentity,
    Measurement,
    Window,
    format_moment,
)
from gonogo.model.step import LedgerEvent
from gonogo.postgres.dsn import DatabaseSettings, require_meant
from gonogo.postgres.readonly import Manners, Session
from gonogo.postgres.snapshot import in_snapshot, read_identity

if TYPE_CHECKING:
    from gonogo.gate.members import MemberSetting

LEDGER = "ledger"
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line and in rollout.toml.

    Args:
        window: Length of the window; None takes the environment's default.
        as_of: The window's end; None is the snapshot's moment.
        environment: None takes NODE_ENV, else what the ledger says.
        without: Groups left out on purpose.
        deployed_at: The soak's start where no ledger tells.
        criteria: The criteria file; None takes the project's.
        strict: Whether a warning is NO-GO.
        manners: The time limits.
        json: Where a copy of record.json goes; ``-`` is the terminal.
        figures: Whether the terminal tells all figures before the verdict.
        endpoints: What the application answers over HTTP.
        archive_dir: Where records are kept; None takes the project's.
        migrations_dir: Where the migrations lie; None takes the project's.
        migrations_from: The first version that the ledger must know; None means all.
        migrations_to: The last one.
        allowed_signers: Who may attest items of the checklist; None where nobody is named.
        base_url: The application's address; empty where it is not asked.
        anchor: The git ref that holds the heads of the archive's chains; None: none does.
        judged_by: The hash of all that is judged by; empty where no record is made.
        repositories: The application's git repository by environment; None where it has none.
        textfile: Where OpenMetrics go; None writes none.
        notifications: Who is told of the record.
        admission: Who must sign; None: nobody is asked for.
        databases: The members of a fleet; empty where it is one database.
        at_once: How many of these are asked at once.
    """

    window: timedelta | None = None
    as_of: datetime | None = None
    environment: Environment | None = None
    without: frozenset[str] = frozenset()
    deployed_at: datetime | None = None
    criteria: Path | None = None
    strict: bool = False
    manners: Manners = field(default_factory=Manners)
    json: str | None = None
    figures: bool = False
    endpoints: Endpoints = field(default_factory=Endpoints)
    archive_dir: Path | None = None
    migrations_dir: Path | None = None
    migrations_from: str | None = None
    migrations_to: str | None = None
    allowed_signers: Path | None = None
    base_url: str = ""
    judged_by: str = ""
    repositories: Mapping[Environment, Path | None] = field(default_factory=dict)
    anchor: AnchorConfig | None = None
    textfile: Path | None = None
    notifications: tuple[NotificationConfig, ...] = ()
    admission: AdmissionConfig | None = None
    databases: tuple[DatabaseConfig, ...] = ()
    at_once: int = 2


@dataclass(frozen=True, slots=True)
class Setting:
    """What is fixed before the first check runs.

    Args:
        project: Where things lie.
        options: What was asked.
        criteria: What is judged by.
        environment: Whose criteria apply.
        settings: Which database.
        checklist: What is proved or attested, phase by phase.
        simulated: Whether the ledger marks it as the sandbox.
        problem: Why the database cannot be asked; None when it can.
        identity: Which database it is; None when it cannot be asked.
        mask: What every text of the database or an answer goes through.
        members: The databases of a fleet as their ledgers say they are; empty where it is one.
        as_of: The end of a fleet's window; of one database its own clock says it later.
    """

    project: Project
    options: Options
    criteria: Criteria
    environment: Environment
    settings: DatabaseSettings
    checklist: Checklist
    simulated: bool = False
    problem: str | None = None
    identity: DatabaseIdentity | None = None
    mask: Mask = field(default_factory=lambda: Mask({}))
    members: tuple[MemberSetting, ...] = ()
    as_of: datetime | None = None

    @property
    def window_asked(self) -> timedelta:
        """The length that was asked for, or the environment's default."""
        return self.options.window or DEFAULT_WINDOW[self.environment]

    @property
    def archive_dir(self) -> Path:
        """Where this run's record goes."""
        return self.options.archive_dir or self.project.root / "reports" / "archive"

    @property
    def expected(self) -> tuple[tuple[Role, Metric], ...]:
        """Every check of a full run."""
        return self.criteria.checks(self.environment)


@dataclass(frozen=True, slots=True)
class Observation:
    """What one snapshot showed.

    Args:
        window: What was judged.
        taken_at: The snapshot's moment by the server's clock (ours when it is out of reach).
        ledger: What the ledger says.
        identity: Which database it was; None when it is out of reach.
        measurements: By metric.
        findings: By id, one for every expected check.
        timeline: The rollout as the ledger has it.
        lost_anchor: The anchor that the role did not find; empty where it did, or none is named.
        members: A fleet's databases by their own evidence, the worst first.
    """

    window: Window
    taken_at: datetime
    ledger: LedgerFacts
    identity: DatabaseIdentity | None
    measurements: Mapping[str, Measurement]
    findings: Mapping[str, Finding]
    timeline: tuple[LedgerEvent, ...] = ()
    lost_anchor: str = ""
    members: tuple[JudgedMember, ...] = ()


def resolve(project: Project, options: Options, settings: DatabaseSettings | None) -> Setting:
    """Find out whose criteria apply, and refuse what cannot be meant before anything runs.

    Args:
        project: Where things lie.
        options: What was asked.
        settings: Which database; None for a fleet, whose members the options name.

    Raises:
        UsageError: The environment is unknown or contradicted by the ledger, `as_of` lies in the
            future, a group of `without` does not exist, or a file that it is judged by is wrong.
    """
    path = options.criteria or project.criteria_file
    criteria = criteria_file.load(path, project.sql_dir)
    known = _known_metrics(project, criteria, path)
    checklist = load_checklist(project, set(known), options.endpoints.smoke_names)
    _check_groups(options.without, criteria)
    _check_endpoints(options.endpoints, known)
    if settings is None or options.databases:
        from gonogo.gate.members import asked  # noqa: PLC0415  # only a fleet enters it

        return asked(project, options, criteria, checklist)
    try:
        facts, identity, now = _ask_ledger(settings, options)
    except DatabaseError as error:
        require_meant(settings)
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
    agreed = (project, options, criteria, environment, settings, checklist)
    return Setting(*agreed, facts.simulated, identity=identity)


def _known_metrics(project: Project, criteria: Criteria, path: Path) -> Mapping[str, Metric]:
    """Those that checklist.toml and rollout.toml may name: whatever file judges this run."""
    if path == project.criteria_file or not project.criteria_file.is_file():
        return criteria.metrics
    return {
        **criteria_file.load(project.criteria_file, project.sql_dir).metrics,
        **criteria.metrics,
    }


def _ask_ledger(
    settings: DatabaseSettings, options: Options
) -> tuple[LedgerFacts, DatabaseIdentity, datetime]:
    def read(session: Session) -> tuple[LedgerFacts, DatabaseIdentity, datetime]:
        if LEDGER in options.without:
            return LedgerFacts(problem="left out on purpose"), *read_identity(session)
        return read_ledger(session, options.environment), *read_identity(session)

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
        raise UsageError(f"--without={name}: there is no such group", meant(name, sorted(known)))


def _check_endpoints(endpoints: Endpoints, metrics: Mapping[str, Metric]) -> None:
    for one in endpoints.asked_by("gate"):
        fed = metrics.get(one.metric or "")
        if fed is None or fed.survey != ENDPOINTS:
            named = sorted(metric.id for metric in metrics.values() if metric.survey == ENDPOINTS)
            raise UsageError(
                f"rollout.toml: the endpoint {one.name} feeds {one.metric}, and the criteria file "
                f'has no metric of that name with survey = "{ENDPOINTS}"',
                f"there are {', '.join(named)}" if named else "add one",
            )


def check_as_of(as_of: datetime, server_now: datetime, *, simulated: bool) -> None:
    """Refuse a moment that has not come yet.

    Args:
        as_of: The moment asked for.
        server_now: The server's clock.
        simulated: Whether the ledger marks the database as the sandbox's.

    Raises:
        UsageError: `as_of` is more than five minutes ahead; of a simulated one, more than a year.
    """
    ahead = LONGEST if simulated else CLOCK_TOLERANCE
    if as_of > server_now + ahead:
        raise UsageError(
            f"--as-of={format_moment(as_of)} lies in the future of the server's clock "
            f"({format_moment(server_now.replace(microsecond=0))})",
            "leave --as-of out to judge up to now",
        )
