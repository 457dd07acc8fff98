"""People who sign: real keys, who may sign, and records worth signing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gonogo import __version__
from gonogo.config.admission import AdmissionConfig
from gonogo.config.environments import PinnedConfig
from gonogo.model.finding import Verdict
from gonogo.model.kinds import Decision, Environment, ItemState, Outcome, VerdictKind
from gonogo.model.record import ItemEntry, PhaseEntry, Record
from gonogo.model.step import Subject
from gonogo.record.archive import RunningRecord
from gonogo.report.index import RecordPages
from gonogo.signing.admission import Request
from gonogo.signing.permission import Asked
from gonogo.signing.sign import Signed, show_signatures, sign_off
from record_examples import gate, provenance

ADA, BOB, EVE = "ada@example.com", "Bob Builder", "eve@example.com"
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
TEMPLATES = Path(__file__).parents[2] / "reports" / "templates"
SUBJECT = {
    "revision": "9f" * 20,
    "migrations_sha256": "5b" * 32,
    "criteria_sha256": "4a" * 32,
}
MIGRATIONS = {"038_a.sql": "6c" * 32, "039_b.sql": "7d" * 32}
CHECKLIST = PhaseEntry(
    phase="soak",
    title="Phase 2",
    items=(
        ItemEntry(
            id="soak.complete",
            text="The soak is complete",
            how="proved",
            state=ItemState.PROVED,
            evidence="48 of 48 h covered",
            is_own=True,
        ),
        ItemEntry(
            id="soak.complaints",
            text="No complaint of a user is open",
            how="attested",
            state=ItemState.OPEN,
            evidence="",
            is_own=False,
        ),
    ),
)


def make_key(path: Path, passphrase: str = "") -> Path:
    """An ed25519 key of ssh-keygen's own making."""
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", path.name, "-f", path]
    subprocess.run([str(word) for word in words], check=True, capture_output=True)
    return path


def public(key: Path) -> str:
    """A key's public half, without its comment."""
    kind, blob, *_ = key.with_name(f"{key.name}.pub").read_text(encoding="utf-8").split()
    return f"{kind} {blob}"


@dataclass(frozen=True)
class Office:
    """A team: who may sign what, and where the records lie.

    Args:
        root: Holds keys, ``allowed_signers`` and the archive.
        keys: By name.
    """

    root: Path
    keys: Mapping[str, Path]

    @property
    def allowed(self) -> Path:
        """Who may sign: Ada and Bob."""
        return self.root / "allowed_signers"

    @property
    def archive(self) -> Path:
        """The archive."""
        return self.root / "archive"

    @property
    def environ(self) -> dict[str, str]:
        """Variables that lead to no key of whoever runs the tests."""
        leading = ("SSH_", "GIT_")
        kept = {name: text for name, text in os.environ.items() if not name.startswith(leading)}
        nowhere = str(self.root / "nowhere")
        return kept | {"HOME": nowhere, "GIT_CONFIG_GLOBAL": nowhere, "GIT_CONFIG_NOSYSTEM": "1"}

    def close(self, label: str = "GO", environment: str = "staging", **changes: object) -> Path:
        """A record that was closed just now, with evidence beside it."""
        record = worth_signing(Environment(environment)).having(**changes)
        running = RunningRecord.open(self.archive, record)
        (running.directory / "evidence.html").write_text("<p>evidence</p>", encoding="utf-8")
        (running.directory / "junit.xml").write_text("<testsuites/>", encoding="utf-8")
        return running.finish(record, label, RecordPages(TEMPLATES))

    def request(self, record: Path, **changes: Any) -> Request:
        """Ada's "go" on a record, unless told otherwise."""
        by = str(changes.pop("by", ADA))
        decision = Decision(changes.pop("decision", "go"))
        key = changes.pop("key", self.keys.get(by))
        changes.setdefault("target", Environment.PRODUCTION)
        return Request(
            record,
            decision,
            by,
            changes.pop("allowed", self.allowed),
            changes.pop("environ", self.environ),
            key=None if key is None else str(key),
            **changes,
        )

    def asked(self, **changes: Any) -> Asked:
        """What production asks of the record of what was judged here, by a team's plain rules."""
        rules = AdmissionConfig(**changes.pop("rules", {}))
        pinned = PinnedConfig(**changes.pop("pinned", {}))
        subject = SUBJECT | changes.pop("subject", {})
        return Asked(
            allowed_signers=self.allowed,
            templates_dir=TEMPLATES,
            subject=subject,
            rules=rules,
            pinned=pinned,
            **changes,
        )

    def sign(self, record: Path, **changes: Any) -> Signed:
        """Sign a record, and show it; Ada says "go" unless told otherwise."""
        signed = sign_off(self.request(record, **changes))
        show_signatures(record, TEMPLATES)
        return signed


def worth_signing(environment: Environment = Environment.STAGING) -> Record:
    """A GO record of now, with everything asked."""
    now = datetime.now(UTC)
    record = gate(
        environment=environment,
        started_at=now - timedelta(seconds=5),
        finished_at=now,
        provenance=provenance(subject=Subject(deployment="1", migrations=MIGRATIONS, **SUBJECT)),
        gonogo=__version__,
        checklist=(CHECKLIST,),
    )
    asked = tuple(one for one in record.findings if one.outcome is not Outcome.LEFT_OUT)
    return record.having(findings=asked)


def verdict(kind: str) -> Verdict:
    """A verdict without a reason."""
    return Verdict(VerdictKind(kind), ())


def open_office(root: Path) -> Office:
    """Ada and Bob may sign, Eve may not."""
    names = {ADA: "ada", BOB: "bob", EVE: "eve"}
    keys = {who: make_key(root / name) for who, name in names.items()}
    lines = [f"{ADA} {public(keys[ADA])}", f'"{BOB}" namespaces="gonogo" {public(keys[BOB])}']
    (root / "allowed_signers").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Office(root, keys)


@contextmanager
def agent_with(directory: Path, *keys: Path) -> Iterator[dict[str, str]]:
    """A real ssh-agent that holds these keys, whose files go; the variable that leads to it."""
    socket = directory / "agent"
    running = subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE, text=True
    )
    environ = {"SSH_AUTH_SOCK": str(socket)}
    try:
        # It says where it listens once it does.
        assert running.stdout
        running.stdout.readline()
        for key in keys:
            words = ["ssh-add", "-q", str(key)]
            subprocess.run(words, env=os.environ | environ, check=True, capture_output=True)
            key.unlink()
        yield environ
    finally:
        running.terminate()
        running.communicate(timeout=60)
