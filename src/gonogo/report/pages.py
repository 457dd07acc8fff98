"""What closing a record needs of this room: its page, and the archive's list."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gonogo.model.record import Record


@dataclass(frozen=True, slots=True)
class RecordPages:
    """Makes pages by the templates that lie in a directory.

    Args:
        templates_dir: The templates and the style sheet.
    """

    templates_dir: Path

    def renderer_sha256(self) -> str:
        """The hash of all that makes a page beside its record."""
        from gonogo.report.html import renderer_sha256  # noqa: PLC0415  # loads jinja2

        return renderer_sha256(self.templates_dir)

    def page(self, record: Record) -> str:
        """A record's page.

        Raises:
            UsageError: A template is missing or wrong.
        """
        from gonogo.report.html import render  # noqa: PLC0415  # as above

        return render(record, self.templates_dir)

    def write_index(self, archive_dir: Path) -> None:
        """Write the archive's list anew; the caller holds the archive's lock.

        Raises:
            OSError: A file cannot be read or written.
            UsageError: A template is missing or wrong.
        """
        from gonogo.report.index import write_index  # noqa: PLC0415  # as above

        write_index(archive_dir, self.templates_dir)
