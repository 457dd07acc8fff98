"""What shows text from elsewhere is not commanded by it."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from datetime import UTC, datetime

import pytest

from gonogo.masking import Mask
from gonogo.model.kinds import Environment, Kind
from gonogo.model.record import Record
from gonogo.record.canonical import canonical_json, written
from gonogo.screen import Screen, guarded_output

ENVIRON = {"ADMIN_JWT": "hush-1-and-more"}
COMMANDS = (
    "::error file=a::owned",
    "  ::stop-commands::abc",
    "a row says ::set-output name=x::y",
    "a row says ::add-mask::e",
    "a row says ##[error]owned",
    "a row says ##vso[task.setvariable variable=x]y",
    "##teamcity[buildStatus text='x']",
    "section_start:1700000000:owned",
    "a row says section_end:1700000000:owned",
)
# As the readers of GitHub, Azure and GitLab recognize a command.
OBEYED = re.compile(
    r"(?m)^\s*::\w|::(?:error|set-output|add-mask)[ :]|##\w*\[|section_(?:start|end):\d"
)


def shown(*pieces: str) -> str:
    """What a log shows that was written in pieces."""
    log = io.BytesIO()
    screen = Screen(io.TextIOWrapper(log, encoding="utf-8"), Mask.of(ENVIRON))
    for piece in pieces:
        screen.write(piece)
    screen.flush()
    return log.getvalue().decode()


@pytest.mark.parametrize("text", COMMANDS)
def test_no_text_commands_ci(text: str) -> None:
    """Whole, behind other lines, or in two pieces, wherever it is cut."""
    assert OBEYED.search(text)
    assert not OBEYED.search(shown(f"{text}\n"))
    assert not OBEYED.search(shown(f"before\n{text}\n", f"{text}\n"))
    for place in range(1, len(text)):
        assert not OBEYED.search(shown(text[:place], f"{text[place:]}\n")), place


def test_what_commands_nothing_is_shown_as_it_is() -> None:
    """Tests' names, casts, colours, and signs that merely look alike."""
    text = "a.py::test_error[x] \x1b[32mmet\x1b[0m\nselect a::text, b::int # [x] section 1: ✓ ä\n"
    assert shown(text) == text
    assert shown("\x1b]0;owned\x07 \u202e \x9b") == r"\x1b]0;owned\x07 \u202e \x9b"


def test_the_screen_shows_no_secret() -> None:
    """Whoever prints it."""
    assert shown("token hush-1-and-more\n") == "token <ADMIN_JWT>\n"


def test_a_reader_that_has_gone_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written on is dropped, as it is where standard output is closed."""
    end, other = os.pipe()
    os.close(end)
    with os.fdopen(other, "w", encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        with guarded_output(Mask({})):
            sys.stdout.write("nobody reads this\n")
    monkeypatch.setattr("sys.stdout", None)
    with guarded_output(Mask({})):
        sys.stdout.write("nor this\n")
    sys.stdout.close()


def test_a_record_does_nothing_to_what_shows_it() -> None:
    """Its file, and a sign-off's: CI's log, a terminal and an editor show it as it is."""
    hostile = "".join(map(chr, range(0x20))) + "\x7f\x9b\u202e\u2028\u200b\ufeff größer — ✓"
    title = f"{hostile} {' '.join(COMMANDS)}"
    began = datetime(2026, 11, 28, tzinfo=UTC)
    record = Record(kind=Kind.GATE, title=title, environment=Environment.STAGING, started_at=began)
    for content in (written(record), canonical_json({"title": title})):
        text = content.decode()
        assert json.loads(text)["title"] == title
        assert text[:-1].isprintable()
        assert not OBEYED.search(text)
        assert "größer — ✓" in text
