"""What a deployment needs, and which tables its migrations change, read from their statements."""

from __future__ import annotations

from pathlib import Path

from gonogo.config import EnvironmentConfig
from gonogo.ledger.migration import load
from gonogo.rollout.preflight.prerequisites import (
    altered_tables,
    missing_programs,
    touched_tables,
)

SQL = """
-- alter table comments add column x int;
alter table if exists only public.users add column x int;
ALTER TABLE "Mixed" add column x int;
update only audit_logs set action = 'alter table nothing';
insert into app.contacts (name) select 'x' from others;
delete from Oauth_Tokens;
truncate table groups;
drop table if exists old;
create table fresh (id int);
"""


def test_tables_are_named_as_postgresql_reads_them(tmp_path: Path) -> None:
    """Schemas, quotes and case are understood; comments, texts and new tables are not taken."""
    (tmp_path / "001_x.sql").write_text(SQL)
    migrations = load(tmp_path)
    assert altered_tables(migrations) == ("Mixed", "users")
    assert touched_tables(migrations) == (
        "Mixed",
        "audit_logs",
        "contacts",
        "groups",
        "oauth_tokens",
        "old",
        "users",
    )


def test_a_command_whose_program_is_missing_is_named(tmp_path: Path) -> None:
    """Paths within the application, and what is filled in, may be there only later."""
    commands = {
        "install": {"run": ["no-such-program"]},
        "build": {"run": ["./build.sh"]},
        "test": {"run": ["{python}"]},
        "start_app": {"run": ["sh", "-c", "true"]},
    }
    told = {"cwd": tmp_path, "backup_dir": tmp_path, "commands": commands}
    section = EnvironmentConfig.model_validate(told)
    (line,) = missing_programs(section, "/usr/bin:/bin")
    assert line.startswith("no-such-program is not installed")
    gone = section.model_copy(update={"cwd": tmp_path / "gone"})
    assert [*missing_programs(gone, None)] == [
        f"{tmp_path}/gone is no directory: set cwd in rollout.toml"
    ]
