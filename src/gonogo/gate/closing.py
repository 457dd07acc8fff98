"""What the gate's record says: before the first check runs, and once the verdict is there.

What was measured and judged is laid into the record as it is. From the archive come the soak's
continuity and how often the gate was asked. The record names the command that judges the same
again.
"""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path

from gonogo import __version__
from gonogo.criteria import Criteria, Metric
from gonogo.gate.setting import Observation, Setting
from gonogo.judge.verdict import health_score
from gonogo.model.finding import Finding, Verdict
from gonogo.model.kinds import Environment, Kind
from gonogo.model.measurement import Measurement, Window, format_duration, format_moment
from gonogo.model.record import Heading, Mark, MetricEntry, Provenance, Record, Soak, Subject
from gonogo.record.listing import (
    GATE_LABELS,
    RUNNING,
    STEM_FORMAT,
    ArchivedRecord,
    archived,
    list_records,
    named,
)
from gonogo.report.timeline import SoakLook, continuity


def header(setting: Setting, started_at: datetime, reproduce: str) -> Record:
    """What is known before the first check runs: an aborted run leaves just this.

    Args:
        setting: From `resolve`.
        started_at: When the run began, by our clock.
        reproduce: The exact command.
    """
    asked = format_duration(setting.window_asked)
    return Record(
        kind=Kind.GATE,
        title=f"{setting.environment.capitalize()} gate, {asked}",
        environment=setting.environment,
        simulated=setting.simulated,
        started_at=started_at,
        gonogo=__version__,
        expected=tuple(f"{role}:{metric.id}" for role, metric in setting.expected),
        without=tuple(sorted(setting.options.without)),
        reproduce=reproduce,
    )


def closing(
    head: Record,
    setting: Setting,
    observation: Observation | None,
    answers: tuple[Finding, ...],
    verdict: Verdict,
) -> Record:
    """All that was measured and answered, with the archive's share of it.

    Args:
        head: From `header`.
        setting: From `resolve`.
        observation: From `observe`; None when no check ran.
        answers: What the checks of this run asserted.
        verdict: The decision on them.

    Raises:
        OSError: The archive cannot be read.
    """
    if observation is None:
        # Nothing was measured, and nothing is measured for the record alone.
        return head.having(verdict=verdict)
    archive_dir, environment, window = setting.archive_dir, setting.environment, observation.window
    metrics, traffic = setting.criteria.metrics, setting.criteria.traffic
    busy = observation.measurements.get(traffic.id) if traffic else None
    return head.having(
        provenance=provenance(setting, observation),
        verdict=verdict,
        window=window,
        score=health_score(setting.criteria, observation.measurements, environment),
        headings=_headings(setting.criteria),
        metrics={name: _entry(metric) for name, metric in metrics.items()},
        findings=answers,
        measurements={name: observation.measurements[name] for name in metrics},
        timeline=observation.timeline,
        gates=gates_since(archive_dir, environment, window.deployed_at or window.start),
        reproduce=reproduce(setting, window.end),
        soak=soak(archive_dir, environment, window, busy),
    )


def provenance(setting: Setting, observation: Observation) -> Provenance:
    """Which database was asked, and what is deployed there."""
    ledger = observation.ledger
    return Provenance(
        connection=setting.settings.shown,
        database=observation.identity,
        taken_at=observation.taken_at,
        ledger_problem=ledger.problem,
        subject=Subject(
            deployment=ledger.deployment,
            revision=ledger.revision,
            migrations_sha256=ledger.migrations_sha256,
            criteria_sha256=setting.criteria.sha256,
        ),
    )


def _headings(criteria: Criteria) -> tuple[Heading, ...]:
    return tuple(
        Heading(title=heading, metrics=tuple(metric.id for metric in found))
        for heading, found in criteria.by_heading().items()
    )


