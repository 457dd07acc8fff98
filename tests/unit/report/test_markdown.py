"""Texts in Markdown: whatever they hold, they show as they are and do nothing."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gonogo.report.markdown import code, escape, table
from gonogo.report.text import visible

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def shown(markdown: str) -> str:
    """The plain text that a reader sees; fails when there is more than text in it."""
    kinds, text = set(), ""
    for block in READER.parse(markdown):
        for inline in block.children or ():
            kinds.add(inline.type)
            text += inline.content
    assert kinds <= {"text", "text_special"}, kinds
    return text


@given(st.text(alphabet=st.sampled_from("ab1 *_`<>[]()!#+-=.|~&\\$@:/é\u2028\t\n"), max_size=30))
@example("# a heading")
@example("---")
@example("1. one")
@example("[a](javascript:b)")
@example("<script>x</script>")
@example("&lt;")
def test_an_escaped_text_shows_as_it_is(text: str) -> None:
    """In a list as in a table, a reader sees the text, and nothing of it is markup."""
    line = " ".join(visible(text).split())
    assert shown(f"- {escape(line)}") == line
    cells = READER.parse("\n".join(table(["a"], [[escape(line)]])))
    assert [cell.content for cell in cells if cell.type == "inline"][1:] != []
    assert shown("\n".join(table(["a"], [[escape(line)]]))) == f"a{line}"


@pytest.mark.parametrize("text", ["@team", "https://evil.example", "www.evil.example", "$x^2$"])
def test_what_github_reads_beside_markdown_is_broken_up(text: str) -> None:
    """No mention, no link, no formula: a backslash stands where GitHub would see one."""
    assert "\\" in escape(text)


@pytest.mark.parametrize("text", ["97.5 % (195 of 200)", "81.0 %", "-0.5 h", "70 % .. 85 %"])
def test_a_figure_needs_no_escape(text: str) -> None:
    """What we write most reads well in the file too."""
    assert escape(text) == text


@pytest.mark.parametrize("text", ["< 80 %", "a`b", "``", "`x", ""])
def test_code_shows_as_it_is(text: str) -> None:
    """A text in code is that text, whatever backticks it holds; nothing stays nothing."""
    blocks = READER.parse(code(text))
    told = [inline.content for block in blocks for inline in block.children or ()]
    assert told == ([text] if text else [])


def test_code_in_a_table_does_not_end_its_cell() -> None:
    """A pipe within code stays within its cell."""
    cells = READER.parse("\n".join(table(["a", "b"], [[code("x|y"), "z"]])))
    assert [cell.content for cell in cells if cell.type == "inline"] == ["a", "b", "`x|y`", "z"]
