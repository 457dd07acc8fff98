"""What names the database, what is deployed there, and what was asked by whom."""

from __future__ import annotations

from collections.abc import Mapping

from gonogo import __version__
from gonogo.gate.setting import Observation, Setting
from gonogo.model.window import format_moment

# The gate works with any of them; the record says what it was trusted with.
RIGHTS = {
    "read": "reads only",
    "write": "may write to tables: more than the gate needs, see docs/gate-role.md",
    "superuser": "a superuser's: more than the gate needs, see docs/gate-role.md",
}


def subject_of(setting: Setting, observation: Observation) -> dict[str, str]:
    """What is deployed there, by its number and its hashes."""
    return {
        "deployment": observation.ledger.deployment,
        "revision": observation.ledger.revision,
        "migrations_sha256": observation.ledger.migrations_sha256,
        "criteria_sha256": setting.criteria.sha256,
    }


def facts_of(setting: Setting, observation: Observation) -> Mapping[str, str]:
    """What names the database, and what was asked by whom."""
    identity, ledger = observation.identity, observation.ledger
    facts = {
        "Connection": setting.settings.shown,
        "Measured at": format_moment(observation.taken_at),
        "Application revision": ledger.revision or "unknown",
        "Ledger": ledger.problem or "present",
        "Migrations (sha256)": ledger.migrations_sha256 or "unknown",
        "Criteria (sha256)": setting.criteria.sha256,
        "gonogo": __version__,
    }
    if identity:
        facts |= {
            "Database": identity.database,
            "Server": f"PostgreSQL {identity.server_version}",
            "System identifier": identity.system_identifier or "not told to this role",
            "Role": identity.role,
            "Rights of the role": RIGHTS.get(identity.rights, "unknown"),
            "Standby": "yes" if identity.standby else "no",
            "Snapshot": identity.snapshot,
        }
    if setting.options.without:
        facts["Left out on purpose"] = ", ".join(sorted(setting.options.without))
    if observation.window.deployed_at is None:
        facts["Coverage"] = "unknown: nothing says when it was deployed; whole window assumed"
    return facts
