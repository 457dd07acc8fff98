"""A sign-off as ``signoff-N.json`` holds it: canonical JSON, read as strictly as it was written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gonogo.model.kinds import Decision, Environment, VerdictKind
from gonogo.record.canonical import canonical_json

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
MOST_CHARACTERS = 2000
Line = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Attestation(_Part):
    """A checklist item that a person ticked, as the record printed it."""

    id: Line
    text: Line


class Link(_Part):
    """The sign-off before this one: both of its files."""

    file: Line
    sha256: Sha256
    signature_sha256: Sha256


class SignOff(_Part):
    """One sign-off.

    Args:
        format: Which form this is.
        number: The N of its name, from 1.
        record: The record's directory.
        environment: Whose record it is.
        verdict: What the record says; None for one without a verdict.
        decision: What was decided.
        target: Where "go" is meant for; None for every other decision.
        by: Who signed: a principal of ``allowed_signers``.
        signed_at: When, by the signer's clock.
        attested: The items that were ticked.
        override: Why the decision goes against the verdict; None when it does not.
        files: The sha256 of every file of the record.
        previous: The sign-off before it; None for the first.
    """

    format: Literal["gonogo.signoff/1"] = "gonogo.signoff/1"
    number: Annotated[int, Field(ge=1)]
    record: Line
    environment: Line
    verdict: VerdictKind | None
    decision: Decision
    target: Environment | None
    by: Line
    signed_at: AwareDatetime
    attested: tuple[Attestation, ...]
    override: Line | None
    files: dict[str, Sha256]
    previous: Link | None

    @property
    def name(self) -> str:
        """Its file's name."""
        return f"signoff-{self.number}.json"

    def written(self) -> bytes:
        """Its file's bytes."""
        return canonical_json(self.model_dump(mode="json"))


def read(content: bytes) -> SignOff:
    """Read a sign-off.

    Raises:
        ValueError: It is none, or not as it was written.
    """
    try:
        signoff = SignOff.model_validate(json.loads(content))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise ValueError(f"is no sign-off: {where}: {first['msg'].lower()}") from None
    except (ValueError, RecursionError):
        raise ValueError("is no JSON, or is cut short") from None
    if signoff.written() != content:
        raise ValueError("is not as it was written")
    return signoff


def said_at(moment: datetime) -> str:
    """A moment for a message, in UTC whatever zone it was written in."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
