"""What the gate's record says: before the first check runs, and once the verdict is there.

What was measured and judged is laid into the record as it is. From the archive come the soak's
continuity and how often the gate was asked. The record names the command that judges the same
again.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from gonogo import __version__
from gonogo.criteria import ENDPOINTS, Criteria, Metric
from gonogo.errors import RecordError
from gonogo.gate.setting import Observation, Options, Setting
from gonogo.judge.verdict import decidable, health_score
from gonogo.model.finding import Finding, Verdict
from gonogo.model.kinds import Kind, VerdictKind
from gonogo.model.measurement import Window, format_duration, format_moment
from gonogo.model.record import Heading, MetricEntry, Record
from gonogo.model.step import Change, Member, Migrated, Provenance, Subject
from gonogo.record.canonical import database_of, read_record
from gonogo.record.listing import ArchivedRecord, list_records
from gonogo.report.digest import append_step_summary
from gonogo.report.text import counted
from gonogo.report.timeline import gates_since, soak


def header(setting: Setting, started_at: datetime, reproduce: str) -> Record:
    """What is known before the first check runs: an aborted run leaves just this.

    Args:
        setting: From `resolve`.
        started_at: When the run began, by our clock.
        reproduce: The exact command.
    """
    asked, identity = format_duration(setting.window_asked), setting.identity
    admission = setting.options.admission
    connection, members = _reached(setting)
    of_all = f" of {counted(len(members), 'database')}" if members else ""
    begun = Provenance(connection=connection, database=identity, members=members, subject=None)
    return Record(
        kind=Kind.GATE,
        title=f"{setting.environment.capitalize()} gate{of_all}, {asked}",
        environment=setting.environment,
        simulated=setting.simulated,
        signers=admission.signers if admission else 0,
        signer_is_not_deployer=bool(admission and admission.signer_is_not_deployer),
        started_at=started_at,
        gonogo=__version__,
        expected=tuple(f"{role}:{metric.id}" for role, metric in setting.expected),
        without=tuple(sorted(setting.options.without)),
        reproduce=reproduce,
        provenance=begun if identity or members else None,
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
    place, window = setting.archive_dir / setting.environment, observation.window
    asked = provenance(setting, observation)
    database = database_of(asked)
    before = tuple(_of_this_database(list_records(place.parent, quick=True), setting, database))
    looks = [one for one in before if one.is_look]
    gos = [one for one in looks if one.verdict is VerdictKind.GO and _is_older(one, window)]
    metrics, traffic = setting.criteria.metrics, setting.criteria.traffic
    busy = observation.measurements.get(traffic.id) if traffic else None
    return head.having(
        provenance=asked,
        change=_change(setting, observation, before),
        last_look=looks[0].brief if looks else None,
        last_go=gos[0].brief if gos else None,
        decidable=decidable(verdict, answers, observation.measurements, window),
        verdict=verdict,
        window=window,
        score=health_score(setting.criteria, observation.measurements, setting.environment),
        headings=_headings(setting.criteria),
        metrics={name: _entry(metric) for name, metric in metrics.items()},
        findings=answers,
        measurements={name: observation.measurements[name] for name in metrics},
        timeline=observation.timeline,
        gates=gates_since(place, database, window.deployed_at or window.start)
        if database
        else None,
        reproduce=reproduce(setting, window.end),
        soak=soak(place, database, window, busy),
        members=observation.members,
    )


def _of_this_database(
    records: Iterable[ArchivedRecord], setting: Setting, database: str
) -> Iterator[ArchivedRecord]:
    """The closed records of the database that is judged, the newest first."""
    for one in records:
        if one.environment == setting.environment and one.database and one.database == database:
            yield one


def has_answered(setting: Setting, observation: Observation, urls: Iterable[str]) -> bool:
    """Whether one of these addresses answered after the deployment, as the archive's records say.

    Each record that says so is read itself: an earlier listing's notes only find it.

    Args:
        setting: Whose archive.
        observation: Which database, and which deployment.
        urls: As records have them.
    """
    database = database_of(provenance(setting, observation))
    number, deployed_at = observation.ledger.deployment, observation.window.deployed_at

    def is_of_it(one: ArchivedRecord) -> bool:
        if one.environment != setting.environment or one.database != (database or None):
            return False
        looked = one.is_look and one.deployed_at == deployed_at is not None
        return looked or (one.kind is Kind.DEPLOYMENT and bool(number))

    with suppress(OSError):
        for one in filter(is_of_it, list_records(setting.archive_dir, quick=True)):
            with suppress(RecordError):
                record = read_record(one.directory)
                deployment = record.subject.deployment if record.subject else ""
                if deployment == number and not record.answered.isdisjoint(urls):
                    return True
    return False


def _is_older(one: ArchivedRecord, window: Window) -> bool:
    """Whether a look is of an earlier deployment than the one that is judged."""
    ends = one.deployed_at, window.deployed_at
    return ends[0] is not None and ends[1] is not None and ends[0] < ends[1]


def _change(
    setting: Setting, observation: Observation, records: Iterable[ArchivedRecord]
) -> Change | None:
    """What is decided on: as the deployment's record has it, else as ledger and git do."""
    ledger = observation.ledger
    if not ledger.deployment:
        return None
    for one in records:
        same = (one.deployment, one.revision) == (ledger.deployment, ledger.revision)
        if one.kind is Kind.DEPLOYMENT and one.outcome == "succeeded" and same:
            try:
                found = read_record(one.directory).change
            except RecordError:
                continue
            if found:
                at = observation.window.deployed_at
                return replace(found, deployed_at=at, record=one.name)
    from gonogo.application.code import change  # noqa: PLC0415  # only without that record

    repository = setting.options.repositories.get(setting.environment)
    return replace(
        change(repository, os.environ, ledger.previous_revision, ledger.revision),
        migrations=tuple(Migrated(setting.mask(name), None) for name in ledger.applied),
        deployed_by=setting.mask(ledger.deployed_by),
        deployed_at=observation.window.deployed_at,
    )


