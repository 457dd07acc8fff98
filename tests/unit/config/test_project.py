"""Where a project's files lie; TOML files that are missing, broken or wrong: one line each."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from gonogo.config.project import Project, config_error, read_toml
from gonogo.errors import ConfigError, UsageError
from gonogo.model.kinds import Environment


def test_a_project_is_found_from_any_folder_within(tmp_path: Path) -> None:
    """The nearest folder upwards that holds rollout.toml is the root."""
    (tmp_path / "rollout.toml").touch()
    deep = tmp_path / "checks" / "sql"
    deep.mkdir(parents=True)
    assert Project.find(deep).root == tmp_path.resolve()
    assert Project.find(deep).sql_dir == deep.resolve()


def test_a_folder_outside_any_project_is_a_usage_error(tmp_path: Path) -> None:
    """The message says which file was looked for, and from where."""
    with pytest.raises(UsageError, match=r"no rollout\.toml in .*; run this inside the checkout"):
        Project.find(tmp_path)


def test_a_folder_of_that_name_is_no_marker(tmp_path: Path) -> None:
    """Only a file marks the root."""
    (tmp_path / "rollout.toml").mkdir()
    with pytest.raises(UsageError):
        Project.find(tmp_path)


class Section(BaseModel):
    """A section with a key of each sort that can go wrong."""

    model_config = ConfigDict(extra="forbid")
    timeout: int
    word: str | tuple[str, ...] = ""
    at: dict[Environment, int] = {}


def explained(**found: object) -> str:
    """What the author of such a section reads."""
    with pytest.raises(ValidationError) as caught:
        Section.model_validate(found)
    return str(config_error("a.toml", caught.value, lambda _: tuple(Section.model_fields)))


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({}, "a.toml: timeout: is missing; add it"),
        ({"timout": 1}, "a.toml: timout: unknown key (and 1 more); did you mean timeout?"),
        ({"timeout": 1, "x": 1}, "a.toml: x: unknown key; known are timeout, word, at"),
        ({"timeout": 1, "at": {"producton": 1}}, "did you mean production?"),
        ({"timeout": "soon"}, "a.toml: timeout: should be a valid integer"),
        ({"timeout": "soon"}, "but is 'soon'"),
        ({"timeout": 1, "word": 5}, "a.toml: word: should be a valid string"),
        ({"timeout": "x" * 99}, f"but is '{'x' * 59}…"),
    ],
)
def test_a_mistake_is_told_in_the_authors_words(found: dict[str, object], told: str) -> None:
    """File, key, what was found, what was meant; a misspelling before the gap that it leaves."""
    text = explained(**found)
    assert told in text
    assert "\n" not in text


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The path once, and the operating system's reason."""
    path = tmp_path / "none.toml"
    with pytest.raises(ConfigError) as caught:
        read_toml(path)
    assert str(caught.value) == f"{path}: cannot be read: No such file or directory"


@pytest.mark.parametrize("content", [b"a = ", b"a = 1\na = 2", b"\xff"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    """Broken syntax, a key given twice, bytes that are no text."""
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"broken\.toml: is no TOML: "):
        read_toml(path)
