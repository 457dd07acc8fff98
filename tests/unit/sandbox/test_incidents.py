"""The incidents are data, and the data make sense."""

from importlib import resources

import pytest

from gonogo.criteria import load
from gonogo.errors import ConfigError, UsageError
from gonogo.model.kinds import Environment, VerdictKind
from gonogo.model.measurement import parse_duration
from gonogo.sandbox.incidents import Incident, find_incident, load_incidents, parse_incidents
from gonogo.sandbox.mix import Mix

INCIDENTS = load_incidents()
USUAL = (
    "sync-outage",
    "calendar-down",
    "webhook-failures",
    "over-skipping",
    "token-revocations",
    "breaker-storm",
    "silent-webhooks",
    "dead-jobs",
    "onboarding-broken",
)
GOOD = b"""
[outage]
title = "It is out."
hours = 6
window = "6h"
verdict = "ROLLBACK"
red = ["sync.success_rate"]
"""


@pytest.mark.parametrize("name", USUAL)
def test_the_usual_incidents_are_there(name: str) -> None:
    """Each way in which this rollout is known to go wrong can be found by its name."""
    assert find_incident(name).name == name


@pytest.mark.parametrize("incident", INCIDENTS.values(), ids=INCIDENTS)
def test_an_incident_is_never_go(incident: Incident) -> None:
    """An incident after which GO would be right is none."""
    assert incident.verdict is not VerdictKind.GO
    assert incident.red


@pytest.mark.parametrize("incident", INCIDENTS.values(), ids=INCIDENTS)
def test_an_incident_changes_something(incident: Incident) -> None:
    """An incident has a mix of its own, other volume, or a statement, which is there."""
    assert incident.mix != Mix() or incident.rate != 1 or incident.also
    if incident.also:
        sql = resources.files("gonogo.sandbox") / f"sql/incidents/{incident.also}.sql"
        assert sql.is_file()


@pytest.mark.parametrize("incident", INCIDENTS.values(), ids=INCIDENTS)
def test_what_turns_red_is_checked(incident: Incident, pytestconfig: pytest.Config) -> None:
    """Each metric that an incident must turn red is one that staging checks."""
    checks = pytestconfig.rootpath / "checks"
    criteria = load(checks / "criteria.toml", checks / "sql")
    checked = {metric.id for _, metric in criteria.checks(Environment.STAGING)}
    assert set(incident.red) <= checked


def test_every_statement_is_some_incidents() -> None:
    """No statement file lies there that no incident names."""
    files = (resources.files("gonogo.sandbox") / "sql/incidents").iterdir()
    assert {file.name.removesuffix(".sql") for file in files} == {
        incident.also for incident in INCIDENTS.values() if incident.also
    }


def test_an_unknown_name_lists_the_known_ones() -> None:
    """A misspelt incident is one clear line: what was meant, and what there is."""
    with pytest.raises(UsageError) as caught:
        find_incident("sync-outtage")
    assert "did you mean sync-outage?" in str(caught.value)
    assert all(name in str(caught.value) for name in INCIDENTS)
    assert "\n" not in str(caught.value)


def test_a_name_like_no_other_has_no_hint() -> None:
    """What is close to nothing is not guessed at."""
    with pytest.raises(UsageError, match=r"^there is no incident 'xyz'; known are sync-outage"):
        find_incident("xyz")


def test_a_good_file_is_read() -> None:
    """An entry needs no more than its six keys."""
    incident = parse_incidents(GOOD)["outage"]
    assert incident.name == "outage"
    assert parse_duration(incident.window).total_seconds() == incident.hours * 3600
    assert incident.mix == Mix()


@pytest.mark.parametrize(
    ("found", "replaced", "told"),
    [
        (b"hours = 6", b"hours = 0", "incidents.toml: outage.hours"),
        (b"6h", b"6 parsecs", "outage.window"),
        (b"ROLLBACK", b"PANIC", "should be one of ROLLBACK, NO-GO, HOLD, GO"),
        (b"hours", b"huors", "did you mean hours?"),
        (b"red", b"mix.syncs.manul = 0.5\nred", "did you mean manual?"),
        (b"[outage]", b"[outage", "is no TOML"),
        (b"[outage]\n", b"rest = 3\n[outage]\n", "incidents.toml: rest"),
    ],
)
def test_a_bad_file_says_where(found: bytes, replaced: bytes, told: str) -> None:
    """What cannot be meant is an error with file, key and hint."""
    with pytest.raises(ConfigError) as caught:
        parse_incidents(GOOD.replace(found, replaced, 1))
    assert told in str(caught.value)
