"""The example shop is rolled out and back as its README shows it: a real server, real npm.

Time is the one thing that is not real: the ledger is told that the deployment ended 50 hours ago,
and 48 hours of orders since then, and two of an outage, are rows that the shop's traffic wrote.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.shop.conftest import Played, Shop

# One rollout for all of them, not one a worker.
pytestmark = [pytest.mark.slow, pytest.mark.npm, pytest.mark.xdist_group("shop")]

V1, V2 = "8.16.3", "8.23.1"
ELSEWHERE = re.compile(
    r"\bsync|webhook|google|calendar|\bcontacts|token_health|breaker|dashboard|\./noxw",
    re.IGNORECASE,
)


def test_the_new_version_runs_at_the_revision_that_was_deployed(played: Played) -> None:
    """The service says its version and revision itself; the packages of its lock are there."""
    assert (played.before["version"], played.before["pg"]) == ("1.0.0", V1)
    head = revision(played.shop, "v2")
    assert played.after == {"version": "2.0.0", "revision": head, "pg": V2}
    assert played.shop.ask("select revision from gonogo.deployment") == head


def test_a_preflight_builds_the_revision_beside_the_one_that_runs(played: Played) -> None:
    """`npm ci`, the build, types and tests of version 2, while the packages are version 1's."""
    said = played.said["preflight"].stdout
    for command in ("npm ci", "npm run build", "npm run typecheck", "npm test"):
        assert re.search(rf"`{command}\b.*ended with 0", said), said
    assert (played.before["version"], played.before["pg"]) == ("1.0.0", V1)


def test_what_was_deployed_is_in_place_and_a_request_changes_something(played: Played) -> None:
    """Schema, endpoints and ledger are verified, and a settlement was begun over HTTP."""
    assert played.said["verify"].returncode == 0, played.said["verify"].stdout
    assert re.search(r"✓ .*/admin/settlements: HTTP 202", played.said["verify"].stdout)


def test_the_role_of_the_gate_can_read_no_card(played: Played) -> None:
    """It was granted what the surveys ask for of payments, and judged the outage as that."""
    assert played.said["grants"].returncode == 0, played.said["grants"].stderr
    shop = played.shop
    may = [
        shop.ask(f"select has_column_privilege('{shop.role}', 'payments', '{column}', 'select')")
        for column in ("status", "card")
    ]
    assert may == [True, False]


def test_a_gate_right_after_the_deployment_holds(played: Played) -> None:
    """Two seconds of 48 hours are no soak, however healthy."""
    assert played.said["early"].returncode == 10, played.said["early"].stdout
    assert "the soak has just begun" in played.said["early"].stdout


def test_48_healthy_hours_are_go(played: Played) -> None:
    """Every criterion of the shop is met with evidence over the whole window."""
    assert played.said["go"].returncode == 0, played.said["go"].stdout
    assert "48 h of 48 h covered" in played.said["go"].stdout


def test_a_provider_that_answers_nobody_is_a_rollback(played: Played) -> None:
    """The trigger fires, and the verdict names the provider."""
    assert played.said["outage"].returncode == 11, played.said["outage"].stdout
    assert re.search(r"fired +Payment success rate: .*banka alone", played.said["outage"].stdout)


def test_the_old_version_runs_again_on_its_own_packages(played: Played) -> None:
    """A rollback brings back code, packages and build, and the service says so itself."""
    assert played.said["rollback"].returncode == 0, played.said["rollback"].stdout
    head = revision(played.shop, "v1")
    assert played.at_last == {"version": "1.0.0", "revision": head, "pg": V1}


def test_the_schema_is_proved_equal_and_what_was_written_lies_aside(played: Played) -> None:
    """Attempts, settlements, references and channels of version 2 are kept, none in the schema."""
    assert "schema equal to that before the deployment" in played.said["rollback"].stdout
    assert played.shop.ask("select to_regclass('payment_attempts')") is None
    for table in ("payment_attempts", "settlements", "payments_101", "orders_104"):
        assert played.shop.ask(f"select count(*) from gonogo_aside_1.{table}"), table


def test_each_step_has_its_record(played: Played) -> None:
    """Deployment, smoke request, three gates and the rollback lie in the archive."""
    kept = sorted(
        path.parent.name for path in played.shop.root.glob("reports/archive/*/*/record.html")
    )
    assert [name.partition("_")[2] for name in kept] == [
        "DEPLOYED",
        "SMOKE-PASSED",
        "HOLD",
        "GO",
        "ROLLBACK",
        "ROLLED-BACK",
    ]


@pytest.mark.parametrize(
    "name", ["preflight", "deploy", "verify", "grants", "early", "go", "outage", "rollback"]
)
def test_no_word_of_another_application_is_said(played: Played, name: str) -> None:
    """What gonogo prints of the shop is about the shop."""
    said = played.said[name].stdout + played.said[name].stderr
    assert not [line for line in said.splitlines() if ELSEWHERE.search(line)]


@pytest.mark.parametrize(
    "label", ["DEPLOYED", "SMOKE-PASSED", "HOLD", "GO", "ROLLBACK", "ROLLED-BACK"]
)
def test_no_word_of_another_application_is_written(played: Played, label: str) -> None:
    """The records of the shop are about the shop."""
    assert not [line for line in played.document(label).splitlines() if ELSEWHERE.search(line)]


def revision(shop: Shop, tag: str) -> str:
    """The commit of a tag."""
    words = ["git", "-C", str(shop.app), "rev-parse", tag]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
