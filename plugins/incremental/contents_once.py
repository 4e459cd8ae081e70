# SPDX-License-Identifier: AGPL-3.0-or-later
"""Makes each post and page once for its file, and takes the others as they were kept.

Pelican asks its generators for what they have cached of a file before they read it; this is what answers. What is
new is made by Pelican's own reading, on all cores where that is worth it. It is kept where nobody could tell:
where nothing was complained of, and no plugin is called that might keep something for itself.
"""

import locale
import os
import pickle
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from blinker import Signal
from pelican.contents import Article, Content, Page, SkipStub
from pelican.generators import ArticlesGenerator
from pelican.plugins import signals
from pelican.utils import file_suffix

from plugins.incremental import forked
from plugins.incremental.conversions import Conversion, Made, digest_of, listening
from plugins.incremental.inputs import EVERYTHING, FILE, Unstable, Watched, described, seen
from plugins.incremental.kept_contents import kept_class
from plugins.incremental.opened_files import opened, unheard
from plugins.incremental.packing import Packed, Unpacker, packed
from plugins.incremental.progress import told
from plugins.incremental.rendering import all_assign_only
from plugins.incremental.site_rows import Row, SiteRows, stamps
from plugins.incremental.store import Store

ALONE = "works_on_the_text_alone"
"""The attribute of a receiver that looks at one text and the settings, and changes nothing but the text."""

WHERE_BUILT = frozenset(("OUTPUT_PATH", "CACHE_PATH", "COMMENTS_URL"))
"""Settings that say nothing of what the site is: two trees take turns, a store may lie anywhere, and so may the
service that is asked for comments, before it listens nowhere; what it answers is seen in the posts."""

LEFT = -1
"""In place of the number of its settings: a file that is left to Pelican each time, since something is said of
it."""

EARLY = "INCREMENTAL_SETTINGS"
"""The name under which the settings are kept as they were before plugins put the state of a build among them."""


class Built(NamedTuple):
    """What became of one file: conversions to keep, and a post or page (None: Pelican is to try, and to tell)."""

    name: str
    made: list[Made]
    digest: str
    depends: dict[str, str]
    result: str
    body: Packed | None
    waits: bool = False
    """Whether it is a draft only as long as its date has not come."""


