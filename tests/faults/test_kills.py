"""Ten of the lab's kills: of gonogo, its children, a session of the database, the whole server."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest

from lab.kills.applications import Shop, StandIn
from lab.kills.tries import STEPS, VICTIMS, Kill, carry_out
from lab.kills.world import World, opened


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server of one's own, which may be killed as well."""
    with opened(tmp_path_factory.mktemp("kills"), StandIn()) as made:
        yield made


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same with the example shop, whose releases npm builds beside."""
    with opened(tmp_path_factory.mktemp("kills"), Shop(released=True)) as made:
        yield made


@pytest.mark.slow
@pytest.mark.xdist_group("kills")
@pytest.mark.parametrize("number", range(8))
def test_whoever_is_killed_whenever_the_next_run_ends_well(world: World, number: int) -> None:
    """The application answers or is named as down, and the next run leaves all as it must be."""
    # In CI a failure must be the change's own; elsewhere each run draws others.
    outcome = carry_out(world, Kill.draw(number if os.environ.get("CI") else secrets.randbits(32)))
    assert not outcome.wrong, outcome


@pytest.mark.slow
@pytest.mark.npm
@pytest.mark.xdist_group("kills_shop")
@pytest.mark.parametrize(
    "kill",
    [
        Kill(1, "deploy", "gonogo", "build", 0, "deploy"),
        Kill(2, "deploy", "the database", "stop_app", 0, "deploy"),
    ],
    ids=lambda kill: f"{kill.victim} {kill.moment}",
)
def test_so_it_is_with_npm_and_releases_beside(shop: World, kill: Kill) -> None:
    """A release that was built is built again or kept; what was stopped is started."""
    outcome = carry_out(shop, kill)
    assert not outcome.wrong, outcome


def test_every_step_and_every_victim_can_be_drawn() -> None:
    """Kills leave nobody out, and each seed draws the same kill again."""
    drawn = [Kill.draw(seed) for seed in range(4_000)]
    assert {kill.victim for kill in drawn} == set(VICTIMS)
    assert {(kill.procedure, kill.step) for kill in drawn if kill.step} == {
        (procedure, step) for procedure, steps in STEPS.items() for step in steps
    }
    assert drawn == [Kill.draw(seed) for seed in range(4_000)]
