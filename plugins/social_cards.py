# SPDX-License-Identifier: AGPL-3.0-or-later
"""Makes the picture that stands for a page where somebody shares its address: a card with its title.

Chat programs and networks show a link as a grey line unless the page names a picture (ogp.me asks for one). Every
public post, page and whitepaper has a card of its own; lists, and what is hidden, show the blog's. A card is drawn
once: it is kept by a hash of all that it is made of, which is its address too, so that it may be cached for ever.

The fonts know the Latin, Greek and Cyrillic scripts. Emoji in a title are left out; where a letter would be
missing the page has the blog's card, and the author is told: a row of boxes would be worse than no title.
"""

import json
import logging
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from unicodedata import category, normalize

import typst
from markupsafe import Markup
from pelican.plugins import signals
from PIL import Image

from plugins.hidden_posts import contents_of
from plugins.mistakes import shown_path
from plugins.whitepaper_pdf.glyphs import FONTS, known_characters
from plugins.whitepapers import Whitepaper

DESIGN = Path(__file__).with_name("social_card.typ")
FOLDER = "theme/cards"  # what lies below theme/ is served to be kept for ever
PUBLIC = ("articles", "translations", "pages")
LONGEST_TITLE = 200
COLOURS = 32  # the design has six, and steps between them at the letters' edges
LEFT_OUT = "SMC"  # symbols, marks and controls: what emoji are made of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SocialCard:
    """A page's card: its root-relative address, what it says, and its size in pixels."""

    url: str
    alt: str
    width: int = 1200
    height: int = 630


@dataclass(frozen=True)
class Words:
    """What a card says: `kicker` above the title, `by` below it at the right; both may be empty."""

    title: str
    site: str
    language: str
    kicker: str = ""
    by: str = ""


def showable(text: str) -> str:
    """Return a text as the fonts can show it, without emoji; "" where a letter would be missing."""
    known = known_characters()
    signs = normalize("NFC", " ".join(text.split()))
    kept = "".join(sign for sign in signs if ord(sign) in known or category(sign)[0] not in LEFT_OUT)
    return " ".join(kept.split()) if all(ord(sign) in known for sign in kept) else ""


def shortened(title: str) -> str:
    """Return a title that a card has room for."""
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1].rstrip()}…"


def words_of(thing: Any, site: str) -> Words:
    """Return what the card of a post, page or whitepaper says; its title is "" where it cannot be shown."""
    section, author = getattr(thing, "category", None), getattr(thing, "author", "")
    is_paper = isinstance(thing, Whitepaper)
    return Words(
        title=shortened(showable(str(Markup(thing.title).striptags()))),  # noqa: S704 - only to take its tags away
        site=site,
        language=(thing.language if is_paper else thing.lang).partition("-")[0].lower(),
        kicker="Whitepaper" if is_paper else showable(section.name) if section else "",
        by=showable(str(author)) if is_paper or section else "",
    )


def fingerprint(words: Words, tools: bytes) -> str:
    """Return the hash of all that a card is made of."""
    return sha256(tools + json.dumps(asdict(words), sort_keys=True).encode()).hexdigest()[:12]


def tools_hash() -> bytes:
    """Return a hash of what draws the cards: programs, design and fonts."""
    parts = [DESIGN.read_bytes(), *(font.read_bytes() for font in sorted(FONTS.glob("*.ttf")))]
    programs = f"{version('typst')} {version('Pillow')} {COLOURS}".encode()
    return sha256(b"".join(sha256(part).digest() for part in (programs, *parts))).digest()


def draw(words: Words) -> bytes:
    """Return a card as a PNG with few colours: a third of the bytes, and nobody sees a difference."""
    compiler = typst.Compiler(
        DESIGN.read_bytes(),
        root=DESIGN.parent,
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS]),
        ignore_system_fonts=True,
        sys_inputs={"card": json.dumps(asdict(words))},
    )
    png = compiler.compile(format="png", ppi=72)
    assert isinstance(png, bytes)  # of one page, without an output file, typst returns the bytes
    with Image.open(BytesIO(png)) as drawn:
        few = drawn.convert("RGB").quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    file = BytesIO()
    few.save(file, "PNG")
    return file.getvalue()


def keep(words: Words, path: Path) -> None:
    """Draw a card into the cache, whole or not at all, unless it is there."""
    if not path.exists():
        with NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(draw(words))
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)


def make_cards(generators: Sequence[Any]) -> None:
    """Set `social_card` on everything public, and `site_card` for all templates."""
    context, settings = generators[0].context, generators[0].settings
    cache = Path(settings["CACHE_PATH"], "social-cards")
    cache.mkdir(parents=True, exist_ok=True)
    tools, site = tools_hash(), showable(settings["SITENAME"])
    wanted: dict[Path, Words] = {}

    def card(words: Words, alt: str) -> SocialCard:
        path = cache / f"{fingerprint(words, tools)}.png"
        wanted[path] = words
        return SocialCard(f"/{FOLDER}/{path.name}", alt)

    if site:
        subtitle = showable(settings["SITESUBTITLE"] or "")
        blogs = Words(title=site, site=subtitle or site, language=settings["DEFAULT_LANG"].partition("-")[0])
        context["site_card"] = card(blogs, settings["SITENAME"])
    papers = getattr(settings.get("WHITEPAPER_LIBRARY"), "papers", [])
    for thing in [*contents_of(generators, PUBLIC), *papers]:
        words = words_of(thing, site)
        thing.social_card = card(words, str(thing.title)) if words.title else None
        if not words.title:
            told = (
                "No font of social cards has all letters of the title. Where it is shared, the blog's card stands."
            )
            logger.warning("%s: %s", shown_path(thing.source_path), told)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda path: keep(wanted[path], path), wanted))
    settings["CARD_FILES"] = list(wanted)


def publish(pelican: Any) -> None:
    """Copy the cards of this build into the site."""
    folder = Path(pelican.settings["OUTPUT_PATH"], FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    for path in pelican.settings["CARD_FILES"]:
        shutil.copyfile(path, folder / path.name)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.all_generators_finalized.connect(make_cards)
    signals.finalized.connect(publish)
