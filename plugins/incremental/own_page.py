# SPDX-License-Identifier: AGPL-3.0-or-later
"""Shows a saved post's own page before the site is built: its author looks at that page, and at no other.

The build that has just ended knows all that the page is made of beside the post's text. So the text is read by the
site's own readers, what plugins do to a single text is done to it, and what they found out by looking at all posts
stays as it was. Where that could give another page than a build would, nothing is shown, and the build decides.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from blinker import Signal
from pelican.contents import Article, Content
from pelican.generators import ArticlesGenerator
from pelican.plugins import signals
from pelican.utils import posixize_path

from plugins.incremental import places
from plugins.incremental.conversions import listening
from plugins.incremental.kept_contents import attaches

FOR_ONE = "does_to_one_text"
"""The attribute of a receiver that holds what it does to each text alone: a function of the generators and the
text. It may report mistakes. What a receiver without it has given to a post stays."""

MOMENTS = (signals.article_generator_finalized, signals.all_generators_finalized)
"""When plugins see all texts."""

PUBLISHED = ("translations", "articles", "hidden_translations", "hidden_articles")


class NotShown(Exception):
    """It takes a build to know what the page looks like."""


class LastBuild:
    """What the build in this process has left, once it has ended well."""

    def __init__(self) -> None:
        self._generators: Sequence[Any] = ()
        self._pelican: Any = None
        self._seen: tuple[int, int] | None = None
        signals.all_generators_finalized.connect(self._note_generators)
        signals.get_writer.connect(self._note_pelican)

    def _note_generators(self, generators: Sequence[Any]) -> None:
        self._generators = generators

    def _note_pelican(self, pelican: Any) -> None:
        self._pelican = pelican

    def has_ended(self) -> None:
        """Note which tree readers see now: another build's is not touched."""
        build = self._pelican.settings.get("WHOLE_SITE") if self._pelican else None
        if build:
            self._seen = _state(build.place.site)

    def make_ready(self) -> None:
        """Load the theme's templates, which a build that had nothing to render has not done."""
        for articles in (one for one in self._generators if isinstance(one, ArticlesGenerator)):
            for name in articles.env.list_templates(filter_func=lambda name: not name.startswith("!")):
                with suppress(Exception):  # whatever is wrong with it: who needs it will tell
                    articles.env.get_template(name)

    def show(self, path: str) -> str:
        """Replace the page of a saved post in the site that is seen; return the page's file in the site.

        Returns "" where nothing was to be shown. Raises NotShown, or whatever reading and writing do. It changes
        what is left of the build, so it belongs into a process of its own.
        """
        if self._seen is None:
            raise NotShown
        place = self._pelican.settings["WHOLE_SITE"].place
        articles = next(one for one in self._generators if isinstance(one, ArticlesGenerator))
        name = posixize_path(os.path.relpath(path, articles.path))
        with places.alone(place, _not_now):
            if self._seen != _state(place.site):
                raise NotShown
            post = self._read(articles, name)
            scratch = place.home / "own-page"
            try:
                made = self._rendered(articles, post, scratch)
                return post.save_as if _replaced(Path(place.live() or scratch, post.save_as), made) else ""
            finally:
                shutil.rmtree(scratch, ignore_errors=True)

    def _read(self, articles: Any, name: str) -> Any:
        """Return the post as it would be after a build."""
        every = chain.from_iterable(getattr(articles, kind) for kind in PUBLISHED)
        before = next((one for one in every if one.relative_source_path == name), None)
        if before is None:
            raise NotShown
        with listening() as complaints:
            post = articles.readers.read_file(
                base_path=articles.path,
                path=name,
                content_class=Article,
                context=articles.context,
                preread_signal=signals.article_generator_preread,
                preread_sender=articles,
                context_signal=signals.article_generator_context,
                context_sender=articles,
            )
            good = isinstance(post, Content) and post.is_valid()
        if not good or complaints.count or attaches(post) or attaches(before):
            raise NotShown
        if post.metadata != before.metadata or post.save_as != before.save_as:
            raise NotShown
        own = vars(post)
        for given, value in vars(before).items():
            if not given.startswith("_"):
                own.setdefault(given, value)
        for step in chain.from_iterable(map(_steps, MOMENTS)):
            step(self._generators, post)
        post.refresh_metadata_intersite_links()
        return post

    def _rendered(self, articles: Any, post: Any, scratch: Path) -> Path:
        """Return the page's file, written where nobody looks. Raises what stops a build."""
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        self._pelican.output_path = str(scratch)
        writer = self._pelican._get_writer()  # what plugins have found in the text is judged here
        for kind in PUBLISHED:
            setattr(articles, kind, [post] if kind == "articles" else [])
        with listening() as complaints:
            articles.generate_articles(
                partial(writer.write_file, relative_urls=articles.settings["RELATIVE_URLS"])
            )
        if complaints.count:
            raise NotShown
        return Path(scratch, post.save_as)


def _steps(moment: Signal) -> list[Callable[[Sequence[Any], Any], None]]:
    return [getattr(one, FOR_ONE) for one in moment.receivers_for(None) if hasattr(one, FOR_ONE)]


def _state(site: Path) -> tuple[int, int]:
    found = site.lstat()
    return found.st_ino, found.st_ctime_ns if site.is_symlink() else 0  # a folder's changes with what is in it


def _not_now() -> None:
    """A build is under way, and will show the post."""
    raise NotShown


def _replaced(page: Path, made: Path) -> bool:
    """Put a new file in a page's place by one rename, unless the page is what it should be."""
    if page.is_symlink() or not page.is_file():
        raise NotShown
    if page.read_bytes() == made.read_bytes():
        return False
    with suppress(PermissionError):
        made.chmod(page.stat().st_mode & 0o7777)
    made.replace(page)
    return True
