"""Simulated traffic, and what the gate's own code makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gonogo import criteria as criteria_file
from gonogo.model.kinds import Environment, VerdictKind
from gonogo.model.measurement import Count
from lab.verdict_quality.incidents import COURSES, INCIDENTS
from lab.verdict_quality.looking import Looker, load
from lab.verdict_quality.shapes import constant
from lab.verdict_quality.traffic import Traffic, happen

CHECKS = Path(__file__).parents[4] / "checks"
KNOWN = load()
BUSY = Traffic(syncs=5_000, notifications=3_000, new_users=40)


def looker(traffic: Traffic, hours: int, seed: int) -> Looker:
    """One simulated stretch."""
    return Looker(happen(traffic, hours, np.random.default_rng(seed)), KNOWN)


def test_the_same_seed_is_the_same_traffic() -> None:
    """To the last event; another seed is another."""
    told = [looker(BUSY, 48, seed).measurement("sync.success_rate", 48) for seed in (1, 1, 2)]
    assert told[0] == told[1] != told[2]


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("rate", [0.8, 0.92])
def test_every_course_keeps_its_mean(course: str, rate: float) -> None:
    """Of 50,000 events within a point, whatever the course."""
    at = np.random.default_rng(5).random(50_000) * 48
    rates = COURSES[course](rate)(at, np.zeros(len(at), dtype=np.int64), np.random.default_rng(6))
    assert rates.mean() == pytest.approx(rate, abs=0.01)
    assert rates.min() >= 0
    assert rates.max() <= 1


@pytest.mark.parametrize("incident", INCIDENTS)
def test_every_incident_begins_at_its_hour_and_is_one(incident: str) -> None:
    """Healthy before; a day later some events fail more often."""
    at, part = np.array([9.0, 9.0, 40.0, 40.0]), np.array([0, 1, 0, 1])
    rates = INCIDENTS[incident].rates(10.0)(at, part, np.random.default_rng(1))
    assert list(rates[:2]) == [0.97, 0.97]
    assert rates[2:].min() < 0.81


def test_a_look_sums_up_what_happened_in_its_window() -> None:
    """Whole and by integration, hour by hour, and the newest events of each."""
    busy = looker(BUSY, 60, 3)
    events = busy.happened.syncs
    inside = (events.at >= 12) & (events.at < 60)
    told = busy.measurement("sync.success_rate", 60)
    assert told.count == Count(int(events.good[inside].sum()), int(inside.sum()))
    assert sum((hour.count for hour in told.hourly), Count(0, 0)) == told.count
    assert sum(told.by_part.values(), Count(0, 0)) == told.count
    contacts = events.good[inside & (events.part == 1)]
    assert told.recent["google_contacts"][1] == Count(int(contacts[-10:].sum()), 10)


def test_the_quick_questions_agree_with_the_verdict() -> None:
    """GO and ROLLBACK, asked with fewer checks, are the verdict's; all four verdicts are seen."""
    seen = set()
    for seed in range(80):
        rate = (0.6, 0.8, 0.93, 0.99)[seed % 4]
        traffic = Traffic(syncs=30 * 3 ** (seed % 5), users=60, sync=constant(rate))
        one = looker(traffic, 50, seed)
        for hour in (20, 48, 50):
            verdict = one.verdict(hour)
            seen.add(verdict)
            assert one.is_go(hour) is (verdict is VerdictKind.GO)
            assert one.rolls_back(hour) is (verdict is VerdictKind.ROLLBACK)
    assert seen == set(VerdictKind)


def test_every_rate_that_staging_is_judged_by_is_simulated() -> None:
    """A new one must be simulated too."""
    every = criteria_file.load(CHECKS / "criteria.toml", CHECKS / "sql")
    rates = {metric.id for _, metric in every.checks(Environment.STAGING) if metric.kind == "rate"}
    assert rates == set(KNOWN.metrics)


def test_the_old_rule_passes_what_it_cannot_see() -> None:
    """Nothing at all reads as 100 %; an integration that is down hides under a good pool."""
    known, rng = load("sync.success_rate"), np.random.default_rng(4)
    nothing = Looker(happen(Traffic(syncs=0, new_users=0), 48, rng), known)
    rates = INCIDENTS["contacts out"].rates(0)
    down = Traffic(syncs=3_000, new_users=0, sync=rates, calendar_share=0.95)
    hidden = Looker(happen(down, 48, rng), known)
    assert nothing.old_go(48)
    assert nothing.verdict(48) is VerdictKind.HOLD
    assert hidden.old_go(48)
    assert hidden.verdict(48) is VerdictKind.NO_GO
