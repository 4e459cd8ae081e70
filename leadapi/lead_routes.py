"""The visitor's form for a whitepaper. All answers to it are the same for every address, known or not.

An unknown post or whitepaper is a 422 like any other wrong field, with a code of its own (unknown_post,
unknown_whitepaper): the address of the request is right, what was sent is not.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from leadapi import (
    proofs,
    typed_text,
    verdicts,
    waves,
)
from leadapi.attribution import first_touch, source
from leadapi.error_responses import form_again
from leadapi.errors import Conflict, InvalidInput, StoreUnavailable, TooOften, site_unknown
from leadapi.languages import _, said, spoken
from leadapi.owner_notices import Owner
from leadapi.public_index import FIELDS, USUAL_FIELDS, PublicIndex
from leadapi.request_scope import (
    ClientNetwork,
    IndexDep,
    NowDep,
    SettingsDep,
    StoreDep,
    Typed,
    WantsJson,
    sender,
    speak,
)
from leadapi.submission_rows import ConsentText, Submission
from leadapi.submissions import record_submission

LONGEST_CTA = 64
SENT = _("Thank you. An e-mail is on its way to this address. Please open it and follow its link.")
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
    language = _language(known, post, whitepaper)
    speak(request, language)
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
            proven=proof is not None and await store.write(proofs.use, (proof, checked["submission_id"])),
            source=came,
            first=first_touch(typed.get("first_page"), typed.get("first_referrer")),
            network=network,
            sender=sender(settings, known),
            owner=Owner(settings.owner_email, settings.owner_notices),
            now=now,
        )
        if await store.write_batched(record_submission, submission) == "conflict":
            raise Conflict(
                _("This was sent before with other words. Please open the form's page again and send anew.")
            )
    except (InvalidInput, TooOften, StoreUnavailable) as error:
        if as_json:
            raise
        return _form_again(typed, error, known, came.page, verdicts.form_token(settings.secret_keys, now))
    next_url = known.whitepapers[whitepaper]["thanks_url"]
    if not settings.one_machine:
        next_url = settings.site_url + next_url
    if as_json:
        return JSONResponse({"status": "accepted", "message": said(SENT, language), "next": next_url}, 202)
    return RedirectResponse(next_url, 303)


@router.get("/challenge")
async def challenge(store: StoreDep, settings: SettingsDep, now: NowDep) -> Response:
    """The proof of work that a form's script should bring along: 204 while there is no wave."""
    headers = {"Cache-Control": "no-store"}
    if not await store.read(waves.on, now):
        return Response(status_code=204, headers=headers)
    return JSONResponse(proofs.challenge(settings.secret_keys, now), headers=headers)


NAMES = {
    "name": _("your name"),
    "company": _("the company's name"),
    "job_title": _("your job title"),
    "phone": _("your telephone number"),
    "country": _("your country"),
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
        wrong["post"] = _("This post is no longer here. Please send the form again to go on without it.")
    if not whitepaper:
        wrong["whitepaper"] = _(
            "The form does not say which whitepaper. Please open the post again and use its form."
        )
    elif whitepaper not in index.whitepapers:
        code = "unknown_whitepaper"
        wrong["whitepaper"] = _("We do not have this whitepaper. Please choose another one on the blog.")
    if wrong:
        raise InvalidInput(
            next(iter(wrong.values())) if len(wrong) == 1 else _("Please check the marked fields."),
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
        for wanted in (index.language, spoken(language), language)  # the last one wins
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
    language = _language(index, post, whitepaper)
    shown = _consent(typed, index, language)
    return form_again(
        "lead_form",
        index,
        error,
        language=language,
        values=values,
        whitepaper_title=entry["title"] if entry else None,
        asked=index.fields.get(whitepaper, USUAL_FIELDS),
        consent=shown,
        consent_given=_ticked(typed),
    )
