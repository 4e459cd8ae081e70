"""The visitor's way to a whitepaper: the form, the letter's link, the button, the file.

No GET changes anything but the count of downloads, since mail scanners open every link and run every script:
only the button's POST confirms. All answers to the form are the same for every address, known or not.

An unknown post or whitepaper is a 422 like any other wrong field, with a code of its own (unknown_post,
unknown_whitepaper): the address of the request is right, what was sent is not.
"""

import os
import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response

from leadapi import (
    byte_ranges,
    guards,
    leads,
    letters,
    pages,
    proofs,
    signed_links,
    typed_text,
    verdicts,
    waves,
)
from leadapi.attribution import first_touch, source
from leadapi.error_responses import form_again
from leadapi.errors import Conflict, Gone, InvalidInput, NotFound, StoreUnavailable, TooOften, site_unknown
from leadapi.public_index import FIELDS, USUAL_FIELDS, PublicIndex
from leadapi.request_scope import ClientNetwork, IndexDep, NowDep, SettingsDep, StoreDep, Typed, WantsJson, sender
from leadapi.settings import Settings
from leadapi.submission_rows import ConsentText, Submission
from leadapi.submissions import record_submission

LONGEST_CTA = 64
SENT = "Thank you. An e-mail is on its way to this address. Please open it and follow its link."
TICKED = ("yes", "on", "true", "1")

router = APIRouter(prefix="/api", include_in_schema=False)


@router.post("/leads")
async def ask_for_whitepaper(
    request: Request,
    typed: Typed,
    store: StoreDep,
    settings: SettingsDep,
    index: IndexDep,
    network: ClientNetwork,
    now: NowDep,
    as_json: WantsJson,
) -> Response:
    """Take the form: 303 to the thank-you page, or 202; 422 with the form again where something is wrong."""
    post, whitepaper = (typed.get(name, "").strip() for name in ("post", "whitepaper"))
    known = await index.knowing("whitepapers", whitepaper)
    if post and post not in known.posts:
        known = await index.knowing("posts", post)
    host = request.headers.get("host", "")
    own = {settings.origin, f"http://{host}", f"https://{host}"}
    came = source(request.headers.get("referer"), own, typed.get("page"))
    try:
        if known.shell is None:
            raise site_unknown()
        checked = _checked(typed, known, post, whitepaper)
        reason = verdicts.held_reason(typed, settings.secret_keys, now)
        proof = await run_in_threadpool(proofs.read, typed.get("altcha", ""), settings.secret_keys)
        submission = Submission(
            **checked,
            held_reason=reason,
            proven=proof is not None and await store.write(proofs.use, proof),
            source=came,
            first=first_touch(typed.get("first_page"), typed.get("first_referrer")),
            network=network,
            sender=sender(settings, known),
            now=now,
        )
        if await store.write_batched(record_submission, submission) == "conflict":
            raise Conflict(
                "This was sent before with other words. Please open the form's page again and send anew."
            )
    except (InvalidInput, TooOften, StoreUnavailable) as error:
        if as_json:
            raise
        return _form_again(typed, error, known, came.page, verdicts.form_token(settings.secret_keys, now))
    next_url = known.whitepapers[whitepaper]["thanks_url"]
    if not settings.one_machine:
        next_url = settings.site_url + next_url
    if as_json:
        return JSONResponse({"status": "accepted", "message": SENT, "next": next_url}, 202)
    return RedirectResponse(next_url, 303)


@router.get("/challenge")
async def challenge(store: StoreDep, settings: SettingsDep, now: NowDep) -> Response:
    """The proof of work that a form's script should bring along: 204 while there is no wave."""
    headers = {"Cache-Control": "no-store"}
    if not await store.read(waves.on, now):
        return Response(status_code=204, headers=headers)
    return JSONResponse(proofs.challenge(settings.secret_keys, now), headers=headers)


@router.api_route("/confirm/{token}", methods=["GET", "HEAD"])
async def offer_to_confirm(token: str, settings: SettingsDep, index: IndexDep, as_json: WantsJson) -> Response:
    """The page with the button; it changes nothing."""
    known = await index.current()
    link = _link("confirm", token, settings)
    if link is None:
        return _expired("confirm", token, settings, known, as_json)
    title = _title(known, link["whitepaper"])
    return HTMLResponse(
        pages.render("confirm", known.shell, whitepaper_title=title, action=f"/api/confirm/{quote(token)}")
    )


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
        return _expired("confirm", token, settings, known, as_json)
    await store.write(leads.confirm, leads.Press(link["lead"], link.get("submission"), now))
    url = letters.LINK_PATHS["download"] + signed_links.sign("download", link, settings.secret_keys)
    title = _title(known, link["whitepaper"])
    if as_json:
        return JSONResponse({"status": "confirmed", "title": title, "download": url})
    page = pages.render("confirmed", known.shell, whitepaper_title=title, download_url=url, days=letters.LINK_DAYS)
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
        return _expired("download", token, settings, known, as_json)
    found = await run_in_threadpool(_file, settings.whitepaper_dir, link["whitepaper"], link["edition"])
    if found is None:
        raise NotFound("The file of this whitepaper is not here just now. Please try the link again later.")
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


