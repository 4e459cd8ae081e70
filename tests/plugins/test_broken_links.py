"""No page goes out with a link to a file that is not there."""

import pytest
from small_sites import ALICE, MakeSite, post

from plugins.mistakes import ContentMistakes

ALICE_ALONE: dict[str, str | bytes] = {"authors/alice-archer.md": ALICE}
WHITEPAPER = """---
title: Asking
summary: A paper.
edition: "1"
language: en
date: 2024-01-01
---
## One

Words.
"""
PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


def site(body: str, more: str = "") -> dict[str, str | bytes]:
    """A post with this text beside another post and a picture."""
    return {
        "articles/trust.md": post("On Trust"),
        "articles/a post.md": post("On Asking", body=body, more=more),
        "images/a chart.svg": PICTURE,
        "authors/alice-archer.md": ALICE,
    }


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("[x]({filename}trst.md)", "articles/trst.md"),
        ("[x]({filename}/articles/trst.md#part)", "articles/trst.md"),
        ("![A chart]({static}/images/a%20chrt.svg)", "images/a chrt.svg"),
        ("![A chart]({attach}../images/none.png)", "images/none.png"),
        ("<a href='{static}/images/nope.pdf'>x</a>", "images/nope.pdf"),
    ],
)
def test_a_link_to_a_missing_file_stops_the_build(make_site: MakeSite, typed: str, path: str) -> None:
    """The author reads the file, the line and the path that was looked for."""
    with pytest.raises(ContentMistakes) as told:
        make_site(site(f"First.\n\nThen {typed} and more."))
    assert f'a post.md:11: There is no file "{path}" in ' in str(told.value)


def test_a_slip_is_helped(make_site: MakeSite) -> None:
    """The nearest file there is stands in the message."""
    with pytest.raises(ContentMistakes, match=r'Did you mean "articles/trust\.md"\?'):
        make_site(site("[x]({filename}trst.md)"))


def test_good_links_and_examples_pass(make_site: MakeSite) -> None:
    """Links that lead somewhere, pages of the site, and links inside code build."""
    body = (
        "[x]({filename}trust.md#top) ![A chart]({static}/images/a%20chart.svg) [y]({category}Coaching) "
        "[z](/on-trust/) `[x]({filename}nope.md)`"
    )
    output = make_site(site(body))
    assert (output / "images" / "a chart.svg").exists()


def test_a_dead_link_is_words_where_the_site_is_built_all_the_same(make_site: MakeSite) -> None:
    """A folder that is not strict is built, and no reader meets what only Pelican understands."""
    output = make_site(
        site("See [the other]({filename}trst.md) and [this]({filename}trust.md)."), CHECK_STRICT=False
    )
    text = (output / "on-asking/index.html").read_text()
    assert "See the other and <a href=/on-trust/>this</a>." in text


