# SPDX-License-Identifier: AGPL-3.0-or-later
"""Numbers listing pages from the oldest, so that a full page never changes.

Numbered from the newest, as Pelican does it, every new post shifts every page of every listing: links into
the archive go stale, and one post means hundreds of pages to write. Here /page/1/ holds the ten oldest posts
for ever, and the front page holds the newest 10 to 19: it grows until ten of them can leave as a full page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from pelican.generators import ArticlesGenerator
from pelican.plugins import signals


@dataclass(frozen=True)
class ListingPage:
    """One page of a listing; `number` is None on the front page, which holds the newest posts."""

    articles_page: Sequence[Any]
    page_number: int | None
    page_count: int
    older_url: str | None
    newer_url: str | None
    save_as: str
    url: str


def listing_pages(posts: Sequence[Any], base: str, size: int) -> Iterator[ListingPage]:
    """Split posts, newest first, into the front page and the numbered pages, newest page first.

    `base` is the listing's own address without a leading slash: "" or "category/sales/".
    """
    full = max(0, len(posts) // size - 1)
    newest = len(posts) - full * size

    def address(number: int | None) -> str:
        return base if number is None else f"{base}page/{number}/"

    for step in range(full + 1):
        number = full + 1 - step if step else None
        first, last = (0, newest) if number is None else (newest + (step - 1) * size, newest + step * size)
        yield ListingPage(
            articles_page=posts[first:last],
            page_number=number,
            page_count=full + 1,
            older_url=f"/{address(full - step)}" if step < full else None,
            newer_url=f"/{address(None if step == 1 else full + 2 - step)}" if step else None,
            save_as=f"{address(number)}index.html",
            url=address(number),
        )


def write_listing(
    generator: Any, write: Any, template: Any, posts: Sequence[Any], base: str, **names: Any
) -> None:
    """Write every page of one listing with its variables; `names` holds what it lists (category, tag ...)."""
    for page in listing_pages(posts, base, generator.settings["DEFAULT_PAGINATION"]):
        variables = {field.name: getattr(page, field.name) for field in fields(page) if field.name != "save_as"}
        variables["listing_url"] = variables.pop("url")  # Pelican keeps a variable named url to itself
        write(page.save_as, template, generator.context, paginated={}, blog=True, **variables, **names)


def write_front_page(generator: Any, pelicans_own: Any, write: Any) -> None:
    """Let Pelican write the direct templates, and split the one that is a listing: the index."""

    def split(save_as: str, template: Any, context: Any, **variables: Any) -> None:
        if variables["template_name"] == "index":
            write_listing(generator, write, template, generator.articles, "", template_name="index")
        else:
            write(save_as, template, context, **variables)

    pelicans_own(split)


def write_group(generator: Any, kind: str, groups: str, write: Any) -> None:
    """Write the listings of one kind ("tag") from the generator's groups ("tags")."""
    grouped = getattr(generator, groups)
    template = generator.get_template(kind)
    for group, posts in grouped.items() if isinstance(grouped, dict) else grouped:
        write_listing(generator, write, template, posts, group.url, template_name=kind, **{kind: group})


def take_over(generator: Any) -> None:
    """Stand in for Pelican's own listing pages, whose date lists also take quadratic time."""
    generator.generate_direct_templates = partial(write_front_page, generator, generator.generate_direct_templates)
    generator.generate_tags = partial(write_group, generator, "tag", "tags")
    generator.generate_categories = partial(write_group, generator, "category", "categories")
    generator.generate_authors = partial(write_group, generator, "author", "authors")


def order_posts(generator: ArticlesGenerator) -> None:
    """Order posts newest first, those of one date by slug: Pelican alone leaves ties to chance."""
    generator.articles.sort(key=lambda post: (post.date, post.slug), reverse=True)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.article_generator_init.connect(take_over)
    signals.article_generator_pretaxonomy.connect(order_posts)
