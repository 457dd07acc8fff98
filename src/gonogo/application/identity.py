"""Which process answers: seen before a stop and after a start, told apart by revision or start.

Health says that something is well. It does not say that it is what was deployed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gonogo.application.endpoints import client_of
from gonogo.application.exchange import beginning, is_refusal, judge_silence, says_json
from gonogo.application.processes import socket_owners
from gonogo.config.environments import IdentityConfig
from gonogo.model.limit import Json

# What a server in front says when nobody stands behind it.
NOBODY_BEHIND = frozenset({502, 503, 504})
# An abbreviated commit, as git and people write it.
ABBREVIATED = re.compile(r"[0-9a-f]{7,40}")


class State(StrEnum):
    """Whether an address answers."""

    ANSWERS = "answers"
    GONE = "gone"
    UNKNOWN = "unknown"


class Proof(StrEnum):
    """What is known of who answers."""

    PROVED = "proved"
    NOT_PROVED = "not proved"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of one instance at one moment.

    Args:
        address: Where it was asked.
        state: Whether it answered.
        reason: The same as a sentence part.
        revision: The revision that it reports; empty where it reports none.
        start: What differs after each start, as the answer, the pid file or the team's command
            says; empty where none of them does.
        owners: The processes that own the listening socket, as far as they can be seen.
    """

    address: str
    state: State
    reason: str
    revision: str = ""
    start: str = ""
    owners: tuple[str, ...] = ()

    @property
    def evidence(self) -> dict[str, Json]:
        """It as JSON."""
        return {
            "address": self.address,
            "state": self.state.value,
            "reason": self.reason,
            "revision": self.revision,
            "start": self.start,
            "owners": list(self.owners),
        }

    @classmethod
    def of(cls, evidence: Mapping[str, Json]) -> Sight:
        """The sight that `evidence` was made of.

        Args:
            evidence: From the ledger.
        """
        owners = evidence.get("owners")
        return cls(
            str(evidence.get("address", "")),
            State(str(evidence.get("state", State.UNKNOWN))),
            str(evidence.get("reason", "")),
            str(evidence.get("revision", "")),
            str(evidence.get("start", "")),
            tuple(map(str, owners)) if isinstance(owners, list) else (),
        )


def look(
    address: str, identity: IdentityConfig, *, timeout_s: float, process_start: str = ""
) -> Sight:
    """Ask one instance once who it is.

    Args:
        address: Its base URL.
        identity: Where it says so.
        timeout_s: How long the answer may take.
        process_start: What pid file or command say of the process; empty where they say nothing.
    """
    owners = tuple(sorted(socket_owners(address)))
    state, reason, header, fields = _asked(address, identity, timeout_s)
    revision = header or fields.get(identity.revision or "", "")
    start = fields.get(identity.start or "", "") or process_start
    return Sight(address, state, reason, revision.strip(), start.strip(), owners)


def state_of(address: str, path: str, *, timeout_s: float) -> tuple[State, str]:
    """Whether an address answers now, and how, as a sentence part.

    Args:
        address: A base URL.
        path: What is asked below it.
        timeout_s: How long the answer may take.
    """
    state, reason, _, _ = _asked(address, IdentityConfig(path=path), timeout_s)
    return state, reason


def _asked(
    address: str, identity: IdentityConfig, timeout_s: float
) -> tuple[State, str, str, Mapping[str, str]]:
    """State, reason, the header and the fields of an answer."""
    import httpx  # noqa: PLC0415  # see endpoints.client_of

    url = address.rstrip("/") + identity.path
    try:
        with client_of(address, timeout_s) as client, client.stream("GET", url) as response:
            code = response.status_code
            if code in NOBODY_BEHIND and not says_json(response):
                return State.GONE, f"HTTP {code}: nobody is behind the server that answers", "", {}
            header = response.headers.get(identity.header, "") if identity.header else ""
            wants_fields = identity.revision or identity.start
            fields = _fields(beginning(response)) if wants_fields else {}
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        _, reason = judge_silence(error)
        return (State.GONE if is_refusal(error) else State.UNKNOWN), reason, "", {}
    return State.ANSWERS, f"HTTP {code}", header, fields


def judge(before: Sight | None, after: Sight, revision: str) -> tuple[Proof, str]:
    """Whether what answers now is what was to be started.

    Args:
        before: What was seen before the stop; None where nobody looked.
        after: What is seen now.
        revision: What is to run.

    Returns:
        What is known, and why, as a sentence part that the address begins.
    """
    if after.state is not State.ANSWERS:
        wrong = after.state is State.GONE
        return (Proof.WRONG if wrong else Proof.NOT_PROVED), f"does not answer ({after.reason})"
    earlier = before or Sight(after.address, State.UNKNOWN, "nobody looked")
    found = (
        _by_revision(earlier, after, revision)
        or _by_start(earlier, after)
        or _by_owner(earlier, after)
    )
    if found:
        return found
    if after.revision:
        said = f"answers as revision {after.revision}, as it may have done before the stop"
        return Proof.NOT_PROVED, said
    return Proof.NOT_PROVED, "does not say which revision or process it is"


def _by_revision(before: Sight, after: Sight, revision: str) -> tuple[Proof, str] | None:
    if not after.revision:
        return None
    if not is_revision(after.revision, revision):
        return Proof.WRONG, f"answers as revision {after.revision}, not as {revision}"
    answered = before.state is State.ANSWERS
    if before.state is State.GONE or (answered and not is_revision(before.revision, revision)):
        return Proof.PROVED, f"answers as revision {after.revision}"
    return None


def _by_start(before: Sight, after: Sight) -> tuple[Proof, str] | None:
    if not after.start:
        return None
    if after.start == before.start:
        return Proof.WRONG, f"is the process that ran before ({after.start})"
    if before.start or before.state is State.GONE:
        return Proof.PROVED, f"is a process that was started since ({after.start})"
    return None


def _by_owner(before: Sight, after: Sight) -> tuple[Proof, str] | None:
    """By who owns the socket; that may be a server in front, so the same one proves nothing."""
    if not after.owners or not (before.owners or before.state is State.GONE):
        return None
    if set(after.owners).isdisjoint(before.owners):
        return Proof.PROVED, f"is a process that was started since ({after.owners[0]})"
    return Proof.NOT_PROVED, f"answers from the socket of the same process ({after.owners[0]})"


def judge_running(seen: Sight, revision: str) -> tuple[Proof, str]:
    """Whether what answers is what the ledger says, long after its start.

    Args:
        seen: What is seen now.
        revision: What was deployed.
    """
    if seen.state is State.ANSWERS and is_revision(seen.revision, revision):
        return Proof.PROVED, f"answers as revision {seen.revision}"
    return judge(None, seen, revision)


def is_revision(reported: str, revision: str) -> bool:
    """Whether what an application reports is a revision, or an abbreviation of it.

    Args:
        reported: By the application.
        revision: The full name.
    """
    if not reported or reported == revision:
        return bool(reported)
    return ABBREVIATED.fullmatch(reported) is not None and revision.startswith(reported)


def _fields(content: bytes) -> dict[str, str]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(body, dict):
        return {}
    plain = (str, int, float)
    return {
        name: str(value)
        for name, value in body.items()
        if isinstance(value, plain) and not isinstance(value, bool)
    }
