"""Desks whose deployer can be stopped anywhere: between two steps and within each of them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desk import Desk, make_desk
from gonogo.ledger import installation
from gonogo.postgres import session
from gonogo.sandbox import surroundings
from gonogo.sandbox.databases import Databases

HERE = Path(__file__).parent
GATE_ROLE = "gate_of_faults"
# Leaves its name; does its work; and goes on for ever, with a child, while a file of its name lies
# in `hold`.
COMMAND = (
    'echo "$1" >> "$0/trace"; held="$0/hold/$1"; shift; "$@" || exit; test -e "$held" || exit 0; '
    'sleep 600 & echo $$ $! > "$held.new"; mv "$held.new" "$held.pids"; wait; wait'
)
MAKE_ROLE = f"""
do $$ begin
    create role {GATE_ROLE};
exception when duplicate_object or unique_violation then null;
end $$"""


@pytest.fixture(scope="session")
def pausing_template(databases: Databases, base_template: str) -> str:
    """The template of a database before 038, whose ledger can make a deployer wait."""

    def build(conninfo: str) -> None:
        with session.connect(conninfo) as connection:
            installation.install(connection)
            connection.execute((HERE / "pausing.sql").read_bytes())
            connection.execute(MAKE_ROLE.encode())
            # pg_dump locks it, and gonogo itself never does.
            connection.execute("create table held_up (n integer) partition by range (n)")

    return databases.ensure_template("pausing_template", build, base_template)


def set_up(root: Path, conninfo: str) -> Desk:
    """A desk with every command and every step in use."""
    made = make_desk(root, conninfo)
    file = root / "rollout.toml"
    text = file.read_text("utf-8").replace(
        "admins = []", f'admins = ["{made.ask("select min(email) from users")}"]', 1
    )
    unused = "".join(f'{name} = {{ run = ["true"] }}\n' for name in ("reinstall", "rebuild"))
    words = ", ".join(map(json.dumps, ("sh", "-c", COMMAND, str(root))))
    text = re.sub(
        r"^(\w+) = \{ run = \[",
        lambda match: f'{match[1]} = {{ run = [{words}, "{match[1]}", ',
        text.replace("revert_code", f"{unused}revert_code"),
        flags=re.MULTILINE,
    )
    file.write_text(f'gate_role = "{GATE_ROLE}"\n{text}', "utf-8")
    (root / "hold").mkdir()
    return made


@pytest.fixture
def lay_out(tmp_path: Path) -> Iterator[Callable[[str], Desk]]:
    """``lay_out(conninfo)``: a desk with every command, for a database of the test's own."""

    def out(conninfo: str) -> Desk:
        with session.connect(conninfo) as connection:
            connection.execute(MAKE_ROLE.encode())
        return set_up(tmp_path, conninfo)

    yield out
    surroundings.stop_everything(tmp_path)


@pytest.fixture
def desk(new_database: Callable[..., str], pausing_template: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk before the rollout."""
    yield set_up(tmp_path, new_database(pausing_template))
    surroundings.stop_everything(tmp_path)


@pytest.fixture(scope="session")
def deployed_template(
    databases: Databases, pausing_template: str, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The template of such a desk's database after a deployment; its backup stays where it is."""

    def build(conninfo: str) -> None:
        root = tmp_path_factory.mktemp("deployed")
        told = set_up(root, conninfo).deploy("--backup-check", "read")
        surroundings.stop_everything(root)
        assert told.returncode == 0, told.stdout + told.stderr

    return databases.ensure_template("deployed_template", build, pausing_template)


@pytest.fixture
def deployed(
    new_database: Callable[..., str], deployed_template: str, tmp_path: Path
) -> Iterator[Desk]:
    """A desk after the deployment, its application stopped."""
    made = set_up(tmp_path, new_database(deployed_template))
    words = ("git", "checkout", "--quiet", "--detach", made.repository.after)
    subprocess.run(words, cwd=made.repository.path, check=True)
    yield made
    surroundings.stop_everything(tmp_path)
