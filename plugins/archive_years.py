# SPDX-License-Identifier: AGPL-3.0-or-later
"""Gives each year of the archives a page of its own, at an address that stays: /archives/2021/.

One page with every post grows with the blog and is written anew for each post. A year that is over stays as it is:
a new post is on its own year's page and on the overview, and its year's first one changes the year before too,
which leads to it. The overview shows the newest year, and earlier ones while they are few posts together: a small
blog is seen at a glance. Pelican can archive by period as well (YEAR_ARCHIVE_SAVE_AS), but looks for each post
among those of each year, which takes quadratic time; here the posts are gone through once.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

from pelican.generators import ArticlesGenerator
from pelican.plugins import signals

TEMPLATE = "archive_year"

MOST_TOGETHER = 50
"""How many posts the overview shows of more than one year."""


@dataclass(frozen=True)
class ArchiveYear:
    """One year's posts, newest first, and the address of their page."""

    year: int
    url: str
    posts: Sequence[Any]


def archive_years(posts: Iterable[Any], base: str) -> list[ArchiveYear]:
    """Return the years of posts, newest first, each with its posts in their order.

    `base` is the archives' own address without a leading slash: "archives/".
    """
    years: dict[int, list[Any]] = {}
    for post in posts:
        years.setdefault(post.date.year, []).append(post)
    return [ArchiveYear(year, f"{base}{year}/", years[year]) for year in sorted(years, reverse=True)]


def newest_years(years: Sequence[ArchiveYear], most: int) -> Sequence[ArchiveYear]:
    """Return the newest years that have no more posts together, and the newest one however many it has."""
    together = list(accumulate(len(year.posts) for year in years))
    return years[: max(1, bisect_right(together, most))]


def tell(generator: ArticlesGenerator) -> None:
    """Give all templates and plugins the years, once it is known which posts there are."""
    years = archive_years(generator.articles, generator.settings["ARCHIVES_URL"])
    generator.context["archive_years"], generator.context["newest_years"] = (
        years,
        newest_years(years, MOST_TOGETHER),
    )


def write_years(generator: ArticlesGenerator, write: Any) -> None:
    """Write each year's page with the years beside it, None where there is none."""
    years = generator.context["archive_years"]
    template = generator.get_template(TEMPLATE) if years else None
    for year, newer, older in zip(years, [None, *years], [*years[1:], None], strict=False):
        names = {"archive_year": year, "newer_year": newer, "older_year": older}
        save_as = f"{year.url}index.html"
        write(save_as, template, generator.context, paginated={}, blog=True, template_name=TEMPLATE, **names)


def take_over(generator: ArticlesGenerator) -> None:
    """Stand in for Pelican's own archives by period."""
    generator.generate_period_archives = partial(write_years, generator)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.article_generator_init.connect(take_over)
    signals.article_generator_finalized.connect(tell)
