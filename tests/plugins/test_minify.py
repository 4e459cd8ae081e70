"""A minified page is the same page."""

import html5lib
import pytest
from small_sites import ALICE, MakeSite, post

from plugins.minify import minified

FRAME = '<!doctype html>\n<html lang="en">\n<head>\n<title>t</title>\n</head>\n<body>\n{}\n</body>\n</html>\n'


def page(body: str) -> str:
    """A whole page with this body."""
    return FRAME.format(body)


@pytest.mark.parametrize(
    "kept",
    [
        "<style>a  >  b{color:red}/* kept */</style>",
        '<script type=application/ld+json>{"a":  "x < y && z",\n "b": "</scrip"}</script>',
        "<pre>\n\n  two  spaces <b>x</b>   <i>y</i>\n\n</pre>",
        "<pre><code>if a:\n    <span>b</span>  <span>c</span>\n</code></pre>",
        "<textarea>\n\n  a  b\n</textarea>",
        "<title>t</title>",
        "[[shell:main]]",
        "<html lang=en><head>",
        "</head><body>",
        "</body></html>",
    ],
)
def test_what_must_stay_stays(kept: str) -> None:
    """Styles, data, preformatted text, the shell's places and the tags of the frame keep their bytes."""
    assert kept in minified(page(kept) if kept.startswith(("<s", "<p", "<te", "[")) else page(""))


@pytest.mark.parametrize("tag", ["p", "li", "div", "section", "form", "nav", "blockquote", "td", "figcaption"])
@pytest.mark.parametrize(
    "line",
    [
        "<a href=/a>one</a> <a href=/b>two</a>",
        "one <b>two</b>\n<i>three</i> four",
        "<label for=x>x</label> <input id=x> <button>y</button>",
        "<time>May</time> <span>by</span> <cite>Bob</cite>",
    ],
)
def test_words_stay_apart(tag: str, line: str) -> None:
    """A space between two pieces of a line is still there, whatever element holds the line."""

    def words(html: str) -> list[str]:
        body = html5lib.parse(html, namespaceHTMLElements=False).find("body")
        return "".join(body.itertext()).split()

    before = page(f"<{tag}>{line}</{tag}>")
    assert words(minified(before)) == words(before)


@pytest.mark.parametrize(
    "body",
    [
        "<p title='it&#39;s &quot;x&quot;'>&lt;b&gt; &amp;lt; &amp; &copy; a&nbsp;b</p>",
        "<a href='/x?a=1&amp;copy=2&amp;b='>x</a><a href=''>y</a>",
        "<!-- gone --><ul>\n  <li>a</li>\n  <li>b</li>\n</ul>\n<table><tbody><tr><td>x</td></tr></tbody></table>",
        "<svg viewBox='0 0 1 1'><path d='M0 0'/></svg><input value='x' disabled><br>\nx",
    ],
)
def test_minifying_changes_no_element_and_no_text(body: str) -> None:
    """A parser reads the same elements, attributes and words; a second time changes nothing."""

    def read(html: str) -> list[object]:
        tree = html5lib.parse(html, namespaceHTMLElements=False)
        found = [(e.tag, sorted(e.attrib.items()), (e.text or "").split(" ")) for e in tree.iter()]
        return [(tag, attributes, [word for word in words if word.strip()]) for tag, attributes, words in found]

    small = minified(page(body))
    assert read(small) == [element for element in read(page(body)) if "Comment" not in repr(element)]
    assert minified(small) == small


def test_indentation_and_comments_go() -> None:
    """A page carries no space for the eyes of those who write templates."""
    assert minified(page("<!-- c -->\n<div>\n    <p>\n  a\n  </p>\n</div>")) == (
        "<!doctype html><html lang=en><head><title>t</title></head><body><div><p>a</p></div></body></html>"
    )


def test_pages_are_minified_and_documents_are_not(make_site: MakeSite) -> None:
    """Every page that is written is minified once; feeds are left alone."""
    files = {
        "articles/trust.md": post("On Trust", body="```\na  b\n\n    c\n```"),
        "authors/alice-archer.md": ALICE,
    }
    output = make_site(files, theme="minimal")
    pages = [path.read_text() for path in output.rglob("*.html")]
    assert len(pages) > 5 and all(minified(text) == text for text in pages)
    assert "a  b" in (output / "on-trust/index.html").read_text()
    assert "[[shell:title]]" in (output / "page-shell.html").read_text()
    assert (output / "feed.atom").read_text().startswith("<?xml")
