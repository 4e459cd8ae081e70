"""Every post offers a whitepaper, where its author says or at its end."""

import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path

import pytest
from small_sites import MakeSite, RunPelican, post
from whitepaper_files import AUTHOR, whitepaper

from plugins.mistakes import ContentMistakes

PAPERS = {
    **AUTHOR,
    "whitepapers/practice.md": whitepaper(),
    "whitepapers/older.md": whitepaper("An Older One", "older", date="2020-01-01"),
    "whitepapers/praxis.md": whitepaper("Praxis", "praxis", language="de", date="2023-01-01"),
}
TEMPLATES = {
    "article.html": "{{ article_body(article) }}|{{ article.whitepaper_at_end.slug }}|{{ article.summary }}",
    "page.html": "{{ page.content|safe }}",
    "_call_to_action.html": "<aside>{{ whitepaper.slug }} {{ cta }} {{ article.slug }} {{ SITENAME }}</aside>",
}
NAME = "The Progress Coaching Blog"
PLUGINS = [
    "pelican.plugins.yaml_metadata",
    *map("plugins.{}".format, ("front_matter", "whitepapers", "call_to_action", "feeds")),
]


def built(make_site: MakeSite, files: Mapping[str, str]) -> Path:
    """Build a site with these files; posts in every language are at /slug/."""
    return make_site(
        files,
        templates=TEMPLATES,
        theme="minimal",
        plugins=PLUGINS,
        SITENAME=NAME,
        ARTICLE_LANG_URL="{slug}/",
        ARTICLE_LANG_SAVE_AS="{slug}/index.html",
        CONSENT_TEXTS={"en-1": "Yes.", "de-1": "Ja.", "fr-1": "Oui."},
    )


def body(make_site: MakeSite, text: str, more: str = "") -> list[str]:
    """Build a post and return its page's text, its offer at the end and its summary."""
    site = built(make_site, {**PAPERS, "a.md": post("Trust", body=text, more=more)})
    return (site / "trust/index.html").read_text().split("|")


def test_a_shortcode_becomes_the_form_where_it_stands(make_site: MakeSite) -> None:
    """The form's template gets the whitepaper, the post, the place and all that every page knows."""
    text, at_end, _ = body(make_site, "One.\n\n[whitepaper: practice]\n\nTwo.")
    assert text == f"<p>One.</p>\n<aside>practice text-1 trust {NAME}</aside>\n<p>Two.</p>"
    assert at_end == ""


def test_a_shortcode_at_the_end_is_the_offer_at_the_end(make_site: MakeSite) -> None:
    """The last thing in the text is the place "end", also above footnotes; the others are numbered."""
    text, at_end, _ = body(
        make_site, "[whitepaper: older]\n\nOne.[^1]\n[whitepaper: older]\n\n[whitepaper: practice]\n\n[^1]: Note."
    )
    assert re.findall("<aside>(.*?) trust", text) == ["older text-1", "older text-2", "practice end"]
    assert at_end == ""


@pytest.mark.parametrize(
    "text",
    [
        "```\n[whitepaper: practice]\n```",
        "    [whitepaper: practice]",
        "See `[whitepaper: practice]` there.",
        "<!--\n[whitepaper: practice]\n-->",
    ],
)
def test_what_is_not_alone_on_its_line_or_is_code_stays_text(make_site: MakeSite, text: str) -> None:
    """An example of a shortcode is shown as it is, and the post gets its offer at the end."""
    shown, at_end, _ = body(make_site, text)
    assert "<aside>" not in shown
    assert "[whitepaper: practice]" in re.sub("</?span[^>]*>", "", shown)
    assert at_end == "practice"


@pytest.mark.parametrize(
    "typed",
    [
        "[whitepaper: practice].",
        "See [whitepaper: practice] there.",
        "[Whitepaper: practice]",
        "[whitepaper : practice]",
        "[ whitepaper: practice ]",
        "[whitepaper practice]",
        "[whitepaper:\npractice]",
        "> - [whitepaper: practice].",
    ],
)
def test_a_shortcode_that_is_not_quite_one_stops_the_build(make_site: MakeSite, typed: str) -> None:
    """Readers would see the brackets; the author is told the line, and how to write it."""
    text = f"```\n[whitepaper: an example]\n```\n\n{typed}\n\n[whitepaper: practice]"
    with pytest.raises(ContentMistakes) as raised:
        built(make_site, {**PAPERS, "a.md": post("Trust", body=text)})
    [mistake] = raised.value.mistakes
    assert mistake.line == 13
    assert "Write it alone on a line as [whitepaper: slug]" in mistake.text


def test_links_about_whitepapers_are_links(make_site: MakeSite) -> None:
    """A link whose words are "whitepaper", and an attribute with the sign, are no slips."""
    text = (
        "Our [whitepaper](/whitepapers/practice/), [Whitepaper: it][1]. ![A [whitepaper] here](a.png)\n\n[1]: /x/"
    )
    assert "[whitepaper" not in re.sub("<[^>]*>", "", body(make_site, text)[0])


@pytest.mark.parametrize("typed", ["- One.\n- [whitepaper: nope]", "> Words.\n>\n> [whitepaper: nope]"])
def test_in_a_list_or_a_quote_too_an_unknown_name_is_told_with_its_line(make_site: MakeSite, typed: str) -> None:
    """The line is that of the shortcode, not the file's first."""
    with pytest.raises(ContentMistakes) as raised:
        built(make_site, {**PAPERS, "a.md": post("Trust", body=typed)})
    assert [mistake.line for mistake in raised.value.mistakes] == [8 + len(typed.splitlines())]


