"""Several databases of one application, judged as one."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from first_application import HTTP
from gate_process import Soaked, hurry, run_gate
from gonogo import criteria as criteria_file
from gonogo.checklist.entries import Checklist
from gonogo.config.environments import DatabaseConfig
from gonogo.config.project import Project
from gonogo.errors import UsageError
from gonogo.gate.members import MemberSetting, side_by_side
from gonogo.gate.observe import observe
from gonogo.gate.setting import Observation, Options, Setting, resolve
from gonogo.judge.verdict import decide
from gonogo.masking import Mask
from gonogo.measure.pool import Pool, measured
from gonogo.measure.surveys import Surveyed, naive
from gonogo.measure.take import Plan, survey, take
from gonogo.model.finding import Verdict
from gonogo.model.kinds import Environment, Outcome, Says, VerdictKind, Why
from gonogo.model.measurement import Count, Measurement, clip, parse_duration
from gonogo.postgres import session
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners, Session
from gonogo.postgres.snapshot import in_snapshot
from gonogo.sandbox import world
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer

PROJECT = Project(Path(__file__).parents[3])
CRITERIA = criteria_file.load(PROJECT.criteria_file, PROJECT.sql_dir)
VERSIONS = tuple(f"0{number}" for number in range(38, 47))
OF_USERS = (
    "sync_metrics",
    "sync_schedule",
    "webhook_notifications",
    "calendar_webhook_subscriptions",
    "token_health",
    "token_health_notifications",
    "circuit_breaker_state",
)
SHARDS, SOON_S = 4, 15
# What is counted of a database, not of its rows: each has it once.
OF_A_DATABASE = ("schema.", "rollout.", "db.write_order")


def keep(conninfo: str, shard: int, shards: int = SHARDS) -> None:
    """Leave only one shard's users in a database, and what is theirs."""
    with psycopg.connect(conninfo) as connection:
        for table in (*OF_USERS, "users"):
            column = "id" if table == "users" else "user_id"
            mine = f"abs(hashtext(coalesce({column}::text, '')) % {shards}) = {shard}"
            connection.execute(f"delete from {table} where not ({mine})".encode())


@pytest.fixture(scope="session")
def shard_templates(databases: Databases, soaked_template: str) -> list[str]:
    """The templates of databases among which the users of one are parted."""
    return [
        databases.ensure_template(f"shard_{number}", partial(keep, shard=number), soaked_template)
        for number in range(SHARDS)
    ]


@pytest.fixture
def shards(new_database: Callable[..., str], shard_templates: list[str]) -> list[str]:
    """The users of one database, parted among several."""
    return list(map(new_database, shard_templates))


def make_ill(conninfo: str, parts: int = 4) -> None:
    """Let one of so many parts of a database's successes have failed."""
    ill = f"result = 'success' and abs(hashtext(id::text)) % {parts} = 0"
    with psycopg.connect(conninfo) as connection:
        connection.execute(f"update sync_metrics set result = 'failure' where {ill}".encode())


def plan_for(soaked: Soaked) -> Plan:
    """The last 48 hours."""
    window = clip(parse_duration("48h"), soaked.end, soaked.end - parse_duration("48h"))
    return Plan(CRITERIA, PROJECT.sql_dir, Environment.STAGING, window, VERSIONS)


def surveyed(conninfo: str, plan: Plan) -> Surveyed:
    """What the surveys bring of one database."""
    settings = DatabaseSettings(conninfo, "the test")
    return in_snapshot(settings, Manners(anchor="users"), lambda one: survey(one, plan))


def pooled(found: list[str], plan: Plan) -> dict[str, Measurement]:
    """The measurements of several databases together."""
    plan = replace(plan, pooled=True)
    pool = Pool(plan)
    for number, conninfo in enumerate(found):
        one = surveyed(conninfo, plan)
        pool.add(f"shard-{number}", one, measured(plan, one))
    return pool.measured()


def differences(
    found: dict[str, Measurement], other: dict[str, Measurement]
) -> list[tuple[str, str, object, object]]:
    """Every value in which two sets of measurements differ."""
    assert found.keys() == other.keys()
    return [
        (name, part.name, getattr(one, part.name), getattr(other[name], part.name))
        for name, one in found.items()
        for part in fields(Measurement)
        if getattr(one, part.name) != getattr(other[name], part.name)
    ]


def test_the_pool_of_databases_is_as_one_that_holds_their_rows(
    soaked: Soaked, shards: list[str]
) -> None:
    """Every value of every metric: counts, hours, parts, percentiles, newest, gaps, streams."""
    plan = plan_for(soaked)
    settings = DatabaseSettings(soaked.conninfo, "the test")
    whole = in_snapshot(settings, Manners(anchor="users"), lambda one: take(one, plan))
    together = pooled(shards, plan)
    differ = [one for one in differences(whole, together) if not one[0].startswith(OF_A_DATABASE)]
    assert not differ
    objects = whole["schema.038"].count
    assert objects
    assert together["schema.038"].count == sum([objects] * SHARDS, Count(0, 0))


