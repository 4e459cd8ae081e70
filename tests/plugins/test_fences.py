"""A code block that is never closed is found where it is opened, as the site's Markdown understands it."""

import re

import pytest
from markdown import Markdown
from pelican.settings import read_settings
from small_sites import ROOT

from plugins.front_matter.fences import unclosed_fences

BLOCK = re.compile(r'<div class="highlight">.*?</div>', re.DOTALL)
CLOSED = [
    "```\na\n```",
    "```python\na\n```\n",
    "~~~~ {.py}\n~~~\n~~~~",
    "````md\n```\nb\n```\n````",
    "- item\n\n    ```py\n    a\n    ```\n",
    "> ```\n> a\n>\n> b\n> ```\n",
    "> - x\n>\n>     ```\n>     a\n>     ```\n",
    "Text\n\n    ```\n    an example of a fence\n",
    "Words with ```code``` in them.",
    "```\tpy\na\n```  ",
    "!!! note\n    ```\n    a\n\n    b\n    ```\n",
]
OPEN = [
    ("One\n\n```python\na\n", 2),
    ("```\na\n````", 0),
    ("````\na\n```\n", 0),
    ("```\na\n~~~", 0),
    ("~~~\na\n\nb", 0),
    ("```\na\n```\n\nb\n\n```\nc", 6),
    ("- item\n\n    ```py\n    a\n  b\n    ```x\n", 2),
    ("> ```\n> a\n\nb\n", 0),
    ("```\na\n ```\n", 0),
]


@pytest.mark.parametrize("text", CLOSED)
def test_closed_blocks_and_examples_pass(text: str) -> None:
    """Blocks in lists, quotes and notes, longer marks around shorter ones, and fences shown as code are closed."""
    assert list(unclosed_fences(text)) == []


@pytest.mark.parametrize(("text", "line"), OPEN)
def test_a_block_that_is_not_closed_is_found_at_its_beginning(text: str, line: int) -> None:
    """Other marks, fewer or more of them, a step further in, and the end of a quote close no block."""
    assert next(unclosed_fences(text))[0] == line


def test_markdown_sees_it_alike() -> None:
    """The site's own Markdown shows the marks of what is found open, and none of what is closed."""
    markdown = Markdown(**read_settings(str(ROOT / "pelicanconf.py"))["MARKDOWN"])
    for text in CLOSED[:7]:
        assert "``" not in BLOCK.sub("", markdown.reset().convert(text)), text
    for text, _ in OPEN:
        html = markdown.reset().convert(text)
        assert "highlight" not in html or "```" in html or "~~~" in html or "<code>c" in html, text
