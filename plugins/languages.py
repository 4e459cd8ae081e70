# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lets each page speak the language of what it shows: the theme's words, dates, the menu and the words of consent.

Templates are written in English and mark their words by gettext's usual means, `_("...")` and {% trans %}; which
catalogue answers is looked up with each word, since one build writes pages of several languages. A catalogue is
read as it is typed (.po), so that a translator's change is seen like an author's.

A consent is evidence. So its words stand in pelicanconf.py under a version that is never used for other words, the
form sends the version that its reader saw, and the service finds the words in public-index.json.
"""

from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.support import NullTranslations, Translations
from pelican.plugins import signals

from plugins.incremental.value_stamps import MADE_OF
from plugins.mistakes import ContentMistakes, Mistake, shown_path

SOURCE = "en"  # what the templates are written in
HOW = "The section “Another language” of docs/authors.md says how."


class Consent(NamedTuple):
    """What a form asks leave for, and the version under which the answer is kept."""

    version: str
    text: str


def in_language(known: dict[str, Any], language: str) -> Any:
    """Return what is known for a language, or else for the one it is a variant of (de for de-AT)."""
    return known.get(language.lower(), known.get(language.lower().partition("-")[0]))


def current_consents(settings: dict[str, Any]) -> dict[str, Consent]:
    """Return what forms ask in each language: the last of its versions in CONSENT_TEXTS."""
    texts = settings.get("CONSENT_TEXTS", {}).items()
    return {version.rpartition("-")[0].lower(): Consent(version, text) for version, text in texts}


def consents(settings: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return every version's language and text, as public-index.json names them."""
    texts = settings.get("CONSENT_TEXTS", {}).items()
    return {version: {"language": version.rpartition("-")[0], "text": text} for version, text in texts}


def catalogue_files(settings: dict[str, Any]) -> dict[str, Path]:
    """Return the theme's catalogues by language; gettext writes pt_BR for pt-BR."""
    files = Path(settings["THEME"], "translations").glob("*/LC_MESSAGES/messages.po")
    return {file.parent.parent.name.replace("_", "-").lower(): file for file in sorted(files)}


def what_is_missing(language: str, settings: dict[str, Any], *, asks: bool) -> str:
    """Say what a page in a language lacks, with a form if `asks`, and how to add it; "" where all is there."""
    missing = []
    if not in_language({SOURCE: SOURCE, **catalogue_files(settings)}, language):
        folder = shown_path(str(Path(settings["THEME"], "translations", language.replace("-", "_"))))
        missing.append(f"the theme's words in {folder}/LC_MESSAGES/messages.po")
    if asks and not in_language(current_consents(settings), language):
        missing.append(f'the consent "{language}-1" in CONSENT_TEXTS of pelicanconf.py')
    if not missing:
        return ""
    return f'The site does not speak "{language}" yet. Add {" and ".join(missing)}. {HOW}'


def read_catalogue(language: str, file: Path) -> Translations:
    """Read a translator's file. Raises ContentMistakes where it cannot be read or loses a name or a number."""
    mistakes = []
    try:
        with file.open("rb") as typed:
            catalogue = read_po(typed, locale=Locale.parse(language, sep="-"), abort_invalid=True)
    except PoFileError as error:
        mistakes = [(error.lineno + 1, f"The catalogue cannot be read: {error}.")]
    except (UnknownLocaleError, ValueError):
        mistakes = [(1, f'"{language}" is a language whose dates are not known. Name the folder by another one.')]
    else:
        for message, errors in catalogue.check():
            mistakes += [(message.lineno or 1, f'"{message.id}" is not translated whole: {e}.') for e in errors]
    if mistakes:
        raise ContentMistakes(Mistake(shown_path(str(file)), line, told) for line, told in mistakes)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def locale_of(language: str) -> Locale:
    """Return how a language writes dates; of a variant that nobody knows, how its language does."""
    for tag in (language, language.partition("-")[0]):
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse(SOURCE)


def long_date(day: date, language: str) -> str:
    """Return a day as a language writes it: May 31, 2012, or 31. Mai 2012."""
    return format_date(day, "long", locale=locale_of(language))


def month(day: date, language: str) -> str:
    """Return a day's month as a language writes it: May 2012, or Mai 2012."""
    return format_skeleton("yMMMM", day, locale=locale_of(language))


def names_for_templates(settings: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    """Return the functions by which templates speak the language of their page (`page_lang`)."""
    catalogues = {name: read_catalogue(name, file) for name, file in catalogue_files(settings).items()}
    asked = current_consents(settings)
    english = NullTranslations()

    def spoken(context: jinja2.runtime.Context) -> str:
        return str(context.get("page_lang") or settings["DEFAULT_LANG"])

    def catalogue(context: jinja2.runtime.Context) -> NullTranslations:
        return in_language(catalogues, spoken(context)) or english

    @jinja2.pass_context
    def gettext(context: jinja2.runtime.Context, message: str) -> str:
        return catalogue(context).gettext(message)

    @jinja2.pass_context
    def ngettext(context: jinja2.runtime.Context, one: str, many: str, number: int) -> str:
        return catalogue(context).ngettext(one, many, number)

    @jinja2.pass_context
    def pgettext(context: jinja2.runtime.Context, use: str, message: str) -> str:
        return str(catalogue(context).pgettext(use, message))

    @jinja2.pass_context
    def local(context: jinja2.runtime.Context, name: str) -> Any:
        """A setting as LANGUAGES has it for the page's language, else as it is for all."""
        return (in_language(settings["LANGUAGES"], spoken(context)) or {}).get(name, settings[name])

    @jinja2.pass_context
    def consent(context: jinja2.runtime.Context) -> Any:
        return in_language(asked, spoken(context))

    @jinja2.pass_context
    def date_text(context: jinja2.runtime.Context, day: date) -> str:
        return long_date(day, spoken(context))

    functions = (gettext, ngettext, pgettext, local, consent, date_text)
    words = {name: file.read_text(encoding="utf-8") for name, file in catalogue_files(settings).items()}
    for function in functions:
        setattr(function, MADE_OF, words)
    return {function.__name__: function for function in functions}


def teach(pelican: Any) -> None:
    """Give templates their words; Pelican asks for generators at the start of each build."""
    settings = pelican.settings
    settings["JINJA_GLOBALS"] = {**settings["JINJA_GLOBALS"], **names_for_templates(settings)}


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.get_generators.connect(teach)