def test_a_fleet_of_one_is_as_no_fleet(soaked: Soaked) -> None:
    """Each figure, the order of writing among them."""
    plan = plan_for(soaked)
    settings = DatabaseSettings(soaked.conninfo, "the test")
    alone = in_snapshot(settings, Manners(anchor="users"), lambda one: take(one, plan))
    differ = differences(alone, pooled([soaked.conninfo], plan))
    # What is said of one of several names it.
    assert {one[:2] for one in differ} <= {("db.write_order", "left_out")}


Judged = Callable[..., tuple[Verdict, Observation]]
URL, SECRET = "{}_URL", "s3cret-of-mine"


@pytest.fixture
def judged_fleet(monkeypatch: pytest.MonkeyPatch) -> Judged:
    """Measure and judge databases by name, without pytest around it and an application behind."""

    def run(members: Mapping[str, str], as_of: datetime) -> tuple[Verdict, Observation]:
        for name, conninfo in members.items():
            monkeypatch.setenv(URL.format(name.upper()), conninfo)
        asked = Options(
            window=parse_duration("48h"),
            as_of=as_of,
            environment=Environment.STAGING,
            without=frozenset({"endpoints"}),
            manners=Manners(anchor="users"),
            endpoints=HTTP,
            databases=tuple(
                DatabaseConfig(name=name, url_env=URL.format(name.upper())) for name in members
            ),
        )
        setting = replace(resolve(PROJECT, asked, None), mask=Mask.of(os.environ))
        seen = observe(setting, {})
        expected = [f"{role}:{metric.id}" for role, metric in setting.expected]
        found = seen.findings.values()
        return decide(expected, found, seen.window, members=seen.members), seen

    return run


def why(verdict: Verdict) -> set[tuple[Why, str]]:
    """What its reasons are, and of which database."""
    return {(reason.why, reason.member) for reason in verdict.reasons}


def change(conninfo: str, statement: str) -> None:
    """Change something in a database."""
    with psycopg.connect(conninfo) as connection:
        connection.execute(statement.encode())


def test_a_healthy_fleet_is_go(judged_fleet: Judged, shards: list[str], soaked: Soaked) -> None:
    """Each database adds its figures to the fleet's."""
    members = dict(zip("abcd", shards, strict=True))
    verdict, seen = judged_fleet(members, soaked.end)
    assert verdict.kind is VerdictKind.GO
    assert {one.name for one in seen.members} == members.keys()
    rate = "sync.success_rate"
    added = [one.figures[rate] for one in seen.members]
    whole = seen.measurements[rate]
    assert sum((one.count for one in added if one.count), Count(0, 0)) == whole.count
    assert all(len(one.hourly) == len(whole.hourly) for one in added)
    assert seen.window.end == soaked.end
    assert all(event.title.partition(": ")[0] in members for event in seen.timeline)


def test_a_database_that_cannot_be_judged_holds_the_fleet(
    judged_fleet: Judged, shards: list[str], soaked: Soaked, new_database: Callable[..., str]
) -> None:
    """One that is out of reach, another environment's, of another revision, empty or behind."""
    environment, other, behind, _ = shards
    change(environment, "update gonogo.environment set name = 'production'")
    change(other, "update gonogo.deployment set revision = 'older', finished_at = '2020-01-01'")
    change(behind, "update gonogo.migration set reverted_at = now() where version = '046'")
    members = {
        "well": soaked.conninfo,
        "dead": make_conninfo(soaked.conninfo, dbname="no_such_database"),
        "environment": environment,
        "revision": other,
        "empty": new_database(),
        "behind": behind,
    }
    verdict, seen = judged_fleet(members, soaked.end)
    assert verdict.kind is VerdictKind.HOLD
    assert why(verdict) == {(Why.MEMBER_NOT_JUDGED, name) for name in members.keys() - {"well"}}
    says = {one.name: one.problem.says for one in seen.members if one.problem}
    assert says == {
        "dead": Says.UNREACHABLE,
        "environment": Says.OTHER_ENVIRONMENT,
        "revision": Says.OTHER_REVISION,
        "empty": Says.OTHER_REVISION,
        "behind": Says.BEHIND,
    }
    (well,) = (one for one in seen.members if not one.problem)
    assert well.figures["sync.success_rate"].count == seen.measurements["sync.success_rate"].count


