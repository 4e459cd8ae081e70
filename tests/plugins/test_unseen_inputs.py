"""What a page is made of is seen however a template, a filter or a reader comes by it."""

import datetime as moments
import logging
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import time_machine
from foreign_sites import EDITS, ForeignSite, text
from small_sites import ROOT
from test_foreign_sites import plugin
from test_same_bytes import everything

from plugins.incremental import forked


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the project's plugins on the path."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.chdir(tmp_path)


def read_note(name: str = "note.txt") -> str:
    return Path(name).read_text()


class Noted:
    """An object of a plugin's, as one hands it to templates."""

    def read(self) -> str:
        return read_note()

    def __call__(self) -> str:
        return read_note()


SOURCES: dict[str, tuple[dict[str, Any], str]] = {
    "a filter": ({"JINJA_FILTERS": {"noted": read_note}}, "{{ 'note.txt'|noted }}"),
    "a global": ({"JINJA_GLOBALS": {"noted": read_note}}, "{{ noted() }}"),
    "a test": ({"JINJA_TESTS": {"noted": lambda it: it in read_note()}}, "{{ 'new' is noted }}"),
    "a lambda": ({"JINJA_GLOBALS": {"noted": lambda: read_note()}}, "{{ noted() }}"),
    "a module": (
        {"JINJA_GLOBALS": {"pathlib": __import__("pathlib")}},
        "{{ pathlib.Path('note.txt').read_text() }}",
    ),
    "a class": ({"JINJA_GLOBALS": {"Path": Path}}, "{{ Path('note.txt').read_text() }}"),
    "an object": ({"JINJA_GLOBALS": {"it": Noted()}}, "{{ it.read() }}"),
    "a called object": ({"JINJA_GLOBALS": {"it": Noted()}}, "{{ it() }}"),
    "one in a dict": ({"JINJA_GLOBALS": {"all": {"it": read_note}}}, "{{ all.it() }}"),
    "one in a setting": ({"HELPERS": [read_note]}, "{{ HELPERS[0]() }}"),
    "a method": ({"JINJA_GLOBALS": {"noted": Noted().read}}, "{{ noted() }}"),
}


@pytest.mark.parametrize("source", SOURCES)
def test_what_a_function_for_templates_reads(tmp_path: Path, source: str) -> None:
    """A page that a site's own code has said something in says what that says now."""
    settings, template = SOURCES[source]
    site = ForeignSite(tmp_path, **settings)
    site.templates["article.html"] = site.templates["page.html"] = template
    for said in ("old", "new"):
        Path("note.txt").write_text(said)
        site.check(said)


def test_the_clock_in_a_template(tmp_path: Path) -> None:
    """A year in a footer is this year's."""
    site = ForeignSite(tmp_path, JINJA_GLOBALS={"datetime": moments})
    site.templates["article.html"] = "{{ datetime.date.today() }}"
    for day in ("2026-01-01", "2027-01-01"):
        with time_machine.travel(f"{day}T12:00:00Z"):
            site.check(day)


@pytest.mark.parametrize(
    "how", ['{% import "m.html" as m %}', '{% from "m.html" import say %}{% set m = {"say": say} %}']
)
def test_a_module_of_macros_is_run_once_and_seen_by_all(tmp_path: Path, how: str) -> None:
    """What it looks up, reads and takes in while it is run is of each page that imports it."""
    site = ForeignSite(tmp_path, JINJA_GLOBALS={"noted": read_note})
    site.templates["m.html"] = (
        '{% set top = noted() %}{% include "deep.html" %}{% macro say() %}{{ top }}{% endmacro %}'
    )
    site.templates["deep.html"] = "1"
    site.templates["article.html"] = f"{how}{{{{ m.say() }}}} {{{{ m }}}}"
    for said in ("old", "new"):
        Path("note.txt").write_text(said)
        site.check(said)
    site.settings["JINJA_GLOBALS"] = {}
    site.templates["m.html"] = '{% include "deep.html" %}{% macro say() %}1{% endmacro %}'
    site.check("steady")
    site.templates["deep.html"] = "2"
    site.check("what it takes in")


