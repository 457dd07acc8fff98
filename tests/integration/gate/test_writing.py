"""How long a whole record takes to be written, on 48 hours of a real gate's figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gate_process import GateOutcome, Soaked
from gonogo.record.archive import RunningRecord
from gonogo.record.canonical import read_record
from gonogo.report.index import RecordPages

Gate = Callable[..., GateOutcome]
LONGEST_S = 1.0
TRIES = 3


def test_a_whole_record_is_written_within_a_second(
    gate: Gate, soaked: Soaked, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    """Opened, rendered, hashed, chained, listed: of processor time, however busy the machine is."""
    templates = pytestconfig.rootpath / "reports" / "templates"
    options = ("--environment=staging", "--without=endpoints", "--window=48h")
    told = gate(soaked.conninfo, *options, f"--as-of={soaked.end.isoformat()}")
    record, pages = read_record(told.records[-1]), RecordPages(templates)
    took_s = []
    for _ in range(TRIES):
        began = time.process_time()
        RunningRecord.open(tmp_path, record).finish(record, "GO", pages)
        took_s.append(time.process_time() - began)
    assert min(took_s) <= LONGEST_S
