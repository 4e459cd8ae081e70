"""A second check renders each page type with only its named inputs reachable, and fails when a template touches
anything else."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jinja2.runtime import Context
from pelican.contents import Content
from pelican.settings import read_settings
from pelican.writers import Writer
from small_sites import ALICE, ROOT, MakeSite, post
from test_same_bytes import everything
from whitepaper_files import whitepaper

from plugins.incremental import forked, page_inputs, rendering
from plugins.incremental.page_inputs import Inputs
from plugins.incremental.page_records import PageRecords
from plugins.incremental.page_state import Call

SLOW = ("plugins.whitepaper_pdf", "plugins.social_cards", "plugins.whole_site")
FILES: dict[str, str | bytes | Path] = {
    "authors/alice-archer.md": ALICE,
    "pages/about.md": "---\ntitle: About\nsummary: Who.\nslug: about\n---\nUs, and [one]({filename}/p1.md).\n",
    "whitepapers/practice.md": whitepaper(),
    "deutsch.md": post("Deutsch", "2023-05-05", "Ein [Wort]({filename}p2.md).", more="lang: de\n"),
    **{
        f"p{n}.md": post(
            f"P{n}",
            f"2024-01-{n + 1:02}",
            f"Words. [next]({{filename}}p{(n + 1) % 12}.md)\n\n[whitepaper: practice]",
        )
        for n in range(12)
    },
}
PAGES = {
    "article": "p3/index.html",
    "German article": "deutsch/index.html",
    "page": "about/index.html",
    "index": "index.html",
    "category": "category/coaching/index.html",
    "tag": "tag/trust/index.html",
    "author": "author/alice-archer/index.html",
    "archives": "archives/index.html",
    "archive_year": "archives/2024/index.html",
    "404": "404.html",
    "page_shell": "page-shell.html",
    "not_sent": "not-sent/index.html",
    "whitepaper": "whitepapers/practice/index.html",
    "whitepaper_thanks": "whitepapers/practice/thanks/index.html",
}


class NotNamed(Exception):
    """A template touched what was not named."""


@dataclass
class Recorded:
    """What a build has noted of its pages, and what renders them again."""

    calls: dict[str, tuple[Call, Inputs]] = field(default_factory=dict)
    writer: Any = None
    checks: dict[str, str] = field(default_factory=dict)


@contextmanager
def guarded(inputs: Inputs, environment: Any) -> Iterator[None]:
    """Let nothing be reached but this."""
    pelicans_own, jinjas_own, load = page_inputs._get, Context.resolve_or_missing, environment._load_template

    def get(content: Any, name: str) -> Any:
        page = page_inputs._page
        path = page_inputs._path_of(content)
        inside = page is None or page.inside is content or name.startswith("__")
        if not inside and name not in inputs.contents.get(path or "", frozenset()):
            raise NotNamed(f"{name} of {path}")
        return pelicans_own(content, name)

    def resolve(context: Any, name: str) -> Any:
        if name not in inputs.names:
            raise NotNamed(name)
        return jinjas_own(context, name)

    def take(names: Any, name: str, *rest: Any) -> Any:
        if f"{names._kind}{name}" not in inputs.names:
            raise NotNamed(f"{names._kind}{name}")
        return dict.__getitem__(names, name)

    def loaded(name: str, *rest: Any) -> Any:
        if name not in inputs.templates:
            raise NotNamed(name)
        return load(name, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Context, "resolve_or_missing", resolve)
        patch.setattr(page_inputs._WatchedNames, "__getitem__", take)
        patch.setattr(page_inputs, "_get", get)
        patch.setattr(environment, "_load_template", loaded)
        page_inputs.watch_contents()
        try:
            with page_inputs.seen_in("any"):
                yield
        finally:
            page_inputs.leave_contents()


def asked(call: Call) -> dict[str, Any]:
    """All that Pelican asks its writer with, by name."""
    return {"name": call.name, "template": call.template, "context": call.context, **call.given}


def again(recorded: Recorded, name: str, inputs: Inputs, folder: Path) -> dict[str, bytes]:
    """The files of a page that is rendered once more with nothing but these inputs."""
    call = recorded.calls[name][0]
    shutil.rmtree(folder, ignore_errors=True)
    writer = Writer(str(folder), recorded.writer.settings)
    with guarded(inputs, call.template.environment):
        writer.write_file(**asked(call))
    return everything(folder)


@pytest.fixture
def recorded(make_site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """All pages of a small full site, rendered again at the end of its own build."""
    found = Recorded()
    put, save = PageRecords.put, PageRecords.save
    records_for = rendering.records_for

    def noting(self: PageRecords, call: Call, inputs: Inputs, outputs: Any) -> None:
        found.calls[call.name] = call, inputs
        put(self, call, inputs, outputs)

    def with_writer(writer: Any, settings: Any) -> Any:
        found.writer = writer
        return records_for(writer, settings)

    monkeypatch.setattr(PageRecords, "put", noting)
    monkeypatch.setattr(rendering, "records_for", with_writer)
    monkeypatch.setattr(forked, "cores", lambda: 1)
    plugins = [name for name in read_settings(str(ROOT / "pelicanconf.py"))["PLUGINS"] if name not in SLOW]

    def check(self: PageRecords) -> None:
        save(self)
        for kind, name in PAGES.items():
            found.checks[kind] = verdict(found, name, tmp_path)

    monkeypatch.setattr(PageRecords, "save", check)
    make_site(FILES, plugins=plugins, CACHE_PATH=str(tmp_path / "cache"))
    yield found


def verdict(found: Recorded, name: str, home: Path) -> str:
    """What is wrong with a page's inputs, "" where nothing is."""
    if name not in found.calls:
        return "was not recorded"
    _, inputs = found.calls[name]
    full, bare = home / "again" / "full", home / "again" / "bare"
    shutil.rmtree(bare, ignore_errors=True)
    try:
        told = again(found, name, inputs, full)
    except NotNamed as error:
        return f"touches {error}"
    unguarded = Writer(str(bare), found.writer.settings)
    unguarded.write_file(**asked(found.calls[name][0]))
    if not told or told != everything(bare):
        return "says something else"
    return blind(found, name, inputs, full)


