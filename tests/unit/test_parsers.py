"""Whatever a file holds, it is read, or refused in one line; no nonsense is accepted."""

from __future__ import annotations

import base64
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from first_application import SMOKE
from gonogo import criteria as criteria_file
from gonogo.checklist.entries import Known, known_steps
from gonogo.checklist.entries import load as load_checklist
from gonogo.config.project import Project
from gonogo.config.sections import RolloutConfig
from gonogo.errors import ConfigError, GonogoError, MigrationError, RecordError
from gonogo.judge.finding import judge
from gonogo.model.kinds import Environment, Outcome
from gonogo.model.measurement import Measurement
from gonogo.postgres.sqlfile import parse
from gonogo.record.canonical import read_hashes, read_record, written_hashes
from gonogo.record.canonical import written as written_record
from gonogo.record.listing import list_records
from gonogo.report.index import write_index
from gonogo.signing import ssh
from gonogo.signing.integrity import open_closed
from gonogo.signing.signoffs import read as read_signoff
from record_examples import gate
from saying import team

PROJECT = Project(Path(__file__).parents[2])
CRITERIA = criteria_file.load(PROJECT.criteria_file, PROJECT.sql_dir)
FILES: dict[str, tuple[Path, Callable[[Path], object]]] = {
    "criteria": (PROJECT.criteria_file, lambda path: criteria_file.load(path, PROJECT.sql_dir)),
    "checklist": (
        PROJECT.checklist_file,
        lambda path: load_checklist(path, Known(CRITERIA.metrics, known_steps(SMOKE))),
    ),
    "rollout": (PROJECT.root / "rollout.toml", RolloutConfig.load),
}
ASSIGNED = re.compile(r"^(\s*[\w.\"-]+\s*=\s*)(.+)$")
# What people, editors and merge conflicts leave behind a key.
VALUES = st.one_of(
    st.sampled_from(
        ["nan", "inf", "-1", "0", "1e999", "9" * 400, "true", '""', "[]", "{}", "[[]]", '"\\u0000"']
    ),
    st.sampled_from(["2026-02-30", "1979-05-27", "'''", '"', "<<<<<<<", "{ a = { b = 1 } }"]),
    st.sampled_from(['"> 95 %"', '"< 0 %"', '"= NaN"', '"> 1e999 %"', '"70 % .. 70 %"', '"> 95"']),
    st.text(max_size=20).map(json.dumps),
    st.integers().map(str),
    st.floats().map(repr),
)
# A bound of a limit, with its unit; most others of the same unit can be meant as well.
LEVEL = re.compile(r"(objective|warning|critical|trigger) =")
BOUND = re.compile(r"(?<=[<>=.] )([0-9.]+)( ?[%a-z]*)(?=\"| or| \.\.)")
BOUNDS = st.one_of(st.integers(0, 120), st.decimals(0, 100, places=3))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=9,
)
WHOLE = json.loads(written_record(gate()))
KEYS = sorted(WHOLE)
RECORDS = st.one_of(
    st.dictionaries(st.sampled_from(KEYS), JSON).map(json.dumps).map(str.encode),
    # A whole record with some keys that are others.
    st.dictionaries(st.sampled_from(KEYS), JSON).map(
        lambda some: json.dumps(WHOLE | some).encode()
    ),
    st.binary(max_size=60),
    st.sampled_from([b"[" * 100_000, b'{"score": {"points": 1' + b"0" * 400 + b"}}", b"1" * 9_999]),
)
SQL = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "'",
                '"',
                "$$",
                "$a$",
                ";",
                "/*",
                "*/",
                "--",
                "\n",
                "\\",
                "(",
                ")",
                ":aside",
                "::",
                "e'",
            ]
        ),
        st.sampled_from(["begin", "atomic", "end", "create", "commit", "select", "1", " ", "ü"]),
        st.text(max_size=3),
    ),
    max_size=30,
).map("".join)
OTHER_KEY = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(32)).decode()
SIGNERS = st.one_of(
    st.binary(max_size=80),
    st.builds(
        "{} {} ssh-ed25519 {}\n".format,
        st.text(max_size=9),
        st.sampled_from(["", 'namespaces="gonogo"', 'valid-after="x"', "cert-authority", '"']),
        st.sampled_from(["", "AAAA", OTHER_KEY]),
    ).map(str.encode),
)


@contextmanager
def one_line(*kinds: type[Exception]) -> Iterator[None]:
    """What is refused, is refused in one line."""
    try:
        yield
    except kinds as error:
        told = str(error)
        assert told
        assert "\n" not in told.strip()
        assert "Traceback" not in told


