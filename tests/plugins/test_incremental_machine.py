"""The proof: however a site is edited, a build that keeps what it can gives what a build from nothing gives."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from blinker import Signal
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from pelican import Pelican
from pelican.plugins import signals
from pelican.settings import read_settings
from small_sites import ALICE, MINIMAL_TEMPLATES, NO_WORDS, ROOT, post, remove_site, write_files
from test_same_bytes import everything
from whitepaper_files import whitepaper

from plugins.incremental import forked
from plugins.mistakes import ContentMistakes

BASE = read_settings(str(ROOT / "pelicanconf.py"))
SLOW = ("plugins.whitepaper_pdf", "plugins.social_cards")  # they draw; what they keep is theirs
SLUGS = ("one", "two", "three", "four", "five")
BODIES = st.sampled_from(
    (
        "A few words.",
        "Other words, *stressed*.\n\n## A heading\n\nMore.",
        "A [link]({filename}one.md) to the first.",
        "![A shape]({attach}images/a.svg) and words.",
        "[whitepaper: practice]\n\nBefore and after.",
        "```python\nprint('code')\n```",
    )
)
TAGS = st.sampled_from(("[trust]", "[trust, asking]", "[listening]"))
DATES = st.integers(1, 28).map(lambda day: f"2024-03-{day:02}")
TEMPLATES = ("article.html", "listing.html", "base.html", "_call_to_action.html")
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="2"></svg>'


class EditedSite(RuleBasedStateMachine):
    """A small site, built again after each edit, with what was kept and from nothing."""

    home: Path

    @initialize()
    def begin(self) -> None:
        self.kept, self.clean = Path(tempfile.mkdtemp(dir=self.home)), Path(tempfile.mkdtemp(dir=self.home))
        self.files: dict[str, Any] = {
            "authors/alice-archer.md": ALICE,
            "images/a.svg": PICTURE,
            "pages/about.md": "---\ntitle: About\nsummary: Who we are.\nslug: about\n---\nUs.\n",
            "whitepapers/practice.md": whitepaper(),
            "one.md": post("One"),
            "two.md": post("Two", "2024-02-01"),
        }
        self.templates = dict(MINIMAL_TEMPLATES)
        self.settings: dict[str, Any] = {}
        self.edition = 0

    @rule(slug=st.sampled_from(SLUGS), body=BODIES, tags=TAGS, date=DATES, status=st.sampled_from(("", "draft")))
    def write_a_post(self, slug: str, body: str, tags: str, date: str, status: str) -> None:
        more = f"status: {status}\n" if status else ""
        self.files[f"{slug}.md"] = post(slug.title(), date, body, tags=tags, more=more)

    @rule(slug=st.sampled_from(SLUGS))
    def delete_a_post(self, slug: str) -> None:
        self.files.pop(f"{slug}.md", None)

    @rule(slug=st.sampled_from(SLUGS))
    def move_a_posts_file(self, slug: str) -> None:
        if text := self.files.pop(f"{slug}.md", None):
            self.files[f"articles/{slug}.md"] = text
        elif text := self.files.pop(f"articles/{slug}.md", None):
            self.files[f"{slug}.md"] = text

    @rule(body=BODIES)
    def change_the_page(self, body: str) -> None:
        self.files["pages/about.md"] = f"---\ntitle: About\nsummary: Who we are.\nslug: about\n---\n{body}\n"

    @rule()
    def change_the_author(self) -> None:
        self.edition += 1
        self.files["authors/alice-archer.md"] = ALICE.replace("coaches", f"coaches for {self.edition} years")

    @rule(title=st.sampled_from(("Coaching in Practice", "Another Title")))
    def change_the_whitepaper(self, title: str) -> None:
        self.edition += 1
        self.files["whitepapers/practice.md"] = whitepaper(title, edition=str(self.edition))

    @rule()
    def delete_or_bring_back_the_whitepaper(self) -> None:
        if not self.files.pop("whitepapers/practice.md", None):
            self.files["whitepapers/practice.md"] = whitepaper()

    @rule(name=st.sampled_from(TEMPLATES))
    def change_a_template(self, name: str) -> None:
        self.edition += 1
        self.templates[name] = f"{MINIMAL_TEMPLATES[name]}<!-- {self.edition} -->"

    @rule(size=st.sampled_from((2, 10)), name=st.sampled_from(("The Blog", "Another Blog")), smart=st.booleans())
    def change_settings(self, size: int, name: str, smart: bool) -> None:
        extensions = [one for one in BASE["MARKDOWN"]["extensions"] if smart or one != "smarty"]
        markdown = {**BASE["MARKDOWN"], "extensions": extensions}
        self.settings = {"DEFAULT_PAGINATION": size, "SITENAME": name, "MARKDOWN": markdown}

    @rule()
    def lose_the_store(self) -> None:
        shutil.rmtree(self.kept / "cache", ignore_errors=True)

    @invariant()
    def both_builds_are_equal(self) -> None:
        if not hasattr(self, "files"):
            return
        shutil.rmtree(self.clean, ignore_errors=True)  # not there where its last build was refused
        plain = [name for name in BASE["PLUGINS"] if name not in (*SLOW, "plugins.incremental")]
        expected = self.built(self.clean, [*plain])
        assert self.built(self.kept, [*plain, "plugins.incremental"]) == expected

    def built(self, place: Path, plugins: list[str]) -> dict[str, bytes] | str:
        """The site's files, or what its author is told."""
        write_files(self.home / "content", self.files)
        theme = self.home / "theme"
        write_files(theme / "templates", self.templates)
        write_files(theme / "translations", {"de/LC_MESSAGES/messages.po": NO_WORDS})
        (theme / "static").mkdir(exist_ok=True)
        if "plugins.incremental" not in plugins:
            remove_site(place / "output")
        changed = {
            "PATH": str(self.home / "content"),
            "OUTPUT_PATH": str(place / "output"),
            "CACHE_PATH": str(place / "cache"),
            "DELETE_OUTPUT_DIRECTORY": True,
            "VAR_DIR": str(place / "var"),
            "THEME": str(theme),
            "PLUGINS": plugins,
            "SITEURL": "https://blog.example.com",
            "FEED_DOMAIN": "https://blog.example.com",
            "API_URL": "",
            "COMMENTS_URL": "",
            **self.settings,
        }
        for value in vars(signals).values():
            if isinstance(value, Signal):
                value._clear_state()
        try:
            Pelican(read_settings(str(ROOT / "pelicanconf.py"), override=changed)).run()
        except ContentMistakes as mistakes:
            return str(mistakes)
        return everything(place / "output")


def test_however_a_site_is_edited_its_builds_are_those_from_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counts: Callable[[int, int], int]
) -> None:
    """Posts, pages, authors, papers, templates and settings come, change and go; the bytes are equal each time."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setattr(forked, "LEAST", 2)  # so that these few are converted and rendered in other processes too
    monkeypatch.setattr(EditedSite, "home", tmp_path, raising=False)
    monkeypatch.chdir(tmp_path)
    run_state_machine_as_test(
        EditedSite,
        settings=settings(
            max_examples=counts(1, 25),
            stateful_step_count=counts(12, 40),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
