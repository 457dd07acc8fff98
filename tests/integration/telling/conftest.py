"""A receiver, and an archive of whose records somebody is notified."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gonogo.model.record import Record
from gonogo.record.archive import RunningRecord
from gonogo.report.index import RecordPages
from receiving import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody's chat."""
    with receiving() as one:
        yield one


@pytest.fixture
def close(tmp_path: Path) -> Callable[[Record, str], Path]:
    """Close a record in an archive of the test's own; its directory."""

    def closed(record: Record, label: str) -> Path:
        running = RunningRecord.open(tmp_path / "archive", record)
        return running.finish(record, label, RecordPages(tmp_path / "templates"))

    return closed
