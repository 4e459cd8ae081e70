"""What is not public is nowhere in the site, and what is hidden is at its own address alone."""

import re
import shutil
from pathlib import Path

import pytest
from small_sites import ALICE, MakeSite, post
from test_sitemap import PAGE, WHITEPAPER

PLUGINS = [
    "pelican.plugins.yaml_metadata",
    "plugins.root_addresses",
    "plugins.hidden_posts",
    "plugins.author_profiles",
]
OPEN = post("Open", body="For everyone.")
NOINDEX = re.compile(r"<meta (?=[^>]*name=\"?robots)[^>]*content=\"?noindex")
DRAFT, FUTURE, GERMAN = "status: draft\n", "2999-01-01", "status: draft\nlang: de\n"
UNPUBLISHED = [("2024-01-02", DRAFT), ("2024-01-02", GERMAN), (FUTURE, ""), (FUTURE, "status: hidden\n")]


def everything(folder: Path) -> dict[str, bytes]:
    """Each file's bytes, by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def naming(folder: Path, mark: str) -> list[str]:
    """The files whose name or text has the mark."""
    files = everything(folder).items()
    return [name for name, data in files if mark in name.lower() or mark.encode() in data.lower()]


@pytest.mark.parametrize(("date", "more"), UNPUBLISHED)
@pytest.mark.parametrize(
    "link", ["{attach}zanzibar.pdf", "{static}zanzibar.pdf", "{attach}./more/../zanzibar.pdf"]
)
def test_what_is_not_out_leaves_no_trace(make_site: MakeSite, date: str, more: str, link: str) -> None:
    """Neither a draft nor a future post, in any language, nor what it attaches by a relative name, is out."""
    files = {
        "articles/open.md": OPEN,
        "articles/plan.md": post("Zanzibar", date, f"[The zanzibar]({link})", tags="[zanzibar]", more=more),
        "articles/zanzibar.pdf": b"%PDF zanzibar",
        "authors/alice-archer.md": ALICE,
    }
    output = make_site(files)
    assert naming(output, "zanzibar") == []
    assert (output / "open/index.html").exists()


@pytest.mark.parametrize(
    "link",
    [
        "![x]({static}/images/secret plan&amp;co.png)",
        "![x]({static}/images/secret%20plan%26co.png)",
        "![x]({filename}../images/secret%20plan%26co.png)",
        "![x](/images/secret%20plan%26co.png)",
        "![x](https://blog.example.com/images/secret%20plan%26co.png)",
        "![x](../images/secret%20plan%26co.png)",
        '<img alt="x" src="data:," srcset="/images/other.png 1x, /images/secret%20plan%26co.png 2x">',
    ],
)
def test_a_picture_that_only_a_draft_shows_is_not_published(make_site: MakeSite, link: str) -> None:
    """However the draft names the file below images/, the file stays where it is; other files are copied."""
    files = {
        "articles/open.md": OPEN,
        "articles/draft.md": post("Draft", body=link, more=DRAFT),
        "images/secret plan&co.png": b"secret",
        "images/free.png": b"free",
    }
    output = make_site(files, theme="minimal", plugins=PLUGINS)
    assert naming(output, "secret") == []
    assert (output / "images/free.png").exists()


@pytest.mark.parametrize(
    "shown",
    [
        "![x]({static}/images/chart.png)",
        "![x](/images/chart.png)",
        "[x](https://blog.example.com/images/chart.png)",
        '<img alt="x" src="data:," srcset="/images/chart.png 2x">',
    ],
)
@pytest.mark.parametrize("kind", ["articles/open.md", "pages/about.md"])
def test_a_picture_that_a_public_page_shows_too_is_published(make_site: MakeSite, kind: str, shown: str) -> None:
    """A draft takes no picture away from what is public."""
    files = {
        kind: post("Open", body=shown),
        "articles/draft.md": post("Draft", body="![x]({static}/images/chart.png)", more=DRAFT),
        "images/chart.png": b"chart",
    }
    output = make_site(files, theme="minimal", plugins=PLUGINS)
    assert (output / "images/chart.png").read_bytes() == b"chart"


def test_a_draft_takes_neither_the_icon_nor_an_authors_picture_away(make_site: MakeSite) -> None:
    """What the site itself and the authors' profiles show stays, whatever a draft links to."""
    big = b"<svg viewBox='0 0 9 9'>" + b" " * 2_000 + b"</svg>"
    alice = ALICE.replace("---\nAlice", "picture: alice.svg\npicture_alt: Alice\n---\nAlice")
    links = "[a]({static}/images/alice.svg) [b]({static}/extra/favicon.svg) [c](/favicon.svg)"
    files = {
        "articles/open.md": OPEN,
        "articles/draft.md": post("Draft", body=links, more=DRAFT),
        "authors/alice-archer.md": alice,
        "images/alice.svg": big,
        "extra/favicon.svg": b"<svg/>",
    }
    output = make_site(files, theme="minimal", plugins=PLUGINS)
    assert (output / "images/alice.svg").read_bytes() == big
    assert (output / "favicon.svg").exists()


