"""What is wider than the page can be scrolled by keyboard, and says what it is."""

from typing import Any

import pytest
from html5lib import parse
from small_sites import ALICE, MakeSite, post

TABLE = "| What he says | What they hear |\n| --- | --- |\n| *Push* | `a > b` |\n"
CODE = "```python\nprint(1)\n```\n"


def prose(make_site: MakeSite, body: str, kind: str = "articles/a.md") -> Any:
    """Build a post or page with this text and return the element that holds it, parsed."""
    text = post("Trust", body=body) if kind.startswith("articles") else f"---\ntitle: Trust\n---\n{body}\n"
    output = make_site({kind: text, "authors/alice-archer.md": ALICE})
    page = parse((output / "trust/index.html").read_text(), namespaceHTMLElements=False)
    return next(e for e in page.iter("div") if "prose" in (e.get("class") or "").split())


@pytest.mark.parametrize("kind", ["articles/a.md", "pages/a.md"])
def test_a_table_stands_in_a_named_place_that_takes_the_keyboard(make_site: MakeSite, kind: str) -> None:
    """The place scrolls, the table stays a table; it is called by its headings, or by its caption."""
    captioned = "<table><caption>Prices &amp; <b>dates</b></caption><tr><th>A</th></tr></table>"
    bare = "<table class='x'><tr><td><table><tr><td>1</td></tr></table></td></tr></table>"
    text = prose(make_site, f"{TABLE}\n{captioned}\n\n{bare}\n", kind)
    places = [e for e in text.iter("div") if e.get("class") == "scroll"]
    assert [place.get("aria-label") for place in places] == [
        "What he says, What they hear",
        "Prices & dates",
        "Table",
    ]
    assert {(place.get("role"), place.get("tabindex")) for place in places} == {("group", "0")}
    assert [[child.tag for child in place] for place in places] == [["table"]] * 3
    assert len(list(text.iter("table"))) == 4
    parents = {child: parent for parent in text.iter() for child in parent}
    assert parents[places[2]].tag in ("div", "td")


@pytest.mark.parametrize("kind", ["articles/a.md", "pages/a.md"])
def test_code_takes_the_keyboard(make_site: MakeSite, kind: str) -> None:
    """Fenced, indented and typed code; one that has its place in the order keeps it."""
    text = prose(
        make_site, f"{CODE}\nText.\n\n    <pre>\n\n<pre class='x'>1</pre>\n\n<pre tabindex='-1'>1</pre>", kind
    )
    assert [e.get("tabindex") for e in text.iter("pre")] == ["0", "0", "0", "-1"]


def test_a_text_about_elements_is_a_text(make_site: MakeSite) -> None:
    """Only elements are changed."""
    text = prose(make_site, "Write `<table></table>` and &lt;pre>.")
    assert "".join(text.find("p").itertext()) == "Write <table></table> and <pre>."
