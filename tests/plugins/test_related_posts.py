"""Under each post stand three others: those its author names, else those most like it."""

import json
from pathlib import Path

import pytest
from small_sites import ALICE, MakeSite, post

from plugins.mistakes import ContentMistakes

TEMPLATE = {"article.html": "{{ article.related_posts|map(attribute='slug')|list|tojson }}"}
PLUGINS = [
    "pelican.plugins.yaml_metadata",
    "plugins.front_matter",
    "plugins.hidden_posts",
    "plugins.related_posts",
]
ROWING = "Oars, rowlocks, coxswain, sculling and regatta."
BAKING = "Sourdough, oven, crumb, kneading and yeast."
ROWERS = {
    "articles/r1.md": post("R1", "2020-01-01", ROWING, tags="[rowing]"),
    "articles/r2.md": post("R2", "2020-01-02", ROWING, tags="[rowing]"),
    "articles/r3.md": post("R3", "2020-01-03", ROWING, tags="[rowing]"),
    "articles/r4.md": post("R4", "2020-01-04", ROWING, tags="[rowing]"),
}
BAKERS = {f"articles/b{n}.md": post(f"B{n}", f"2024-01-0{n}", BAKING, tags="[baking]") for n in range(1, 6)}
AUTHOR = {"authors/alice-archer.md": ALICE}


def related(make_site: MakeSite, files: dict[str, str]) -> dict[str, list[str]]:
    """The slugs of the related posts, by the slug of each published post."""
    output = make_site({**AUTHOR, **files}, templates=TEMPLATE, theme="minimal", plugins=PLUGINS)
    pages = {path.parent.name: path.read_text() for path in output.glob("*/index.html")}
    return {slug: json.loads(text) for slug, text in pages.items() if text.startswith("[")}


def naming(*slugs: str) -> str:
    """A line of front matter that names related posts."""
    return f"related: [{', '.join(slugs)}]\n"


def test_three_named_posts_are_shown_in_the_authors_order(make_site: MakeSite) -> None:
    """The author's choice is shown as it is, however little the posts are alike."""
    chosen = post("R5", "2020-01-05", ROWING, tags="[rowing]", more=naming("b2", "r1", "b4"))
    assert related(make_site, {**ROWERS, **BAKERS, "r5.md": chosen})["r5"] == ["b2", "r1", "b4"]


def test_of_more_than_three_named_posts_the_first_three_are_shown(make_site: MakeSite) -> None:
    """There are exactly three, and one that is named twice counts once."""
    chosen = post("R5", "2020-01-05", ROWING, more=naming("b2", "b2", "r1", "b4", "b1"))
    assert related(make_site, {**ROWERS, **BAKERS, "r5.md": chosen})["r5"] == ["b2", "r1", "b4"]


@pytest.mark.parametrize(("named", "rest"), [(("b2",), 2), (("b2", "b4"), 1), ((), 3)])
def test_what_is_not_named_is_found_by_text_and_tags(
    make_site: MakeSite, named: tuple[str, ...], rest: int
) -> None:
    """After those that are named come posts on the same subject, though others are newer."""
    chosen = post("R5", "2020-01-05", ROWING, tags="[rowing]", more=naming(*named) if named else "")
    found = related(make_site, {**ROWERS, **BAKERS, "r5.md": chosen})["r5"]
    assert tuple(found[: len(named)]) == named
    assert len(found) == 3
    assert len(set(found[len(named) :]) & {"r1", "r2", "r3", "r4"}) == rest


@pytest.mark.parametrize(("tags", "text"), [("[rowing]", "Quite different words."), ("[other]", ROWING)])
def test_tags_alone_and_text_alone_are_enough(make_site: MakeSite, tags: str, text: str) -> None:
    """A post is like those with its tag, and like those with its rare words."""
    found = related(make_site, {**ROWERS, **BAKERS, "x.md": post("X", "2020-01-05", text, tags=tags)})["x"]
    assert len(found) == 3 and set(found) <= {"r1", "r2", "r3", "r4"}


