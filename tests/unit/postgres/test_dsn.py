"""Which database, and that no secret of its connection string is ever shown."""

from __future__ import annotations

import traceback
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from gonogo.config.environments import DatabaseConfig
from gonogo.errors import UsageError
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import (
    DatabaseSettings,
    database_settings,
    direct_settings,
    member_settings,
    named_environment,
    require_meant,
)

SECRET = "s3cr3t-W0rd"  # noqa: S105  # what must never be shown
URL = f"postgresql://gate:{SECRET}@db.example:5433/app?sslmode=require"


def everything_said(settings: DatabaseSettings) -> str:
    """Whatever a log, a record or a traceback could hold of it."""
    return f"{settings!r} {settings} {settings.shown} {settings.source}"


@pytest.mark.parametrize(
    "environ",
    [
        {"DATABASE_URL": URL},
        {"DB_HOST": "db.example", "DB_USER": "gate", "DB_NAME": "app", "DB_PASSWORD": SECRET},
        {"DATABASE_URL": f"host=db.example user=gate dbname=app password={SECRET}"},
        {"DATABASE_URL": f"host=db.example dbname=app user=gate sslpassword={SECRET}"},
    ],
)
def test_a_password_is_used_and_never_shown(environ: dict[str, str]) -> None:
    """It reaches libpq, but no repr, no text and no record."""
    settings = database_settings(environ)
    assert SECRET in settings.conninfo
    assert SECRET not in everything_said(settings)
    assert "host=db.example" in settings.shown
    assert "user=gate" in settings.shown
    assert SECRET not in everything_said(settings.with_database("other"))


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://gate:{SECRET}@db/app",
        f"host=db password={SECRET} port=ninety",
        f"host=db password='{SECRET}",
        f"host=db pasword={SECRET}",
        f"postgresql://gate:x@{SECRET}@db/app",
        f"postgresql://gate:123/{SECRET}@db/app",
        f"postgresql://gate:{SECRET}\udcff@db/app",
        f"postgres://gate:x?{SECRET}@y@db/app",
        f"postgres://gate:x?y@{SECRET}@db/app",
        f"postgres://gate:x?{SECRET}=1@db/app",
        f"postgres://gate:5432/a?{SECRET}=1@db/app",
        f"postgresql://gate:{SECRET}?y@db/app",
        f"postgresql://gate:{SECRET}/y@db/app",
        f"postgresql://gate:{SECRET}#y@db/app",
        f"postgresql://gate:x#{SECRET}@db/app",
        f"postgresql://gate:x@y#{SECRET}@db/app",
        f"postgresql://gate:x%{SECRET}@db/app",
        f"postgresql://gate:x@{SECRET}?@db/app",
    ],
)
def test_a_malformed_string_is_refused_without_quoting_it(url: str) -> None:
    """Also where a raw sign cuts the password, whose rest would be host, database or parameter."""
    with pytest.raises(UsageError) as caught:
        database_settings({"DATABASE_URL": url})
    assert not any(part in str(caught.value) for part in (SECRET, "s3cr3t", "W0rd", "y@", "x?"))
    assert "DATABASE_URL" in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgresql://gate:x@db:5432/app?schema=public", "schema"),
        ("postgres://gate@db/app?sslmode=require&pgbouncer=true&pool_timeout=9", "pgbouncer, pool"),
        ("postgresql://db/app?connection_limit=5", "connection_limit"),
    ],
)
def test_a_parameter_of_the_applications_own_is_named(url: str, named: str) -> None:
    """What another library reads in such a URL is no mistake in the whole of it."""
    with pytest.raises(UsageError, match=f"does not know: {named}"):
        database_settings({"DATABASE_URL": url})


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://gate:{SECRET}%3F%40%2F%23%25@db/app",
        f"postgresql://gate:{SECRET}:y@db:5433/app?sslmode=require",
        f"postgresql://gate:{SECRET}@[::1]:5433/app",
        f"postgresql://gate:{SECRET}@one,two/app?target_session_attrs=any",
        "postgresql://[::1]:5433/app",
        "postgresql:///app?host=/run/postgresql&user=gate@tenant",
        "postgresql://%2Frun%2Fpostgresql/app?ssl=true",
        "postgresql://one:1,two:2/app",
        "postgresql://",
    ],
)
def test_a_well_formed_url_is_not_refused(url: str) -> None:
    """Signs that are escaped, and those that may stand as they are."""
    assert SECRET not in database_settings({"DATABASE_URL": url}).shown


