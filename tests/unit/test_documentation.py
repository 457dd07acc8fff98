"""README, docs and examples: where their links lead, and what their commands call."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from gonogo.cli import PASSING_ON, app
from gonogo.model.kinds import EXIT_CODES, VerdictKind
from gonogo.plugin import OPTIONS
from howto import load_noxfile, words_of

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for place in ("*.md", "docs/*.md", "examples/**/*.md", "checks/*.md", "lab/**/*.md")
    for page in ROOT.glob(place)
    if "node_modules" not in page.parts
)
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
CALL = re.compile(r"^(?:\$ |[A-Z_]+=\S+ )*((?:gonogo|\./noxw -s) [a-z].*)")
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
END = re.compile(r" (?:[|>#;&]|\|\|).*")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
HISTORY = "CHANGELOG.md"
COMMANDS = typer.main.get_command(app)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def slugs(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    titles = HEADING.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower() for title in titles)
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in plain}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page: Path) -> None:
    """The file is there, and so is the heading."""
    dead = []
    for place, anchor in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        target = page.parent / place if place else page
        if not target.exists() or (anchor and anchor not in slugs(target)):
            dead.append(f"{place}#{anchor}")
    assert dead == []


def test_every_page_is_found_from_the_index() -> None:
    """By links, from README and docs/index.md on."""
    waiting = [ROOT / "README.md"]
    found = set(waiting)
    for page in waiting:
        for place, _ in LINK.findall(page.read_text(encoding="utf-8")):
            target = (page.parent / place).resolve()
            if target.suffix == ".md" and target not in found:
                found.add(target)
                waiting.append(target)
    assert set(PAGES) - found - {ROOT / HISTORY} == set()


@pytest.mark.parametrize("page", [name for name in NAMES if name != HISTORY])
def test_every_command_that_a_page_shows_is_one(page: str) -> None:
    """A session of the noxfile or a command of gonogo, with options that it has."""
    assert {text: wrong for text in calls(ROOT / page) if (wrong := problem(text))} == {}


def test_the_four_verdicts_have_the_exit_codes_of_the_readme() -> None:
    """What the page says of a pipeline is what happens."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z-]+)` \| .* \| (\d+) \|$", text, re.MULTILINE)
    assert {kind: int(code) for kind, code in rows} == {
        kind.value: EXIT_CODES[kind] for kind in VerdictKind
    }


def calls(page: Path) -> Iterator[str]:
    """What a page types: lines of its blocks, and spans within its sentences."""
    text = page.read_text(encoding="utf-8")
    lines = [line.strip() for block in FENCED.findall(text) for line in joined(block)]
    for typed in (*lines, *SPAN.findall(FENCED.sub("", text))):
        if found := CALL.match(typed):
            yield END.sub("", found[1])


def joined(block: str) -> list[str]:
    """The lines of a block, each with those that continue it."""
    return re.sub(r"\\\n\s*", "", block).splitlines()


def problem(text: str) -> str:
    """What is wrong with a command line."""
    words = shlex.split(text)
    if words[0] == "gonogo":
        return unknown(words[1:])
    session, given = words[2].replace("-", "_"), words[4:] if words[3:4] == ["--"] else words[3:]
    noxfile = load_noxfile()
    if not hasattr(noxfile, session):
        return f"no session {session}"
    try:
        return unknown(words_of(noxfile, session, given))
    except (AssertionError, AttributeError, ValueError):
        return ""  # it calls another program than gonogo, or several


def unknown(words: list[str]) -> str:
    """What of a command line gonogo does not know."""
    command: Any = COMMANDS
    while words and hasattr(command, "commands"):
        name = words[0].replace("-", "_") if words[0][:1] != "-" else words[0]
        if name not in command.commands:
            return "" if name in {"--version", "--help", "-h", "…"} else f"no command {name}"
        command, words = command.commands[name], words[1:]
    known = {form for one in command.params for form in (*one.opts, *one.secondary_opts)}
    if command.context_settings == {**command.context_settings, **PASSING_ON}:
        known |= {f"--{name}" for name in OPTIONS} | {"--strict"}
    asked = {word.partition("=")[0] for word in words if word.startswith("--") and word != "--"}
    wrong = asked - known - {"--help"}
    return f"no option {', '.join(sorted(wrong))}" if wrong else ""
