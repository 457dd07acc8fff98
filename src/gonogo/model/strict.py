"""What all that a record holds has in common: no unknown key, no guessing, no odd number.

A record may have been damaged, or forged: what is read is held to the same types as what is
written, and numbers and moments to the ranges in which they can be reckoned with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from typing_extensions import TypeAliasType

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
# Far more than is ever counted, and a float still holds it.
MOST = 10**30
EXACT = r"^-?[0-9]{1,60}(/[1-9][0-9]{0,59})?$"


def _in_the_calendar(at: datetime) -> datetime:
    if not EARLIEST <= at < LATEST:
        raise ValueError("must lie between the years 1970 and 9000")
    return at.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_the_calendar)]
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
