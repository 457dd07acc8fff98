"""A world that cannot be set up says why, and leaves nothing running."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gonogo.config.project import Project
from gonogo.errors import SandboxError
from gonogo.report.narration import Narration
from gonogo.sandbox import postmaster, stage, surroundings, world
from gonogo.sandbox.cluster import data_of
from gonogo.sandbox.postmaster import Claim
from gonogo.sandbox.server import EmbeddedServer
from gonogo.sandbox.stage import DIRECTORY, SERVER, Stage


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A checkout that needs to hold nothing."""
    return Project(tmp_path)


def fail(*_: Any, **__: Any) -> None:
    """What goes wrong while the world is made."""
    raise SandboxError("no room for so many users")


def set_up(project: Project) -> Stage:
    """Set the world up so that it may outlive this process."""
    narration = Narration(Console(file=io.StringIO()))
    return Stage.set_up(project, narration, 60, 1, keep=True)


@pytest.mark.parametrize("where", ["base", "version"])
def test_the_true_error_arrives_and_the_server_is_gone(
    project: Project, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """From the moment that the server runs, whatever fails stops it, also with ``--keep``."""
    place = (world, "create_base") if where == "base" else (stage, "_version")
    monkeypatch.setattr(*place, fail)
    served: list[int] = []

    def stopping(self: EmbeddedServer) -> None:
        served.append(self.pid)
        stop(self)

    stop = EmbeddedServer.stop
    monkeypatch.setattr(EmbeddedServer, "stop", stopping)
    with pytest.raises(SandboxError, match="no room for so many users"):
        set_up(project)
    directory = project.work_dir / DIRECTORY
    assert served
    assert not postmaster.serves(served[0], data_of((directory / SERVER).resolve()))
    assert not directory.exists()


def test_what_goes_wrong_while_tidying_up_is_a_note_of_the_true_error(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One part that cannot be stopped keeps the others neither running nor untold."""
    monkeypatch.setattr(world, "create_base", fail)
    calls: list[Path] = []

    def stubborn(directory: Path) -> tuple[str, ...]:
        calls.append(directory)
        if len(calls) == 2:
            raise SandboxError("process 7 cannot be ended")
        return ()

    monkeypatch.setattr(surroundings, "stop_everything", stubborn)
    with pytest.raises(SandboxError, match="no room for so many users") as caught:
        set_up(project)
    assert caught.value.__notes__ == ["process 7 cannot be ended"]
    assert not (project.work_dir / DIRECTORY).exists()


def test_another_rehearsal_at_work_is_left_alone(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its application is stopped nor anything of it removed."""
    server = project.work_dir / DIRECTORY / SERVER
    server.mkdir(parents=True)
    claim = Claim(server)
    monkeypatch.setattr(surroundings, "stop_everything", lambda _: pytest.fail("it was stopped"))
    with pytest.raises(SandboxError, match="another run"):
        set_up(project)
    claim.release()
    assert server.is_dir()
