"""Where things lie in a checkout: found once from the working directory, then passed along."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import UsageError

MARKER = "rollout.toml"


@dataclass(frozen=True, slots=True)
class Project:
    """A checkout of the rollout project.

    Args:
        root: The directory that holds ``rollout.toml``.
    """

    root: Path

    @classmethod
    def find(cls, start: Path) -> Project:
        """Find the project that `start` lies in.

        Args:
            start: Any directory within the checkout.

        Raises:
            UsageError: No directory from `start` upwards holds ``rollout.toml``, or its path is
                one that no log or record could hold.
        """
        resolved = start.resolve()
        if not is_text(str(resolved)):
            raise UsageError(f"the path {str(resolved)!r} is no UTF-8", "move the checkout")
        for directory in (resolved, *resolved.parents):
            if (directory / MARKER).is_file():
                return cls(directory)
        raise UsageError(f"no {MARKER} in {resolved} or above", "run this inside the checkout")

    @property
    def criteria_file(self) -> Path:
        """Metrics, criteria, alerts, triggers, weights, recommendations."""
        return self.root / "checks" / "criteria.toml"

    @property
    def criteria_page(self) -> Path:
        """What is made of the criteria file for people to read."""
        return self.root / "docs" / "criteria.md"

    @property
    def sql_dir(self) -> Path:
        """One file a survey."""
        return self.root / "checks" / "sql"

    @property
    def checklist_file(self) -> Path:
        """The five phases."""
        return self.root / "checks" / "checklist.toml"

    @property
    def migrations_dir(self) -> Path:
        """The migrations and their reverts."""
        return self.root / "migrations"

    @property
    def templates_dir(self) -> Path:
        """The team's own templates and style sheet, in place of gonogo's; may be missing."""
        return self.root / "reports" / "templates"

    @property
    def work_dir(self) -> Path:
        """What the sandbox leaves between runs; ignored by git."""
        return self.root / ".gonogo"

    @property
    def logs_dir(self) -> Path:
        """JSON-lines logs by environment."""
        return self.root / "logs"


def is_text(name: str) -> bool:
    """Whether a text of the system's is one that a database, a log or a record can hold."""
    return name.encode(errors="replace").decode() == name