def keep_heads(setting: Setting) -> None:
    """Move the git ref that rollout.toml names on to the archive's chains.

    Raises:
        CommandError: git refuses, or the archive lacks what the ref holds.
    """
    if anchor := setting.options.anchor:
        from gonogo.rollout.anchors import publish  # noqa: PLC0415  # loads what deploys

        publish(anchor, setting.archive_dir, os.environ)


def provenance(setting: Setting, observation: Observation) -> Provenance:
    """Which database was asked, and what is deployed there."""
    ledger, options = observation.ledger, setting.options
    connection, members = _reached(setting)
    return Provenance(
        connection=connection,
        database=observation.identity,
        members=members,
        taken_at=observation.taken_at,
        ledger_problem=ledger.problem,
        base_url="" if ENDPOINTS in options.without else setting.mask(options.base_url),
        subject=Subject(
            deployment=ledger.deployment,
            revision=ledger.revision,
            migrations_sha256=ledger.migrations_sha256,
            migrations=ledger.migrations,
            criteria_sha256=options.judged_by,
        ),
    )


def _reached(setting: Setting) -> tuple[str, tuple[Member, ...]]:
    """How the database is reached, or each database of a fleet; without a secret."""
    if not setting.members:
        return setting.settings.shown, ()
    return "", tuple(
        Member(name=one.name, connection=one.settings.shown, database=one.identity)
        for one in setting.members
    )


def _headings(criteria: Criteria) -> tuple[Heading, ...]:
    return tuple(
        Heading(title=heading, metrics=tuple(metric.id for metric in found))
        for heading, found in criteria.by_heading().items()
    )


def _entry(metric: Metric) -> MetricEntry:
    return MetricEntry(
        title=metric.title,
        counts=metric.counts,
        that=metric.that,
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


def published(
    record: Record, directory: Path, options: Options, environ: Mapping[str, str]
) -> Iterator[str]:
    """Tell of a closed record wherever that was asked for; what could not be told, a line each.

    Args:
        record: What was closed.
        directory: Where it lies.
        options: Who is told.
        environ: The session's variables.
    """
    problems = [append_step_summary(record, directory, environ)]
    if options.textfile:
        from gonogo.report.openmetrics import write_metrics  # noqa: PLC0415  # few ask for it

        problems.append(write_metrics(record, options.textfile))
    yield from filter(None, problems)
    if options.notifications:
        from gonogo.report.notification import notify  # noqa: PLC0415  # likewise

        yield from notify(record, directory, options.notifications, environ)


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
    return setting.mask(" ".join(words + (["--strict"] if options.strict else [])))
