"""The strict values of records, and limits such as ``> 95 %``, ``70 % .. 85 %``, ``<= 26 h``.

A record may be damaged or forged: its values have the same types when it is read as when it is
written, and numbers and moments lie in ranges that arithmetic can handle. A limit is parsed once
into exact fractions of its base unit (shares of 1, seconds, pieces) and keeps its text for the
reader. Comparisons are exact: 95 of 100 is not ``> 95 %``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Protocol, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    WithJsonSchema,
)
from pydantic_core import core_schema
from typing_extensions import TypeAliasType

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
# Far more than is ever counted, and a float still holds it.
MOST = 10**30
EXACT = r"^-?[0-9]{1,60}(/[1-9][0-9]{0,59})?$"
UNITS: dict[str, tuple[str, Fraction]] = {
    "": ("", Fraction(1)),
    "%": ("share", Fraction(1, 100)),
    "ms": ("s", Fraction(1, 1000)),
    "s": ("s", Fraction(1)),
    "min": ("s", Fraction(60)),
    "h": ("s", Fraction(3600)),
    "d": ("s", Fraction(86400)),
    "per day": ("per day", Fraction(1)),
}
NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
COMPARISON = re.compile(rf"(<=|>=|<|>|=)\s*{NUMBER}")
BAND = re.compile(rf"{NUMBER}\s*(.*?)\s*\.\.\s*{NUMBER}")
# What is longer is no limit that a person wrote.
MOST_OF_A_LIMIT = 200
WORDS = {"yes": Fraction(1), "no": Fraction(0)}


def _in_the_calendar(at: datetime) -> datetime:
    if not EARLIEST <= at < LATEST:
        raise ValueError("must lie between the years 1970 and 9000")
    return at.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_the_calendar)]


class _Counted(Protocol):
    @property
    def n(self) -> int: ...


C = TypeVar("C", bound=_Counted)


def of_some(one: C) -> C:
    """A count of n, which must be above 0.

    Raises:
        ValueError: It is not.
    """
    if one.n < 1:
        raise ValueError("n must be above 0")
    return one


Natural = Annotated[int, Field(ge=0, le=MOST)]
Whole = Annotated[int, Field(ge=-MOST, le=MOST)]


def _is_exact(value: object) -> object:
    # Fraction itself would take "1e999999999", and all memory with it.
    if not isinstance(value, Fraction) and not (
        isinstance(value, str) and re.fullmatch(EXACT, value)
    ):
        raise ValueError("must be a number such as 15/2")
    return value


Exact = Annotated[
    Fraction,
    Field(strict=False),
    BeforeValidator(_is_exact),
    WithJsonSchema({"type": "string", "pattern": EXACT}),
]
# What a step says that it proved: whatever JSON holds.
Json = TypeAliasType(
    "Json", "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
)


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval of a share; both ends in 0..1.

    Args:
        low: Its lower end.
        high: Its upper end.
    """

    __pydantic_config__ = STRICT

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One operator and bound, in base units; ``..`` is a band that includes both ends."""

    operator: str
    bound: Fraction
    upper: Fraction | None = None

    def holds(self, value: Fraction | float) -> bool:
        """Whether `value` lies on the side that the operator asks for."""
        match self.operator:
            case "<":
                return value < self.bound
            case "<=":
                return value <= self.bound
            case ">":
                return value > self.bound
            case ">=":
                return value >= self.bound
            case "=":
                return value == self.bound
            case _:
                return self.upper is not None and self.bound <= value <= self.upper


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit: it holds when any of its comparisons does.

    Args:
        text: As written in the criteria file.
        comparisons: One, or several joined by ``or``.
        unit: The unit that the bounds were written in, a key of `UNITS`.
    """

    text: str
    comparisons: tuple[Comparison, ...]
    unit: str

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """In JSON a limit is its text."""
        del source, handler
        text = core_schema.str_schema(strict=True, max_length=MOST_OF_A_LIMIT)
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(parse_limit, text),
            python_schema=core_schema.is_instance_schema(cls),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda limit: limit.text, return_schema=core_schema.str_schema()
            ),
        )

    @property
    def base_unit(self) -> str:
        """The unit that values are compared in: ``share``, ``s``, ``per day`` or none."""
        return UNITS[self.unit][0]

    @property
    def first(self) -> Comparison:
        """The first comparison; the only one of most limits."""
        return self.comparisons[0]

    @property
    def ends(self) -> tuple[Fraction, ...]:
        """Every bound, in base units; a band has two."""
        ends = (end for c in self.comparisons for end in (c.bound, c.upper))
        return tuple(end for end in ends if end is not None)

    @property
    def is_band(self) -> bool:
        """Whether this is a band with two ends."""
        return self.first.operator == ".."

    @property
    def points_down(self) -> bool:
        """Whether small values satisfy it."""
        return self.first.operator in {"<", "<="}

    def holds(self, value: Fraction | float) -> bool:
        """Whether `value`, in base units, satisfies the limit."""
        return any(comparison.holds(value) for comparison in self.comparisons)

    def excludes(self, interval: Interval) -> bool:
        """Whether no point of the interval satisfies the limit."""
        return not any(_touches(comparison, interval) for comparison in self.comparisons)

    def contains(self, interval: Interval) -> bool:
        """Whether every point of the interval satisfies the limit."""
        return any(c.holds(interval.low) and c.holds(interval.high) for c in self.comparisons)


def _touches(comparison: Comparison, interval: Interval) -> bool:
    if comparison.holds(interval.low) or comparison.holds(interval.high):
        return True
    # Only a point or a band can lie strictly inside an interval without holding at either end.
    inside = comparison.operator in {"=", ".."}
    return inside and interval.low <= comparison.bound <= interval.high


def parse_limit(text: str) -> Limit:
    """Parse a limit.

    Args:
        text: One limit, such as ``> 95 %`` or ``70 % .. 85 %`` or ``yes``.

    Raises:
        ValueError: The text is no limit; the message says what one looks like.
    """
    stripped = text.strip()
    if stripped in WORDS:
        return Limit(stripped, (Comparison("=", WORDS[stripped]),), "")
    body, unit = _split_unit(stripped)
    scale = UNITS[unit][1]
    band = BAND.fullmatch(body)
    if band and band[2] in {"", unit}:
        low, high = (Fraction(Decimal(band[group])) * scale for group in (1, 3))
        if low >= high:
            raise ValueError(f"{text!r} is an empty band: write the lower end first")
        return Limit(stripped, (Comparison("..", low, high),), unit)
    matches = [COMPARISON.fullmatch(part.strip()) for part in body.split(" or ")]
    comparisons = tuple(
        Comparison(match[1], Fraction(Decimal(match[2])) * scale) for match in matches if match
    )
    if len(comparisons) != len(matches):
        raise ValueError(f"{text!r} is no limit: write it like '> 95 %', '70 % .. 85 %', '<= 26 h'")
    return Limit(stripped, comparisons, unit)


def _split_unit(text: str) -> tuple[str, str]:
    for unit in sorted(UNITS, key=len, reverse=True):
        if unit and text.endswith(unit):
            return text.removesuffix(unit).strip(), unit
    return text, ""
