"""The commenter's form, the owner's decision by mailed link, and the list of approved comments.

The list is what the build bakes into the pages and what a page's script asks for what is newer. Its ETag is
strong, so that both ask again at the price of a few bytes.

An unknown post, a closed one and an answer to a comment that is not there are 422s with codes of their own
(unknown_post, comments_closed, unknown_parent), like any other wrong field.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import APIRouter, Request
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from leadapi import comment_list, comment_markup, comments, letters, pages, signed_links, typed_text, verdicts
from leadapi.attribution import source
from leadapi.error_responses import error_json, form_again
from leadapi.errors import Conflict, Gone, InvalidInput, StoreUnavailable, TooOften, site_unknown
from leadapi.languages import _, number, said
from leadapi.public_index import PublicIndex
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
from leadapi.settings import Settings

RECEIVED = _("Thank you. Your reply is waiting for approval.")
STATES = {
    "pending": "waiting for your decision",
    "approved": "approved",
    "refused": "refused",
    "spam": "marked as spam",
    "held": "held back, since it looks as if a program had sent it",
}
DECIDED = {
    "approved": "The comment is approved. It is part of the post as soon as the site is built again.",
    "refused": "The comment is refused. Nobody sees it.",
    "spam": "The comment is marked as spam. Nobody sees it.",
}

router = APIRouter(prefix="/api", include_in_schema=False)


@router.post("/comments")
async def leave_reply(
    request: Request,
    typed: Typed,
    store: StoreDep,
    settings: SettingsDep,
    index: IndexDep,
    network: ClientNetwork,
    now: NowDep,
    as_json: WantsJson,
) -> Response:
    """Take the reply: 303 back to the post, or 202; 422 with the form again where something is wrong."""
    known = await index.knowing("posts", typed.get("post", "").strip())
    language = _language(typed, known)
    speak(request, language)
    typed = dict(typed)
    if not as_json and not typed.get("parent", "").strip():
        typed["parent"] = _answered(request, settings)
    try:
        if known.shell is None:
            raise site_unknown()
        checked = _checked(typed, known)
        comment = comments.Comment(
            **checked,
            held=verdicts.held_reason(typed, settings.secret_keys, now) is not None,
            post_url=settings.site_url + known.posts[checked["post"]]["url"],
            network=network,
            owner=settings.owner_email,
            sender=sender(settings, known),
            now=now,
        )
        outcome = await store.write_batched(comments.record_comment, comment)
        if outcome == "no_parent":
            gone = _(
                "The comment that you answer is no longer here. Send the reply again to answer the post instead."
            )
            raise InvalidInput(gone, {"parent": gone}, code="unknown_parent")
        if outcome == "conflict":
            raise Conflict(
                _("This was sent before with other words. Please open the post again and send it anew.")
            )
    except (InvalidInput, TooOften, StoreUnavailable) as error:
        if as_json:
            raise
        return _form_again(typed, error, known, verdicts.form_token(settings.secret_keys, now))
    next_url = known.posts[comment.post]["url"] + "#comment-received"
    if not settings.one_machine:
        next_url = settings.site_url + next_url
    if as_json:
        return JSONResponse({"status": "accepted", "message": said(RECEIVED, language), "next": next_url}, 202)
    return RedirectResponse(next_url, 303)


@router.api_route("/comments", methods=["GET", "HEAD"])
async def all_comments(request: Request, store: StoreDep) -> Response:
    """Every approved comment, for the build."""
    return await _listed(request, store, None)


@router.api_route("/comments/{post}", methods=["GET", "HEAD"])
async def comments_of_post(request: Request, post: str, store: StoreDep, index: IndexDep) -> Response:
    """The approved comments of one post, for its page."""
    known = await index.knowing("posts", post)
    if known.shell is None:
        raise site_unknown()
    if post not in known.posts:
        return error_json(404, "unknown_post", said(_("There is no such post."), known.language))
    return await _listed(request, store, post)


@router.api_route("/moderate/{token}", methods=["GET", "HEAD"])
async def show_comment(token: str, store: StoreDep, settings: SettingsDep, index: IndexDep) -> Response:
    """The comment and the buttons; it changes nothing."""
    row = await store.read(comments.comment, _comment_id(token, settings))
    return HTMLResponse(await run_in_threadpool(_moderation, row, token, await index.current(), None))


@router.post("/moderate/{token}")
async def decide(
    token: str,
    typed: Typed,
    store: StoreDep,
    settings: SettingsDep,
    index: IndexDep,
    now: NowDep,
    as_json: WantsJson,
) -> Response:
    """A button was pressed; pressing again is as good, and another button changes the decision."""
    comment_id = _comment_id(token, settings)
    decision = next((one for one in comments.STATUS_AFTER if one == typed.get("decision", "").strip()), None)
    if decision is None:
        wrong = "Please choose approve, refuse or spam."
        raise InvalidInput(wrong, {"decision": wrong})
    row = await store.write(comments.decide, (comment_id, decision, now))
    if as_json:
        return JSONResponse({"status": row["status"]})
    notice = DECIDED[row["status"]]
    return HTMLResponse(await run_in_threadpool(_moderation, row, token, await index.current(), notice))


def _answered(request: Request, settings: Settings) -> str:
    """The comment that a form without a script answers: the page's own address says ?reply=ID."""
    host = request.headers.get("host", "")
    own = {settings.origin, f"http://{host}", f"https://{host}"}
    page = source(request.headers.get("referer"), own).page or ""
    return parse_qs(urlsplit(page).query).get("reply", [""])[0]


