"""What a stranger types under a post is shown as harmless HTML, quickly, whatever it is."""

import time
from xml.etree import ElementTree

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadapi.comment_markup import LINK_SCHEMES, LONGEST, SHOWN_TAGS, render

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)" onclick=alert(1)>x</a>',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "[x](//evil.example.com)",
    "[x](/api/moderate/abc)",
    "![x](https://example.com/pixel.png)",
    '[x](https://example.com "t\\" onmouseover=alert(1)")',
    "<https://example.com/'onmouseover='alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    "&lt;script&gt;&#60;script&#62;",
    "`</code><script>alert(1)</script>`",
    "```\n</pre><script>alert(1)</script>\n```",
    "<svg><animate onbegin=alert(1)></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "# heading\n\n---\n\nheading\n===",
    "{{7*7}} {% raw %} ${7*7}",
    "\u202eevil\u202c \u2066x\u2069",
]


def _assert_harmless(html: str) -> None:
    tree = html5lib.parseFragment(html, namespaceHTMLElements=False)
    for element in tree.iter():
        if not isinstance(element.tag, str) or element.tag == "DOCUMENT_FRAGMENT":
            continue
        assert element.tag in SHOWN_TAGS
        assert set(element.attrib) <= ({"href", "rel"} if element.tag == "a" else set())
        if element.tag == "a":
            assert element.attrib["rel"] == "nofollow ugc noopener"
            assert element.attrib.get("href", "http://").lower().startswith(LINK_SCHEMES)


def test_the_small_markdown_is_shown() -> None:
    """Emphasis, code, quotes, lists, links and line breaks are what a commenter may use."""
    html = render("*a* **b** `c`\nd\n\n> q\n\n- one\n- two\n\n1. x\n\n[link](https://example.com/?a=1&b=2)")
    for expected in (
        "<em>a</em>",
        "<strong>b</strong>",
        "<code>c</code>",
        "<br>",
        "<blockquote>",
        "<ul>",
        "<ol>",
        '<a href="https://example.com/?a=1&amp;b=2" rel="nofollow ugc noopener">link</a>',
    ):
        assert expected in html


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_never_run(text: str) -> None:
    """No tag, attribute or address outside the short list survives."""
    html = render(text)
    _assert_harmless(html)
    assert render(text) == html


@given(st.text(max_size=300) | st.text("[]()<>!*_`#->\"'&;:/ \nahref=javascript", max_size=300))
def test_any_text_is_harmless(text: str) -> None:
    """Whatever is typed, the page shows only allowed tags."""
    _assert_harmless(render(text))


def test_what_is_not_a_link_stays_readable() -> None:
    """A refused address is shown as it was typed, so that nothing a commenter wrote disappears."""
    assert "[x](javascript:alert(1))" in render("[x](javascript:alert(1))")
    assert "&lt;b&gt;bold&lt;/b&gt;" in render("<b>bold</b>")


def test_more_brackets_than_prose_has_make_no_links() -> None:
    """Beyond a hundred brackets the text stays text, since the search for links is quadratic."""
    assert "<a " in render("[x](https://example.com)" + "[" * 99)
    assert "<a " not in render("[x](https://example.com)" + "[" * 100)


QUADRATIC = ["[", "![", "[](", "[[[]", "[(", "*", "_*", "a*_b", "**a*", "`", "``a`", "> ", "- a\n", "1) a\n"]
SLOW = [
    "\n",
    "<a",
    "<http://a",
    "&#",
    "\\[",
    "a\n",
    "```\n",
    "é*",
    "😀_",
    "[a](<",
    '[a](b "',
    "* a\n\n ",
    ">- ",
]


@pytest.mark.parametrize("unit", [*QUADRATIC, *SLOW])
def test_the_worst_text_costs_at_most_150_ms(unit: str) -> None:
    """No text of the longest allowed length holds the renderer for more than 150 ms of its own time."""
    text = (unit * LONGEST)[:LONGEST]
    render("warm [up](https://example.com)")
    best = min(_cpu_seconds(text) for _ in range(3))
    assert best < 0.150


def _cpu_seconds(text: str) -> float:
    render.cache_clear()
    start = time.thread_time()
    render(text)
    return time.thread_time() - start


def test_the_html_is_well_formed_enough_for_feeds() -> None:
    """The output closes what it opens, so that a feed or page around it cannot be broken."""
    html = render("> - **a\n\n```\n<x>\n\n[b](https://example.com/'\")")
    ElementTree.fromstring("<x>" + html.replace("<br>", "<br/>") + "</x>")
