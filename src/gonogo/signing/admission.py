"""What may be signed: which record, which decision, which items of the checklist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gonogo.errors import SigningError, UsageError
from gonogo.model.kinds import Environment
from gonogo.report.text import cut, visible
from gonogo.signing import ssh
from gonogo.signing.checking import Checked, check_signoffs
from gonogo.signing.document import MOST_CHARACTERS, Decision
from gonogo.signing.integrity import Closed, open_closed
from gonogo.signing.refusals import against, never_for_production


@dataclass(frozen=True, slots=True)
class Request:
    """What a person wants to sign.

    Args:
        directory: The record.
        decision: What they decide.
        by: Who they are: a principal of `allowed_signers`.
        allowed_signers: Who may sign.
        environ: The session's variables; they name the agent.
        target: Where "go" is meant for.
        attest: Ids of checklist items that they tick.
        override: Why they decide against the verdict.
        key: What signs: a file, or a public key as text; None finds one.
    """

    directory: Path
    decision: Decision
    by: str
    allowed_signers: Path
    environ: Mapping[str, str]
    target: Environment = Environment.PRODUCTION
    attest: Sequence[str] = ()
    override: str | None = None
    key: str | None = None


def examine(directory: Path, allowed_signers: Path) -> tuple[Closed, tuple[Checked, ...]]:
    """A record that may be signed, and its sign-offs so far.

    Args:
        directory: The record.
        allowed_signers: Who may sign.

    Raises:
        UsageError: There is no record.
        SigningError: It goes on, was aborted, was changed, or an earlier sign-off is broken.
    """
    ssh.require_program()
    ssh.require_signers(allowed_signers)
    closed = open_closed(directory)
    if closed.document.get("state") == "aborted":
        raise SigningError(f"the run of {closed.name} was aborted, so it decides nothing")
    checked = check_signoffs(closed, allowed_signers)
    problems = [*closed.problems, *(one for check in checked for one in check.problems)]
    if problems:
        raise SigningError(
            f"{closed.name} is not as it was: {'; '.join(problems)}",
            "it is not signed; ./noxw -s verify_record tells all that is wrong",
        )
    return closed, checked


def require_allowed(document: Mapping[str, Any], request: Request) -> None:
    """See that the record allows the decision, or that a reason overrides it.

    Args:
        document: The record.
        request: What is asked.

    Raises:
        SigningError: It does not.
        UsageError: The reason is empty, or "go" is meant for where this record says nothing of.
    """
    if request.override is not None and not request.override.strip():
        raise UsageError("--override needs a reason")
    for option, text in (("--by", request.by), ("--override", request.override or "-")):
        if not text.strip() or len(text) > MOST_CHARACTERS or visible(text) != text:
            raise UsageError(f"{option} {cut(text, 40)!r}: not so", "write one line of plain text")
    if request.decision is not Decision.GO:
        return
    production = Environment.PRODUCTION
    if document.get("environment") == production and request.target is not production:
        raise UsageError("a record of production says nothing of staging")
    if request.target is production and (never := tuple(never_for_production(document))):
        raise SigningError(
            f'it cannot be signed "go" for production: {"; ".join(never)}',
            "run the gate anew, on the database itself, with everything asked",
        )
    reasons = tuple(against(document, request.decision))
    if reasons and request.override is None:
        problem = f'it cannot be signed "go": {"; ".join(reasons)}'
        raise SigningError(problem, 'sign it with --override "reason", which is recorded')


def attestable(document: Mapping[str, Any], state: str | None = None) -> dict[str, str]:
    """The items that a person may tick on a record: text by id.

    Args:
        document: The record.
        state: Only those that it says are in this state; None takes all.
    """
    return {
        item["id"]: item["text"]
        for phase in document.get("checklist") or []
        for item in phase["items"]
        if item["how"] == "attested" and state in {None, item["state"]}
    }
