"""The owner's desk: sign in by a mailed link, see the comments that wait and the leads that came.

The link opens a page with a button, as everywhere: what a mail scanner opens signs nobody in. Deciding about a
comment is done at the door that the letters lead to (/api/moderate/…); the desk signs links to it.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import HTMLResponse, RedirectResponse, Response

from leadapi import (
    address_flags,
    comment_markup,
    comments,
    dead_letters,
    guards,
    held_submissions,
    leads,
    letters,
    pages,
    sessions,
    signed_links,
    typed_text,
    verdicts,
)
from leadapi.error_responses import form_again
from leadapi.errors import Forbidden, Gone, InvalidInput, StoreUnavailable, TooOften
from leadapi.public_index import PublicIndex
from leadapi.request_scope import ClientNetwork, IndexDep, NowDep, SettingsDep, StoreDep, Typed, WantsJson, sender
from leadapi.settings import Settings

COOKIE = "desk"
SHOWN = 50
"""How many comments and leads stand on the desk at once."""

LONGEST_ID = 64
"""Characters of what a button on the desk names: an id of ours, or a reason."""

ON_ITS_WAY = "If this is the owner’s address, an e-mail with a link is on its way. The link works for 30 minutes."

router = APIRouter(prefix="/admin", include_in_schema=False)


async def _owner(request: Request, store: StoreDep, settings: SettingsDep, now: NowDep) -> str | None:
    """Who is signed in: the owner's address, or nobody. A session ends when the desk gets another owner."""
    cookie = request.cookies.get(COOKIE)
    address = await store.read(sessions.holder, (cookie, now)) if cookie else None
    return address if address == typed_text.address_key(settings.owner_email) else None


Owner = Annotated[str | None, Depends(_owner)]


@router.api_route("", methods=["GET", "HEAD"])
async def desk_without_slash() -> RedirectResponse:
    """The desk is a folder."""
    return RedirectResponse("/admin/")


@router.api_route("/", methods=["GET", "HEAD"])
async def desk(
    owner: Owner, store: StoreDep, settings: SettingsDep, index: IndexDep, as_json: WantsJson
) -> Response:
    """What waits for the owner; whoever is not signed in finds the form to sign in."""
    known = await index.current()
    if owner is None:
        if as_json:
            raise Forbidden("Please sign in at /admin/ first.", code="not_signed_in")
        return _sign_in_form(known, settings)

    def on_the_desk(connection: Connection, _: None) -> str:
        waiting = [
            {
                "name": row["name"],
                "email": row["email"],
                "body_html": Markup(comment_markup.render(row["body"])),  # noqa: S704 - cleaned by comment_markup
                "created": row["created_at"],
                "post": _post(known, row["post"]),
                "action": letters.LINK_PATHS["moderate"]
                + quote(signed_links.sign("moderate", {"comment": row["id"]}, settings.secret_keys)),
            }
            for row in comments.waiting(connection, SHOWN + 1)
        ]
        latest = [
            lead
            | {
                "flags": address_flags.flags(lead["email"]),
                "whitepapers": [_title(known, slug) for slug in lead["whitepapers"]],
                "post": _post(known, lead["post"]) if lead["post"] else None,
            }
            for lead in leads.latest(connection, SHOWN + 1)
        ]
        return pages.render(
            "desk",
            known,
            owner=owner,
            comments=waiting,
            leads=latest,
            held=[
                dict(row) | {"title": _title(known, row["whitepaper"])}
                for row in held_submissions.waiting(connection, SHOWN + 1)
            ],
            held_counts=held_submissions.how_many(connection),
            reasons=verdicts.IN_WORDS,
            shown=SHOWN,
            lost=dead_letters.told(connection),
            lost_letters=dead_letters.newest(connection, SHOWN + 1),
        )

    return HTMLResponse(await store.read(on_the_desk, None))


@router.post("/held")
async def decide_held(
    typed: Typed, owner: Owner, store: StoreDep, settings: SettingsDep, index: IndexDep, now: NowDep
) -> Response:
    """The owner lets held submissions go on, or leaves them; deciding again changes nothing."""
    if owner is None:
        raise Forbidden("Please sign in at /admin/ first.", code="not_signed_in")
    decision = typed.get("decision", "").strip()
    if decision not in ("release", "refuse"):
        wrong = "Please choose release or refuse."
        raise InvalidInput(wrong, {"decision": wrong})
    known = await index.current()
    decided = held_submissions.Decided(
        decision="release" if decision == "release" else "refuse",
        submission=typed_text.remark(typed.get("submission", ""), LONGEST_ID),
        reason=typed_text.remark(typed.get("reason", ""), LONGEST_ID),
        titles={slug: entry["title"] for slug, entry in known.whitepapers.items()},
        sender=sender(settings, known),
        now=now,
    )
    await store.write(held_submissions.decide, decided)
    return RedirectResponse("/admin/", 303)