def _entry(metric: Metric) -> MetricEntry:
    return MetricEntry(
        title=metric.title,
        group=metric.group,
        kind=metric.kind,
        unit=metric.unit,
        objective=metric.objective,
        warning=metric.warning,
        critical=metric.critical,
        trigger=metric.trigger,
        means=metric.means,
        first=metric.first,
        query=metric.query.strip(),
    )


def soak(
    archive_dir: Path, environment: Environment, window: Window, traffic: Measurement | None
) -> Soak | None:
    """The soak's continuity, as the record shows it.

    Args:
        archive_dir: Where the earlier records of this soak lie.
        environment: How long its soak is.
        window: This run's; its end is one more look.
        traffic: Its hours show where there was traffic; None without such a metric.

    Returns:
        None where it is unknown when it began.

    Raises:
        OSError: The archive could not be read.
    """
    deployed_at = window.deployed_at
    if deployed_at is None:
        return None
    hourly = traffic.hourly if traffic else ()
    return Soak(
        deployed_at=deployed_at,
        end=window.end,
        marks=_marks(archive_dir, environment, window, deployed_at),
        hours=len(hourly),
        silent=tuple(hour.start for hour in hourly if not hour.count.n),
    )


def _marks(
    archive_dir: Path, environment: Environment, window: Window, deployed_at: datetime
) -> tuple[Mark, ...]:
    """The moments of the soak; each record that stands for one is read itself."""
    place = archive_dir / environment

    def marks_by(*, quick: bool) -> tuple[Mark, ...]:
        found = list_records(archive_dir, quick=quick)
        earlier = (look_of(one, window) for one in found if one.directory.parent == place)
        looks = [*filter(None, earlier), SoakLook(window.end, None)]
        return continuity(environment, deployed_at, window.end, looks)

    def holds(mark: Mark) -> bool:
        if not mark.record:
            return True
        record = archived(place / mark.record)
        look = look_of(record, window) if record else None
        return look is not None and look.at == mark.at

    marks = marks_by(quick=True)
    return marks if all(map(holds, marks)) else marks_by(quick=False)


def look_of(record: ArchivedRecord, window: Window) -> SoakLook | None:
    """A record as a look at the same soak.

    None when it is none: it is no gate's, it was aborted, or it is of another deployment.
    """
    same = record.deployed_at == window.deployed_at
    if not record.is_look or not same or record.as_of is None:
        return None
    return SoakLook(record.as_of, record.name) if record.as_of <= window.end else None


def reproduce(setting: Setting, end: datetime | None = None) -> str:
    """The command line, without what it finds in the environment: which database, which address.

    Args:
        setting: What was asked.
        end: The window's end, as soon as it is known; until then the one that was asked for.
    """
    options, as_of = setting.options, end or setting.options.as_of
    words = ["pytest checks/", f"--window={format_duration(setting.window_asked)}"]
    words.append(f"--environment={setting.environment}")
    if as_of:
        words.append(f"--as-of={format_moment(as_of)}")
    if options.deployed_at:
        words.append(f"--deployed-at={format_moment(options.deployed_at)}")
    if options.criteria:
        words.append(f"--criteria={shlex.quote(str(options.criteria))}")
    words += [f"--without={group}" for group in sorted(options.without)]
    return " ".join(words + (["--strict"] if options.strict else []))


def gates_since(archive_dir: Path, environment: str, moment: datetime) -> int:
    """How often the gate was asked: the runs begun at `moment` or later, the current one too.

    Args:
        archive_dir: The archive; none there is an empty one.
        environment: Whose gates.
        moment: From when on, to the second; UTC.

    Raises:
        OSError: A directory could not be read.
    """
    place, first = archive_dir / environment, moment.astimezone(UTC).strftime(STEM_FORMAT)
    return sum(
        match["moment"] >= first and _is_gate(directory, match["label"])
        for directory, match in named(place)
    )


def _is_gate(directory: Path, label: str) -> bool:
    if label != RUNNING:
        return label in GATE_LABELS
    record = archived(directory)
    return record is not None and record.kind is Kind.GATE
