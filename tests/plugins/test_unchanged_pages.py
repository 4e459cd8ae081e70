"""A page is rendered when something that it is made of has changed, and left alone otherwise."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pelican.plugins import signals
from pelican.settings import read_settings
from small_sites import ALICE, ROOT, MakeSite, post

FILES: dict[str, Any] = {
    "authors/alice-archer.md": ALICE,
    "pages/about.md": "---\ntitle: About\nsummary: Who we are.\nslug: about\n---\nUs.\n",
    **{f"p{n:02}.md": post(f"P{n:02}", f"2024-01-{n + 1:02}", f"Body {n}.") for n in range(25)},
}
Rendered = Callable[..., set[str]]


@pytest.fixture
def rendered(make_site: MakeSite, tmp_path: Path) -> Rendered:
    """Builds on what the last build has left, and tells which pages were rendered."""
    log = tmp_path / "written.txt"

    def follow(path: str, **_: Any) -> None:
        with log.open("a") as file:
            file.write(f"{path}\n")

    follow.works_on_the_file_alone = True  # type: ignore[attr-defined]

    class Following:
        @staticmethod
        def register() -> None:
            signals.content_written.connect(follow, weak=False)

    def build(files: dict[str, Any] = FILES, **settings: Any) -> set[str]:
        log.write_text("")
        kept = {"CACHE_PATH": str(tmp_path / "cache"), "DELETE_OUTPUT_DIRECTORY": True, "OUTPUT_IS_REAL": False}
        settings = {**kept, **settings}
        plugins = [*names(), Following]
        trees = make_site(files, PLUGINS=plugins, keep_output=True, **settings).resolve().parent
        written = [Path(line).relative_to(trees) for line in log.read_text().splitlines()]
        return {Path(*path.parts[1:]).as_posix() for path in written}

    build()
    return build


def names() -> list[str]:
    """The plugins of this site, without those that draw."""
    slow = ("plugins.whitepaper_pdf", "plugins.social_cards")
    return [name for name in read_settings(str(ROOT / "pelicanconf.py"))["PLUGINS"] if name not in slow]


def test_of_a_site_that_is_as_it_was_no_page_is_rendered(rendered: Rendered) -> None:
    """Neither posts nor listings, nor any other page."""
    assert rendered() == set()


def test_another_word_in_a_post_concerns_it_and_the_pages_that_show_it(rendered: Rendered) -> None:
    """Its own page is rendered, and pages of posts that have nothing to do with it are not."""
    found = rendered({**FILES, "p05.md": post("P05", "2024-01-06", "Another body.")})
    assert "p05/index.html" in found
    assert {f"p{n:02}/index.html" for n in range(25)} - found


def test_a_new_post_concerns_few_pages(rendered: Rendered) -> None:
    """A full numbered page, and posts that are neither its neighbours nor akin to it, stay as they are."""
    found = rendered({**FILES, "new.md": post("New", "2024-02-01", "Quite new.", tags="[fresh]")})
    assert {"new/index.html", "index.html", "p24/index.html"} <= found
    assert "page/1/index.html" not in found
    assert "p03/index.html" not in found


def test_what_is_gone_leaves_no_page(rendered: Rendered, tmp_path: Path) -> None:
    """The page of a post that was deleted, and of a tag that no post has any more, go with it."""
    rendered({**FILES, "new.md": post("New", "2024-02-01", tags="[fresh]")})
    assert (tmp_path / "output" / "tag" / "fresh" / "index.html").exists()
    rendered()
    assert not (tmp_path / "output" / "new").exists()
    assert not (tmp_path / "output" / "tag" / "fresh").exists()


def test_another_template_concerns_the_pages_that_take_it_in(rendered: Rendered) -> None:
    """A part of posts concerns posts alone, though all templates have it in reach."""
    assert rendered(templates={"_comments.html": "<p>Said.</p>"}) == {f"p{n:02}/index.html" for n in range(25)}


def test_another_setting_concerns_every_page(rendered: Rendered) -> None:
    """The site's name stands on all of them."""
    assert {"index.html", "p03/index.html", "about/index.html"} <= rendered(SITENAME="Another Blog")


def test_a_file_of_the_site_that_somebody_changed_is_written_again(rendered: Rendered, tmp_path: Path) -> None:
    """Whatever happened to a page since it was written, the next build makes it what it should be."""
    page = tmp_path / "output" / "p07" / "index.html"
    whole = page.read_text()
    page.write_text("Somebody was here.")
    (tmp_path / "output" / "p08" / "index.html").unlink()
    assert rendered() == {"p07/index.html", "p08/index.html"}
    assert page.read_text() == whole


def test_a_lost_store_costs_time_and_nothing_else(rendered: Rendered, tmp_path: Path) -> None:
    """Without what was kept all pages are rendered, and are what they were."""
    before = (tmp_path / "output" / "p07" / "index.html").read_text()
    assert "p07/index.html" in rendered(CACHE_PATH=str(tmp_path / "another cache"))
    assert (tmp_path / "output" / "p07" / "index.html").read_text() == before
