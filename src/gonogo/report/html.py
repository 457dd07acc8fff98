"""Record → what lies beside it: a page to read, and an attestation for other tools.

The page is self-contained: no script, no outside request, whatever the data holds. Three walls
against hostile text: autoescape; every printed value passes `visible`; and a policy in the page
itself that allows this very style sheet and nothing else. The same record always gives the same
bytes. The templates lie in the package; a team's own of the same name, in its
`reports/templates/`, wins.

The attestation is an in-toto Statement v1 that holds SLSA's verification summary: the subjects are
the application's commit and the migrations, the policy is all that is judged by.
"""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC
from functools import lru_cache, partial
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import cache_from_source
from pathlib import Path
from urllib.parse import quote

import jinja2
from jinja2.bccache import Bucket
from markupsafe import Markup

from gonogo.errors import RecordError, UsageError
from gonogo.model.kinds import VerdictKind
from gonogo.model.record import Record
from gonogo.model.step import Subject
from gonogo.record import canonical
from gonogo.record.canonical import RECORD_FILE, canonical_json, database_of, sha256_hex, written
from gonogo.report import members, page, sentences, text, timeline
from gonogo.report.answers import answers, headings, reasons, top_errors, warnings
from gonogo.report.english import remark_of

ROOMS = ("gonogo.model", "gonogo.report")
STYLE = "record.css"
TEMPLATES = {"gate": "gate.html.jinja", "summary": "summary.html.jinja"}
OTHER_PAGE = "rollout.html.jinja"
# Of any text but what is set as a block: one message of a megabyte must not make a page of many.
MOST_CHARACTERS = 2000

FILTERS: dict[str, Callable[..., object]] = {
    "block": lambda value: Markup("{}").format(text.lines(value)),
    "clock": text.clock,
    "code": lambda value: str(value)[: text.SHORT_NAME],
    "remark": remark_of,
    "commits": text.commits,
    "counted": text.counted,
    "cut": text.cut,
    "deployment_of": text.deployment_of,
    "locks": text.locks,
    "moment": text.moment,
    "number": text.whole_number,
    "of": text.of,
    "percent": text.percent,
    "plain": text.plain,
    "points": text.points,
    "share": text.share,
    "signers_of": text.signers_of,
    "span": text.span,
    "strongest_lock": text.strongest_lock,
}
GLOBALS: dict[str, object] = {
    "bands": sentences.BANDS,
    "by_database": members.by_database,
    "events": sentences.EVENTS,
    "look": sentences.look,
    "item_states": sentences.ITEM_STATES,
    "marks": sentences.MARKS,
    "outcome_look": sentences.outcome_look,
    "step_outcomes": sentences.STEP_OUTCOMES,
    "steps_summary": page.steps_summary,
    "verdicts": sentences.VERDICTS,
    "words": sentences,
}


# Figures that a forged record holds together with others that do not go with them.
IMPOSSIBLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def render(record: Record, templates_dir: Path, sha256: str = "") -> str:
    """Render a record.

    Args:
        record: As it was read: the names of its parts are in the order that record.json has.
        templates_dir: The team's own templates and style sheet; may be missing.
        sha256: Of its record.json; empty where nobody has written or read it yet.

    Raises:
        RecordError: Its parts do not go together.
        UsageError: A template is missing or wrong.
    """
    try:
        digest = sha256 or sha256_hex(written(record))
        values = {"record": record, "sha256": digest, **_view(record)}
        return render_template(TEMPLATES.get(record.kind, OTHER_PAGE), templates_dir, values)
    except IMPOSSIBLE as error:
        problem = "the record cannot be shown: its parts do not go together"
        remedy = "look at record.json itself"
        if overriding := _overriding(templates_dir):
            remedy += f", and at your own {', '.join(sorted(overriding))}"
        raise RecordError(problem, remedy) from error


def render_template(name: str, templates_dir: Path, values: Mapping[str, object]) -> str:
    """Render a template with the style sheet and the policy that fits it.

    Args:
        name: The template's file name.
        templates_dir: The team's own templates and style sheet; may be missing.
        values: What it reads; a name that it reads and does not get is an error.

    Raises:
        UsageError: A template is missing or wrong.
    """
    at_work = STYLE
    try:
        style = _templates(templates_dir)[STYLE].read_text(encoding="utf-8")
        at_work = name
        template = _environment(templates_dir).get_template(name)
        return template.render(values, style=Markup(style), policy=_policy(style))  # noqa: S704  # our own style sheet
    except (OSError, UnicodeDecodeError, jinja2.TemplateError) as error:
        wrong = getattr(error, "name", None) or at_work
        problem = f"the template {wrong} does not work: {text.visible(error)}"
        # One of gonogo's own may include what a team has put in the place of another.
        own = ", ".join(sorted(_overriding(templates_dir)))
        remedy = f"correct {own}, or delete it from {templates_dir.name}/" if own else ""
        raise UsageError(problem, remedy or "install gonogo again") from error