def test_an_ill_database_is_no_go_though_the_fleet_is_well(
    judged_fleet: Judged, shards: list[str], soaked: Soaked
) -> None:
    """It is past a trigger by itself; triggers look at the fleet, which is not past one."""
    make_ill(shards[0], parts=2)
    members = {"whole": soaked.conninfo} | dict(zip("abcd", shards, strict=True))
    verdict, seen = judged_fleet(members, soaked.end)
    assert verdict.kind is VerdictKind.NO_GO
    assert why(verdict) == {(Why.MEMBER_PAST_LEVEL, "a")}
    assert seen.findings["criterion:sync.success_rate"].outcome is Outcome.MET
    assert seen.members[0].name == "a"
    assert seen.members[0].verdict is VerdictKind.ROLLBACK


def test_a_database_that_fell_silent_holds_the_fleet(
    judged_fleet: Judged, shards: list[str], soaked: Soaked
) -> None:
    """Events that should have come are missing there, whatever the others bring."""
    silent = (
        f"delete from sync_metrics where created_at > '{naive(soaked.end)}'::timestamp - interval"
    )
    change(shards[1], f"{silent} '5 hours'")
    verdict, _ = judged_fleet(dict(zip("abcd", shards, strict=True)), soaked.end)
    assert verdict.kind is VerdictKind.HOLD
    assert why(verdict) == {(Why.MEMBER_LACKS_EVENTS, "b")}


def test_one_database_under_two_names_is_refused(judged_fleet: Judged, soaked: Soaked) -> None:
    """Its rows would count twice."""
    with pytest.raises(UsageError, match="a and b of rollout"):
        judged_fleet({"a": soaked.conninfo, "b": soaked.conninfo}, soaked.end)


def test_an_interrupted_fleet_ends_at_once(empty_database: str) -> None:
    """No query of a database is waited for."""
    place = DatabaseSettings(empty_database, "the test")
    members = tuple(MemberSetting(name, place) for name in "abc")
    setting = Setting(
        PROJECT,
        Options(),
        CRITERIA,
        Environment.STAGING,
        place,
        Checklist.model_construct(phase=()),
        members=members,
    )

    def sleep(_: MemberSetting, sessions: list[Session]) -> None:
        def read(one: Session) -> None:
            sessions.append(one)
            one.ask("select pg_sleep(20)")

        in_snapshot(place, Manners(), read)

    began, main = time.monotonic(), threading.get_ident()
    threading.Timer(1, signal.pthread_kill, (main, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        side_by_side(setting, sleep)
    assert time.monotonic() - began < SOON_S


@pytest.mark.slow
def test_five_databases_on_two_servers(
    checkout: Path,
    shards: list[str],
    soaked: Soaked,
    tmp_path: Path,
    build_base: Callable[[str], None],
) -> None:
    """One is dead, one ill, one behind: each is named, and no password of theirs is."""
    hurry(checkout)
    make_ill(shards[1])
    shutil.copytree(PROJECT.migrations_dir, earlier := tmp_path / "migrations")
    for file in earlier.glob("046_*"):
        file.unlink()
    with EmbeddedServer.start(tmp_path / "second") as second:
        behind = Databases(second).create("behind")
        build_base(behind)
        with session.connect(behind) as connection:
            world.migrate_base(connection, earlier)
        members = {
            "a": shards[0],
            "ill": make_conninfo(shards[1], password=SECRET),
            "c": shards[2],
            "dead": f"postgresql://u:{SECRET}@127.0.0.1:1/nowhere",
            "behind": behind,
        }
        entries = (
            f'[[environments.staging.databases]]\nname = "{name}"\nurl_env = "{name.upper()}_URL"\n'
            for name in members
        )
        with (checkout / "rollout.toml").open("a", encoding="utf-8") as rollout:
            rollout.write(f"\n{''.join(entries)}")
        variables = {f"{name.upper()}_URL": conninfo for name, conninfo in members.items()}
        words = (
            "--environment=staging",
            "--without=endpoints",
            f"--as-of={soaked.end.isoformat()}",
        )
        outcome = run_gate(checkout, None, *words, **variables)
    record = outcome.record
    assert record.verdict
    assert record.verdict.kind is VerdictKind.NO_GO, outcome.output
    assert outcome.reasons[0].startswith("ill by itself: sync.success_rate: ")
    assert [one.name for one in record.members] == ["ill", "behind", "dead", "a", "c"]
    assert record.provenance
    known = {one.name: one.database is not None for one in record.provenance.members}
    assert known == dict.fromkeys(members, True) | {"dead": False}
    assert record.metrics["sync.success_rate"].title in outcome.output
    files = [path.read_text("utf-8") for path in outcome.records[-1].iterdir()]
    assert not any(SECRET in text for text in (*files, outcome.output))