def in_a_file(content: bytes, name: str, read: Callable[[Path], object]) -> object:
    """What is made of these bytes as a file of this name."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / name
        path.write_bytes(content)
        return read(path)


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_any_file_of_criteria_is_read_or_refused_in_one_line(
    name: str, data: st.DataObject
) -> None:
    """Of the checklist and of the rollout too: the shipped file with one value that is another."""
    path, load = FILES[name]
    lines = path.read_text(encoding="utf-8").splitlines()
    numbers = [n for n, line in enumerate(lines) if ASSIGNED.match(line)]
    number = data.draw(st.sampled_from(numbers))
    lines[number] = ASSIGNED.sub(lambda found: found[1] + data.draw(VALUES), lines[number])
    with one_line(ConfigError):
        in_a_file("\n".join(lines).encode("utf-8", "surrogatepass"), path.name, load)


@pytest.mark.parametrize("name", FILES)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_no_file_of_ours(name: str, content: bytes) -> None:
    """Nor is an empty file: each must say something."""
    path, load = FILES[name]
    with pytest.raises(ConfigError) as refused:
        in_a_file(content, path.name, load)
    assert "\n" not in str(refused.value)


@given(data=st.data())
def test_criteria_that_are_accepted_never_pass_without_data(data: st.DataObject) -> None:
    """Whatever limits a team writes: nothing that is missing meets one."""
    lines = PROJECT.criteria_file.read_text(encoding="utf-8").splitlines()
    limited = [n for n, line in enumerate(lines) if LEVEL.match(line) and BOUND.search(line)]
    number = data.draw(st.sampled_from(limited))
    lines[number] = BOUND.sub(lambda found: f"{data.draw(BOUNDS)}{found[2]}", lines[number])
    known = None
    with suppress(ConfigError):
        content = "\n".join(lines).encode("utf-8", "surrogatepass")
        known = in_a_file(content, "criteria.toml", FILES["criteria"][1])
    if not isinstance(known, criteria_file.Criteria):
        return
    for role, metric in known.checks(Environment.STAGING):
        for missing in (Measurement(metric.id, missing=team("gone")), Measurement(metric.id)):
            found = judge(role, metric, missing, known.rules, Environment.STAGING)
            assert found.outcome is Outcome.INCONCLUSIVE


@given(content=RECORDS, signed=RECORDS)
@settings(max_examples=50)
def test_any_record_is_read_or_refused_in_one_line(content: bytes, signed: bytes) -> None:
    """Listed, opened for proof, and shown: a record may have been damaged, or forged."""
    with tempfile.TemporaryDirectory() as archive:
        for label in ("GO", "RUNNING"):
            directory = Path(archive) / "staging" / f"20260301T120000Z_{label}"
            directory.mkdir(parents=True)
            (directory / "record.json").write_bytes(content)
            (directory / "signoff-1.json").write_bytes(signed)
        assert len(list_records(Path(archive))) == 2
        assert write_index(Path(archive), PROJECT.templates_dir).is_file()
        closed = open_closed(directory.with_name("20260301T120000Z_GO"))
        assert closed.problems, "without hashes beside it nothing is proved"
        with one_line(RecordError):
            read_record(closed.directory)


@given(content=st.one_of(RECORDS, JSON.map(json.dumps).map(str.encode)))
def test_any_sign_off_is_read_as_written_or_refused(content: bytes) -> None:
    """What is accepted is byte for byte what gonogo writes."""
    with one_line(ValueError):
        assert read_signoff(content).written() == content


@given(blob=st.binary(max_size=200), damage=st.integers(0, 300))
def test_any_signature_is_read_as_written_or_refused(blob: bytes, damage: int) -> None:
    """With our own armour around whatever bytes, whole or with one byte that is another."""
    content = bytearray(ssh.wrapped(b"SSHSIG\0\0\0\x01" + blob))
    if damage < len(content):
        content[damage] ^= 1
    with one_line(ValueError):
        ssh.parse(bytes(content))


@given(content=SIGNERS, signature=st.binary(max_size=40))
@settings(max_examples=25)
def test_no_allowed_signers_let_a_stranger_in(content: bytes, signature: bytes) -> None:
    """Whatever stands in the file: a signature that is none, is refused in one line."""
    blob = b"SSHSIG\0\0\0\x01" + _field(b"key") + _field(ssh.NAMESPACE.encode()) + signature
    with pytest.raises(GonogoError) as refused:
        in_a_file(
            content,
            "allowed_signers",
            lambda path: ssh.verify(
                b"x", ssh.wrapped(blob), "somebody", path, datetime(2026, 3, 1, tzinfo=UTC)
            ),
        )
    assert "\n" not in str(refused.value).strip()


def _field(content: bytes) -> bytes:
    """As SSH writes a string."""
    return len(content).to_bytes(4, "big") + content


@given(hashes=st.dictionaries(st.from_regex(r"[a-z]{1,9}", fullmatch=True), st.just("0" * 64)))
def test_hashes_read_back_as_they_were_written(hashes: dict[str, str]) -> None:
    """And a line that is cut short is refused."""
    content = written_hashes(hashes)
    if hashes:
        assert read_hashes(content) == hashes
        with pytest.raises(ValueError, match="cut short"):
            read_hashes(content[:-1])


@given(content=st.binary(max_size=120))
def test_any_bytes_are_hashes_or_refused(content: bytes) -> None:
    """What is accepted says what was written, line by line."""
    with one_line(ValueError):
        assert written_hashes(read_hashes(content)) == content


@given(text=SQL)
def test_any_migration_is_split_without_losing_a_letter_or_refused(text: str) -> None:
    """Statements stand in the file in their order; between them is only what says nothing."""
    with one_line(MigrationError):
        file = parse(text, "047_any.sql")
        position = 0
        for statement in (*file.inside, *file.outside):
            begin = text.index(statement.text, position)
            assert not re.search(r"[^\W\d_]", _without_comments(text[position:begin]))
            assert statement.line >= 1
            position = begin + len(statement.text)


def _without_comments(text: str) -> str:
    """What is left when whole comments are removed."""
    return re.sub(r"/\*.*\*/|--[^\n]*", " ", text, flags=re.DOTALL)