def _checked(typed: Mapping[str, str], index: PublicIndex) -> dict[str, Any]:
    """What was typed, as a comment has it. Raises InvalidInput with a sentence for each wrong field."""
    wrong: dict[str, str] = {}
    post = typed.get("post", "").strip()
    fields = {
        "name": typed_text.line(typed, "name", _("your name"), wrong),
        "email": typed_text.address(typed, "email", wrong),
        "body": typed_text.text_box(typed, "body", _("your reply"), comment_markup.LONGEST, wrong),
        "submission_id": typed_text.submission_id(typed, wrong),
        "post": post,
        "parent": typed_text.remark(typed.get("parent", ""), 64),
    }
    entry, code = index.posts.get(post), None
    if not post:
        wrong["post"] = _("The form does not say which post. Please open the post again and use its form.")
    elif entry is None:
        code, wrong["post"] = "unknown_post", _("This post is no longer here, so it cannot be replied to.")
    elif entry["comments"] != "open":
        code, wrong["post"] = "comments_closed", _("Comments on this post are closed.")
    if wrong or entry is None:
        raise InvalidInput(
            next(iter(wrong.values())) if len(wrong) == 1 else _("Please check the marked fields."),
            wrong,
            code=code if len(wrong) == 1 else None,
        )
    return fields | {"post_title": entry["title"]}


def _form_again(
    typed: Mapping[str, str],
    error: InvalidInput | TooOften | StoreUnavailable,
    index: PublicIndex,
    token: str,
) -> Response:
    """The form as it was sent, with what is wrong; what the error names as gone is not sent again."""
    wrong = error.fields if isinstance(error, InvalidInput) else {}
    values = {name: typed_text.printable(text) for name, text in typed.items()} | {"form_token": token}
    for name in {"parent", "submission_id"} & set(wrong):
        values.pop(name, None)
    entry, language = index.posts.get(typed.get("post", "").strip()), _language(typed, index)
    return form_again(
        "comment_form",
        index,
        error,
        language=language,
        values=values,
        post_title=entry["title"] if entry else None,
        post_url=entry["url"] if entry else None,
        longest=number(comment_markup.LONGEST, language),
    )


def _language(typed: Mapping[str, str], index: PublicIndex) -> str:
    """The post's, else the site's."""
    entry = index.posts.get(typed.get("post", "").strip())
    return entry["language"] if entry else index.language


async def _listed(request: Request, store: StoreDep, post: str | None) -> Response:
    """The list, or 304 where the client has it already (RFC 9110, 13.1.2)."""
    asked = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    state = request.app.state
    # The whole list is kept with its ETag, since rendering it anew for each request would be most of the work.
    kept: tuple[str, bytes | None] | None = getattr(state, "all_comments", None) if post is None else None

    def read(connection: Connection, _: None) -> tuple[str, bytes | None]:
        etag = comment_list.version(connection, post)
        if etag in asked or "*" in asked:
            return etag, None
        return (
            kept if kept and kept[0] == etag else (etag, _as_json(comment_list.approved(connection, post), post))
        )

    etag, body = await store.read(read, None)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if body is None:
        return Response(status_code=304, headers=headers)
    if post is None:
        state.all_comments = etag, body
    return Response(body, headers=headers, media_type="application/json")


def _as_json(listed: list[dict[str, Any]], post: str | None) -> bytes:
    if post is None:
        return bytes(JSONResponse({"comments": listed}).body)
    of_post = [{name: value for name, value in comment.items() if name != "post"} for comment in listed]
    return bytes(JSONResponse({"post": post, "count": len(listed), "comments": of_post}).body)


def _comment_id(token: str, settings: Settings) -> str:
    try:
        payload = signed_links.read("moderate", token, settings.secret_keys, letters.MODERATION_AGE)
    except Gone:
        days = letters.MODERATION_AGE.days
        raise Gone(f"This link is older than {days} days and no longer works.", code="link_expired") from None
    return str(payload["comment"])


def _moderation(row: Mapping[Any, Any], token: str, index: PublicIndex, notice: str | None) -> str:
    """The page with the comment and the buttons; renders Markdown, so not on the event loop."""
    entry = index.posts.get(row["post"])
    return pages.render(
        "moderation",
        index,
        comment=row,
        body_html=Markup(comment_markup.render(row["body"])),  # noqa: S704 - cleaned by comment_markup
        created_iso=row["created_at"].isoformat(timespec="seconds"),
        created_text=row["created_at"].strftime("%B %-d, %Y, %H:%M UTC"),
        state=STATES[row["status"]],
        post_title=entry["title"] if entry else row["post"],
        post_url=entry["url"] if entry else "/",
        action=f"/api/moderate/{quote(token)}",
        notice=notice,
    )