@pytest.mark.parametrize(
    ("dsn", "cause"),
    [
        ("service=nowhere", 'definition of service "nowhere" not found'),
        ("host=db sslmode=never", 'invalid sslmode value: "never"'),
        ("host=db.invalid", "no name server knows the host 'db.invalid' of --dsn"),
        (f"host={'x' * 64}", "no name server knows the host"),
    ],
)
def test_settings_that_reach_nothing_anywhere_are_no_outage(dsn: str, cause: str) -> None:
    """Libpq refuses them by itself, or nobody knows the name: the cause is named."""
    with pytest.raises(UsageError, match=cause):
        require_meant(database_settings({}, dsn))


@pytest.mark.parametrize("dsn", ["host=127.0.0.1 port=1", "host=/nowhere", "host=192.0.2.1"])
def test_a_database_out_of_reach_is_meant(dsn: str) -> None:
    """It may be down: that is for the gate to say."""
    require_meant(database_settings({}, dsn))


def test_a_password_with_undecodable_bytes_is_refused_without_quoting_it() -> None:
    """DB_PASSWORD may hold what is no UTF-8."""
    with pytest.raises(UsageError, match=r"DB_\* is not a connection string"):
        database_settings({"DB_HOST": "db", "DB_PASSWORD": "\udcff"})


@pytest.mark.parametrize("port", ["0", "65536", "five", "-1", "²", "5" * 5000, "5432,x"])
def test_a_port_is_a_number_of_a_port(port: str) -> None:
    """Anything else is refused before anybody tries to connect."""
    with pytest.raises(UsageError, match=r"port in DB_\* is not a number from 1 to 65535"):
        database_settings({"DB_HOST": "db", "DB_PORT": port})


@pytest.mark.parametrize("port", ["1", "5432", "65535", "5432,65535"])
def test_the_first_and_the_last_port_are_ports(port: str) -> None:
    """And so are several, one for each host."""
    assert f"port={port}" in database_settings({"DB_HOST": "a,b", "DB_PORT": port}).conninfo


@pytest.mark.parametrize(
    ("option", "node_env", "meant"),
    [
        (None, None, None),
        (None, "  ", None),
        (None, "production", Environment.PRODUCTION),
        ("staging", None, Environment.STAGING),
        ("staging", " staging ", Environment.STAGING),
    ],
)
def test_an_environment_is_named_by_option_or_node_env(
    option: str | None, node_env: str | None, meant: Environment | None
) -> None:
    """Or by nobody; where both say it, they agree."""
    environ = {} if node_env is None else {"NODE_ENV": node_env}
    assert named_environment(environ, option) is meant


@pytest.mark.parametrize(
    ("option", "node_env", "told"),
    [
        ("prod", None, "'prod' is not an environment"),
        ("", None, "'' is not an environment"),
        (None, "Production", "'Production' is not an environment"),
        ("staging", "production", "--environment=staging, but NODE_ENV is production"),
    ],
)
def test_what_is_no_environment_or_two_is_a_usage_error(
    option: str | None, node_env: str | None, told: str
) -> None:
    """A rollout never guesses where it is."""
    with pytest.raises(UsageError, match=told):
        named_environment({"NODE_ENV": node_env or ""}, option)


@given(st.text(st.characters(exclude_characters="\0"), min_size=1))
def test_any_database_url_is_settings_or_a_usage_error(url: str) -> None:
    """Nothing that an environment can hold ends in a traceback."""
    with suppress(UsageError):
        assert database_settings({"DATABASE_URL": url}).source == "DATABASE_URL"


def test_what_is_named_most_plainly_wins() -> None:
    """An explicit DSN before DATABASE_URL before DB_* before libpq's own variables."""
    environ = {"DATABASE_URL": "host=url", "DB_HOST": "parts", "PGHOST": "libpq"}
    assert database_settings(environ, "host=option").shown == "host=option"
    assert database_settings(environ).shown == "host=url"
    del environ["DATABASE_URL"]
    assert database_settings(environ).shown == "host=parts"
    del environ["DB_HOST"]
    assert database_settings(environ) == DatabaseSettings("", "libpq's own variables")


def test_no_database_at_all_is_a_usage_error() -> None:
    """The message says which variables would name one."""
    with pytest.raises(UsageError, match="no database is named; set DATABASE_URL"):
        database_settings({"DB_HOST": ""})


def test_another_database_keeps_server_role_and_password() -> None:
    """Only the name changes."""
    before = database_settings({"DATABASE_URL": URL})
    after = before.with_database("it's another")
    assert conninfo_to_dict(after.conninfo) == conninfo_to_dict(before.conninfo) | {
        "dbname": "it's another"
    }


