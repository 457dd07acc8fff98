"""checklist.toml: what is there is whole, and what cannot be meant is refused with file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from gonogo.checklist.entries import (
    DEPLOY,
    ROLLBACK,
    Known,
    checklist_desk,
    covers,
    known_steps,
    load,
)
from gonogo.config.project import Project
from gonogo.config.sections import RolloutConfig
from gonogo.errors import ConfigError
from gonogo.rollout import deploy, rollback

ROOT = Path(__file__).parents[3]
KNOWN = Known(["sync.success_rate", "jobs.token_refresh"], ["deploy.backup"])
GOOD = """
[[phase]]
id = "one"
title = "One"

[[phase.item]]
id = "backup"
text = "A backup is made"
steps = ["deploy.backup"]
"""


def test_the_projects_own_has_every_phase() -> None:
    """Five phases, what comes before them, and the rollback; each with something to attest."""
    project = Project(ROOT)
    desk = checklist_desk(project, RolloutConfig.load(ROOT / "rollout.toml"))
    phases = desk.checklist.phase
    assert [phase.id for phase in phases] == [
        "pre",
        "staging",
        "soak",
        "production",
        "monitoring",
        "post",
        "rollback",
    ]
    assert all({"proved", "attested"} == {item.how for item in phase.item} for phase in phases)


def test_every_step_of_a_rollout_can_be_named() -> None:
    """Those that are there, and those before there is a ledger."""
    assert tuple(step.name for step in deploy.STEPS) == DEPLOY
    assert tuple(step.name for step in rollback.STEPS) == ROLLBACK
    assert {"deploy.environment", "deploy.permission", "deploy.backup", "rollback.prove"} <= (
        known_steps(())
    )


TWIN = '[[phase.item]]\ntext = "x"\nattested = true\nid = "backup"\n'


@pytest.mark.parametrize(
    ("change", "key", "said"),
    [
        (('["deploy.backup"]', '["deploy.backups"]'), "one.backup.steps", "mean deploy.backup?"),
        (('steps = ["deploy.backup"]', 'checks = ["sync.sucess_rate"]'), "checks", "mean sync."),
        (('steps = ["deploy.backup"]', 'checks = ["job.*"]'), "checks", r"mean jobs.\*?"),
        (('steps = ["deploy.backup"]', 'facts = ["moon"]'), "facts", "should be"),
        (('steps = ["deploy.backup"]', 'step = ["deploy.backup"]'), "step", "mean steps?"),
        (('steps = ["deploy.backup"]', "attested = false"), "attested", "should be True"),
        (('steps = ["deploy.backup"]', ""), "one.backup", "is proved by nothing"),
        (('["deploy.backup"]', '["deploy.backup"]\nattested = true'), "backup", "steps and att"),
        (('id = "backup"', 'id = "Back up"'), "id", "pattern"),
        (('title = "One"', 'title = "One"\nafter = "lunch"'), "after", "should be"),
        (
            (
                "[[phase.item]]",
                '[[phase.item]]\ntext = "x"\nattested = true\nid = "backup"\n[[phase.item]]',
            ),
            "one.backup",
            "is there twice",
        ),
        ((GOOD, ""), "phase", "is missing"),
        ((GOOD, "[[phase"), "", "is no TOML"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, change: tuple[str, str], key: str, said: str
) -> None:
    """An unknown step, metric, fact or key, none or two ways to prove, one id for two items."""
    file = tmp_path / "checklist.toml"
    file.write_text(GOOD.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError, match=said.replace("?", r"\?")) as refused:
        load(file, KNOWN)
    assert str(refused.value).startswith(f"{file}: ")
    assert key in refused.value.key
    assert "\n" not in str(refused.value)


def test_a_team_can_add_its_own(tmp_path: Path) -> None:
    """A phase and an item of any name."""
    file = tmp_path / "checklist.toml"
    more = '[[phase.item]]\nid = "cake"\ntext = "There is cake"\nattested = true\n'
    file.write_text(GOOD + more, encoding="utf-8")
    (phase,) = load(file, KNOWN).phase
    assert [phase.id_of(item) for item in phase.item] == ["one.backup", "one.cake"]


@pytest.mark.parametrize(
    ("reference", "finding_id", "meant"),
    [
        ("sync.success_rate", "criterion:sync.success_rate", True),
        ("sync.success_rate", "criterion:sync.success_rate_2", False),
        ("sync.*", "alert:sync.success_rate", True),
        ("sync.*", "alert:syncs.success_rate", False),
        ("alert:sync.*", "alert:sync.success_rate", True),
        ("alert:sync.*", "criterion:sync.success_rate", False),
        ("alert:sync.success_rate", "trigger:sync.success_rate", False),
    ],
)
def test_a_reference_means_what_it_says(reference: str, finding_id: str, meant: bool) -> None:  # noqa: FBT001  # a table of cases
    """A metric, a group, or one question about either."""
    assert covers(reference, finding_id) is meant
