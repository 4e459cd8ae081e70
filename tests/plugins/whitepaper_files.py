"""What the tests of whitepapers write into a content folder."""

from small_sites import ALICE, ROOT

AUTHOR = {"authors/alice-archer.md": ALICE}
ENGLISH = {"DEFAULT_LANG": "en", "THEME": str(ROOT / "theme"), "CONSENT_TEXTS": {"en-1": "Yes."}}
"""The settings of a site that asks in English."""


def whitepaper(
    title: str = "Coaching in Practice",
    slug: str = "practice",
    body: str = "## A chapter\n\nThe secret text.",
    *,
    edition: str = "1",
    language: str = "en",
    date: str = "2024-05-01",
    more: str = "",
) -> str:
    """The text of a valid whitepaper; `more` holds further lines of front matter, each ending in a newline."""
    return (
        f"---\ntitle: {title}\nslug: {slug}\nsummary: What {title} holds.\nedition: '{edition}'\n"
        f"language: {language}\ndate: {date}\nauthor: Alice Archer\n{more}---\n{body}\n"
    )


FIRST_LINE_OF_BODY = 10
"""The line of a whitepaper's first line of text, where `more` is empty."""
