"""The databases of a fleet: how each is reached, and which of them can be judged as one.

They are of one environment and one revision, with the same migrations and criteria; each keeps its
own ledger. Every ledger is asked before anything is judged, a few at once. The fleet's deployment
is the newest one. A database that does not answer, of another environment or revision, or without
all migrations, is not judged: its figures would be of something else.

The window is the same for all. It ends at one moment: by the clock in the middle of the servers'
clocks, so that one wrong clock moves nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median_low
from typing import TypeVar

from gonogo.checklist.entries import Checklist
from gonogo.config.project import Project
from gonogo.criteria import Criteria
from gonogo.errors import DatabaseError, UsageError
from gonogo.gate.observe import plan_of, read_facts
from gonogo.gate.setting import Options, Setting, check_as_of
from gonogo.measure.ledger_facts import LedgerFacts
from gonogo.measure.take import STEP_S
from gonogo.model.kinds import Says
from gonogo.model.limit import EARLIEST
from gonogo.model.measurement import DatabaseIdentity, Remark
from gonogo.postgres.dsn import DatabaseSettings, member_settings
from gonogo.postgres.readonly import Session
from gonogo.postgres.snapshot import in_snapshot, read_identity
from gonogo.record.canonical import way_to

SHORT = 12
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MemberSetting:
    """One database of a fleet: what rollout.toml says of it, then what its ledger says.

    Args:
        name: What tells it from the others.
        settings: How it is reached.
        group: What it belongs to; empty where to nothing.
        canary: Whether it is deployed before the others.
        facts: What its ledger says.
        identity: Which it is; None where it did not answer.
        clock: How far its server's clock is ahead of ours.
        problem: Why it is not judged; None where it is.
    """

    name: str
    settings: DatabaseSettings
    group: str = ""
    canary: bool = False
    facts: LedgerFacts = field(default_factory=LedgerFacts)
    identity: DatabaseIdentity | None = None
    clock: timedelta = timedelta()
    problem: Remark | None = None


def asked(project: Project, options: Options, criteria: Criteria, checklist: Checklist) -> Setting:
    """Ask every ledger, and fix which databases are judged, as of when.

    Args:
        project: Where things lie.
        options: Which databases, of which environment, and what else was asked.
        criteria: What is judged by.
        checklist: What is proved or attested.

    Raises:
        UsageError: No environment is named, a member's variable is not set or malformed, two
            members are one database, or `as_of` lies in the future.
    """
    if options.environment is None:
        raise UsageError("a fleet is of one environment", "pass --environment or set NODE_ENV")
    own = tuple(
        MemberSetting(one.name, member_settings(one, os.environ), one.group or "", one.canary)
        for one in options.databases
    )
    place = DatabaseSettings("", f"the databases of {options.environment} in rollout.toml")
    setting = Setting(
        project, options, criteria, options.environment, place, checklist, members=own
    )
    started = datetime.now(UTC)
    members = side_by_side(setting, partial(_with_ledger, setting))
    _require_different(members)
    known = [one for one in members if not one.problem]
    if not known:
        detail = "; ".join(f"{one.name}: {one.problem.detail}" for one in members if one.problem)
        return replace(setting, members=tuple(members), problem=detail)
    now = started + median_low(one.clock for one in known)
    simulated = any(one.facts.simulated for one in known)
    as_of = options.as_of or now
    check_as_of(as_of, now, simulated=simulated)
    expected = frozenset(plan_of(setting, LedgerFacts(), as_of).versions)
    members = [replace(one, problem=_unfit(setting, one, expected)) for one in members]
    newest = newest_of([one for one in members if not one.problem] or known)
    members = [replace(one, problem=_of_another_release(one, newest)) for one in members]
    return replace(setting, members=tuple(members), as_of=as_of, simulated=simulated)


def side_by_side(setting: Setting, ask: Callable[[MemberSetting, list[Session]], T]) -> list[T]:
    """What each member answers, a few at once; in the order of the members.

    Args:
        setting: Which members, and how many at once.
        ask: Adds its session to those that are cancelled where this one is interrupted.
    """
    sessions: list[Session] = []
    with ThreadPoolExecutor(setting.options.at_once, "gonogo member") as threads:
        working = [threads.submit(ask, one, sessions) for one in setting.members]
        try:
            while wait(working, STEP_S).not_done:
                pass
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            for session in sessions:
                session.cancel()
            raise
    return [one.result() for one in working]


def _with_ledger(setting: Setting, member: MemberSetting, sessions: list[Session]) -> MemberSetting:
    def read(session: Session) -> MemberSetting:
        sessions.append(session)
        facts, _ = read_facts(session, setting)
        identity, now = read_identity(session)
        clock = now - datetime.now(UTC)
        return replace(member, facts=facts, identity=identity, clock=clock)

    try:
        return in_snapshot(member.settings, replace(setting.options.manners, sessions=1), read)
    except DatabaseError as error:
        return replace(member, problem=Remark(Says.UNREACHABLE, detail=error.problem))


def _require_different(members: Iterable[MemberSetting]) -> None:
    """See that no two members lead to one database: its rows would count twice.

    Raises:
        UsageError: Two do.
    """
    known: dict[tuple[str, str], str] = {}
    for one in members:
        if one.identity is None:
            continue
        server = one.identity.system_identifier or way_to(one.settings.shown)
        other = known.setdefault((server, one.identity.database), one.name)
        if other != one.name:
            raise UsageError(
                f"{other} and {one.name} of rollout.toml are one database",
                "name each database of the fleet once",
            )


def newest_of(members: Iterable[MemberSetting]) -> LedgerFacts:
    """What the ledger with the newest deployment says: that is the fleet's."""
    found = [one.facts for one in members]
    return max(found, key=lambda facts: (bool(facts.deployment), facts.deployed_at or EARLIEST))


def _unfit(setting: Setting, member: MemberSetting, expected: frozenset[str]) -> Remark | None:
    """Why a database cannot be judged, whatever the others are; None where it can."""
    facts = member.facts
    if member.problem:
        return member.problem
    if facts.environment and facts.environment is not setting.environment:
        return Remark(Says.OTHER_ENVIRONMENT, facts.environment)
    recorded = {name.partition("_")[0] for name in facts.migrations}
    if facts.deployment and (behind := sorted(expected - recorded)):
        return Remark(Says.BEHIND, behind[0], number=len(behind))
    return None


def _of_another_release(member: MemberSetting, newest: LedgerFacts) -> Remark | None:
    """Why a database is none of the fleet that is judged; None where it is."""
    if member.problem:
        return member.problem
    for mine, theirs in (
        (member.facts.revision, newest.revision),
        (member.facts.migrations_sha256, newest.migrations_sha256),
    ):
        if mine != theirs:
            return Remark(Says.OTHER_REVISION, mine[:SHORT] or "nothing", theirs[:SHORT])
    return None