def test_a_dsn_on_the_command_line_must_not_hold_a_password() -> None:
    """Everybody can read the list of processes, so ``--dsn`` with a password is refused."""
    with pytest.raises(UsageError, match="holds a password") as refused:
        database_settings({}, "postgresql://app:hunter2@db/app")
    assert "hunter2" not in str(refused.value)


def test_a_dsn_goes_before_the_environment() -> None:
    """An explicit DSN wins, whatever the environment says."""
    settings = database_settings({"DATABASE_URL": "dbname=other"}, "host=db dbname=app")
    assert settings.shown == "host=db dbname=app"


@pytest.mark.parametrize(
    ("environ", "in_file", "expected"),
    [
        (
            {"DIRECT_URL": "postgresql://db.inner/"},
            None,
            {"host": "db.inner", "port": "5432", "user": "gate", "password": SECRET},
        ),
        (
            {},
            "host=db.inner port=5544",
            {"host": "db.inner", "port": "5544", "dbname": "app", "password": SECRET},
        ),
        ({}, "port=5432", {"host": "db.example", "port": "5432", "sslmode": "require"}),
        (
            {"DIRECT_URL": "host=one"},
            "host=another",
            {"host": "one", "hostaddr": "", "password": SECRET},
        ),
        (
            {"DIRECT_URL": "postgresql://owner:other@db.inner/app"},
            None,
            {"user": "owner", "password": "other"},
        ),
    ],
)
def test_a_direct_url_fills_in_what_it_leaves_out(
    environ: dict[str, str], in_file: str | None, expected: dict[str, str]
) -> None:
    """From how the application reaches the database, but for the pooler's own place."""
    usual = database_settings({"DATABASE_URL": URL})
    direct = direct_settings(usual, environ, in_file)
    given = conninfo_to_dict(direct.conninfo)
    assert {name: given.get(name) for name in expected} == expected
    assert direct.pooled == usual
    assert SECRET not in everything_said(direct)


def test_a_password_is_not_another_users() -> None:
    """One who is named without a password gets it from libpq's own places."""
    usual = database_settings({"DATABASE_URL": URL})
    direct = direct_settings(usual, {"DIRECT_URL": "postgresql://owner@db.inner/app"}, None)
    assert "password" not in conninfo_to_dict(direct.conninfo)


def test_without_a_direct_url_all_is_as_the_application_has_it() -> None:
    """There is no pooler to lead around."""
    usual = database_settings({"DATABASE_URL": URL})
    assert direct_settings(usual, {"DIRECT_URL": ""}, None) is usual


@pytest.mark.parametrize(
    ("in_file", "said"),
    [
        (f"postgresql://gate:{SECRET}@db/app", "holds a password, which everybody can read there"),
        ("dbname=app", "names neither host nor port"),
        (f"host=db pasword={SECRET}", "is not a connection string"),
    ],
)
def test_a_direct_url_that_cannot_be_meant_is_refused(in_file: str, said: str) -> None:
    """A file that everybody reads holds no password, and the refusal does not show it either."""
    usual = database_settings({"DATABASE_URL": URL})
    with pytest.raises(UsageError, match=f"direct_url in rollout.toml {said}") as caught:
        direct_settings(usual, {}, in_file)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_member_of_a_fleet_is_reached_by_its_own_variable_or_service() -> None:
    """What names the application's database names no member of a fleet."""
    environ = {"DATABASE_URL": "postgresql://other/other", "EU_URL": URL}
    by_url = member_settings(DatabaseConfig(name="eu", url_env="EU_URL"), environ)
    by_service = member_settings(DatabaseConfig(name="us", service="us"), environ)
    assert (by_url.shown, by_url.source) == (
        "host=db.example port=5433 dbname=app user=gate sslmode=require",
        "EU_URL",
    )
    assert (by_service.conninfo, by_service.source) == ("service=us", "the service us")
    assert SECRET not in everything_said(by_url)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "EU_URL is not set: it holds the URL of the database eu"),
        ({"EU_URL": " ", "DATABASE_URL": URL}, "EU_URL is not set"),
        ({"EU_URL": f"pa ss={SECRET}"}, "EU_URL is not a connection string"),
    ],
)
def test_a_member_whose_variable_cannot_be_meant_is_refused(
    environ: dict[str, str], says: str
) -> None:
    """The line names the variable and the member, never the value."""
    member = DatabaseConfig(name="eu", url_env="EU_URL")
    with pytest.raises(UsageError) as caught:
        member_settings(member, environ)
    assert says in str(caught.value)
    assert SECRET not in str(caught.value)
