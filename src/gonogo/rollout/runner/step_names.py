"""What the steps of a rollout are called, for who names them without carrying one out."""

# Before there is a ledger to write to.
BEFORE = ("environment", "database", "permission")
DEPLOY = (
    "preflight",
    "backup",
    "checkout",
    "install",
    "build",
    "lint",
    "typecheck",
    "migrate",
    "verify_schema",
    "test",
    "stop_jobs",
    "stop_app",
    "start_app",
    "start_jobs",
    "wait_healthy",
    "endpoints",
    "grants",
    "admins",
)
# What `verify --smoke` sends.
SMOKE = ("manual_sync", "webhook")
ROLLBACK = (
    "stop_jobs",
    "stop_app",
    "revert",
    "revert_code",
    "reinstall",
    "rebuild",
    "start_app",
    "start_jobs",
    "wait_healthy",
    "old_endpoints",
    "prove",
)


def known_steps() -> frozenset[str]:
    """Every step or smoke request that an item may name, as ``deploy.backup``."""
    deployed = (f"deploy.{name}" for name in (*BEFORE, *DEPLOY))
    taken_back = (f"rollback.{name}" for name in ROLLBACK)
    return frozenset({*deployed, *taken_back, *(f"smoke.{name}" for name in SMOKE)})