@pytest.mark.parametrize("waiting", [{}, {"articles/plan.md": post("Plan", author="Bob Baker", more=DRAFT)}])
def test_a_portrait_waits_for_its_authors_first_public_post(
    make_site: MakeSite, waiting: dict[str, str | bytes]
) -> None:
    """The picture of an author who has nothing public is not in the output; with the first post it is."""
    bob = "---\nname: Bob Baker\npicture: bob.svg\npicture_alt: Bob\n---\n![Bob](/images/bob-at-work.svg)\n"
    files = {
        "articles/open.md": OPEN,
        "authors/bob.md": bob,
        "images/bob.svg": "<svg/>",
        "images/bob-at-work.svg": "<svg/>",
        "images/free.svg": "<svg/>",
        **waiting,
    }
    output = make_site(files, theme="minimal", plugins=PLUGINS)
    assert naming(output, "bob") == []
    assert (output / "images/free.svg").exists()
    out = {**files, "articles/out.md": post("Out", author="Bob Baker")}
    output = make_site(out, theme="minimal", plugins=PLUGINS)
    assert {"images/bob.svg", "images/bob-at-work.svg"} <= set(everything(output))


def test_a_page_that_is_a_draft_is_not_published(make_site: MakeSite) -> None:
    """Neither the page, in any language, nor its attachment is in the output."""
    page = PAGE.format("status: draft\n").replace("about", "zanzibar").replace("Us.", "[x]({attach}zanzibar.pdf)")
    german = page.replace("slug: ", "lang: de\nslug: other-")
    files = {"pages/a.md": page, "pages/b.md": german, "pages/zanzibar.pdf": b"%PDF"}
    output = make_site({"articles/open.md": OPEN, **files}, theme="minimal", plugins=PLUGINS)
    assert naming(output, "zanzibar") == []


def test_a_link_to_what_is_not_out_yet_is_only_words(make_site: MakeSite) -> None:
    """A public post that names next week's post tells its words and not its address; the link comes with it."""
    body = "See [the *next* one]({filename}zanzibar.md#end), and [the last one]({filename}../last.md)."
    files = {
        "articles/open.md": post("Open", body=body),
        "articles/zanzibar.md": post("Zanzibar", FUTURE),
        "last.md": post("Last"),
    }
    output = make_site(files, theme="minimal", plugins=PLUGINS)
    assert naming(output, "zanzibar") == []
    text = (output / "open/index.html").read_text()
    assert 'See the <em>next</em> one, and <a href="/last/">the last one</a>.' in text
    later = {**files, "articles/zanzibar.md": post("Zanzibar")}
    text = (make_site(later, theme="minimal", plugins=PLUGINS) / "open/index.html").read_text()
    assert '<a href="/zanzibar/#end">the <em>next</em> one</a>' in text


@pytest.mark.parametrize("lang", ["", "lang: de\n"])
def test_a_hidden_post_is_at_its_own_address_alone(make_site: MakeSite, lang: str) -> None:
    """It asks robots to stay away, shows what it attaches, and nothing else in the site names it."""
    others = {f"articles/p{n}.md": post(f"P{n}", f"2024-01-{n:02}", "Rare walrus talk.") for n in range(1, 6)}
    hidden = post(
        "Zanzibar",
        "2024-01-03",
        "Rare walrus talk. ![x]({attach}picture.svg)",
        tags="[trust, zanzibar-tag]",
        category="Zanzibar",
        more=f"status: hidden\n{lang}",
    )
    files = {
        **others,
        "articles/zanzibar.md": hidden,
        "articles/picture.svg": "<svg/>",
        "authors/alice-archer.md": ALICE,
        "pages/about.md": PAGE.format(""),
        "whitepapers/asking.md": WHITEPAPER.format(""),
    }
    output = make_site(files)
    assert NOINDEX.search((output / "zanzibar/index.html").read_text())
    assert (output / "zanzibar/picture.svg").exists()
    shutil.rmtree(output / "zanzibar")
    assert naming(output, "zanzibar") == []


def test_a_hidden_page_asks_robots_to_stay_away(make_site: MakeSite) -> None:
    """A hidden page too is at its own address alone."""
    page = PAGE.format("status: hidden\n").replace("about", "zanzibar")
    output = make_site({"articles/open.md": OPEN, "authors/alice-archer.md": ALICE, "pages/zanzibar.md": page})
    assert NOINDEX.search((output / "zanzibar/index.html").read_text())
    shutil.rmtree(output / "zanzibar")
    assert naming(output, "zanzibar") == []
