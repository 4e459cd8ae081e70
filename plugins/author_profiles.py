# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads content/authors/: who writes here, in the author's own words.

Pelican knows an author only as a name. Readers want to know whose advice they are taking, so each file becomes a
profile under every post and on the author's page. Mistakes in the files are told by `front_matter`; a file with
one is left alone. A small drawing travels inside the page: one request less for every reader.
"""

from base64 import b64encode
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markdown import markdown
from pelican.plugins import signals
from pelican.urlwrappers import Author

from plugins.findings import findings
from plugins.front_matter.header import Header, read_folder
from plugins.picture_sizes import size_of

SMALL_SVG_BYTES = 1_500


@dataclass(frozen=True)
class AuthorProfile:
    """One author; `picture` is for an img's src (a data: URI or a root-relative address), sizes in pixels.

    `picture_url` is the root-relative address of the picture's file, "" without a picture.
    """

    name: str
    slug: str
    role: str
    bio_html: str
    picture: str
    picture_url: str
    picture_width: int | None
    picture_height: int | None
    picture_alt: str
    links: list[dict[str, str]]
    url: str


def read_profiles(settings: dict[str, Any]) -> dict[str, AuthorProfile]:
    """Return the profiles by the author's name."""
    content = Path(settings["PATH"])
    found = findings(settings)
    headers = [one for one in read_folder(content / "authors") if one.fields and not found.broken(one.path)]
    return {header.text("name"): profile_from(header, content, settings) for header in headers}


def profile_from(header: Header, content: Path, settings: dict[str, Any]) -> AuthorProfile:
    """Make a profile of a file without mistakes."""
    author = Author(header.text("name"), settings)
    name = header.text("picture")
    source, width, height = picture(content / "images", name)
    links = header.fields["links"].value if "links" in header.fields else []
    return AuthorProfile(
        name=author.name,
        slug=author.slug,
        role=header.text("role"),
        bio_html=markdown(header.body.strip(), extensions=["smarty", "attr_list"], output_format="html"),
        picture=source,
        picture_url=address(name) if source else "",
        picture_width=width,
        picture_height=height,
        picture_alt=header.text("picture_alt"),
        links=[{"label": str(link["label"]), "url": str(link["url"])} for link in links or []],
        url=author.url,
    )


def address(name: str) -> str:
    """Return the root-relative address of a file below content/images/."""
    return f"/images/{quote(name)}"


def picture(images: Path, name: str) -> tuple[str, int | None, int | None]:
    """Return what the page shows and its size; ("", None, None) where there is no picture."""
    path = images / name
    if not name or not path.is_file():
        return "", None, None
    width, height = size_of(path) or (None, None)
    if path.suffix.lower() == ".svg" and path.stat().st_size < SMALL_SVG_BYTES:
        return f"data:image/svg+xml;base64,{b64encode(path.read_bytes()).decode()}", width, height
    return address(name), width, height


def introduce(generator: Any) -> None:
    """Set `author_profile` on every post, None where the author has no file."""
    profiles = read_profiles(generator.settings)
    generator.context["author_profiles"] = profiles
    for post in chain(generator.articles, generator.hidden_articles, generator.drafts):
        post.author_profile = profiles.get(post.author.name)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.article_generator_finalized.connect(introduce)
