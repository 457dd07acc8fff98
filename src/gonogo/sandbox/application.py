"""The stand-in application: a git repository of two revisions, and the environment it runs in.

It is started and stopped only through the commands of the sandbox's own ``rollout.toml``, as a real
one would be. Everything of it lies in the rehearsal's directory::

    app/   the repository: `before` checked out, `after` one commit ahead
    run/   pid files and logs; the processes end by themselves when it vanishes
"""

from __future__ import annotations

from pathlib import Path

from gonogo.config import RolloutConfig
from gonogo.errors import SandboxError
from gonogo.sandbox.repository import packaged
from gonogo.sandbox.standin.before import daemon
from gonogo.sandbox.surroundings import run_dir


def load_rollout(directory: Path, archive_dir: Path) -> RolloutConfig:
    """The sandbox's own rollout file, for one rehearsal.

    Args:
        directory: The rehearsal's directory, which the paths in the file are relative to.
        archive_dir: Where the records go.
    """
    with packaged("rollout.toml") as file:
        config = RolloutConfig.load(file, base=directory)
    return config.model_copy(update={"archive_dir": archive_dir})


def stop_everything(directory: Path) -> tuple[str, ...]:
    """Stop what a killed rehearsal left running; jobs first.

    Args:
        directory: The rehearsal's directory.

    Returns:
        The names of the processes that were stopped.

    Raises:
        SandboxError: One of them cannot be ended.
    """
    try:
        return tuple(
            file.stem for file in sorted(run_dir(directory).glob("*.pid")) if daemon.stop(file)
        )
    except daemon.DaemonError as error:
        raise SandboxError(f"the stand-in application: {error}") from None
