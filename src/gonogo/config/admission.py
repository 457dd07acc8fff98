"""What lets a deployment into production: what rollout.toml asks, and the hash of what judges."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, StrictBool, StrictInt, StrictStr

from gonogo.config.application import Location, Section, Variable
from gonogo.config.project import Project, read_bytes

# What changes no verdict though it lies in checks/, and what pytest reads beside it.
UNJUDGED = ("*.md", "*.pyc", ".[!p]*")
OF_PYTEST = ("conftest.py", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
JUDGED_KEYS = {"application", "endpoints", "without", "migrations_from", "migrations_to"}


class AdmissionConfig(Section):
    """``[admission]``: what a deployment to production asks, beside a signed GO of staging.

    Args:
        signers: How many people must have signed "go".
        signer_is_not_deployer: Whether none of them may be who deploys.
        deployer: The variable that names who deploys; None takes the system's user.
        go_valid_days: How old the record may be, in days.
    """

    signers: Annotated[StrictInt, Field(ge=1)] = 1
    signer_is_not_deployer: StrictBool = False
    deployer: Variable | None = None
    go_valid_days: Annotated[StrictInt, Field(ge=1)] = 7


class AnchorConfig(Section):
    """``[anchor]``: a git ref that goes on with the archive's chains, and cannot go back unseen.

    Args:
        repository: A git repository on this machine.
        ref: The ref's full name.
        remote: The remote that the ref is pushed to and read from; None keeps it in the repository.
    """

    repository: Location
    ref: Annotated[StrictStr, Field(pattern=r"^refs/[A-Za-z0-9_]+(/[A-Za-z0-9_-]+)+$")] = (
        "refs/gonogo/archive"
    )
    remote: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")] | None = None


def judged_by(project: Project, rollout: BaseModel, criteria_file: Path | None = None) -> str:
    """The hash of all that a gate judges by, whose lines end as on any machine.

    It covers every file of ``checks/`` but pages and hidden ones, what pytest reads beside it, and
    what of rollout.toml decides what is asked.

    Args:
        project: Where they lie.
        rollout: What rollout.toml says.
        criteria_file: In place of the project's own.

    Raises:
        ConfigError: A file cannot be read.
    """
    beside = (project.root / name for name in OF_PYTEST)
    files = {
        path.relative_to(project.root).as_posix(): path
        for path in (*_files(project.criteria_file.parent), *beside)
        if path.is_file() and not any(fnmatch(path.name, kind) for kind in UNJUDGED)
    }
    files["checks/criteria.toml"] = criteria_file or project.criteria_file
    keys = rollout.model_dump(mode="json", include=JUDGED_KEYS, exclude_unset=True)
    parts = {name: read_bytes(path).replace(b"\r\n", b"\n") for name, path in files.items()}
    parts["rollout.toml"] = json.dumps(keys, sort_keys=True).encode()
    lines = (f"{sha256(parts[name]).hexdigest()}  {name}\n" for name in sorted(parts))
    return sha256("".join(lines).encode()).hexdigest()


def _files(directory: Path) -> Iterator[Path]:
    """Each file below a directory; pytest follows symbolic links as well."""
    for place, _, names in os.walk(directory, followlinks=True):
        yield from (Path(place) / name for name in names)
