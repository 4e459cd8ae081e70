"""Says our sentences in the reader's language: that of the post whose form was sent.

English is the source. Rules make their sentences in it with `_`, which keeps the template and the values beside
the English text, so that a rule knows no language; where an answer or a letter is made, `said` translates them.
Templates mark their words with Jinja's i18n extension. Both meet in one catalogue for each language,
`translations/*/LC_MESSAGES/messages.po`, read when it is first needed; `make translations` enters what is new.
"""

from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from jinja2 import BaseLoader, Environment, StrictUndefined, pass_eval_context, select_autoescape
from jinja2.nodes import EvalContext
from markupsafe import Markup

SOURCE = "en"
FOLDER = Path(__file__).parent / "translations"
CATALOGUES = {file.parts[-3]: file for file in FOLDER.glob("*/LC_MESSAGES/messages.po")}
"""The file of each language that there is beside English."""


class Sentence(str):
    """A sentence in English that can be said in another language; made by `_`."""

    __slots__ = ("template", "values")

    template: str
    values: dict[str, object]


def _(template: str, /, **values: object) -> Sentence:
    """The sentence of a constant template with named values in the manner of `%(name)s`.

    A value may be a Sentence, which is then said in the same language; a whole number is written as in it.
    """
    sentence = Sentence(_filled(template, values, SOURCE))
    sentence.template, sentence.values = template, values
    return sentence


def said(text: str, tag: str) -> str:
    """A Sentence in the language of the tag; any other text as it is."""
    if not isinstance(text, Sentence):
        return text
    language = spoken(tag)
    return _filled(_translations(language).gettext(text.template), text.values, language)


def spoken(tag: str) -> str:
    """Which of our languages a tag (BCP 47) is answered in: de for de-AT, English for what we do not speak."""
    language = tag.lower().partition("-")[0]
    return language if language in CATALOGUES else SOURCE


def number(value: int, tag: str) -> str:
    """The number as the language writes it: 4,000 or 4.000."""
    return format_decimal(value, locale=spoken(tag))


def templates(loader: BaseLoader, language: str, *, keep_trailing_newline: bool = False) -> Environment:
    """An environment whose templates speak the language (one of `spoken`), and escape where it is HTML."""
    environment = Environment(
        loader=loader,
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=keep_trailing_newline,
        extensions=["jinja2.ext.i18n"],
    )
    translations = _translations(language)
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined] # the extension's

    # Jinja's own gettext makes two slow calls of each sentence, and letters are made while others wait.
    @pass_eval_context
    def gettext(at: EvalContext, text: str, /, **values: object) -> str:
        translated = translations.gettext(text)
        if not values:
            translated %= {}
            return Markup(translated) if at.autoescape else translated  # noqa: S704 - our own words
        return (Markup(translated) if at.autoescape else translated) % values  # noqa: S704 - escapes the values

    environment.globals.update(gettext=gettext, _=gettext)
    return environment


def _filled(template: str, values: dict[str, object], language: str) -> str:
    return template % {name: _written(value, language) for name, value in values.items()}


def _written(value: object, language: str) -> object:
    if isinstance(value, str):
        return said(value, language)
    return number(value, language) if isinstance(value, int) else value


@cache
def _translations(language: str) -> NullTranslations:
    if language == SOURCE:
        return NullTranslations()
    packed = BytesIO()
    with CATALOGUES[language].open("rb") as file:
        write_mo(packed, read_po(file, locale=language))
    packed.seek(0)
    return GNUTranslations(packed)
