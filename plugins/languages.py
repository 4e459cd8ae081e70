# SPDX-License-Identifier: AGPL-3.0-or-later
"""Says what each language of the site needs, and what is there: the words of consent, and later the theme's words.

A consent is evidence. So its words stand in pelicanconf.py under a version that is never used for other words, the
form sends the version that its reader saw, and the service finds the words in public-index.json.
"""

from typing import Any


def in_language(known: dict[str, Any], language: str) -> Any:
    """Return what is known for a language, or else for the one it is a variant of (de for de-AT)."""
    return known.get(language.lower(), known.get(language.lower().partition("-")[0]))


def consent_language(version: str) -> str:
    """Return the language of a consent's version: pt-br of "pt-BR-2"."""
    return version.rpartition("-")[0].lower()


def current_consents(settings: dict[str, Any]) -> dict[str, str]:
    """Return the version of each language that forms ask with: the last one that stands in CONSENT_TEXTS."""
    return {consent_language(version): version for version in settings["CONSENT_TEXTS"]}


def consents(settings: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return every version's language and text, as public-index.json names them."""
    texts = settings["CONSENT_TEXTS"].items()
    return {version: {"language": version.rpartition("-")[0], "text": text} for version, text in texts}