TEMPLATES = {
    "{% set part = 'part' ~ '.html' %}{% include part %}": {"part.html": "new"},
    "{% include ['other.html', 'part.html'] %}": {"other.html": "new"},
    "{% include 'other.html' ignore missing %}": {"other.html": "new"},
    "{% extends 'mine.html' %}{% block a %}{{ super() }}+{% endblock %}": {
        "mine.html": "{% block a %}new{% endblock %}"
    },
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_that_are_taken_in(tmp_path: Path, template: str) -> None:
    """By a name that is worked out, by the first of several that is there, and by inheritance."""
    site = ForeignSite(tmp_path)
    site.templates |= {"part.html": "old", "mine.html": "{% block a %}old{% endblock %}", "article.html": template}
    site.check("old")
    site.templates |= TEMPLATES[template]
    site.check("new")


SHOWN = (
    "{% macro all() %}{% for a in articles %}{{ a.title }}{% endfor %}{% endmacro %}{{ all() }}",
    "{{ articles|length }}",
    "{% for a in articles[:2] %}{{ loop.index }}{{ a.url }}{% endfor %}",
    "{% for a in dates %}{{ a.locale_date }}{% endfor %}",
    "{% for t, of in tags|sort %}{{ t.name }}{{ of|length }}{% endfor %}",
    "{% for c, of in categories|sort %}{{ c }}{{ of|map(attribute='title')|join }}{% endfor %}",
    "{% set ns = namespace(n=0) %}{% for a in articles %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
    "{% for a in article.translations %}{{ a.title }}{% endfor %}",
    "{{ article.metadata.title }}{{ article.metadata.license }}",
    "{{ article.get_content(SITEURL) }}",
    "{% for a in articles %}{{ a.get_content(SITEURL) }}{% endfor %}",
    "{% for a in articles %}{{ a.summary }}{% endfor %}",
    "{{ article.settings.SITENAME }}",
    "{% for y in period_archives.year %}{{ y.period }}{{ y.articles|length }}{% endfor %}",
    "no article at all",
)
STEPS = ("title", "slug", "date", "tags", "template of one", "new translation", "deleted", "a setting")


def test_what_templates_show_of_other_posts(tmp_path: Path) -> None:
    """However they come by it; after each edit each page says it as it is."""
    site = ForeignSite(tmp_path)
    one = "{% set one = (articles|selectattr('slug', 'equalto', 'one')|first) or articles[0] %}"
    for number, shown in enumerate(SHOWN):
        site.templates[f"shown{number}.html"] = one + shown.replace("article.", "one.")
        site.files[f"shown{number}.md"] = text(
            "S", f"2022-02-{number + 1:02}", slug=f"s{number}", template=f"shown{number}"
        )
    site.check("at first")
    for step in STEPS:
        EDITS[step](site)
        site.check(step)


def test_a_link_in_a_summary_follows_its_target(tmp_path: Path) -> None:
    """Also in a field of the header, which Pelican changes in place, and on a page that shows another's."""
    site = ForeignSite(tmp_path, FORMATTED_FIELDS=["summary", "intro"])
    site.templates["article.html"] = (
        "{% for a in articles %}{{ a.summary }}{{ a.metadata.summary }}{{ a.metadata.intro }}{{ a.intro }}"
        "{% endfor %}"
    )
    site.files["one.md"] = text(
        "One", "2024-01-01", summary="[2]({filename}two.md)", intro="[2]({filename}two.md)"
    )
    site.files["nine.md"] = text("Nine", "2024-09-09", "[1]({filename}one.md) [2]({filename}two.md)")
    site.check("at first")
    site.files["two.md"] = text("Two", "2024-02-02", "Second.", slug="deux")
    site.check("two has another address")
    site.files["one.md"] = text("One", "2024-01-01", summary="[2]({filename}two.md)", slug="un")
    site.check("one has another address")


def test_two_posts_exchange_their_addresses(tmp_path: Path) -> None:
    """And whoever links to them goes with them."""
    site = ForeignSite(tmp_path)
    site.files["a.md"] = text("A", "2024-03-01", "[b]({filename}b.md)", slug="x")
    site.files["b.md"] = text("B", "2024-03-02", "[a]({filename}a.md)", slug="y")
    site.check("at first")
    site.files["a.md"], site.files["b.md"] = (
        site.files["a.md"].replace("slug: x", "Slug: y").replace("Slug: x", "Slug: y"),  # type: ignore[union-attr, arg-type]
        site.files["b.md"].replace("Slug: y", "Slug: x"),  # type: ignore[union-attr, arg-type]
    )
    site.check("exchanged")


@pytest.mark.parametrize("quiet", [False, True])
def test_a_target_comes_and_goes(tmp_path: Path, quiet: bool) -> None:
    """A page that shows a text with a link into nothing is made again until the link leads somewhere."""
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.CRITICAL if quiet else logging.WARNING)
    try:
        site = ForeignSite(tmp_path)
        site.templates["index.html"] = "{% for a in articles %}{{ a.content }}{% endfor %}"
        site.files["two.md"] = text("Two", "2024-02-02", "![n]({static}images/n.svg) [n]({filename}new.md)")
        site.check("at first")
        site.files["images/n.svg"], site.files["new.md"] = "<svg/>", text("New", "2024-07-07")
        site.check("they are there")
        site.files["extra/n.svg"] = site.files.pop("images/n.svg")
        del site.files["new.md"]
        site.check("they are gone")
    finally:
        logging.getLogger().setLevel(level)


