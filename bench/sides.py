"""The sides that are compared: this site, stock Pelican, and Hugo with and without related posts.

Each builds in a folder of its own, where its output and whatever it keeps for the next build lie too: a folder
that is laid out anew is cold. A post that is added and a word that is changed in the templates are new each time,
so that no store can know them from a run before.
"""

import os
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from corpus import post
from corpus_files import Corpus, write
from pages_built import built, groups_of, left_out, promised, related_on
from processes import Taken, run

TEMPLATES = Path(__file__).with_name("build")
BASES = {"ours": "theme/templates/base.html", "stock": "theme/templates/base.html", "hugo": "layouts/baseof.html"}
"""The template of every page, below a side's folder."""


@dataclass(frozen=True)
class Side:
    """One program to compare. Its kind names its folder in bench/build and the writer of its posts."""

    name: str
    title: str
    kind: str
    command: tuple[str, ...]
    related: bool = True
    warm: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment where builds are to help later ones; without it this side leaves nothing warm."""


def all_sides(python: str, rival_python: str, hugo: str) -> list[Side]:
    """Return the sides in the order of the table."""
    pelican = ("-m", "pelican", "content", "-t", "theme", "-o", "out", "--fatal", "errors", "-q", "-s")
    ours, stock = ((*pelican, str(TEMPLATES / kind / "settings.py")) for kind in ("ours", "stock"))
    hugo_command = (hugo, "--destination", "out", "--cacheDir", "{home}/cache", "--noBuildLock", "--quiet")
    return [
        Side("ours", "this site", "ours", (python, *ours)),
        Side("stock", "stock Pelican", "stock", (rival_python, *stock), warm={"BENCH_READER_CACHE": "1"}),
        Side("hugo", "Hugo", "hugo", hugo_command, related=False),
        Side("hugo-related", "Hugo, related", "hugo", hugo_command),
    ]


class WrongOutput(Exception):
    """A side did not build what was promised."""


class Site:
    """One side's folder with the posts of a corpus: content, templates, output, stores."""

    def __init__(self, side: Side, home: Path, corpus: Corpus) -> None:
        self.side, self.home, self.corpus = side, home, corpus
        self.lay_out()

    def lay_out(self) -> None:
        """Make the folder anew: nothing that an earlier build left is there any more."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(TEMPLATES / self.side.kind, self.home)
        shutil.copytree(self.corpus.folders[self.side.kind], self.home / "content", copy_function=os.link)
        self.count, self.edition, self.is_warm = self.corpus.count, 1, False
        self.groups = {kind: Counter(names) for kind, names in self.corpus.groups.items()}
        self.shown = [post(0), post(self.count // 2)]

    def add_post(self) -> None:
        """Write one more post, newer than all others, that no build has seen."""
        made = post(self.count, newest=True)
        write(self.home / "content", self.side.kind, made)
        self.count += 1
        self.shown.append(made)
        for kind, names in groups_of(made).items():
            self.groups[kind].update(names)

    def change_template(self) -> None:
        """Change a word that stands on every page, to one that no build has seen."""
        base, old = self.home / BASES[self.side.kind], f"Edition {self.edition}."
        self.edition += 1
        text = base.read_text()
        if old not in text:
            raise WrongOutput(f"{base} does not say {old}")
        base.write_text(text.replace(old, f"Edition {self.edition}."))

    def build(self, warm: bool) -> Taken:
        """Build as a user would, in a process of its own, and look whether all is there."""
        command = [part.format(home=self.home) for part in self.side.command]
        related = {"HUGO_PARAMS_RELATED": str(self.side.related).lower()}
        environment = {**os.environ, **related, **(self.side.warm if warm else {})}
        taken = run(command, self.home, environment, self.home / "build.log")
        self.is_warm = warm or not self.side.warm
        self.check()
        return taken

    def check(self) -> None:
        """Raise WrongOutput where pages are missing or too many, or say something else than they should."""
        output, name = self.home / "out", self.side.title
        found, wanted = built(output), promised(self.side.kind, self.count, self.groups)
        if found != wanted:
            raise WrongOutput(f"{name} built {found}, but {wanted} was promised")
        offers = []
        for made in self.shown:
            page = (output / made.slug / "index.html").read_text()
            if missing := left_out(page, made):
                raise WrongOutput(f"{name} left out of {made.slug}: {missing}")
            if f"Edition {self.edition}." not in page:
                raise WrongOutput(f"{name} did not build {made.slug} with the changed template")
            offers.append(related_on(page))
        enough = {min(3, self.count - 1)} if self.side.kind == "ours" else {0, 1, 2, 3}
        if not set(offers) <= enough or any(offers) != self.side.related:
            raise WrongOutput(f"{name} offers {offers} related posts")
