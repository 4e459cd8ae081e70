"""Comment text becomes HTML here and nowhere else: it is the one place where strangers write into our pages.

Two independent parts have to agree before a tag is shown: markdown-it-py never lets typed HTML through, and
nh3 (an allow list over a real HTML parser) drops whatever is not one of a dozen harmless tags.
Python-Markdown, which renders the posts, is not used: on hostile text it is quadratic and worse. What could
cost time or shout louder than the post (headings, rules, images, reference definitions) is switched off, not
filtered afterwards.
"""

from functools import cache, lru_cache

import nh3
from markdown_it import MarkdownIt

LONGEST = 4_000
"""Characters of one comment; the time bound below is promised for texts up to this length."""

VERSION = "1"
"""To be raised when the same text gives other HTML, so that nobody keeps the old one."""

MOST_BRACKETS = 100
"""Opening brackets up to which links are looked for. The search is quadratic in them."""

LINK_SCHEMES = ("http://", "https://", "mailto:")
SHOWN_TAGS = {"p", "br", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li", "a"}


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802, RUF100 - the name is the library's
        """Only addresses that a reader can judge become links; anything else stays as it was typed."""
        return url.lower().startswith(LINK_SCHEMES)


@cache
def _parser(links: bool) -> MarkdownIt:
    parser = _Parser("commonmark", {"html": False, "breaks": True})
    parser.disable(["heading", "lheading", "hr", "image", "reference", "html_block", "html_inline"])
    return parser if links else parser.disable(["link"])


@lru_cache(maxsize=2_048)
def render(text: str) -> str:
    """Comment text (CommonMark without headings, images and HTML) as safe HTML.

    A line break stays a line break, as people expect in a reply. Links are http, https or mailto and carry
    rel="nofollow ugc noopener", which tells search engines that a reader wrote them.
    At most 150 ms for the worst text of LONGEST characters; call it off the event loop all the same. The same
    text always gives the same HTML, so answers are kept for the texts shown last.
    """
    html = _parser(text.count("[") <= MOST_BRACKETS).render(text)
    return nh3.clean(
        html,
        tags=SHOWN_TAGS,
        attributes={"a": {"href"}, "*": set()},
        url_schemes={scheme.partition(":")[0] for scheme in LINK_SCHEMES},
        url_relative="deny",
        link_rel="nofollow ugc noopener",
    )
