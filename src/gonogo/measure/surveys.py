"""Surveys: one SQL file each, asked in one snapshot: rows, or the reason why there are none.

The SQL of a survey that counts by the hour names only the ends of its slice; how wide slices are is
decided here. They end on whole hours before the window's end, so the newest hour is always whole.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import errors

from gonogo.errors import ConfigError
from gonogo.model.kinds import Says
from gonogo.model.measurement import Remark, Stream, Window
from gonogo.postgres.readonly import Row, Session
from gonogo.postgres.session import first_line

SLICED = "%(slice_start)s"
OF_SLICE = re.compile(r"%\((slice_\w+)\)s")
LOST = Remark(Says.CONNECTION_LOST)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# So far back a stream is looked at: seven earlier days at each hour of the last one.
REACH = 8 * DAY
# Measured: one hour's slice costs 5 ms on one server and 85 ms on a Citus cluster, where the
# journey to the workers is nearly all of it.
WIDTH = HOUR
CLUSTER_WIDTH = DAY
# A bitmap reads an hour page by page, not row by row: measured, a seventh less processor time.
# Workers for hours side by side would need shared memory, which a full disk may not give.
ONE_BY_ONE = ("enable_indexscan", "enable_parallel_append")
# The planner expects a group a moment, not one an hour, and would sort a day's rows on disk.
SORTS = ("enable_sort", "enable_incremental_sort")
Slice = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Survey:
    """One SQL file.

    Args:
        name: The file's stem.
        query: Its text, with named parameters.
    """

    name: str
    query: str

    @property
    def sliced(self) -> bool:
        """Whether it is asked once a slice of the window, and counts by the hour."""
        return SLICED in self.query


@dataclass(frozen=True, slots=True)
class Table:
    """What a survey brought: rows, or the reason why there are none.

    Args:
        rows: One mapping a row; sliced surveys add ``hour``, when the row's hour starts.
        missing: Why the survey could not be asked.
        sliced: Whether it was counted by the hour.
    """

    rows: tuple[Row, ...] = ()
    missing: Remark | None = None
    sliced: bool = False


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What the surveys brought, of one database or of several.

    Args:
        tables: By survey.
        recent: By survey, then by part ("" is the whole): the newest events.
        earlier: By survey: the days before the window, of what must be present.
        moved: By survey: what stands against the figures of a cluster.
    """

    tables: Mapping[str, Table]
    recent: Mapping[str, Mapping[str, Table]]
    earlier: Mapping[str, Table]
    moved: Mapping[str, Remark] = field(default_factory=dict)


