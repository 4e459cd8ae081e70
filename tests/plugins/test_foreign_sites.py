"""Sites that this project has never seen are built as Pelican builds them, whatever their plugins do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from foreign_sites import EDITS, THEMES, ForeignSite, text
from pelican import contents
from pelican.plugins import signals
from pelican.urlwrappers import Tag
from pelican.writers import Writer
from small_sites import ROOT

from plugins.incremental import forked


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the project's plugins, and with other processes for a few pages too."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.chdir(tmp_path)


def edited(site: ForeignSite, *edits: str) -> None:
    """Build the site before and after each edit; all where none is named."""
    site.check("at first")
    for name in edits or EDITS:
        EDITS[name](site)
        site.check(name)


SOME = ("nothing", "title", "tags", "template of one", "deleted", "nothing again")


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("theme", ["simple", "notmyidea"])
def test_a_site_with_a_theme_of_pelicans(
    tmp_path: Path, counts: Callable[[int, int], int], theme: str, relative: bool
) -> None:
    """After each edit the output is that of Pelican alone, and nothing of what is gone is left."""
    every = (theme, relative) == ("simple", True) or counts(0, 1)
    edited(ForeignSite(tmp_path, THEME=str(THEMES / theme), RELATIVE_URLS=relative), *(() if every else SOME))


def test_the_same_in_other_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counts: Callable[[int, int], int]
) -> None:
    """However few pages there are."""
    monkeypatch.setattr(forked, "LEAST", 2)
    monkeypatch.setattr(forked, "cores", lambda: 2)
    edited(ForeignSite(tmp_path), *(() if counts(0, 1) else SOME))


def plugin(connect: dict[str, Any]) -> Any:
    """A plugin that connects these."""

    class Plugin:
        held = connect

        @staticmethod
        def register() -> None:
            for name, receiver in connect.items():
                getattr(signals, name).connect(receiver)

    return Plugin


def count_articles(generator: Any) -> None:
    for article in generator.articles:
        article.how_many = len(generator.articles)
        article.total = f"{len(generator.tags)} tags"


def change_in_place(generator: Any) -> None:
    for article in generator.articles:
        article.metadata["how_many"] = len(generator.articles)
        if len(generator.articles) > 3 and hasattr(article, "tags"):
            article.tags.append(Tag("many", article.settings))


def change_text(generators: list[Any]) -> None:
    for article in generators[0].articles:
        article._content = f"{article._content}<p>one of {len(generators[0].articles)}</p>"


def read_then_change_text(generators: list[Any]) -> None:
    for article in generators[0].articles:
        if len(article.content) > 20:
            article._content = "changed"


def change_each(content: Any) -> None:
    if isinstance(content, contents.Article):
        content._content = (content._content or "") + "<p>each</p>"


def add_variables(generator: Any) -> None:
    generator.context["newest"] = generator.articles[0].title
    if len(generator.articles) < 4:
        generator.context["few"] = None


def note_in_authors(generator: Any) -> None:
    for article in generator.articles:
        article.category.seen = getattr(article.category, "seen", 0) + 1


def tell_sometimes(generator: Any) -> None:
    for article in generator.articles:
        if len(generator.articles) < 4:
            article.alone = "yes"


ARTICLE = (
    "{{ article.title }} {{ article.how_many }} {{ article.total }} {{ article.metadata.how_many }} {{ newest }}"
    "{{ few is defined }} {{ article.content }} {{ article.alone }} {{ article.tags|join(',') }}"
    "{{ article.category.seen }}"
)


@pytest.mark.parametrize(
    "connected",
    [
        {"article_generator_finalized": count_articles},
        {"article_generator_finalized": change_in_place},
        {"all_generators_finalized": change_text},
        {"all_generators_finalized": read_then_change_text},
        {"content_object_init": change_each},
        {"article_generator_finalized": add_variables},
        {"article_generator_finalized": note_in_authors},
        {"article_generator_finalized": tell_sometimes},
    ],
    ids=lambda connected: next(iter(connected.values())).__name__,
)
def test_plugins_that_do_what_plugins_do(tmp_path: Path, connected: dict[str, Any]) -> None:
    """They set, change in place, change texts and add variables; pages say what they would say without us."""
    site = ForeignSite(tmp_path)
    site.plugins = [plugin(connected)]
    site.templates["article.html"] = ARTICLE
    site.settings["DELETE_OUTPUT_DIRECTORY"] = connected.get("content_object_init") is not None
    edited(site, *SOME)


def rename_categories(generator: Any) -> None:
    for article in generator.articles:
        article.category.slug = f"c-{article.category.slug}"
        article.metadata["path"] = f"p-{article.slug}"


@pytest.mark.parametrize("pattern", ["{category}/{slug}.html", "{path}.html", "{license}/{slug}.html"])
def test_addresses_are_made_of_what_plugins_have_changed_in_place(tmp_path: Path, pattern: str) -> None:
    """A category's slug or a field of the header is in a post's address as Pelican would put it there."""
    site = ForeignSite(tmp_path, ARTICLE_URL=pattern, ARTICLE_SAVE_AS=pattern)
    site.plugins = [plugin({"article_generator_finalized": rename_categories})]
    del site.files["one-de.md"]
    edited(site, "nothing", "title", "nothing again")


class TellingWriter(Writer):
    """Gives each page one variable more."""

    def write_file(self, *given: Any, **named: Any) -> None:
        super().write_file(*given, **named, said=Path("note.txt").read_text())


def test_a_writer_of_a_plugins(tmp_path: Path) -> None:
    """What it gives pages beside what it is asked for is what it is today."""
    site = ForeignSite(tmp_path)
    site.plugins = [plugin({"get_writer": lambda pelican: TellingWriter})]
    site.templates["article.html"] = "{{ said }}"
    for said in ("old", "new"):
        Path("note.txt").write_text(said)
        site.check(said)


def test_pages_without_posts_are_taken_away(tmp_path: Path) -> None:
    """Those of a tag, a category and an author, their feeds, and what a post had attached."""
    site = ForeignSite(tmp_path)
    site.files["last.md"] = text("Last", "2024-08-08", tags="lone", category="Lone", author="Lonely")
    assert {"tag/lone.html", "feeds/lone.atom.xml", "author/lonely.html"} <= site.built().keys()
    del site.files["last.md"]
    site.check("gone")