def test_posts_that_are_like_nothing_get_the_newest(make_site: MakeSite) -> None:
    """Posts without common words and tags have three related ones too."""
    words = {"a": "apple", "b": "banjo", "c": "cedar", "d": "dwarf", "e": "eagle"}
    files = {
        f"{slug}.md": post(slug.upper(), f"2024-01-0{n}", word * 2, tags=f"[{word}]", category=f"{word}s")
        for n, (slug, word) in enumerate(words.items(), 1)
    }
    found = related(make_site, files)
    assert found["a"] == ["e", "d", "c"]
    assert found["e"] == ["d", "c", "b"]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_small_blog_shows_what_there_is(make_site: MakeSite, count: int) -> None:
    """With fewer than four posts each shows all the others, with four each shows three, and none shows itself."""
    found = related(make_site, dict(list(ROWERS.items())[:count]))
    assert {slug: set(others) for slug, others in found.items()} == {
        slug: {other for other in found if other != slug} for slug in found
    }
    assert len(found) == count


@pytest.mark.parametrize(("date", "more"), [("2020-01-06", "status: draft\n"), ("2999-01-01", "")])
def test_what_is_not_out_is_related_to_nothing(make_site: MakeSite, date: str, more: str) -> None:
    """A draft or future post that is named or alike is not shown; another takes its place until it is out."""
    secret = post("Secret", date, ROWING, tags="[rowing]", more=more)
    chosen = post("R5", "2020-01-05", ROWING, tags="[rowing]", more=naming("secret", "b1"))
    found = related(make_site, {**ROWERS, **BAKERS, "r5.md": chosen, "secret.md": secret})
    assert found["r5"][0] == "b1" and len(found["r5"]) == 3
    assert not [slug for slug, others in found.items() if "secret" in others]


def test_a_hidden_post_is_related_to_nothing_and_shows_three(make_site: MakeSite) -> None:
    """Whoever reads a hidden post is led on; nothing leads to it, not even a post that names it."""
    secret = post("Secret", "2020-01-06", ROWING, more="status: hidden\n" + naming("r2"))
    chosen = post("R5", "2020-01-05", ROWING, tags="[rowing]", more=naming("secret", "b1"))
    found = related(make_site, {**ROWERS, **BAKERS, "r5.md": chosen, "secret.md": secret})
    assert found["secret"] == ["r2", "b5", "b4"]
    assert found["r5"][0] == "b1" and len(found["r5"]) == 3
    assert not [slug for slug, others in found.items() if "secret" in others]


def test_a_post_without_words_has_related_posts(make_site: MakeSite) -> None:
    """A post that is only a title and a line, without tags, is no exception."""
    bare = "---\ntitle: X\ndate: 2024-02-01\nauthor: Alice Archer\n---\n***\n"
    found = related(make_site, {**ROWERS, "x.md": bare})
    assert len(found["x"]) == 3 and "x" not in found["x"]


def test_an_unknown_slug_stops_the_build_with_file_and_line(make_site: MakeSite) -> None:
    """Where nobody has the slug that is named, the line is told and a near one proposed."""
    with pytest.raises(ContentMistakes) as raised:
        related(make_site, {**ROWERS, "r5.md": post("R5", more=naming("r1", "r22"))})
    told = str(raised.value).splitlines()[0]
    assert 'r5.md:8: No post has the slug "r22" that related names. Did you mean "r' in told


def test_slugs_on_lines_of_their_own_and_classic_headers_are_read(make_site: MakeSite) -> None:
    """A YAML list over several lines and commas in a classic header are choices too."""
    lines = post("R5", "2020-01-05", ROWING, more="related:\n  - b2\n  - r1\n  - b4\n")
    classic = "Title: R6\nDate: 2020-01-06\nAuthor: Alice Archer\nRelated: b3, r2,b5\n\nText.\n"
    found = related(make_site, {**ROWERS, **BAKERS, "r5.md": lines, "r6.md": classic})
    assert (found["r5"], found["r6"]) == (["b2", "r1", "b4"], ["b3", "r2", "b5"])


def test_the_page_shows_three_cards(make_site: MakeSite) -> None:
    """In the theme each card is a heading with a link to the post."""
    chosen = post("R5", "2020-01-05", ROWING, more=naming("b2", "r1", "b4"))
    output: Path = make_site({**AUTHOR, **ROWERS, **BAKERS, "r5.md": chosen})
    section = (output / "r5/index.html").read_text().partition("Related posts")[2].partition("</section>")[0]
    headings = [part.partition("</h3>")[0] for part in section.split("<h3>")[1:]]
    assert headings == ["<a href=/b2/>B2</a>", "<a href=/r1/>R1</a>", "<a href=/b4/>B4</a>"]
