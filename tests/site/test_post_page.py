"""The page of a post holds in the file itself all that was promised of it: no script is needed to read it."""

import base64
import gzip
import hashlib
import json

import pytest
from built_site import POST, Page, Site, words

TITLE = "Why Sales Management Does NOT Work"
BEFORE, AFTER = "Coaching Attitude Development", "Training Reinforcement: Idea # 1"
RELATED = {
    "Overcoming Resistance to Change in the Workplace: Debating AI's Role in Professional Development",
    "The Future of Leadership: Balancing AI Coaching Tools with the Human Touch",
    "Elevate Your Leadership with Coaching Champions",
}


@pytest.fixture(scope="module")
def post(published: Site) -> Page:
    """The post that the promises name."""
    return published.page(POST)


def straight(text: str) -> str:
    """The text with plain quotes, as the promises are typed."""
    return text.replace("’", "'")


def test_the_post_shows_what_was_promised(post: Page) -> None:
    """Title, date, author, number of comments, reading time, category and tags stand on the page."""
    whole = words(post.all("main")[0])
    assert [words(heading) for heading in post.all("h1")] == [TITLE]
    assert "May 31, 2012" in whole
    assert "Codie Lynn Thompson" in whole
    assert "0 comments" in whole
    assert "min read" in whole
    assert [words(link) for link in post.all("a", href="/category/sales/")]
    assert len(post.all("a", rel="tag")) == 3
    assert "About the Author" in whole and "Leave a Reply" in whole


def test_the_neighbours_are_named_by_their_titles(post: Page) -> None:
    """The previous and the next post are links with their titles."""
    assert [BEFORE in words(link) for link in post.all("a", rel="prev")] == [True]
    assert [AFTER in words(link) for link in post.all("a", rel="next")] == [True]


def test_exactly_three_related_posts_are_the_authors_choice(post: Page) -> None:
    """The three posts that the front matter names, and no other."""
    titles = {straight(words(heading)) for card in post.all("li", class_="card") for heading in card.iter("h3")}
    assert titles == RELATED
    assert len(post.all("li", class_="card")) == 3


def test_every_post_has_exactly_three_related_posts(published: Site) -> None:
    """Where the author names none, they are found; never the post itself, none twice."""
    for page in published.pages:
        if not page.all("meta", property="article:published_time"):
            continue
        links = [link.get("href") for card in page.all("li", class_="card") for link in card.iter("a")]
        assert len(set(links)) == 3 and page.address not in links, page.address


def test_the_call_to_action_opens_without_javascript(post: Page) -> None:
    """The button is the summary of a native <details> that holds the whole form."""
    [details] = [element for element in post.all("details") if "Click me" in words(element.find("summary"))]
    [form] = details.iter("form")
    assert form.get("method") == "post" and form.get("action") == "/api/leads"
    fields = {field.get("name"): field for field in form.iter("input")}
    typed = {"email", "name", "company", "marketing_consent", "website"}
    assert typed | {"whitepaper", "post", "cta", "consent_version"} == set(fields)
    assert "required" in fields["email"].attrib and "required" in fields["name"].attrib
    assert "checked" not in fields["marketing_consent"].attrib
    assert fields["post"].get("value") == POST.strip("/")
    assert "submission_id" not in fields


def test_leave_a_reply_works_without_javascript(post: Page) -> None:
    """The comment form posts to the service with labels for all its fields."""
    [form] = [form for form in post.all("form") if form.get("action") == "/api/comments"]
    names = {field.get("name") for tag in ("input", "textarea") for field in form.iter(tag)}
    assert names == {"post", "parent", "name", "email", "body", "website"}


def test_every_field_has_a_label(published: Site) -> None:
    """A screen reader names each field."""
    for page in published.pages:
        labelled = {label.get("for") for label in page.all("label")}
        for tag in ("input", "textarea"):
            for field in page.all(tag):
                assert field.get("type") == "hidden" or field.get("id") in labelled, (page.address, field.attrib)


def test_pages_carry_one_style_and_no_inline_script(published: Site) -> None:
    """The strict policy holds: one style, the same on each page, with the hash of the index; scripts are files."""
    promised = json.loads((published.folder / "public-index.json").read_text())["style_hash"]
    for page in published.pages:
        [style] = page.all("style")
        digest = base64.b64encode(hashlib.sha256(style.text.encode()).digest()).decode()
        assert f"sha256-{digest}" == promised, page.address
        for element in page.tree.iter():
            assert not [name for name in element.attrib if name == "style" or name.startswith("on")], page.address
        for script in page.all("script"):
            assert script.get("type") == "application/ld+json" or script.get("src", "").startswith("/theme/")


def test_the_page_is_light(published: Site, post: Page) -> None:
    """At gzip level 9, HTML with its style is 12 kB at most, the script 4 kB, in three requests at most."""
    scripts = [script.get("src") for script in post.all("script") if script.get("src")]
    styles = [link.get("href") for link in post.all("link", rel="stylesheet")]
    pictures = [image.get("src") for image in post.all("img") if not image.get("src").startswith("data:")]
    assert 1 + len(scripts) + len(styles) + len(pictures) <= 3

    def packed(paths: list[str]) -> int:
        return sum(len(gzip.compress((published.folder / path.lstrip("/")).read_bytes(), 9)) for path in paths)

    assert packed([f"{POST}index.html", *styles]) <= 12_000
    assert packed(scripts) <= 4_000
    assert all("defer" in script.attrib for script in post.all("script") if script.get("src"))
