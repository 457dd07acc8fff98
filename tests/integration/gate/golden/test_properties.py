"""What must hold of any rows: the sums, the merging, and the way of the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golden_world import World
from gonogo.judge.finding import judge
from gonogo.judge.verdict import decide
from gonogo.model.kinds import Environment, VerdictKind
from gonogo.model.measurement import Count, Measurement

BETTER_TO_WORSE = [VerdictKind.GO, VerdictKind.HOLD, VerdictKind.NO_GO, VerdictKind.ROLLBACK]
COUNTED = ("sync.success_rate", "sync.skip_rate", "sync.manual_share", "sync.api_calls_saved")
EXECUTED = ("success", "failure")
INTEGRATIONS = ("calendar", "contacts")
# The world's shared database is cleared before each example.
EXAMPLES = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Sync(NamedTuple):
    """One row of the brute force."""

    result: str
    at: str
    user: int
    integration: str
    sync_type: str
    api_calls_saved: int | None

    @property
    def ago(self) -> timedelta:
        """How long before the end."""
        minutes, _, microseconds = self.at.removeprefix("-").partition("m-")
        return timedelta(
            minutes=int(minutes.rstrip("m")),
            microseconds=int(microseconds.removesuffix("us") or 0),
        )

    @property
    def hours_ago(self) -> int:
        """In which hour before the end; 1 is the last, to which its own start belongs."""
        return -(-self.ago // timedelta(hours=1))

    @property
    def seen(self) -> bool:
        """Whether it lies in a window of four hours."""
        return timedelta() < self.ago <= timedelta(hours=4)


SYNCS = st.lists(
    st.builds(
        Sync,
        st.sampled_from([*EXECUTED, "skipped"]),
        st.one_of(
            st.sampled_from(["-0m", "-0m-1us", "-120m", "-120m-1us", "-240m", "-240m-1us"]),
            st.integers(1, 300).map("-{}m".format),
        ),
        st.integers(1, 4),
        st.sampled_from(INTEGRATIONS),
        st.sampled_from(["incremental", "manual"]),
        st.one_of(st.none(), st.integers(0, 9)),
    ),
    max_size=25,
)


def fill(world: World, syncs: Sequence[Sync]) -> None:
    """These syncs and nothing else."""
    world.clear()
    for sync in syncs:
        world.sync(**sync._asdict())


@given(syncs=SYNCS, cluster=st.booleans())
@EXAMPLES
def test_the_sums_of_a_cube_are_what_brute_force_counts(
    world: World, syncs: list[Sync], *, cluster: bool
) -> None:
    """Whole, by integration, by hour and by user, whatever lies on the ends of which slices."""
    fill(world, syncs)
    told = world.everything(*COUNTED, "sync.broken_users", window="4h", cluster=cluster)
    seen = [sync for sync in syncs if sync.seen]
    executed = [sync for sync in seen if sync.result in EXECUTED]
    good = [sync for sync in executed if sync.result == "success"]
    rate = told["sync.success_rate"]
    assert rate.count == Count(len(good), len(executed))
    for name in INTEGRATIONS:
        mine = Count(
            sum(sync.integration == name for sync in good),
            sum(sync.integration == name for sync in executed),
        )
        assert rate.by_part.get(f"google_{name}", Count(0, 0)) == mine
    assert [hour.count for hour in rate.hourly] == [
        Count(
            sum(sync.hours_ago == hours for sync in good),
            sum(sync.hours_ago == hours for sync in executed),
        )
        for hours in (4, 3, 2, 1)
    ]
    assert told["sync.skip_rate"].count == Count(len(seen) - len(executed), len(seen))
    by_hand = sum(sync.sync_type == "manual" for sync in executed)
    assert told["sync.manual_share"].count == Count(by_hand, len(executed))
    saved = sum(sync.api_calls_saved or 0 for sync in seen)
    assert told["sync.api_calls_saved"].value == (saved if seen else None)
    runs = Counter(sync.user for sync in executed)
    active = {user for user, times in runs.items() if times > 1}
    broken = active - {sync.user for sync in good}
    assert told["sync.broken_users"].count == Count(len(broken), len(active))


@pytest.mark.slow
@given(SYNCS)
@EXAMPLES
def test_two_halves_of_the_window_merge_to_the_whole(world: World, syncs: list[Sync]) -> None:
    """Counts, integrations, sums and hours of the earlier half and the later one add up."""
    fill(world, syncs)
    whole = world.everything(*COUNTED, window="4h")
    later = world.everything(*COUNTED, window="2h")
    world.as_of -= timedelta(hours=2)
    earlier = world.everything(*COUNTED, window="2h")
    world.as_of += timedelta(hours=2)
    for name in COUNTED[:3]:
        halves = (earlier[name], later[name])
        assert added(*halves) == whole[name].count
        assert halves[0].hourly + halves[1].hourly == whole[name].hourly
        for part, count in whole[name].by_part.items():
            parts = (half.by_part.get(part, Count(0, 0)) for half in halves)
            assert sum(parts, Count(0, 0)) == count
    saved = [each["sync.api_calls_saved"].value or 0 for each in (earlier, later, whole)]
    assert saved[0] + saved[1] == saved[2]


def added(one: Measurement, other: Measurement) -> Count:
    """K of n of both."""
    return (one.count or Count(0, 0)) + (other.count or Count(0, 0))


@pytest.mark.slow
@given(SYNCS)
@EXAMPLES
def test_two_databases_of_different_users_merge_to_the_whole(
    world: World, syncs: list[Sync]
) -> None:
    """Shards by user add up, also where users are counted."""
    counted = ("sync.success_rate", "sync.skip_rate", "sync.broken_users")
    shards = []
    for shard in (0, 1):
        fill(world, [sync for sync in syncs if sync.user % 2 == shard])
        shards.append(world.everything(*counted, window="4h"))
    fill(world, syncs)
    whole = world.everything(*counted, window="4h")
    for name in counted:
        assert added(shards[0][name], shards[1][name]) == whole[name].count


class Traffic(NamedTuple):
    """Rows of a window: of each integration old and new syncs, good and bad, and so on."""

    calendar: tuple[int, int, int, int]
    contacts: tuple[int, int, int, int]
    webhooks: tuple[int, int]
    new_users: int


GOOD = Traffic((20, 1, 30, 0), (20, 1, 30, 0), (40, 0), 20)
FEW = st.integers(0, 3)
MANY = st.integers(0, 40)
INTEGRATION = st.tuples(MANY, FEW, MANY, FEW)
HANDLED = st.tuples(st.integers(0, 60), FEW)
TRAFFIC = st.one_of(
    st.just(GOOD), st.builds(Traffic, INTEGRATION, INTEGRATION, HANDLED, st.integers(0, 22))
)
JUDGED = (
    "sync.success_rate",
    "sync.skip_rate",
    "sync.broken_users",
    "sync.manual_share",
    "webhook.success_rate",
    "onboarding.success_rate",
    "errors.critical",
    "traffic.longest_gap",
)


def flow(world: World, traffic: Traffic) -> None:
    """This traffic and nothing else, of which three of four syncs are skipped."""
    world.clear()
    for user, name in enumerate(INTEGRATIONS, start=1):
        counts = getattr(traffic, name)
        for times, (result, at) in zip(
            counts,
            (("success", "-9h"), ("failure", "-9h"), ("success", "-3h"), ("failure", "-3h")),
            strict=True,
        ):
            world.sync(result, at=at, integration=name, user=user, times=times)
        world.sync("skipped", at="-6h", integration=name, times=3 * sum(counts))
    for times, result in zip(traffic.webhooks, EXECUTED, strict=True):
        world.notification(result, times=times)
    for user in range(3, 3 + traffic.new_users):
        world.connected(user, at="-2h")
        world.sync("success", user=user, at="-90m")
        world.sync("skipped", user=user, at="-90m", times=3)


def verdict(world: World, *, strict: bool) -> VerdictKind:
    """The verdict by these metrics; without their falls, which are judged by what was before."""
    criteria = world.narrowed(*JUDGED)
    measured = world.everything(*JUDGED, window="12h")
    findings = []
    for role, metric in criteria.checks(Environment.STAGING):
        flat = metric.model_copy(update={"falls": False})
        measurement = measured[metric.id]
        findings.append(judge(role, flat, measurement, criteria.rules, Environment.STAGING))
    expected = [finding.id for finding in findings]
    return decide(expected, findings, world.window("12h"), strict=strict).kind


@given(
    traffic=TRAFFIC,
    table=st.sampled_from(["sync_metrics", "webhook_notifications"]),
    data=st.data(),
    strict=st.booleans(),
)
@EXAMPLES
def test_a_success_that_turns_into_a_failure_never_betters_the_verdict(
    world: World, traffic: Traffic, table: str, data: st.DataObject, *, strict: bool
) -> None:
    """Whichever row it is; falls apart, for an earlier failure makes a later fall smaller."""
    flow(world, traffic)
    successes = world.ask(f"select ctid from {table} where result = 'success' order by created_at")
    if not successes:
        return
    before = verdict(world, strict=strict)
    (row,) = data.draw(st.sampled_from(successes))
    world.run(f"update {table} set result = 'failure' where ctid = '{row}'")
    after = verdict(world, strict=strict)
    assert BETTER_TO_WORSE.index(after) >= BETTER_TO_WORSE.index(before)


def test_good_traffic_goes_step_by_step_from_go_to_rollback(world: World) -> None:
    """Not vacuous: failing one handled notification after the other, every verdict is seen."""
    flow(world, GOOD)
    seen = [verdict(world, strict=False)]
    for _ in range(12):
        world.run("""update webhook_notifications set result = 'failure' where ctid = (
            select ctid from webhook_notifications where result = 'success' limit 1)""")
        seen.append(verdict(world, strict=False))
    assert list(dict.fromkeys(seen)) == BETTER_TO_WORSE


def test_a_warning_that_becomes_critical_of_few_stays_no_go_under_strict(world: World) -> None:
    """8 of 9 is past warning; 7 of 9 is past critical too, though too few to say so alone."""
    flow(world, Traffic((8, 1, 0, 0), (0, 0, 0, 0), (20, 0), 0))
    assert verdict(world, strict=True) is VerdictKind.NO_GO
    world.run("""update sync_metrics set result = 'failure' where ctid = (
        select ctid from sync_metrics where result = 'success' limit 1)""")
    assert verdict(world, strict=True) is VerdictKind.NO_GO