def blind(found: Recorded, name: str, inputs: Inputs, folder: Path) -> str:
    """Where a name, a template or an attribute could be taken out of a page's inputs and nobody would see."""
    own = found.calls[name][0].template.name  # it is there before anything is asked for
    for less in [
        *(inputs._replace(names=inputs.names - {one}) for one in sorted(inputs.names)[:12]),
        *(inputs._replace(templates=inputs.templates - {one}) for one in sorted(inputs.templates - {own})[:3]),
        *(
            inputs._replace(contents={**inputs.contents, path: asked - {one}})
            for path, asked in sorted(inputs.contents.items())
            for one in asked
            & {"title"}  # what the texts of linked posts link to is named too, to be on the safe side
        ),
    ]:
        try:
            again(found, name, less, folder)
        except NotNamed:
            continue
        return f"does without {what_is_less(inputs, less)}"
    return ""


def what_is_less(inputs: Inputs, less: Inputs) -> str:
    """Name what was taken out."""
    gone = {path: asked - less.contents[path] for path, asked in inputs.contents.items()}
    return (
        f"{inputs.names - less.names} {inputs.templates - less.templates} { {p: g for p, g in gone.items() if g} }"
    )


def test_each_page_is_made_of_what_is_named(recorded: Recorded) -> None:
    """It renders to the same bytes with nothing else, and not with less."""
    assert {kind: wrong for kind, wrong in recorded.checks.items() if wrong} == {}
    assert recorded.checks.keys() == PAGES.keys()
    assert Content.__getattribute__ is object.__getattribute__