def test_a_draft_may_name_what_is_to_come(make_site: MakeSite) -> None:
    """What is not public is not held up, nor does it hold up the rest."""
    make_site(site("![A chart]({static}/images/to-come.png)", more="status: draft\n"))


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("[x](/nope/)", 'No page or file has the address "/nope/". Put the file there, or correct the link.'),
        ("[x](/on-trsut/#part)", 'No page or file has the address "/on-trsut/#part". Did you mean "/on-trust/"?'),
        ("[x](https://blog.example.com/on-trus/)", 'the address "/on-trus/". Did you mean "/on-trust/"?'),
        ("[x](/articles/trust.md)", 'No page has the address "/articles/trust.md". Write {filename}trust.md.'),
        ("![A chart](/images/nope.png)", 'No page or file has the address "/images/nope.png".'),
        ("![A chart](/images/a%20chrt.svg)", 'Did you mean "/images/a chart.svg"?'),
        ("<img alt=x src=/images/nope.png>", 'No page or file has the address "/images/nope.png".'),
        ("![A chart](images/nope.png)", "Put the file into content/images/ and write {static}/images/nope.png."),
        ("![A chart](a%20chart.svg)", "Write {static}/images/a%20chart.svg."),
        ("![A chart](pic.png)", "Write {attach}pic.png."),
        (
            "[x](trust.md)",
            '"trust.md" is looked for below the post\'s own address, and is not there. Write {filename}',
        ),
        ("[x](../articles/trust.md)", "Write {filename}trust.md."),
        ("[x](on-trust)", "Write {filename}trust.md."),
        (
            "[x](../nope)",
            "Write {filename} and the path of the post's file, or an address that begins with a slash.",
        ),
        ("[x](www.example.com)", "Write https://www.example.com."),
        ("[x]()", "The link has no address. Write one between the round brackets."),
        ("[x][1].\n\n[1]: /nope/\n\nLater", 'No page or file has the address "/nope/".'),
        ("[x](/later/)", '"/later/" is not public yet. Write {filename}/later.md: until it is, its words stand'),
        ("[x]({tag}trst)", 'No public post has the tag "trst". Correct the link.'),
        ("[x]({author}Alice%20Archer)", "Write it between angle brackets: <{author}Alice Archer>."),
        ("[x]({file}trust.md)", "{file} is unknown. Write {filename} for a post, {static} for a picture or file."),
        ("[x]({static}trust.md)", '"articles/trust.md" is a post or page. Write {filename}trust.md.'),
        ("[x]({filename}../authors/alice-archer.md)", '"authors/alice-archer.md" is no post or page. Write'),
    ],
)
def test_a_link_that_leads_nowhere_stops_the_build(make_site: MakeSite, typed: str, told: str) -> None:
    """Whatever way it is written, the author reads the line and what to write instead."""
    files = site(f"First `[x](/nope/)`.\n\nThen {typed} and more.")
    files |= {"later.md": post("Later", "2999-01-01"), "articles/pic.png": b"a picture"}
    with pytest.raises(ContentMistakes) as raised:
        make_site(files)
    [mistake] = raised.value.mistakes
    assert mistake.line == (13 if "\n" in typed else 11)
    assert told in mistake.text


def test_what_the_site_and_its_service_answer_can_be_linked(make_site: MakeSite) -> None:
    """Lists, feeds, pages of lists, anchors, mail addresses and the service are no mistakes."""
    links = (
        "/ /category/coaching/ /tag/trust /author/alice-archer/ /archives/ /archives/2024/ /feed.atom /feed.rss "
        "/feed.json /page/1/ /sitemap.xml /robots.txt /404.html "
        "/on-trust/index.html /on-trust/#part /on-trust/?from=mail #part ?a=b "
        "/images/a%20chart.svg /on-asking/pic.svg /api/privacy /admin/ mailto:a@example.com https://example.com/x "
        "https://blog.example.com/on-trust/ https://blog.example.com {index} {tag}trust"
    )
    body = " ".join(f"[x]({link})" for link in links.split())
    make_site(
        {
            **site(f"## Part\n\n{body} [x](<{{author}}Alice Archer>) ![P]({{attach}}pic.svg) <me@example.com>"),
            "articles/trust.md": post("On Trust", body="## Part\n\nWords."),
            "articles/pic.svg": b"<svg/>",
        }
    )


def test_a_link_is_not_helped_by_the_post_itself(make_site: MakeSite) -> None:
    """Nearest to a mistyped name may be the post that it stands in, which is never meant."""
    with pytest.raises(ContentMistakes, match=r"in .*/content/\. Put the file there, or correct the link\."):
        make_site({**ALICE_ALONE, "a-long-name.md": post("A", body="[x]({filename}a-long-nam.md)")})
    with pytest.raises(ContentMistakes, match=r'address "/on-askng/"\. Put the file there, or correct the link\.'):
        make_site({**ALICE_ALONE, "a.md": post("On Asking", body="[x](/on-askng/)")})


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("[x](#prat)", 'This text has no part "#prat". Did you mean "#part"?'),
        ("[x]({filename}trust.md#prt)", '"On Trust" has no part "#prt". Did you mean "#part"?'),
        (
            "[x](/on-trust/#nowhere)",
            '"On Trust" has no part "#nowhere". There are #part. Mend the link, or write {#',
        ),
        ("[x](https://blog.example.com/on-trust/#nowhere)", '"On Trust" has no part "#nowhere".'),
    ],
)
def test_a_link_to_a_part_that_is_not_there_is_told(make_site: MakeSite, typed: str, told: str) -> None:
    """A page that opens at its top, not at what was promised, is told with the line and the parts there are."""
    files = {**site(f"## Part\n\nThen {typed}."), "articles/trust.md": post("On Trust", body="## Part\n\nWords.")}
    with pytest.raises(ContentMistakes) as raised:
        make_site(files)
    [mistake] = raised.value.mistakes
    assert mistake.line == 11
    assert told in mistake.text


