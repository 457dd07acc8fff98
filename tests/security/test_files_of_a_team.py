"""What a team writes into files, names of files included, is taken for what it is or refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gonogo.application import code
from gonogo.application.commands import Commands
from gonogo.config.sections import RolloutConfig
from gonogo.errors import ConfigError, MigrationError, UsageError
from gonogo.ledger import migration
from gonogo.masking import Mask
from gonogo.model.kinds import Environment

RUN = "touch canary"
STAGING = 'archive_dir = "a"\n[environments.staging]\nbackup_dir = "x"\n'
# A line of a file that is otherwise right, and what is said of it; nothing where it is fine.
TOML = {
    "a NUL in a word": (r'commands.build.run = ["sh", "a\u0000b"]', "holds a NUL character"),
    "a NUL in a key": (r'"pass\u0000_env" = []', "holds a NUL character"),
    "an attribute": ('commands.build.run = ["{revision.__class__}"]', "placeholders are"),
    "a number": ('commands.build.run = ["{0}"]', "placeholders are"),
    "a placeholder within": ('commands.build.run = ["{revision:{python}}"]', "placeholders are"),
    "two variables in one": ('env."A=B" = "c"', "is no name of a variable"),
    "a variable without a name": ('env."" = "c"', "is no name of a variable"),
    "a shell line": ('commands.build.run = "rm -rf /"', "commands.build.run"),
    "an unknown user's directory": ('cwd = "~nobody-of-this-name/x"', "who is not known here"),
    "a shell's words": ('commands.build.run = ["$(touch canary)", "; touch canary"]', ""),
}
PATHS = {
    "another host": "@evil.example/",
    "a header": r"/\r\nHost: evil.example",
    "a request of one's own": "/ HTTP/1.1",
    "letters of no request": "/\u202e",
}
NAMES = {
    "a substitution": "048_$(touch canary).sql",
    "an option": "--file=x.sql",
    "a space": "048_a b.sql",
    "lines": "048_a\n.sql",
    "escapes": "048_\x1b[31m.sql",
    "a statement": "048_a;drop table users.sql",
    "digits of another script": "\u0660\u0664\u0668_a.sql",
    "no version": "a.sql",
}
MISREAD = ("--force", "-f", f"$({RUN})", "a b", "a;b", "a\nb", "'", "", "\0", "x" * 201)
PLAIN = ("v1.2.3", "app-00042-abc", "registry.example/app@sha256:0f", "größer")
UNREADABLE: dict[str, Callable[[Path], object]] = {
    "no UTF-8": lambda path: path.write_bytes(b"select '\xff';"),
    "a directory": lambda path: path.mkdir(),
    "a link to nowhere": lambda path: path.symlink_to("/nowhere"),
}


@pytest.mark.parametrize(("line", "says"), TOML.values(), ids=TOML)
def test_a_rollout_file_is_right_or_told(tmp_path: Path, line: str, says: str) -> None:
    """One line says what is wrong with a value; none is ever evaluated."""
    file = tmp_path / "rollout.toml"
    cwd = "" if line.startswith("cwd") else 'cwd = "x"\n'
    file.write_text(f"{STAGING}{cwd}{line}\n", encoding="utf-8")
    if not says:
        RolloutConfig.load(file)
        return
    with pytest.raises(ConfigError, match=says):
        RolloutConfig.load(file)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_path_leads_to_the_application_only(tmp_path: Path, path: str) -> None:
    """What is put behind the address changes neither the host nor the request."""
    file = tmp_path / "rollout.toml"
    endpoint = f'[[endpoints]]\nname = "health"\nmetric = "a.b"\npath = "{path}"\n'
    file.write_text(f'{STAGING}cwd = "x"\n{endpoint}', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"endpoints\.0\.path"):
        RolloutConfig.load(file)


def test_a_command_gets_its_words_as_they_stand(tmp_path: Path) -> None:
    """No shell reads them: quotes, substitutions and lines arrive as what they are."""
    words = (f"$({RUN})", f"`{RUN}`", f"; {RUN} #", "a\nb", "*", "'\"", "$HOME", "%s\\n")
    section = {"cwd": tmp_path, "backup_dir": "."}
    config = RolloutConfig.model_validate(
        {"archive_dir": ".", "environments": {"staging": section}}
    ).environment(Environment.STAGING)
    environ, heard = {"PATH": os.environ["PATH"]}, list[str]()
    mask = Mask.of(environ)
    commands = Commands(
        Environment.STAGING, config, environ, "r", "p", mask, lambda _, line: heard.append(line)
    )
    commands.run_words("build", ("printf", "%s|", *words), cwd=tmp_path, timeout_s=60)
    assert "\n".join(heard) == "".join(f"{word}|" for word in words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", MISREAD)
def test_a_revision_that_could_be_misread_is_refused(text: str) -> None:
    """Without git nobody resolves it, so no command sees what it could take for something else."""
    with pytest.raises(UsageError, match="could be taken for an option"):
        code.plain(text)


@pytest.mark.parametrize("text", PLAIN)
def test_a_revision_of_another_kind_is_fine(text: str) -> None:
    """Tags, releases, images: whatever a team calls what it deploys."""
    assert code.plain(text) == text


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_migration_has_a_plain_name(tmp_path: Path, name: str) -> None:
    """Every other name is refused before anything runs."""
    (tmp_path / name).write_text("select 1;", encoding="utf-8")
    with pytest.raises(MigrationError, match=r"a migration is named NNN_what_it_does\.sql"):
        migration.load(tmp_path)


@pytest.mark.parametrize("name", ["048_a.sql", "048_a.revert.sql"])
@pytest.mark.parametrize("make", UNREADABLE.values(), ids=UNREADABLE)
def test_a_migration_that_cannot_be_read_is_one_line(
    tmp_path: Path, name: str, make: Callable[[Path], object]
) -> None:
    """The file is named; a revert that is no file counts as missing."""
    for file in {"048_a.sql", "048_a.revert.sql"} - {name}:
        (tmp_path / file).write_text("select 1;", encoding="utf-8")
    make(tmp_path / name)
    if name.endswith(".revert.sql") and not (tmp_path / name).is_file():
        (loaded,) = migration.load(tmp_path)
        assert loaded.revert is None
        return
    with pytest.raises(MigrationError) as caught:
        migration.load(tmp_path)
    assert caught.value.file == name
