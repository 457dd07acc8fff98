"""Named incidents: what went wrong after healthy traffic, and what a gate must say about it.

They are data, in ``incidents.toml`` beside this module. An incident goes on where the healthy
traffic ended, and it is traffic too: everything that it does not name stays as it was.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    NonNegativeFloat,
    PositiveFloat,
    TypeAdapter,
    ValidationError,
)

from gonogo.config.project import config_error, parse_toml
from gonogo.errors import UsageError
from gonogo.model.kinds import VerdictKind
from gonogo.model.measurement import parse_duration
from gonogo.sandbox.mix import Mix, Part
from gonogo.sandbox.traffic import Traffic, generate
from gonogo.sandbox.world import Connection, ask, run_script

FILE = "incidents.toml"
DAY = timedelta(days=1)
# An incident's draws are not those of the healthy traffic before it.
OTHER_SEED = 7_919
RECENT_ROWS = """
select count(*), min(created_at)
from sync_metrics
where created_at >= %s::timestamp and created_at < %s::timestamp"""


def _length(text: str) -> str:
    try:
        parse_duration(text, "window")
    except UsageError as error:
        raise ValueError(str(error)) from None
    return text


def _verdict(text: object) -> object:
    if text not in set(VerdictKind):
        raise ValueError(f"should be one of {', '.join(VerdictKind)}")
    return text


class Incident(Part):
    """One incident; the head of incidents.toml explains each key."""

    name: str
    title: str
    hours: PositiveFloat
    window: Annotated[str, AfterValidator(_length)]
    verdict: Annotated[VerdictKind, BeforeValidator(_verdict)]
    red: tuple[str, ...]
    rate: NonNegativeFloat = 1.0
    also: str | None = None
    mix: Mix = Mix()


@dataclass(frozen=True, slots=True)
class InjectedIncident:
    """An incident as it was injected into the database.

    Args:
        name: The incident's name.
        title: What happened, in one sentence.
        as_of: Its end: the moment to judge.
        window: The ``--window`` that shows it.
        verdict: What a gate must say.
        red: The metrics that must not be met.
    """

    name: str
    title: str
    as_of: datetime
    window: str
    verdict: VerdictKind
    red: tuple[str, ...]


def load_incidents() -> Mapping[str, Incident]:
    """Every incident, by name, in the order of the file.

    Raises:
        ConfigError: The file holds something that cannot be meant.
    """
    return parse_incidents((resources.files("gonogo.sandbox") / FILE).read_bytes())


def parse_incidents(content: bytes) -> Mapping[str, Incident]:
    """Incidents of a file, by name, in its order.

    Args:
        content: What the file holds.

    Raises:
        ConfigError: It holds something that cannot be meant.
    """
    named = {
        name: {**table, "name": name} if isinstance(table, dict) else table
        for name, table in parse_toml(content, Path(FILE)).items()
    }
    try:
        return TypeAdapter(dict[str, Incident]).validate_python(named)
    except ValidationError as error:
        raise config_error(FILE, error, _known_keys) from None


def find_incident(name: str) -> Incident:
    """The incident of that name.

    Raises:
        UsageError: There is none; the message lists all.
    """
    known = load_incidents()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise UsageError(f"there is no incident {name!r}", f"{hint}known are {', '.join(known)}")


def inject(
    connection: Connection, incident: Incident, at: datetime, seed: int = 1
) -> InjectedIncident:
    """Let an incident happen: append its traffic, and bring every state up to its end.

    Args:
        connection: To the rehearsal's database, which has the ledger, in autocommit.
        incident: From `find_incident`.
        at: The end of the healthy traffic; with a time zone.
        seed: Another seed makes other traffic.
    """
    as_of = at + timedelta(hours=incident.hours)
    rows = round(_hourly_rows(connection, at) * incident.hours * incident.rate)
    # Nobody joins who was not there before; new users still sign up.
    traffic = Traffic(at, as_of, rows, seed + OTHER_SEED, connected_users=0, mix=incident.mix)
    with connection.transaction():
        generate(connection, traffic)
        if incident.also:
            parameters = {"at": _naive(at), "as_of": as_of, "title": incident.title}
            run_script(connection, f"sql/incidents/{incident.also}", parameters)
    return InjectedIncident(
        incident.name, incident.title, as_of, incident.window, incident.verdict, incident.red
    )


def _known_keys(path: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of the section at `path`, which begins with the incident's name."""
    part: type[Part] = Incident
    for key in path[1:]:
        inner = part.model_fields[key].annotation
        if isinstance(inner, type) and issubclass(inner, Part):
            part = inner
    return tuple(key for key in part.model_fields if key != "name")


def _hourly_rows(connection: Connection, at: datetime) -> float:
    """Syncs in an hour of the day before, or of as much of it as there was."""
    rows, oldest = ask(connection, RECENT_ROWS, _naive(at - DAY), _naive(at))
    if not rows:
        raise UsageError(
            f"there is no sync in the day before {at.isoformat()}",
            "generate healthy traffic first",
        )
    return float(rows / ((_naive(at) - oldest) / timedelta(hours=1)))


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
