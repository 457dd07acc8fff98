"""Which database and which environment are meant; the password never leaves this module's types.

The order: an explicit DSN, ``DATABASE_URL``, ``DB_*``, then libpq's own (``PGHOST``, ``PGSERVICE``,
``.pgpass``, …), which fills in whatever the others leave open. Where these lead through a
connection pooler, ``DIRECT_URL`` names the server itself, for what needs a session of its own.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo, ConnStatus, PGconn

from gonogo.errors import UsageError
from gonogo.model.kinds import Environment

if TYPE_CHECKING:
    from gonogo.config.environments import DatabaseConfig

DB_VARIABLES = {
    "DB_HOST": "host",
    "DB_PORT": "port",
    "DB_USER": "user",
    "DB_NAME": "dbname",
    "DB_PASSWORD": "password",
}
LIBPQ_VARIABLES = ("PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE", "PGUSER")
# It may be named in rollout.toml as well, where everybody reads it.
DIRECT_VARIABLE = "DIRECT_URL"
DIRECT_KEY = "direct_url in rollout.toml"
DEFAULT_PORT = "5432"
HIGHEST_PORT = 65535
PORT = re.compile(r"[0-9]{1,5}")
URL = re.compile(r"postgres(?:ql)?://(?P<place>[^?]*)(?:\?(?P<query>.*))?", re.DOTALL)
# Behind user and password, servers and database. A colon alone may stand raw in a password.
HOST = r"(?:\[[^@/#\]]*\]?|[^:@/#]*)"
PLACE = re.compile(rf"(?:[^@/#]*@[^@/#]*|{HOST}(?::[0-9]*)?(?:,{HOST}(?::[0-9]*)?)*)(?:/[^@#]*)?")
NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,40}")
# What libpq reads in a URL, though it is no parameter of its own.
ONLY_IN_URL = frozenset({"ssl"})
SHOWN = ("host", "hostaddr", "port", "dbname", "user", "service", "sslmode")
LOOPBACK = "127.0.0.1"
CONNECT_TIMEOUT_S = 5
# Set together: each alone leaves a way for a half-open connection to hang.
LIMITS: Mapping[str, int] = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """How to reach the database.

    Args:
        conninfo: A libpq connection string; holds secrets, so it never appears in a repr.
        source: Where it came from, for messages.
        pooled: How the application reaches it, where that is through a pooler and this is not.
    """

    conninfo: str = field(repr=False)
    source: str
    pooled: DatabaseSettings | None = None

    @property
    def shown(self) -> str:
        """The connection string without anything secret: what a log or record may hold."""
        parameters = conninfo_to_dict(self.conninfo)
        return " ".join(f"{name}={parameters[name]}" for name in SHOWN if parameters.get(name))

    @property
    def secrets(self) -> tuple[str, ...]:
        """Keywords of what the connection string holds and libpq itself calls a secret."""
        hidden = {one.keyword.decode() for one in Conninfo.get_defaults() if one.dispchar == b"*"}
        given = conninfo_to_dict(self.conninfo)
        return tuple(name for name, value in given.items() if name in hidden and value)

    def with_database(self, name: str) -> DatabaseSettings:
        """The same server and role, another database."""
        return DatabaseSettings(make_conninfo(self.conninfo, dbname=name), self.source)


def database_settings(environ: Mapping[str, str], dsn: str | None = None) -> DatabaseSettings:
    """Resolve the database from an explicit DSN or the environment.

    Args:
        environ: The environment variables.
        dsn: A connection string or URL given as an option.

    Raises:
        UsageError: Nothing names a database, or what names it is malformed. The message never
            holds the string itself, which may carry a password.
    """
    if dsn:
        settings = _checked(dsn, "--dsn")
        if settings.secrets:
            raise UsageError(
                f"--dsn holds a {settings.secrets[0]}, which everybody on this machine can see in "
                "the list of processes",
                "leave it to PGPASSWORD, .pgpass or DATABASE_URL",
            )
        return settings
    if url := environ.get("DATABASE_URL"):
        return _checked(url, "DATABASE_URL")
    given = {key: environ[name] for name, key in DB_VARIABLES.items() if environ.get(name)}
    if given:
        return _checked("", "DB_*", **given)
    if any(environ.get(name) for name in LIBPQ_VARIABLES):
        return DatabaseSettings("", "libpq's own variables")
    raise UsageError(
        "no database is named",
        "set DATABASE_URL, or DB_HOST, DB_USER and DB_NAME, or PGSERVICE",
    )


def member_settings(member: DatabaseConfig, environ: Mapping[str, str]) -> DatabaseSettings:
    """How to reach one database of a fleet; no other variable leads to it.

    Args:
        member: What rollout.toml says of it.
        environ: The environment variables.

    Raises:
        UsageError: Its variable is not set, or is malformed.
    """
    if member.service:
        return _checked("", f"the service {member.service}", service=member.service)
    if url := environ.get(member.url_env or "", "").strip():
        return _checked(url, str(member.url_env))
    raise UsageError(
        f"{member.url_env} is not set: it holds the URL of the database {member.name}",
        "set it, or take the member out of rollout.toml",
    )


def direct_settings(
    settings: DatabaseSettings, environ: Mapping[str, str], in_file: str | None
) -> DatabaseSettings:
    """How to reach the server itself, without the pooler that the application goes through.

    What is not said is as the application has it: the database, the user, the password.

    Args:
        settings: How the application reaches it.
        environ: The environment variables; ``DIRECT_URL`` goes before the file.
        in_file: What rollout.toml names; None where it does not.

    Raises:
        UsageError: It is malformed, names no place, or a file that everybody reads holds a
            password. The message holds none.
    """
    text = environ.get(DIRECT_VARIABLE) or in_file
    if not text:
        return settings
    source = DIRECT_VARIABLE if environ.get(DIRECT_VARIABLE) else DIRECT_KEY
    direct = _checked(text, source)
    if source == DIRECT_KEY and direct.secrets:
        raise UsageError(
            f"{source} holds a {direct.secrets[0]}, which everybody can read there",
            f"leave it to DATABASE_URL's, {DIRECT_VARIABLE}, PGPASSWORD or .pgpass",
        )
    named, usual = conninfo_to_dict(direct.conninfo), conninfo_to_dict(settings.conninfo)
    if "host" not in named and "port" not in named:
        raise UsageError(f"{source} names neither host nor port", "name the server's own")
    if "host" in named:
        # An address or a port that is not named here would be the pooler's.
        usual |= {"hostaddr": "", "port": DEFAULT_PORT}
    if named.get("user", usual.get("user")) != usual.get("user"):
        usual = {name: value for name, value in usual.items() if name not in settings.secrets}
    return DatabaseSettings(make_conninfo("", **usual | named), settings.source, settings)


def named_environment(environ: Mapping[str, str], option: str | None = None) -> Environment | None:
    """Which environment is meant: the option, else NODE_ENV; None when neither says.

    Args:
        environ: The environment variables.
        option: What ``--environment`` was given.

    Raises:
        UsageError: One of them names no environment, or they name two.
    """
    node_env = environ.get("NODE_ENV", "").strip()
    names = [name for name in (option, node_env or None) if name is not None]
    for name in names:
        if name not in set(Environment):
            raise UsageError(f"{name!r} is not an environment", "use staging or production")
    if len(set(names)) > 1:
        raise UsageError(f"--environment={option}, but NODE_ENV is {node_env}", "make them agree")
    return Environment(names[0]) if names else None


def _checked(dsn: str, source: str, **given: str) -> DatabaseSettings:
    if url := URL.fullmatch(dsn):
        _require_escapes(url, source)
    try:
        conninfo = make_conninfo(dsn, **given)
        parameters = conninfo_to_dict(conninfo)
    except (ProgrammingError, UnicodeError):
        # The errors quote the string, so they are not passed on.
        raise UsageError(
            f"{source} is not a connection string",
            "write it as postgresql://user@host:5432/name or as key=value pairs",
        ) from None
    port = str(parameters.get("port") or DEFAULT_PORT)
    if not all(map(_is_port, filter(None, port.split(",")))):
        raise UsageError(f"the port in {source} is not a number from 1 to {HIGHEST_PORT}")
    return DatabaseSettings(conninfo, source)


def _require_escapes(url: re.Match[str], source: str) -> None:
    """Refuse a URL that is not read as it is meant: programs differ in where its password ends.

    Raises:
        UsageError: A part of the password may stand outside it, where it would be shown; or libpq
            does not know a parameter, which is named where it cannot be a part of the password.
    """
    query = url["query"] or ""
    names = [pair.partition("=")[0] for pair in query.split("&") if pair]
    known = ONLY_IN_URL | {one.keyword.decode() for one in Conninfo.get_defaults()}
    unknown = [name for name in names if name not in known]
    spilt = not PLACE.fullmatch(url["place"]) or ("@" in query and unknown)
    if NO_ESCAPE.search(url[0]) or ("@" in url[0] and spilt):
        raise UsageError(
            f"{source} holds one of @ / ? # % as it is, which cuts the password in two",
            "within user and password write %40 for @, %2F for /, %3F for ?, %23 for #, %25 for %",
        )
    if unknown:
        named = ", ".join(name for name in unknown if PARAMETER.fullmatch(name)) or "another's"
        raise UsageError(
            f"{source} has a parameter that libpq, PostgreSQL's client, does not know: {named}",
            "give gonogo the URL without it: it is the application's own",
        )


def _is_port(text: str) -> bool:
    return bool(PORT.fullmatch(text)) and 0 < int(text) <= HIGHEST_PORT


def require_meant(settings: DatabaseSettings) -> None:
    """Refuse settings under which nothing can be reached, whatever runs where.

    Asked once the database did not answer.

    Raises:
        UsageError: libpq refuses a value without asking anybody, or no name server knows a host.
    """
    elsewhere = make_conninfo(settings.conninfo, host="", hostaddr=LOOPBACK)
    # Where even the plainest settings cannot start, their values are not to blame.
    if (why := _refused(elsewhere)) and not _refused(f"hostaddr={LOOPBACK}"):
        raise UsageError(f"{settings.source} cannot be meant: {why}", "correct it")
    named = conninfo_to_dict(settings.conninfo)
    for host in str(named.get("host") or "").split(","):
        if host and not named.get("hostaddr") and not host.startswith(("/", "@")):
            _require_known(host, settings.source)


def _refused(conninfo: str) -> str:
    """Why libpq does not so much as begin to connect; empty where it does."""
    started = PGconn.connect_start(conninfo.encode())
    try:
        return started.get_error_message() if started.status == ConnStatus.BAD else ""
    finally:
        started.finish()


def _require_known(host: str, source: str) -> None:
    try:
        socket.getaddrinfo(host, None)
    except (socket.gaierror, UnicodeError) as error:
        if isinstance(error, UnicodeError) or error.errno == socket.EAI_NONAME:
            problem = f"no name server knows the host {host!r} of {source}"
            raise UsageError(problem, "correct its name") from None


def bounded(conninfo: str, limits: Mapping[str, int] = LIMITS) -> str:
    """A connection string with time limits, where it sets none itself.

    Args:
        conninfo: As libpq reads it; it may hold the password.
        limits: libpq's parameters, in their own units.
    """
    given = conninfo_to_dict(conninfo)
    return make_conninfo(conninfo, **{k: v for k, v in limits.items() if k not in given})