def load(sql_dir: Path, name: str) -> Survey:
    """Read one survey.

    Raises:
        ConfigError: The file cannot be read.
    """
    path = sql_dir / f"{name}.sql"
    try:
        return Survey(name, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", file=str(path)) from None


def naive(moment: datetime) -> datetime:
    """A moment as the application's columns hold it: UTC, without a time zone.

    Compared with a ``timestamptz`` the columns would lose their index.
    """
    return moment.astimezone(UTC).replace(tzinfo=None)


def run(
    session: Session,
    survey: Survey,
    parameters: Mapping[str, object],
    slices: Sequence[Slice] = (),
) -> Table:
    """Ask one survey inside the current transaction.

    Args:
        session: In the measurement's transaction.
        survey: What to ask.
        parameters: Bound by name; the file uses what it needs.
        slices: Of the window, for a survey that is sliced.

    Returns:
        Rows, or the reason why there are none: no error of the database escapes, except the
        cancelling of a snapshot on a standby, after which the whole measurement must be repeated.

    Raises:
        psycopg.errors.SerializationFailure: A standby cancelled the snapshot.
    """
    if "\0" in survey.query:
        # The server would read no further, and answer another question than the file asks.
        return Table(missing=Remark(Says.QUERY_FAILED, survey.name, "holds a NUL character"))
    rows: list[Row] = []
    try:
        with session.savepoint():
            if not survey.sliced:
                rows += session.ask(survey.query, parameters)
            narrow = all(end - begin <= WIDTH for begin, end in slices)
            avoided = ONE_BY_ONE if narrow else SORTS
            with session.without(*avoided) if slices else nullcontext():
                for pieces in [slices] if narrow and slices else [[piece] for piece in slices]:
                    rows += _ask(session, survey, parameters, pieces)
    except errors.SerializationFailure:
        raise
    except psycopg.Error as error:
        if isinstance(error, errors.LockNotAvailable):
            session.wait_no_more()
        return Table(missing=_reason(survey.name, session, error))
    except KeyError as error:
        return Table(missing=Remark(Says.NO_COLUMN, survey.name, str(error)))
    except ValueError as error:
        return Table(missing=Remark(Says.BAD_VALUE, survey.name, str(error)))
    return Table(tuple(rows), sliced=survey.sliced)


def _ask(
    session: Session, survey: Survey, parameters: Mapping[str, object], pieces: Sequence[Slice]
) -> list[Row]:
    """The rows of some slices, by one query: to send and parse each costs as much as a small slice.

    One alone is asked as the file has it.
    """
    each, bound, queries = [starts(piece) for piece in pieces], dict(parameters), []
    for number, (begin, end) in enumerate(pieces):
        bound[f"slice_start_{number}"] = naive(begin)
        bound[f"slice_end_{number}"] = naive(end)
        bound[f"slice_hours_{number}"] = [naive(hour) for hour in each[number]]
        bound[f"slice_is_wide_{number}"] = len(each[number]) > 1
        query = OF_SLICE.sub(rf"%(\1_{number})s", survey.query.rstrip().rstrip(";"))
        one = f"select {number} as slice_no, one.* from (\n{query}\n) as one"  # noqa: S608  # a file's
        queries.append(one if len(pieces) > 1 else query)
    rows = session.ask("\nunion all\n".join(queries), bound)
    for row in rows:
        row["hour"] = _hour(each[row.pop("slice_no", 0)], row["hour_no"])
    return rows


def _hour(starts: Sequence[datetime], number: object) -> datetime:
    """When a row's hour starts.

    Raises:
        ValueError: The slice has no such hour; a count of none must not pass for another's.
    """
    if not isinstance(number, int) or not 1 <= number <= len(starts):
        raise ValueError(f"hour_no is {number!r}, and the slice has hours 1 to {len(starts)}")
    return starts[number - 1]


def _reason(survey: str, session: Session, error: psycopg.Error) -> Remark:
    if session.lost:
        return LOST
    match error:
        case errors.UndefinedTable() | errors.InvalidSchemaName():
            return Remark(Says.NO_TABLE, survey, first_line(error))
        case errors.InsufficientPrivilege():
            return Remark(Says.NO_RIGHT, survey, first_line(error))
        case errors.QueryCanceled():
            return Remark(Says.TIMED_OUT, survey, number=session.manners.statement_timeout_s)
        case errors.LockNotAvailable():
            return Remark(Says.LOCKED, survey)
        case _:
            return Remark(Says.QUERY_FAILED, survey, first_line(error))


def hours(window: Window) -> tuple[Slice, ...]:
    """Cut ``[window.start, window.end)`` into hours, oldest first; the oldest may be shorter.

    Args:
        window: What is judged; an empty one has no slices.
    """
    return cut(window, HOUR)


def cut(window: Window, width: timedelta) -> tuple[Slice, ...]:
    """Cut a window into slices of `width`, oldest first; the oldest may be shorter.

    Args:
        window: What is judged; an empty one has no slices.
        width: A whole number of hours.
    """
    return tuple(reversed(list(_backwards(window, width))))


def earlier(window: Window, *, with_window: bool) -> tuple[Slice, ...]:
    """The days of which a stream's presence is judged, by whole hours before the window's end.

    Args:
        window: What is judged.
        with_window: Whether the window's own hours are asked as well.
    """
    reach = Window(REACH, window.end - REACH, window.end)
    if with_window:
        return cut(reach, DAY)
    # The window may begin within an hour; the rest of that hour is a slice of its own.
    hour = window.end - math.ceil(window.covered / HOUR) * HOUR
    if hour <= reach.start:
        return ()
    rest = ((hour, window.start),) if hour < window.start else ()
    return (*cut(Window(REACH, reach.start, hour), DAY), *rest)


def stream(counted: Iterable[tuple[Row, int]], window: Window) -> Stream:
    """What came by the hour, newest first, and when.

    Args:
        counted: Rows of a sliced survey with ``first_at`` and ``last_at``, UTC, and their events.
        window: What is judged; earlier hours show what is usual.
    """
    until, judged = window.end, window.covered // HOUR
    end = naive(until)
    sums: Counter[int] = Counter()
    ages: dict[int, list[timedelta]] = defaultdict(list)
    for row, events in counted:
        hour, first, last = row["hour"], row["first_at"], row["last_at"]
        if (
            isinstance(hour, datetime)
            and isinstance(first, datetime)
            and isinstance(last, datetime)
        ):
            number = math.ceil((until - hour) / HOUR) - 1
            sums[number] += events
            ages[number] += [end - first, end - last]
    if not sums:
        return Stream(until, None, (), (), (), judged)
    reach = range(REACH // HOUR)
    return Stream(
        until,
        until - min(min(found) for found in ages.values()),
        tuple(sums[number] for number in reach),
        tuple(_seconds_into(number, max(ages[number], default=None)) for number in reach),
        tuple(_seconds_into(number, min(ages[number], default=None)) for number in reach),
        judged,
    )


def _seconds_into(number: int, age: timedelta | None) -> int:
    """How far within an hour, counted back from the window's end, an event of this age came."""
    return 0 if age is None else ((number + 1) * HOUR - age) // timedelta(seconds=1)


def starts(piece: Slice) -> tuple[datetime, ...]:
    """When the hours of a slice start, oldest first; the window's oldest one may be shorter."""
    start, end = piece
    return tuple(begin for begin, _ in hours(Window(end - start, start, end)))


def _backwards(window: Window, width: timedelta) -> Iterator[Slice]:
    end = window.end
    while end > window.start:
        start = max(end - width, window.start)
        yield start, end
        end = start