@pytest.mark.parametrize("least", [2, 1000])
def test_attached_files_move_with_their_posts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    """And with the one that names them first, where there are two."""
    monkeypatch.setattr(forked, "LEAST", least)
    monkeypatch.setattr(forked, "cores", lambda: 2)
    site = ForeignSite(tmp_path, ARTICLE_SAVE_AS="{slug}/index.html", ARTICLE_URL="{slug}/")
    site.files["two.md"] = text("Two", "2024-02-02", "![n]({attach}images/a.svg)")
    site.check("at first")
    site.files["eight.md"] = text("Eight", "2024-08-08", "[n]({static}images/a.svg)")
    site.check("another names it first")
    site.files["eight.md"] = text("Eight", "2024-08-08", "[n]({attach}images/a.svg)")
    site.check("another attaches it first")
    site.files["two.md"] = text("Two", "2024-02-02", "Nothing.")
    site.check("detached")


def test_a_post_comes_out_when_its_time_has_come(tmp_path: Path) -> None:
    """Nobody edits it, and it is no draft any more."""
    site = ForeignSite(tmp_path, WITH_FUTURE_DATES=False)
    site.files["later.md"] = text("Later", "2026-12-24")
    for day in ("2026-12-20", "2026-12-25"):
        with time_machine.travel(f"{day}T12:00:00Z"):
            site.check(day)
    assert "later.html" in everything(site.output)


def test_tags_without_a_slug(tmp_path: Path) -> None:
    """Pelican writes the first of them and goes on."""
    site = ForeignSite(tmp_path)
    site.files["one.md"] = text("One", "2024-01-01", tags="!!!, ???")
    site.check("at first")
    site.check("again")


def taught(generator: Any) -> None:
    if type(generator).__name__ == "PagesGenerator":
        generator.env.filters["noted"] = read_note


def test_a_filter_that_only_some_templates_have(tmp_path: Path) -> None:
    """One that a plugin gives to the pages alone is not known from the posts' templates."""
    site = ForeignSite(tmp_path)
    site.plugins = [plugin({"generator_init": taught})]
    site.templates["page.html"] = "{{ 'note.txt'|noted }}"
    for said in ("old", "new"):
        Path("note.txt").write_text(said)
        site.check(said)


def test_a_counter_of_a_plugins(tmp_path: Path) -> None:
    """Whatever answers another thing each time leaves no page alone."""
    site = ForeignSite(tmp_path)
    site.templates["article.html"] = "{{ number() > 0 }}"
    site.settings["JINJA_GLOBALS"] = {"number": count(1).__next__}
    site.check("at first")
    before = (site.output / "two.html").stat().st_mtime_ns
    site.check("again")
    assert (site.output / "two.html").stat().st_mtime_ns != before


def test_pages_that_nothing_has_changed_of_are_left_alone(tmp_path: Path) -> None:
    """With a theme of Pelican's: an edit of one post costs its pages and no other."""
    site = ForeignSite(tmp_path)
    site.check("at first")
    before = {path: path.stat().st_mtime_ns for path in site.output.rglob("*.html")}
    site.check("nothing")
    left = {path for path, was in before.items() if path.stat().st_mtime_ns == was}
    assert {"one.html", "two.html", "about.html", "tags.html"} <= {path.name for path in left}
    site.files["six.md"] = text("Six", "2024-06-06", "Other words.", status="hidden", author="Bob")
    site.check("a hidden post")
    assert [path.name for path in left if path.stat().st_mtime_ns != before[path]] == ["six.html"]
