"""What a database or an application says may hold the session's secrets; no reader sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from gonogo.gate.setting import Observation
from gonogo.masking import Mask
from gonogo.model.measurement import Measurement, Remark

V = TypeVar("V")
# checks/sql/*_errors.sql cut messages there, before anybody could mask them.
CUT_AT_BYTES = 1000


def masked(observation: Observation, mask: Mask) -> Observation:
    """An observation in which no text holds a secret, before anything is judged by it.

    Args:
        observation: What one snapshot told.
        mask: The session's secrets.
    """
    ledger = observation.ledger
    measurements = observation.measurements
    return replace(
        observation,
        ledger=replace(ledger, revision=mask(ledger.revision), problem=_line(ledger.problem, mask)),
        measurements={name: _measurement(one, mask) for name, one in measurements.items()},
        timeline=tuple(
            replace(event, title=mask(event.title), note=mask(event.note))
            for event in observation.timeline
        ),
    )


def _measurement(one: Measurement, mask: Mask) -> Measurement:
    # Of what becomes the same, the counts add up.
    breakdown: dict[str, int] = {}
    for name, count in one.breakdown.items():
        clean = _message(name, mask)
        breakdown[clean] = breakdown.get(clean, 0) + count
    return replace(
        one,
        missing=_remark(one.missing, mask),
        degraded=_remark(one.degraded, mask),
        recent_missing=_remark(one.recent_missing, mask),
        parts_missing=_remark(one.parts_missing, mask),
        by_part=_named(one.by_part, mask),
        recent=_named(one.recent, mask),
        hourly_parts=_named(one.hourly_parts, mask),
        breakdown=breakdown,
        notes=tuple(filter(None, (_remark(note, mask) for note in one.notes))),
    )


def _message(text: str, mask: Mask) -> str:
    # By bytes, as a server without an encoding counts: a few that are whole are masked so too.
    length = len(text.encode("utf-8", "backslashreplace"))
    return mask.of_cut(text) if length >= CUT_AT_BYTES else mask(text)


def _named(values: Mapping[str, V], mask: Mask) -> dict[str, V]:
    """Names that become the same are kept apart: nothing that was counted is lost."""
    clean: dict[str, V] = {}
    for name, value in values.items():
        free = mask(name)
        while free in clean:
            free += " (another)"
        clean[free] = value
    return clean


def _remark(one: Remark | None, mask: Mask) -> Remark | None:
    return one and replace(one, subject=mask(one.subject), detail=mask(one.detail))


def _line(text: str | None, mask: Mask) -> str | None:
    return None if text is None else mask(text)