class ContentsOnce:
    """Stands in for a generator's cache."""

    def __init__(self, generator: Any, store: Store, rows: SiteRows) -> None:
        self._generator, self._store, self._rows = generator, store, rows
        self._kind: type[Content] = Article if isinstance(generator, ArticlesGenerator) else Page
        self._kept_kind = kept_class(self._kind)
        self._names = "article" if self._kind is Article else "page"
        shared = all_assign_only(signals.get_generators.receivers_for(None))
        self._unpacker = Unpacker(generator.settings, generator.context, self._rest, self._text, shared=shared)
        self._kept: dict[str, Row] = {}
        self._left: dict[str, Row] = {}
        self._stamps: dict[str, str] = {}
        self._early: dict[str, bool] = {}
        generator.get_cached_data, generator.cache_data = self._get, lambda *_: None

    def prepare(self, names: Iterable[str]) -> None:
        """Find what is kept of the files that Pelican is about to ask for, and make what is not."""
        rows = self._rows.heads()
        self._stamps = dict(stamps(self._generator.path, names))
        new = [name for name in sorted(self._stamps) if not self._take(name, rows.get(name))]
        for gone in rows.keys() - self._stamps.keys():
            self._rows.forget(gone)
        self._store.write()  # so that workers see it
        for built in told("Reading texts", len(new), forked.each(self._build, new, aloud=False)):
            for made in built.made:
                if made.seen is not None:
                    self._store.put(made.key, made.seen, made.packed)
            settings = self._store.id_of(built.depends) if built.body else None
            if built.waits:
                continue
            if not built.body:
                self._left[built.name] = Row(self._stamps[built.name], built.digest, LEFT, ())
            elif settings is not None:
                self._rows.put(built.name, built.body, built.result)
                self._kept[built.name] = Row(self._stamps[built.name], built.digest, settings, built.body.head)
                self._store.count()
        if {**self._kept, **self._left} != rows:
            self._rows.put_heads({**self._kept, **self._left})
        self._rows.ask_for_all()

    def _take(self, name: str, row: Row | None) -> bool:
        """Take what was kept of a file where it is what would be made of it now."""
        if row is None or not (row.settings == LEFT or self._store.is_good(row.settings)):
            return False
        stamp = self._stamps[name]
        if stamp != row.stamp or not stamp:
            if digest_of(f"{self._generator.path}/{name}") != row.digest:
                return False
            row = row._replace(stamp=stamp)
        (self._left if row.settings == LEFT else self._kept)[name] = row
        return True

    def _get(self, name: str, default: Any = None) -> Any:
        row = self._kept.get(name)
        if row is None:
            return default
        kept_as = f"{row.digest} {row.settings}"
        return self._unpacker.content(self._kept_kind, name, self._path(name), kept_as, row.head)

    def _rest(self, name: str) -> bytes:
        return self._body(name)[0]

    def _text(self, name: str) -> Any:
        _, text, key = self._body(name)
        if text is not None:
            return pickle.loads(text)  # noqa: S301 - our own file
        path = self._path(name)
        read = self._generator.readers.readers[file_suffix(path)].read
        with unheard():
            found = read.kept_text(key)
            return read(path)[0] if found is None else found

    def _body(self, name: str) -> tuple[bytes, bytes | None, str]:
        found = self._rows.body(name)
        if found is None:  # another program has emptied the store, or a disk has lost some of it
            with unheard():
                made = self._build(name).body
            if made is None:
                raise LookupError(f"{name} was changed while the site was built. Build it again.")
            found = made.rest, made.text, ""
            self._rows.put(name, made, "")
        return found

    def _path(self, name: str) -> str:
        return os.path.abspath(f"{self._generator.path}/{name}")  # noqa: PTH100 - the very text that Pelican asks with

    def _build(self, name: str) -> Built:
        """Make a post or page as Pelican would; in a worker, so whatever is said meanwhile is said to nobody."""
        generator, path = self._generator, self._path(name)
        readers, settings, watched = generator.readers, generator.settings, Watched(generator.settings)
        conversion = readers.readers[file_suffix(path)].read
        if not isinstance(conversion, Conversion):
            return Built(name, [], digest_of(path), {}, "", None)
        body, depends, waits, digest = None, None, False, digest_of(path)
        conversion.expect(path, digest)
        with listening() as complaints, opened() as files:
            readers.settings = watched
            try:
                content = readers.read_file(
                    base_path=generator.path,
                    path=name,
                    content_class=self._kind,
                    context=generator.context,
                    preread_signal=getattr(signals, f"{self._names}_generator_preread"),
                    preread_sender=generator,
                    context_signal=getattr(signals, f"{self._names}_generator_context"),
                    context_sender=generator,
                )
                if not isinstance(content, SkipStub) and content.is_valid():
                    waits = _is_of_the_future(content)
                    body = packed(content, conversion.text, settings)
            except Exception:  # Pelican is to meet it, and to tell
                body = None
            finally:
                readers.settings = settings
        if body and not complaints.count and conversion.is_known:
            looked_at = watched.names | conversion.looked_at
            late = {name for name in looked_at if not self._is_early(name)} - WHERE_BUILT
            depends = seen(settings, late | {f"{FILE}{file}" for file in files - {path}})
        good = body if depends is not None else None
        return Built(name, conversion.taken(), digest, depends or {}, conversion.last_key, good, waits)

    def _is_early(self, name: str) -> bool:
        """Whether a setting is what it was when the site's name was made, which stands for it."""
        early, settings = self._generator.settings[EARLY], self._generator.settings
        if name == EVERYTHING:
            ours = {one for one in settings if one.startswith("INCREMENTAL_")} | WHERE_BUILT
            return all(map(self._is_early, settings.keys() - ours))
        if name not in self._early:
            self._early[name] = early.get(name) is settings.get(name) and bool(stable({name: early.get(name)}))
        return self._early[name] or name in WHERE_BUILT


def _is_of_the_future(content: Any) -> bool:
    """Whether time will make a post another one."""
    if content.settings["WITH_FUTURE_DATES"] or not isinstance(content, Article) or not hasattr(content, "date"):
        return False
    return bool(content.date > datetime.now(UTC if content.date.tzinfo else None))


def nobody_keeps_anything(kind: str) -> bool:
    """Whether all plugins that are called for each post or page of a kind look at it alone."""
    asked: list[Signal] = [signals.content_object_init]
    asked += [getattr(signals, f"{kind}_generator_{moment}") for moment in ("preread", "context")]
    return all(getattr(one, ALONE, False) for signal in asked for one in signal.receivers_for(None))


def name_of_site(generator: Any, code: str) -> str:
    """Return what stands for a site and all settings that have a text; what has none is seen when it is used."""
    told = [code, type(generator).__qualname__, os.path.abspath(generator.path)]  # noqa: PTH100 - no Path is needed
    told += [locale.setlocale(locale.LC_ALL)]  # dates are told in its words
    told += [f"{name} {text}" for name, text in sorted(stable(generator.settings[EARLY]).items())]
    return sha256("\n".join(told).encode()).hexdigest()


def stable(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return a text for each setting that has one and says what the site is, not where it is built."""
    found = {}
    for name, value in settings.items():
        if name not in WHERE_BUILT:
            try:
                found[name] = described(value)
            except Unstable:
                continue
    return found
