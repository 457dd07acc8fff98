"""Steps as they are shown, logged and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gonogo.rollout.preflight.items import ITEMS
from gonogo.rollout.preflight.tryout import CHECKS
from gonogo.rollout.runner.steps import Runner, Step, running


def stop() -> Step[None]:
    """A step that deployments and rollbacks have."""
    return Step("stop_app", "Stop the application", lambda _work, _evidence: "stopped")


def test_a_log_tells_a_deployments_steps_from_its_rollbacks(tmp_path: Path) -> None:
    """Steps of one name in one log differ by their procedure."""
    with running("deploy", lambda _event: None, tmp_path, {}) as runner:
        runner.run(stop(), None)
        Runner("rollback", runner.tell, runner.log).run(stop(), None)
    lines = [json.loads(line) for line in runner.log.path.read_text("utf-8").splitlines()]
    ended = [(one["procedure"], one["step"]) for one in lines if one.get("proved") == "stopped"]
    assert ended == [("deploy", "stop_app"), ("rollback", "stop_app")]


@pytest.mark.parametrize("other", ["variables", "database", "permission", "build", *CHECKS])
def test_no_two_items_of_a_preflight_have_one_name(other: str) -> None:
    """Each is found by its name in the log."""
    names = [item.name for item in ITEMS]
    assert len(set(names)) == len(names)
    assert other not in names
