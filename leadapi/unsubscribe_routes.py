"""The door behind the links with which one leaves: a page with a button, its undo, and one click (RFC 8058).

GET changes nothing, since mail scanners open every link. A mail program's one click is a POST from anywhere,
without a cookie and without our page: the link itself says who may, so no other site's form is refused here.
"""

from typing import Annotated, cast
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from leadapi import letters, opt_outs, pages, signed_links
from leadapi.errors import Forbidden, Gone
from leadapi.languages import _, said, spoken
from leadapi.opt_outs import Purpose, Wish
from leadapi.public_index import PublicIndex
from leadapi.request_scope import IndexDep, NowDep, SettingsDep, StoreDep, WantsJson, language_of, speak

WORDS: dict[Purpose, tuple[str, str]] = {
    "marketing": (
        _("Send me no more articles and offers by e-mail."),
        _("You will get no more articles and offers from us. What you ask for yourself we still send."),
    ),
    "everything": (
        _("Never write to this address again."),
        _("We will not write to this address again, whoever types it into a form."),
    ),
}
"""By purpose, the sentence beside the button and what is said when it was pressed."""

UNDONE = _("This was taken back: we may write to this address as before.")
EXPIRED = _(
    "This link has expired. A newer e-mail from us has one that works. You can also have everything erased that "
    "we store about you; then nobody writes to you unasked."
)

router = APIRouter(prefix="/api", include_in_schema=False)


def _link(request: Request, token: str, settings: SettingsDep) -> dict[str, str]:
    """What the link says; from then on its language is spoken. Raises Gone, Forbidden."""
    payload = signed_links.read("unsubscribe", token, settings.secret_keys, letters.HOWEVER_OLD)
    if "language" in payload:
        speak(request, payload["language"])
    try:
        signed_links.read("unsubscribe", token, settings.secret_keys, letters.UNSUBSCRIBE_AGE)
    except Gone:
        raise Gone(
            EXPIRED, code="link_expired", instead=(_privacy(payload), _("What we store about you"))
        ) from None
    if payload.get("purpose") not in WORDS:
        raise Forbidden(signed_links.NOT_VALID, code="bad_link")
    return payload


def _privacy(payload: dict[str, str]) -> str:
    """Where whoever has this link may see and erase what is stored, in the link's language."""
    return letters.PRIVACY_PATH + (f"?lang={spoken(payload['language'])}" if "language" in payload else "")


Link = Annotated[dict[str, str], Depends(_link)]


@router.api_route("/unsubscribe/{token}", methods=["GET", "HEAD"])
async def offer_to_unsubscribe(
    request: Request, token: str, link: Link, store: StoreDep, index: IndexDep, now: NowDep
) -> Response:
    """The page with the button, or with the undo for whoever has left; it changes nothing."""
    purpose = cast(Purpose, link["purpose"])
    stopped = await store.read(opt_outs.stopped, (link["address_hash"], purpose, now))
    return _page(token, await index.current(), language_of(request), purpose, stopped=stopped)


@router.post("/unsubscribe/{token}")
async def unsubscribe(
    request: Request,
    token: str,
    link: Link,
    store: StoreDep,
    settings: SettingsDep,
    index: IndexDep,
    now: NowDep,
    as_json: WantsJson,
) -> Response:
    """Leave, or take it back where the form says so; pressing again is as good."""
    purpose = cast(Purpose, link["purpose"])
    stop = "undo" not in parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=None)
    hashed = link["address_hash"]
    lead = await store.read(opt_outs.lead_of, (hashed, settings.hash_key))
    language = spoken(language_of(request))
    words = said(WORDS[purpose][0] if stop else UNDONE, language)
    await store.write(opt_outs.carry_out, Wish(hashed, purpose, stop, words, language, lead, now))
    if as_json:
        return JSONResponse({"status": "unsubscribed" if stop else "undone"})
    return _page(token, await index.current(), language, purpose, stopped=stop, undone=not stop)


def _page(
    token: str, site: PublicIndex, language: str, purpose: Purpose, *, stopped: bool, undone: bool = False
) -> Response:
    wish, done, undone_now = (said(words, language) for words in (*WORDS[purpose], UNDONE))
    action = letters.LINK_PATHS["unsubscribe"] + quote(token)
    notice = done if stopped else undone_now if undone else None
    values = {"action": action, "wish": wish, "stopped": stopped, "notice": notice}
    return HTMLResponse(pages.render("unsubscribe", site, language=language, **values))