@router.post("/letters")
async def send_again(typed: Typed, owner: Owner, store: StoreDep, now: NowDep) -> Response:
    """The owner has what could not be delivered sent again: one letter or event, or all."""
    if owner is None:
        raise Forbidden("Please sign in at /admin/ first.", code="not_signed_in")
    letter = typed_text.remark(typed.get("letter", ""), LONGEST_ID)
    if not letter:
        wrong = "Please choose a letter, or all."
        raise InvalidInput(wrong, {"letter": wrong})
    wanted = dead_letters.SendAgain(now, None if letter == "all" else letter)
    await store.write(dead_letters.send_again, wanted)
    return RedirectResponse("/admin/", 303)


@router.post("/sign-in")
async def ask_to_sign_in(
    typed: Typed, store: StoreDep, settings: SettingsDep, index: IndexDep, network: ClientNetwork, now: NowDep
) -> Response:
    """Mail the link, if the address is the owner's; the answer is the same for every address."""
    known = await index.current()
    wrong: dict[str, str] = {}
    address = typed_text.address(typed, "email", wrong)
    if settings.development and typed_text.address_key(address) == typed_text.address_key(settings.owner_email):
        wrong.clear()  # on a developer's machine the owner may be owner@localhost
    try:
        if wrong:
            raise InvalidInput(wrong["email"], wrong)
        asked = sessions.Request(address, network, settings.owner_email, sender(settings, known), now)
        await store.write(sessions.ask, asked)
    except (InvalidInput, TooOften, StoreUnavailable) as error:
        return _sign_in_form(known, settings, address, error)
    return HTMLResponse(pages.render("message", known, heading="Check your inbox", message=ON_ITS_WAY))


@router.api_route("/sign-in/{token}", methods=["GET", "HEAD"])
async def offer_to_sign_in(token: str, settings: SettingsDep, index: IndexDep) -> Response:
    """The page with the button; it changes nothing."""
    _address(token, settings)
    known = await index.current()
    return HTMLResponse(pages.render("desk_enter", known, action=f"/admin/sign-in/{quote(token)}"))


@router.post("/sign-in/{token}")
async def sign_in(request: Request, token: str, store: StoreDep, settings: SettingsDep, now: NowDep) -> Response:
    """The button was pressed: a session begins, kept in a cookie that no script can read."""
    guards.refuse_other_sites(request, settings.origin)
    cookie = await store.write(sessions.begin, (_address(token, settings), now))
    response = RedirectResponse("/admin/", 303)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=int(sessions.SESSION_AGE / timedelta(seconds=1)),
        path="/admin",
        secure=settings.site_url.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return response


@router.post("/sign-out")
async def sign_out(request: Request, store: StoreDep, settings: SettingsDep) -> Response:
    """The session ends, here and in the database."""
    guards.refuse_other_sites(request, settings.origin)
    if cookie := request.cookies.get(COOKIE):
        await store.write(sessions.end, cookie)
    response = RedirectResponse("/admin/", 303)
    response.delete_cookie(COOKIE, path="/admin")
    return response


def _title(index: PublicIndex, whitepaper: str) -> str:
    entry = index.whitepapers.get(whitepaper)
    return entry["title"] if entry else whitepaper


def _post(index: PublicIndex, slug: str) -> Mapping[str, str]:
    return index.posts.get(slug, {"title": slug, "url": "/"})


def _address(token: str, settings: Settings) -> str:
    """Whose link it is. Raises Gone with what to do, Forbidden."""
    try:
        payload = signed_links.read("sign-in", token, settings.secret_keys, letters.SIGN_IN_AGE)
    except Gone:
        raise Gone("This link has expired. Please ask for a new one at /admin/.", code="link_expired") from None
    return str(payload["address"])


def _sign_in_form(
    index: PublicIndex,
    settings: Settings,
    typed: str = "",
    error: InvalidInput | TooOften | StoreUnavailable | None = None,
) -> Response:
    values: dict[str, Any] = {
        "email": typed_text.printable(typed),
        "mailbox": settings.owner_email if settings.development else None,
    }
    if error is not None:
        return form_again("desk_sign_in", index, error, **values)
    return HTMLResponse(pages.render("desk_sign_in", index, errors={}, notice=None, **values))