def test_lines_around_a_shortcode_stay_what_they_are(make_site: MakeSite) -> None:
    """Without blank lines around it a shortcode still stands alone."""
    text, _, _ = body(make_site, "One\ntwo.\n[whitepaper: practice]\n- a\n- b")
    assert text.replace("\n", " ") == (
        f"<p>One two.</p> <aside>practice text-1 trust {NAME}</aside> <ul> <li>a</li> <li>b</li> </ul>"
    )


def test_feeds_show_a_plain_link(make_site: MakeSite) -> None:
    """A post's HTML holds a paragraph with the whole address of the landing page, and no form."""
    files = {**PAPERS, "a.md": post("Trust", body="One.\n\n[whitepaper: practice]")}
    output = built(make_site, files)
    for feed in ("feed.atom", "feed.rss"):
        text = (output / feed).read_text()
        assert "https://blog.example.com/whitepapers/practice/" in text
        assert "Coaching in Practice" in text
        assert "aside" not in text
        assert "[whitepaper" not in text


def test_pages_show_a_plain_link_too(make_site: MakeSite) -> None:
    """A page outside the blog links to the landing page."""
    page = "---\ntitle: About\n---\n[whitepaper: practice]\n"
    output = built(make_site, {**PAPERS, "pages/about.md": page})
    assert '<a href="/whitepapers/practice/">' in (output / "about/index.html").read_text()


@pytest.mark.parametrize(
    ("more", "offered"),
    [
        ("", "practice"),
        ("whitepaper: older\n", "older"),
        ("lang: de\n", "praxis"),
        ("lang: de-AT\n", "praxis"),
        ("lang: fr\n", ""),
        ("status: hidden\n", "practice"),
    ],
)
def test_without_a_shortcode_the_offer_is_at_the_end(make_site: MakeSite, more: str, offered: str) -> None:
    """It is the whitepaper that the header names, else the newest in the post's language."""
    assert body(make_site, "One.", more)[1] == offered


def test_without_whitepapers_nothing_is_offered(make_site: MakeSite) -> None:
    """A site without whitepapers has posts without calls to action."""
    output = built(make_site, {**AUTHOR, "a.md": post("Trust")})
    assert (output / "trust/index.html").read_text().split("|")[1] == ""


def test_a_summary_never_holds_an_offer(make_site: MakeSite) -> None:
    """Neither one that is written nor one that is cut from the text."""
    assert "practice" not in body(make_site, "One.\n\n[whitepaper: practice]\n\nTwo.")[2]
    text = "---\ntitle: Trust\ndate: 2024-01-02\nauthor: Alice Archer\ncategory: Coaching\n---\n"
    files = {**PAPERS, "a.md": text + "One.\n\n[whitepaper: practice]\n\nTwo."}
    output = built(make_site, files)
    summary = (output / "trust/index.html").read_text().split("|")[2]
    assert [line for line in unescape(summary).splitlines() if line] == ["<p>One.</p>", "<p>Two.</p>"]


def test_an_unknown_whitepaper_stops_the_build(run_pelican: RunPelican, tmp_path: Path) -> None:
    """The author is told file, line, what was perhaps meant and what there is; the exit code says so too."""
    finished = run_pelican({**PAPERS, "a.md": post("Trust", body="One.\n\n[whitepaper: practise]")})
    assert finished.returncode == 1
    assert (
        f'{tmp_path}/content/a.md:11: There is no whitepaper "practise". Did you mean "practice"? '
        "Known are: older, practice, praxis." in finished.stderr
    )
    assert "Traceback" not in finished.stderr


def test_every_unknown_name_is_told_at_once(make_site: MakeSite) -> None:
    """One run tells the mistakes of all posts and pages."""
    files = {
        **AUTHOR,
        "a.md": post("A", body="[whitepaper: x]\n\nAnd again:\n\n[whitepaper: x]"),
        "pages/b.md": "---\ntitle: B\n---\n[whitepaper: a&b]\n",
    }
    with pytest.raises(ContentMistakes) as raised:
        make_site(files)
    assert [(Path(m.path).name, m.line) for m in raised.value.mistakes] == [("a.md", 9), ("a.md", 13), ("b.md", 4)]
    assert "There are none in content/whitepapers/." in str(raised.value)
    assert 'There is no whitepaper "a&b".' in str(raised.value)


def test_a_draft_whitepaper_is_offered_by_drafts_alone(make_site: MakeSite) -> None:
    """A published post that names an unpublished whitepaper stops the build; a draft waits with it."""
    papers = {**AUTHOR, "whitepapers/p.md": whitepaper(more="status: draft\n")}
    make_site(
        {**papers, "a.md": post("A", body="[whitepaper: practice]", more="status: draft\n")}, theme="minimal"
    )
    with pytest.raises(ContentMistakes, match='The whitepaper "practice" is not published yet'):
        built(make_site, {**papers, "a.md": post("A", body="[whitepaper: practice]")})


def test_two_builds_are_the_same(make_site: MakeSite) -> None:
    """The same content gives the same bytes."""
    files = {**PAPERS, "a.md": post("Trust", body="One.\n\n[whitepaper: practice]\n\nTwo.")}
    page = "trust/index.html"
    first = (built(make_site, files) / page).read_bytes()
    assert (built(make_site, files) / page).read_bytes() == first