def test_parts_are_all_that_has_an_id(make_site: MakeSite) -> None:
    """Headings, named paragraphs, footnotes, HTML and the theme's own rooms can be linked to."""
    body = (
        "## One & Two\n\n## Named {#mine}\n\nWords.[^1]\n{: #words }\n\n<div id='html'></div>\n\n"
        "[^1]: A note.\n\n"
        "[x](#mine) [x](#words) [x](#html) [x](#comments) [x](#comment-12) [x](#top) [x](#) [x](#one-two) "
        "[x](/archives/#2024)"
    )
    output = make_site(site(body))
    assert "id=one-two" in (output / "on-asking/index.html").read_text()


@pytest.mark.parametrize("typed", ["[x]({static}../whitepapers/asking.md)", "[x]({attach}draft.md)"])
def test_a_link_that_would_publish_a_text_is_an_error(make_site: MakeSite, typed: str) -> None:
    """The text of a whitepaper or a draft is never copied to the public site, strict or not."""
    files = site(f"First.\n\nThen {typed}.")
    files |= {"whitepapers/asking.md": WHITEPAPER, "articles/draft.md": post("Draft", more="status: draft\n")}
    with pytest.raises(ContentMistakes) as raised:
        make_site(files, CHECK_STRICT=False)
    [mistake] = raised.value.mistakes
    assert mistake.line == 11
    assert not mistake.warning


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("<script>alert(1)</script>", "blocks <script>: readers would not get it. Take it out."),
        (
            "<iframe src='https://example.com/film'></iframe>",
            "blocks <iframe>: readers would not get it. Link to it",
        ),
        (
            "<video controls src='/images/film.mp4'></video>",
            "blocks <video>: readers would not get it. Link to it",
        ),
        ("<span style='color: red'>x</span>", "blocks style=, so it has no effect. Take it out."),
        ("*x*{style='color: red'}", "blocks style=, so it has no effect. Take it out."),
        ("<b onclick='x()'>x</b>", "blocks onclick=, so it has no effect. Take it out."),
        ("[x](javascript:alert(1))", "blocks javascript: links. Take it out."),
        (
            "![A chart](https://example.com/a/chart.png)",
            "The picture is at example.com; the site's security policy blocks pictures from elsewhere. "
            "Put it into content/images/ and write {static}/images/chart.png.",
        ),
        ("![A chart](//example.com/chart.png)", "The picture is at example.com;"),
    ],
)
def test_what_the_sites_policy_blocks_stops_the_build(make_site: MakeSite, typed: str, told: str) -> None:
    """On the published site it would not be there, so the author is told before."""
    with pytest.raises(ContentMistakes) as raised:
        make_site(site(f"First.\n\nThen {typed} and more."))
    [mistake] = [one for one in raised.value.mistakes if "/images/film.mp4" not in one.text]
    assert told in mistake.text
    assert mistake.line == 11 or "{style" in typed


def test_examples_and_tables_are_not_blocked(make_site: MakeSite) -> None:
    """Code that shows a script, and the alignment that Markdown writes into a table's cells, pass."""
    make_site(site("`<script>`\n\n```html\n<iframe style='x'></iframe>\n```\n\n| a | b |\n|--:|:-:|\n| 1 | 2 |\n"))


def test_a_picture_without_words_is_told_once_and_stops_nothing(
    make_site: MakeSite, capfd: pytest.CaptureFixture[str]
) -> None:
    """The warning names file and line; an ornament can be marked as one."""
    picture = "({static}/images/a%20chart.svg)"
    body = f"One.\n\nTwo ![]{picture}, ![]{picture}{{role=presentation}} and ![Words]{picture}."
    make_site(site(body), CHECK_STRICT=False)
    said = [line for line in capfd.readouterr().err.splitlines() if "picture" in line.lower()]
    assert len(said) == 1
    assert "/articles/a post.md:11: Warning: The picture" in said[0]
    assert "says nothing to readers who cannot see it. Write ![What it shows]" in said[0]
