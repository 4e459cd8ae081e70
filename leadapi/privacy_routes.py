"""What is stored about an address: its owner asks for a link, sees everything, takes it along, or has it erased.

As everywhere, no GET changes anything, since mail scanners open every link: the button that erases stands on a
page of its own. Nothing answered here tells whether an address is known; only the letter does.

The form is in the site's language, or in the one that is asked for (?lang=de), which it hands on to the letter.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, Response

from leadapi import guards, letters, pages, privacy, signed_links, typed_text
from leadapi.address_hashes import address_hash
from leadapi.erasing import Erase, erase
from leadapi.error_responses import form_again
from leadapi.errors import Gone, InvalidInput, StoreUnavailable, TooOften
from leadapi.languages import _, said, spoken
from leadapi.public_index import PublicIndex
from leadapi.request_scope import (
    ClientNetwork,
    IndexDep,
    NowDep,
    SettingsDep,
    StoreDep,
    Typed,
    WantsJson,
    language_of,
    sender,
    speak,
)
from leadapi.settings import Settings

ON_ITS_WAY = _(
    "Thank you. An e-mail is on its way to this address. It says what is stored, or that nothing is; "
    "its link works for %(days)s days.",
    days=letters.LINK_DAYS,
)
ERASED = _(
    "Everything about this address is erased. So that nobody writes to you unasked, we keep a code made from the "
    "address, from which the address cannot be read."
)
PRIVATE = {"Cache-Control": "private, no-store", "X-Robots-Tag": "noindex"}

router = APIRouter(prefix=letters.PRIVACY_PATH, include_in_schema=False)


@router.api_route("", methods=["GET", "HEAD"])
async def form(index: IndexDep, lang: str = "") -> Response:
    """The form for an address, in the language `lang`."""
    return HTMLResponse(_form(await index.current(), lang))


@router.post("")
async def ask(
    request: Request,
    typed: Typed,
    store: StoreDep,
    settings: SettingsDep,
    index: IndexDep,
    network: ClientNetwork,
    now: NowDep,
    as_json: WantsJson,
) -> Response:
    """Mail the link; the answer is the same for every address."""
    known = await index.current()
    chosen = spoken(typed["language"]) if typed.get("language") else ""
    language = chosen or spoken(known.language)
    speak(request, language)
    wrong: dict[str, str] = {}
    address = typed_text.address(typed, "email", wrong)
    try:
        if wrong:
            raise InvalidInput(wrong["email"], wrong)
        asked = privacy.Asked(address, network, sender(settings, known), chosen or None, now)
        await store.write(privacy.ask, asked)
    except (InvalidInput, TooOften, StoreUnavailable) as error:
        if as_json:
            raise
        shown = typed_text.printable(address)
        return form_again("privacy_form", known, error, language=language, chosen=chosen, email=shown)
    message = said(ON_ITS_WAY, language)
    if as_json:
        return JSONResponse({"status": "accepted", "message": message}, 202)
    heading = said(_("Check your inbox"), language)
    return HTMLResponse(pages.render("message", known, language=language, heading=heading, message=message))


@router.api_route("/{token}", methods=["GET", "HEAD"])
async def show(
    request: Request, token: str, store: StoreDep, settings: SettingsDep, index: IndexDep, as_json: WantsJson
) -> Response:
    """Everything about the address, in plain words or as JSON; it changes nothing."""
    found = await store.read(privacy.stored, _whose(request, token, settings))
    if as_json:
        return JSONResponse(found, headers=PRIVATE)
    known = await index.current()
    page = await run_in_threadpool(_shown, found, token, known, language_of(request))
    return HTMLResponse(page, headers=PRIVATE)


@router.api_route("/{token}/export", methods=["GET", "HEAD"])
async def export(request: Request, token: str, store: StoreDep, settings: SettingsDep) -> Response:
    """Everything about the address, as a file."""
    found = await store.read(privacy.stored, _whose(request, token, settings))
    attachment = {"Content-Disposition": 'attachment; filename="what-is-stored.json"'}
    return JSONResponse(found, headers=PRIVATE | attachment)


@router.api_route("/{token}/erase", methods=["GET", "HEAD"])
async def offer_to_erase(request: Request, token: str, settings: SettingsDep, index: IndexDep) -> Response:
    """The page with the button; it changes nothing."""
    address = _whose(request, token, settings)[0]
    known = await index.current()
    values = {"address": address, "back": _path(token)}
    page = pages.render("privacy_erase", known, language=language_of(request), **values)
    return HTMLResponse(page, headers=PRIVATE)


@router.post("/{token}/erase")
async def erase_everything(
    request: Request,
    token: str,
    store: StoreDep,
    settings: SettingsDep,
    index: IndexDep,
    now: NowDep,
    as_json: WantsJson,
) -> Response:
    """The button was pressed: all is erased. Pressing again is as good."""
    guards.refuse_other_sites(request, settings.origin)
    address = _whose(request, token, settings)[0]
    await store.write(erase, Erase(address, settings.hash_key, now))
    language = language_of(request)
    message = said(ERASED, language)
    if as_json:
        return JSONResponse({"status": "erased", "message": message}, headers=PRIVATE)
    known = await index.current()
    heading = said(_("Everything is erased"), language)
    page = pages.render("message", known, language=language, heading=heading, message=message)
    return HTMLResponse(page, headers=PRIVATE)


def _whose(request: Request, token: str, settings: Settings) -> tuple[str, str]:
    """The address that the link was made for, and its hash; from then on its language is spoken.

    Raises Gone with what to do, Forbidden.
    """
    payload = signed_links.read("privacy", token, settings.secret_keys, letters.HOWEVER_OLD)
    if "language" in payload:
        speak(request, payload["language"])
    try:
        signed_links.read("privacy", token, settings.secret_keys, letters.LINK_AGE)
    except Gone:
        form = letters.PRIVACY_PATH
        if "language" in payload:
            form += f"?lang={spoken(payload['language'])}"
        message = _("This link has expired. Please ask for a new one at %(address)s.", address=form)
        raise Gone(message, code="link_expired", instead=(form, _("Ask for a new link"))) from None
    address = str(payload["address"])
    return address, address_hash(address, settings.hash_key)


def _path(token: str) -> str:
    return letters.LINK_PATHS["privacy"] + quote(token)


def _form(index: PublicIndex, lang: str) -> str:
    chosen = spoken(lang) if lang else ""
    return pages.render(
        "privacy_form",
        index,
        language=chosen or index.language,
        chosen=chosen,
        email="",
        errors={},
        notice=None,
    )


def _shown(found: privacy.Stored, token: str, index: PublicIndex, language: str) -> str:
    return pages.render(
        "privacy",
        index,
        language=language,
        found=found,
        empty=not any(found[kind] for kind in ("lead", "comments", "suppressions")),
        titles=_titles(index.posts) | _titles(index.whitepapers),
        action=_path(token),
    )


def _titles(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {slug: entry["title"] for slug, entry in entries.items()}
