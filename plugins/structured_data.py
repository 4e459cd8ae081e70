# SPDX-License-Identifier: AGPL-3.0-or-later
"""Describes pages to machines as JSON-LD (schema.org), from the same facts that people see.

The element is a data block, not a script: nothing in it runs, and the strict Content-Security-Policy does not
concern it. What could end it early is escaped, so that a title or a comment stays a text.
"""

import json
from typing import Any

from markupsafe import Markup
from pelican.plugins import signals

from plugins.author_profiles import AuthorProfile

ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


class Describer:
    """The function `structured_data(kind, object)` of the templates, for one site."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.site_url = settings["SITEURL"]
        self.site_name = settings["SITENAME"]
        self.company = settings.get("COMPANY", settings["SITENAME"])
        self.language = settings["DEFAULT_LANG"]
        self.made_of = tuple(vars(self).values())  # plugins.incremental asks

    def __call__(self, kind: str, thing: Any, **more: Any) -> Markup:
        """Return the element for a page; `kind` is article, page, author, listing, whitepaper or home.

        Of a listing's numbered page, `number` and `url` are its own; `year` is one of the archives.
        """
        graph = getattr(self, f"_{kind}")(thing, **more)
        text = json.dumps({"@context": "https://schema.org", "@graph": graph}, ensure_ascii=False)
        for sign, escape in ESCAPES.items():
            text = text.replace(sign, escape)
        return Markup('<script type="application/ld+json">{}</script>').format(Markup(text))  # noqa: S704 - escaped

    def _address(self, url: str) -> str:
        return f"{self.site_url}/{url}"

    def _publisher(self) -> dict[str, Any]:
        return {"@type": "Organization", "name": self.company, "url": self._address("")}

    def _image(self, thing: Any) -> dict[str, str]:
        card = getattr(thing, "social_card", None)
        return {"image": self.site_url + card.url} if card else {}

    def _writer(self, author: Any, profile: Any) -> dict[str, Any]:
        """Describe a person, or the company where the author bears its name."""
        kind = "Organization" if author.name == self.company else "Person"
        described = {"@type": kind, "name": author.name, "url": self._address(author.url)}
        if profile and profile.picture_url:
            described["image"] = self.site_url + profile.picture_url
        return described

    def _trail(self, *steps: tuple[str, str]) -> dict[str, Any]:
        crumbs = [(self.site_name, ""), *steps]
        return {
            "@type": "BreadcrumbList",
            "itemListElement": [
                {"@type": "ListItem", "position": place, "name": str(name), "item": self._address(url)}
                for place, (name, url) in enumerate(crumbs, 1)
            ],
        }

    def _article(self, post: Any) -> list[dict[str, Any]]:
        url = self._address(post.url)
        described = {
            "@type": "BlogPosting",
            "@id": url,
            "mainEntityOfPage": url,
            "headline": str(post.title),
            "description": str(Markup(post.summary).striptags()),  # noqa: S704 - only to take its tags away
            "datePublished": post.date.isoformat(),
            "dateModified": (getattr(post, "modified", None) or post.date).isoformat(),
            "author": self._writer(post.author, getattr(post, "author_profile", None)),
            "publisher": self._publisher(),
            "inLanguage": post.lang,
            "articleSection": post.category.name,
            "keywords": [tag.name for tag in getattr(post, "tags", ())],
            "wordCount": post.word_count,
            "commentCount": post.comment_count,
            **self._image(post),
        }
        if post.comments:
            described["comment"] = [self._comment(comment) for comment in post.comments]
        return [described, self._trail((post.category.name, post.category.url), (str(post.title), post.url))]

    def _comment(self, comment: Any) -> dict[str, Any]:
        described = {
            "@type": "Comment",
            "text": str(Markup(comment.body_html).striptags()),  # noqa: S704 - only to take its tags away
            "dateCreated": comment.created.isoformat(),
            "author": {"@type": "Person", "name": comment.name},
        }
        if comment.replies:
            described["comment"] = [self._comment(reply) for reply in comment.replies]
        return described

    def _page(self, page: Any) -> list[dict[str, Any]]:
        described = {"@type": "WebPage", "@id": self._address(page.url), "name": str(page.title)}
        return [described, self._trail((str(page.title), page.url))]

    def _author(self, author: Any) -> list[dict[str, Any]]:
        profile = author if isinstance(author, AuthorProfile) else None
        writer = self._writer(author, profile)
        if profile and profile.role and writer["@type"] == "Person":
            writer["jobTitle"] = profile.role
        page = {"@type": "ProfilePage", "@id": self._address(author.url), "mainEntity": writer}
        return [page, self._trail((author.name, author.url))]

    def _listing(
        self, group: Any, number: int | None = None, url: str = "", year: Any = None
    ) -> list[dict[str, Any]]:
        steps = [(group.name, group.url)] if group else [] if number else [("Archives", "archives/")]
        if number:
            steps.append((f"Page {number}", url))
        if year:
            steps.append((str(year.year), year.url))
        name = ", ".join((group.name if group else "Articles", f"page {number}")) if number else steps[0][0]
        name = f"{name}, {year.year}" if year else name
        page = {"@type": "CollectionPage", "name": name, "url": self._address(steps[-1][1])}
        return [page, self._trail(*steps)]

    def _whitepaper(self, paper: Any) -> list[dict[str, Any]]:
        described = {
            "@type": "DigitalDocument",
            "@id": self._address(paper.url),
            "name": paper.title,
            "description": paper.summary,
            "inLanguage": paper.language,
            "datePublished": paper.date.isoformat(),
            "version": paper.edition,
            "publisher": self._publisher(),
            **self._image(paper),
        }
        return [described, self._trail((paper.title, paper.url))]

    def _home(self, _: Any) -> list[dict[str, Any]]:
        blog = {
            "@type": "Blog",
            "@id": self._address(""),
            "name": self.site_name,
            "inLanguage": self.language,
            "publisher": self._publisher(),
        }
        return [blog]


def teach(pelican: Any) -> None:
    """Give templates `structured_data`."""
    settings = pelican.settings
    settings["JINJA_GLOBALS"] = {**settings["JINJA_GLOBALS"], "structured_data": Describer(settings)}


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.initialized.connect(teach)
