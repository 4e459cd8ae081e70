# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an author's profile must say: a name that gives an address, a picture that can be seen, links that lead."""

from pathlib import Path
from typing import Any

from plugins.front_matter import values
from plugins.front_matter.header import Header
from plugins.picture_sizes import NotAPicture, size_of

IMAGE_BUDGET = 300_000
"""Bytes of one picture, where the site does not say."""


def check_author(header: Header, settings: dict[str, Any]) -> None:
    """An author's profile in content/authors/."""
    values.check_required_text(header, "name", "Alice Archer")
    for name in ("role", "picture", "picture_alt"):
        values.check_text(header, name)
    made = values.slugify(header.text("name"), settings)
    if made and "slug" in header.fields and header.text("slug") != made:
        header.wrong(header.line("slug"), f"slug must be made of the name: write {made}, or delete the line.")
    elif header.text("name"):
        values.check_name(header, header.line("name"), "name", header.text("name"), settings)
    picture = header.text("picture")
    images = Path(settings["PATH"], "images")
    if picture and (
        Path(picture).is_absolute() or ".." in Path(picture).parts or not (images / picture).is_file()
    ):
        header.wrong(
            header.line("picture"),
            f'The picture "{picture}" is not in content/images/. Put it there, or mend the path.',
        )
    elif picture and not is_picture(images / picture):
        header.wrong(
            header.line("picture"),
            f'The picture "{picture}" cannot be read. Save it again, as SVG, JPEG, PNG or WebP.',
        )
    elif picture and (images / picture).stat().st_size > settings.get("IMAGE_BUDGET", IMAGE_BUDGET):
        told = (
            f'The picture "{picture}" is heavier than a page may be. Make it smaller, or save it as WebP or AVIF.'
        )
        header.odd(header.line("picture"), told)
    if picture and not header.text("picture_alt"):
        header.wrong(header.line("picture"), "picture_alt is missing. Say in a few words what the picture shows.")
    links = header.fields.get("links")
    if links and not is_list_of_links(links.value):
        header.wrong(
            links.line,
            "links is not a list of links. Write each as - label: My site, and below it, indented, "
            "url: https://example.com/",
        )


def is_picture(path: Path) -> bool:
    """Whether a browser can be expected to show a file."""
    try:
        size_of(path)
    except NotAPicture:
        return False
    return True


def is_list_of_links(value: Any) -> bool:
    """Links have a label and a web, mail or site address, and nothing else."""
    return isinstance(value, list) and all(
        isinstance(link, dict)
        and set(link) == {"label", "url"}
        and all(isinstance(part, str) and part.strip() for part in link.values())
        and link["url"].startswith(("https://", "http://", "mailto:", "/"))
        for link in value
    )
