"""The visitor's way from a letter to the whitepaper: the button, the file, and a new link for an old one.

No GET changes anything but the count of downloads, since mail scanners open every link and run every script:
only the button's POST confirms.
"""

import os
import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

from leadapi import byte_ranges, guards, leads, letters, pages, signed_links
from leadapi.errors import Gone, NotFound, StoreUnavailable
from leadapi.languages import _, said
from leadapi.public_index import PublicIndex
from leadapi.request_scope import IndexDep, NowDep, SettingsDep, StoreDep, WantsJson, sender, speak
from leadapi.settings import Settings

NEW_LINK_SENT = _("An e-mail with a new link is on its way to the address that this link was made for.")

router = APIRouter(prefix="/api", include_in_schema=False)


@router.api_route("/confirm/{token}", methods=["GET", "HEAD"])
async def offer_to_confirm(
    request: Request, token: str, settings: SettingsDep, index: IndexDep, as_json: WantsJson
) -> Response:
    """The page with the button; it changes nothing."""
    known = await index.current()
    link = _link("confirm", token, settings)
    if link is None:
        return _expired(request, "confirm", token, settings, known, as_json)
    language = _speak(request, link, known)
    title = _title(known, link["whitepaper"])
    action = f"/api/confirm/{quote(token)}"
    page = pages.render("confirm", known, language=language, whitepaper_title=title, action=action)
    return HTMLResponse(page)


@router.post("/confirm/{token}")
async def confirm(
    request: Request,
    token: str,
    store: StoreDep,
    settings: SettingsDep,
    index: IndexDep,
    now: NowDep,
    as_json: WantsJson,
) -> Response:
    """The button was pressed: the address is confirmed and the file is offered. Pressing again is as good."""
    guards.refuse_other_sites(request, settings.origin)
    known = await index.current()
    link = _link("confirm", token, settings)
    if link is None:
        return _expired(request, "confirm", token, settings, known, as_json)
    language = _speak(request, link, known)
    await store.write(leads.confirm, leads.Press(link["lead"], link.get("submission"), now, settings.hash_key))
    url = letters.LINK_PATHS["download"] + signed_links.sign("download", link, settings.secret_keys)
    title = _title(known, link["whitepaper"])
    if as_json:
        return JSONResponse({"status": "confirmed", "title": title, "download": url})
    page = pages.render(
        "confirmed",
        known,
        language=language,
        whitepaper_title=title,
        download_url=url,
        days=letters.LINK_DAYS,
    )
    return HTMLResponse(page)


@router.api_route("/downloads/{token}", methods=["GET", "HEAD"])
async def download(
    request: Request,
    token: str,
    store: StoreDep,
    settings: SettingsDep,
    index: IndexDep,
    now: NowDep,
    as_json: WantsJson,
) -> Response:
    """The PDF of the edition that the link was signed for, whole or in ranges (RFC 9110, 14)."""
    known = await index.current()
    link = _link("download", token, settings)
    if link is None:
        return _expired(request, "download", token, settings, known, as_json)
    _speak(request, link, known)
    found = await run_in_threadpool(_file, settings.whitepaper_dir, link["whitepaper"], link["edition"])
    if found is None:
        raise NotFound(_("The file of this whitepaper is not here just now. Please try the link again later."))
    headers = {
        "Content-Disposition": _as_attachment(_title(known, link["whitepaper"])),
        "Cache-Control": "private, no-store",
        "X-Robots-Tag": "noindex",
    }
    response = FileResponse(found[0], 200, headers, "application/pdf", stat_result=found[1])
    byte_ranges.keep_good(request.scope, response.headers)
    if request.method == "GET":
        with suppress(StoreUnavailable):  # a missed count is better than a reader without the file
            await store.write(leads.record_download, (link["lead"], link["whitepaper"], link["edition"], now))
    return response


@router.post("/renew/{purpose}/{token}")
async def renew(
    request: Request,
    purpose: Literal["confirm", "download"],
    token: str,
    store: StoreDep,
    settings: SettingsDep,
    index: IndexDep,
    now: NowDep,
    as_json: WantsJson,
) -> Response:
    """Mail a new link, to the newest edition, to whom an old link was made for; nobody else learns anything."""
    guards.refuse_other_sites(request, settings.origin)
    known = await index.current()
    link = signed_links.read(purpose, token, settings.secret_keys, letters.HOWEVER_OLD)
    language = _speak(request, link, known)
    entry = known.whitepapers.get(link["whitepaper"])
    if entry is None:
        raise NotFound(_("This whitepaper is no longer offered. Please look for another one on the blog."))
    renewal = leads.Renewal(
        lead=link["lead"],
        submission=link.get("submission"),
        whitepaper=link["whitepaper"],
        edition=entry["edition"],
        title=entry["title"],
        language=language,
        sender=sender(settings, known),
        now=now,
    )
    await store.write(leads.renew, renewal)
    heading, message = said(_("Check your inbox"), language), said(NEW_LINK_SENT, language)
    if as_json:
        return JSONResponse({"status": "accepted", "message": message}, 202)
    page = pages.render("message", known, language=language, heading=heading, message=message)
    return HTMLResponse(page)


def _link(purpose: signed_links.Purpose, token: str, settings: Settings) -> dict[str, str] | None:
    """What the link says; None when it has expired. Raises Forbidden when it was not signed by us."""
    try:
        return signed_links.read(purpose, token, settings.secret_keys, letters.LINK_AGE)
    except Gone:
        return None


def _speak(request: Request, link: Mapping[str, str], index: PublicIndex) -> str:
    """The language in which a link is answered: the one that it names, else the site's."""
    language = link.get("language", index.language)
    speak(request, language)
    return language


def _expired(
    request: Request,
    purpose: signed_links.Purpose,
    token: str,
    settings: Settings,
    index: PublicIndex,
    as_json: bool,
) -> Response:
    """A 410 that leads to where a new link is to be had: the signature is still good, only old."""
    payload = signed_links.read(purpose, token, settings.secret_keys, letters.HOWEVER_OLD)
    language = _speak(request, payload, index)
    renew = f"/api/renew/{purpose}/{quote(token)}"
    if as_json:
        raise Gone(
            _("This link has expired. Ask for a new one: POST %(where)s, or fill in the form again.", where=renew),
            code="link_expired",
        )
    entry = index.whitepapers.get(payload["whitepaper"])
    body = pages.render(
        "expired",
        index,
        language=language,
        days=letters.LINK_DAYS,
        whitepaper_title=entry["title"] if entry else None,
        action=renew if entry else None,
    )
    return HTMLResponse(body, 410)


def _title(index: PublicIndex, whitepaper: str) -> str:
    entry = index.whitepapers.get(whitepaper)
    return entry["title"] if entry else whitepaper.replace("-", " ").capitalize()


def _file(folder: Path, whitepaper: str, edition: str) -> tuple[Path, os.stat_result] | None:
    """The edition's PDF as it is now; never a file outside the folder, whatever a slug may hold."""
    path = (folder / whitepaper / f"{edition}.pdf").resolve()
    return (path, path.stat()) if path.is_relative_to(folder.resolve()) and path.is_file() else None


def _as_attachment(title: str) -> str:
    """Content-Disposition (RFC 6266) with the title as file name, in ASCII and whole (RFC 8187)."""
    name = " ".join(re.sub(r'[\x00-\x1f\x7f"*/:<>?\\|]', " ", title).split()).strip(". ")[:120] or "whitepaper"
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().strip() or "whitepaper"
    return f"attachment; filename=\"{plain}.pdf\"; filename*=UTF-8''{quote(name, safe='')}.pdf"
