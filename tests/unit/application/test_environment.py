"""The session's variables."""

from __future__ import annotations

import pytest

from first_application import CONFIG
from gonogo.application.environment import LOOKS, ROLLS_BACK, check_environment, deploys
from gonogo.config.application import Use
from gonogo.errors import UsageError
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import DatabaseSettings

URL = DatabaseSettings("host=db", "DATABASE_URL")
PARTS = DatabaseSettings("host=db", "DB_*")
GOOD = {
    "NODE_ENV": "staging",
    "GOOGLE_CLIENT_ID": "client",
    "GOOGLE_CLIENT_SECRET": "hush-client-secret",
    "WEBHOOK_BASE_URL": "https://app.example.com",
    "WEBHOOK_VERIFICATION_TOKEN": "hush-webhook-token",
}


VARIABLES = CONFIG.variables
DEPLOYS = deploys(Environment.STAGING)


def check(environ: dict[str, str], uses: frozenset[Use] = DEPLOYS) -> tuple[str, ...]:
    """The variables of a session to staging, by name."""
    return check_environment(environ, Environment.STAGING, URL, VARIABLES, uses)


def problems(**changes: str) -> str:
    """The message for an environment that differs from a good one."""
    with pytest.raises(UsageError) as caught:
        check({**GOOD, **changes})
    return str(caught.value)


def test_a_good_environment_passes() -> None:
    """Everything that is required suffices; a token is optional."""
    assert check(GOOD)[0] == "NODE_ENV"


def test_all_problems_are_told_at_once_by_name() -> None:
    """Whoever mends the environment mends it once."""
    with pytest.raises(UsageError) as caught:
        check_environment({}, Environment.PRODUCTION, PARTS, VARIABLES, DEPLOYS)
    for name in (*GOOD, "DB_HOST", "DB_USER", "DB_NAME"):
        assert name in str(caught.value)


def test_a_usage_error_ends_with_code_4() -> None:
    """A wrong environment is the caller's, as a wrong option is."""
    assert UsageError("x").exit_code == 4


def test_node_env_must_be_the_sessions_environment() -> None:
    """Staging variables cannot deploy to production, nor the other way round."""
    assert "NODE_ENV is not staging" in problems(NODE_ENV="production")


def test_no_value_is_ever_told() -> None:
    """A malformed secret stays a secret."""
    told = problems(WEBHOOK_BASE_URL="ftp://hush-host", ADMIN_JWT="hush hush")
    assert "hush" not in told


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("WEBHOOK_BASE_URL", "app.example.com", "is no URL"),
        ("WEBHOOK_BASE_URL", "https://app.example.com:port", "is no URL"),
        ("WEBHOOK_BASE_URL", "http://app.example.com", "must be https"),
        ("WEBHOOK_BASE_URL", "https://u:p@app.example.com", "holds a user or a password"),
        ("WEBHOOK_BASE_URL", "https://app.example.com/?a=b", "no query"),
        ("GOOGLE_CALENDAR_REDIRECT_URI", "/callback", "is no URL"),
        ("ADMIN_JWT", "short", "is no token"),
        ("ADMIN_JWT", "two lines of\n a token", "is no token"),
        ("GOOGLE_CLIENT_ID", "   ", "is not set"),
        ("GOOGLE_CLIENT_ID", "client ", "white space"),
    ],
)
def test_a_malformed_variable_is_told(name: str, value: str, says: str) -> None:
    """Present is not enough."""
    told = problems(**{name: value})
    assert name in told
    assert says in told


def test_plain_http_is_fine_on_this_machine() -> None:
    """The stand-in application answers on the loopback address."""
    environ = {**GOOD, "WEBHOOK_BASE_URL": "http://127.0.0.1:8080"}
    assert "WEBHOOK_BASE_URL" in check(environ)


def test_a_rollback_needs_what_the_application_inherits() -> None:
    """It starts the version before: without its secrets that would be an outage."""
    with pytest.raises(UsageError, match="GOOGLE_CLIENT_SECRET is not set"):
        check({**GOOD, "GOOGLE_CLIENT_SECRET": ""}, ROLLS_BACK)


def test_whoever_only_looks_needs_no_secret() -> None:
    """A plan starts nothing, so it asks for none of what only the application inherits."""
    assert check({"NODE_ENV": "staging"}, LOOKS) == ("NODE_ENV",)


def test_a_malformed_variable_is_told_whoever_looks() -> None:
    """What is set must look right in every session."""
    with pytest.raises(UsageError, match="ADMIN_JWT is no token"):
        check({"NODE_ENV": "staging", "ADMIN_JWT": "short"}, LOOKS)


@pytest.mark.parametrize("use", ["test", "lint", "typecheck"])
def test_only_staging_needs_the_variables_of_the_applications_own_checks(use: Use) -> None:
    """A deployment to production runs none of them."""
    assert use in deploys(Environment.STAGING)
    assert use not in deploys(Environment.PRODUCTION)
    assert "build" in deploys(Environment.PRODUCTION)