def renderer_sha256(templates_dir: Path) -> str:
    """The hash of all that makes the page besides the document: templates, code, Jinja2's version.

    Args:
        templates_dir: The team's own templates and style sheet; may be missing.

    Raises:
        OSError: A file cannot be read.
    """
    code = [
        file
        for room in ROOMS
        for file in sorted(files(room).iterdir(), key=lambda one: one.name)
        if file.name.endswith(".py")
    ]
    code.append(Path(canonical.__file__))
    templates = _templates(templates_dir)
    digest = sha256(f"jinja2 {version('jinja2')}\n".encode())
    for file in (*code, *(templates[name] for name in sorted(templates))):
        digest.update(f"{file.name}\0{sha256_hex(file.read_bytes())}\n".encode())
    return digest.hexdigest()


def _templates(templates_dir: Path) -> dict[str, Traversable]:
    """Every template and the style sheet by name; the team's own in place of gonogo's."""
    shipped = {file.name: file for file in files(ROOMS[1]).joinpath("templates").iterdir()}
    return shipped | _overriding(templates_dir)


def _source(templates_dir: Path, name: str) -> str | None:
    file = _templates(templates_dir).get(name)
    return file.read_text(encoding="utf-8") if file else None


def _overriding(templates_dir: Path) -> dict[str, Traversable]:
    """What the team has put in place of gonogo's own, or has its templates include."""
    there = templates_dir.iterdir() if templates_dir.is_dir() else ()
    return {file.name: file for file in there if file.name == STYLE or file.suffix == ".jinja"}


def _view(record: Record) -> Mapping[str, object]:
    found = answers(record)
    figures = [figure for heading in headings(record) for figure in heading.figures]
    every = page.cards(record, found, figures)
    worst = page.attention(every)
    return {
        "headline": sentences.headline(record),
        "notices": page.notices(record),
        "why": page.why(record, worst),
        "expected": page.expected(record),
        "reasons": reasons(record, named=True, of_findings=False),
        "sureness": page.sureness(record),
        "compared": page.compared(record),
        "members": members.member_rows(record),
        "most_members": members.MOST_MEMBERS,
        "members_tally": members.tally_of(record) if record.members else "",
        "cards": worst,
        "deciding": [card for card in every if card.is_calm and card.decides],
        "sections": page.sections(record, every),
        "warnings": warnings(record, of_findings=False),
        "open_phases": page.open_phases(record),
        "top_errors": top_errors(record),
        "trends": timeline.trends([one.rates for one in record.records]),
        "facts": page.facts(record),
        "outage": page.outage(record),
    }


def _policy(style: str) -> str:
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


class _Compiled(jinja2.FileSystemBytecodeCache):
    """Compiled templates, kept beside Python's own compiled modules and only where these are."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep one; where the place cannot be written, it is compiled again next time."""
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                super().dump_bytecode(bucket)


@lru_cache(maxsize=4)
def _environment(templates_dir: Path) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(partial(_source, templates_dir)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=_Compiled(
            str(Path(cache_from_source(__file__)).parent), f"jinja2-{version('jinja2')}-%s.pyc"
        ),
    )
    environment.filters |= FILTERS
    environment.globals |= GLOBALS
    return environment


def _finalized(value: object) -> object:
    """What every printed expression passes through."""
    if isinstance(value, jinja2.Undefined) or hasattr(value, "__html__"):
        return value
    return "-" if value is None else text.cut(value, MOST_CHARACTERS)


STATEMENT = "https://in-toto.io/Statement/v1"
SUMMARY = "https://slsa.dev/verification_summary/v1"
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def attestation(record: Record, sha256: str = "") -> bytes | None:
    """A gate's record as an unsigned in-toto Statement; None where it has no subject.

    Args:
        record: As it is written to record.json.
        sha256: Of that file; empty where nobody has written or read it yet.
    """
    judged = list(_judged(record.subject)) if record.subject else []
    if not (record.subject and record.window and record.verdict and judged):
        return None
    passed = record.verdict.kind is VerdictKind.GO
    place = "rehearsal" if record.simulated else record.environment.value
    # Whoever asks for the level of a whole gate does not get it from one that left something out.
    level = "_without_".join((f"gonogo_{place}_go", *record.without)).upper()
    # What the specification does not know has a URI for a name, as it asks for.
    predicate = {
        "verifier": {"id": "urn:gonogo:gate", "version": {"gonogo": record.gonogo}},
        "timeVerified": record.window.end.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "resourceUri": f"urn:gonogo:{place}:{quote(database_of(record.provenance))}",
        "policy": {
            "uri": f"urn:gonogo:criteria:{record.environment}",
            "digest": {"sha256": record.subject.criteria_sha256},
        },
        "verificationResult": "PASSED" if passed else "FAILED",
        "verifiedLevels": [level if passed else "FAILED"],
        "urn:gonogo:verdict": record.verdict.kind,
        "urn:gonogo:record": {
            "name": RECORD_FILE,
            "digest": {"sha256": sha256 or sha256_hex(written(record))},
        },
    }
    types = {"_type": STATEMENT, "predicateType": SUMMARY}
    return canonical_json({**types, "subject": judged, "predicate": predicate})


def _judged(subject: Subject) -> Iterator[Mapping[str, object]]:
    """The application's commit, where its revision is one, and each migration in place."""
    if COMMIT.fullmatch(subject.revision):
        yield {"name": "application", "digest": {"gitCommit": subject.revision}}
    for name, digest in sorted(subject.migrations.items()):
        yield {"name": name, "digest": {"sha256": digest}}