NAMES = {
    "name": "your name",
    "company": "the company's name",
    "job_title": "your job title",
    "phone": "your telephone number",
    "country": "your country",
}
"""The fields that a whitepaper may ask for, as a sentence calls them."""


def _checked(typed: Mapping[str, str], index: PublicIndex, post: str, whitepaper: str) -> dict[str, Any]:
    """What was typed, as a submission has it. Raises InvalidInput with a sentence for each wrong field."""
    wrong: dict[str, str] = {}
    asked = index.fields.get(whitepaper, USUAL_FIELDS)
    address = typed_text.address(typed, "email", wrong)
    texts = {
        name: typed_text.line(typed, name, NAMES[name], wrong, required=asked.get(name) == "required")
        for name in FIELDS
    }
    fields = {
        "address": address,
        "name": texts["name"],
        "company": texts["company"],
        "answers": tuple((name, texts[name]) for name in FIELDS[2:] if texts[name]),
        "submission_id": typed_text.submission_id(typed, wrong),
        "cta": typed_text.remark(typed.get("cta", ""), LONGEST_CTA),
        "post": post or None,
        "whitepaper": whitepaper,
        "marketing_consent": _ticked(typed),
    }
    code = None
    if post and post not in index.posts:
        code = "unknown_post"
        wrong["post"] = "This post is no longer here. Please send the form again to go on without it."
    if not whitepaper:
        wrong["whitepaper"] = (
            "The form does not say which whitepaper. Please open the post again and use its form."
        )
    elif whitepaper not in index.whitepapers:
        code = "unknown_whitepaper"
        wrong["whitepaper"] = "We do not have this whitepaper. Please choose another one on the blog."
    if wrong:
        raise InvalidInput(
            next(iter(wrong.values())) if len(wrong) == 1 else "Please check the marked fields.",
            wrong,
            code=code if code and not set(wrong) - {"post", "whitepaper"} else None,
        )
    entry = index.whitepapers[whitepaper]
    language = _language(index, post, whitepaper)
    shown = _consent(typed, index, language)
    return fields | {
        "title": entry["title"],
        "edition": entry["edition"],
        "language": language,
        "consent": shown,
        "marketing_consent": fields["marketing_consent"] and shown is not None,
    }


def _ticked(typed: Mapping[str, str]) -> bool:
    return typed.get("marketing_consent", "").strip().lower() in TICKED


def _language(index: PublicIndex, post: str, whitepaper: str) -> str:
    """The post's, whose page the form stood on, else the whitepaper's, else the site's."""
    entry = index.posts.get(post) or index.whitepapers.get(whitepaper)
    return entry["language"] if entry else index.language


def _consent(typed: Mapping[str, str], index: PublicIndex, language: str) -> ConsentText | None:
    """The text that the form says it showed, else the one of its language, else the site's; None without any."""
    shown = typed.get("consent_version", "").strip()
    versions = [shown] if shown in index.consents else []
    versions += [
        version
        for wanted in (index.language, language)  # the last one wins
        for version, entry in index.consents.items()
        if not versions and entry["language"] == wanted
    ]
    if not versions:
        return None
    return ConsentText(version=versions[-1], **index.consents[versions[-1]])


def _form_again(
    typed: Mapping[str, str],
    error: InvalidInput | TooOften | StoreUnavailable,
    index: PublicIndex,
    page: str | None,
    token: str,
) -> Response:
    """The form as it was sent, with what is wrong; what the error names as gone is not sent again."""
    wrong = error.fields if isinstance(error, InvalidInput) else {}
    values = {name: typed_text.printable(text) for name, text in typed.items()}
    values |= {"page": page or "", "form_token": token}
    for name in {"post", "submission_id"} & set(wrong):
        values.pop(name, None)
    post, whitepaper = (typed.get(name, "").strip() for name in ("post", "whitepaper"))
    entry = index.whitepapers.get(whitepaper)
    shown = _consent(typed, index, _language(index, post, whitepaper))
    return form_again(
        "lead_form",
        index.shell,
        error,
        values=values,
        whitepaper_title=entry["title"] if entry else None,
        asked=index.fields.get(whitepaper, USUAL_FIELDS),
        consent=shown,
        consent_given=_ticked(typed),
    )


def _link(purpose: signed_links.Purpose, token: str, settings: Settings) -> dict[str, str] | None:
    """What the link says; None when it has expired. Raises Forbidden when it was not signed by us."""
    try:
        return signed_links.read(purpose, token, settings.secret_keys, letters.LINK_AGE)
    except Gone:
        return None


def _expired(
    purpose: signed_links.Purpose, token: str, settings: Settings, index: PublicIndex, as_json: bool
) -> Response:
    """A 410 that leads to where a new link is to be had: the signature is still good, only old."""
    if as_json:
        raise Gone(
            "This link has expired. Please fill in the form again, and we will mail you a new one.",
            code="link_expired",
        )
    payload = signed_links.read(purpose, token, settings.secret_keys, timedelta(days=36_500))
    entry = index.whitepapers.get(payload["whitepaper"])
    body = pages.render(
        "expired",
        index.shell,
        days=letters.LINK_DAYS,
        whitepaper_title=entry["title"] if entry else None,
        whitepaper_url=entry["url"] if entry else None,
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
