"""Long work says how far it has come; short work says nothing."""

import io
import re

from rich.console import Console

from plugins.incremental.progress import LEAST, told


def said(total: int, *, terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
    assert list(told("Writing pages", total, iter(range(total)), console)) == list(range(total))
    return str(console.file.getvalue())  # type: ignore[attr-defined]  # a StringIO


def test_a_log_gets_a_few_lines_with_counts_and_the_time_that_is_left() -> None:
    """Each is a line of its own, the last without a rest."""
    lines = said(1_200, terminal=False).splitlines()
    assert [re.sub(r"about \d+ s", "about N s", line) for line in lines] == [
        "Writing pages: 300 of 1,200, about N s left",
        "Writing pages: 600 of 1,200, about N s left",
        "Writing pages: 900 of 1,200, about N s left",
        "Writing pages: 1,200 of 1,200",
    ]


def test_a_terminal_gets_a_bar_that_goes_when_all_is_done() -> None:
    """With counts; nothing of it stays."""
    bar = said(1_200, terminal=True)
    assert "1200/1200" in bar
    assert bar.rstrip().endswith("\x1b[2K")


def test_what_is_done_in_a_moment_is_done_silently() -> None:
    """A blog of some hundred posts is built without a word more."""
    assert said(LEAST - 1, terminal=False) == said(LEAST - 1, terminal=True) == ""
