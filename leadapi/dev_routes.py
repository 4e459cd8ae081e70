"""The mailbox and the live reload of somebody's own machine; a production app does not have these routes.

Letters that were "sent" lie as .eml files in a folder, so an author can walk the whole journey without a mail
server. A page that is open listens on /dev/reload and is told when the site was built anew. It says how long ago
it was loaded instead of what it holds: the built pages stay the same bytes that the world gets.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Query, Request
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, RedirectResponse, StreamingResponse

from leadapi import pages
from leadapi.errors import NotFound
from leadapi.request_scope import IndexDep, SettingsDep
from leadapi.settings import Settings

LOOK_SECONDS = 0.25
"""How often an open line looks whether the site is new, the build failed, or the server is about to stop."""

LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
"""Letters carry inline styles, as mail programs want it; the sandbox keeps them from being pages of ours."""

_ADDRESS = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]]")

router = APIRouter(prefix="/dev", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter in the folder; `name` is its file's name without .eml, `written` when the file was."""

    name: str
    written: datetime
    message: EmailMessage

    @property
    def to(self) -> str:
        """Whom it is for."""
        return str(self.message["To"] or "")

    @property
    def subject(self) -> str:
        """Its subject."""
        return str(self.message["Subject"] or "(no subject)")

    def body(self, kind: str) -> str:
        """The part in `kind` (plain or html); empty where there is none."""
        part = self.message.get_body((kind,))
        return str(part.get_content()).replace("\r\n", "\n") if part else ""


def letters(folder: Path) -> list[Letter]:
    """All letters in the folder, the newest first."""
    paths = sorted(((path.stat().st_mtime_ns, path) for path in folder.glob("*.eml")), reverse=True)
    return [_letter(path, written) for written, path in paths]


def _letter(path: Path, written: int) -> Letter:
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)  # the default policy makes no other
    return Letter(path.stem, datetime.fromtimestamp(written / 1e9, UTC), message)


def _folder(settings: Settings) -> Path | None:
    address = urlsplit(settings.mail_url)
    return Path(unquote(address.path)) if address.scheme == "file" else None


def _one(settings: Settings, name: str) -> Letter:
    folder = _folder(settings)
    for path in folder.glob("*.eml") if folder else ():
        if path.stem == name:
            return _letter(path, path.stat().st_mtime_ns)
    raise NotFound("There is no such letter in the mailbox.")


def linked(text: str) -> Markup:
    """The text, escaped, with its web addresses as links."""
    pieces, end = [], 0
    for found in _ADDRESS.finditer(text):
        pieces += [escape(text[end : found.start()]), Markup('<a href="{0}">{0}</a>').format(found[0])]
        end = found.end()
    return Markup("").join([*pieces, escape(text[end:])])


@router.get("/mail", include_in_schema=False)
async def mailbox_without_slash() -> RedirectResponse:
    """The mailbox is a folder."""
    return RedirectResponse("/dev/mail/")


@router.get("/mail/")
async def mailbox(settings: SettingsDep, index: IndexDep) -> HTMLResponse:
    """All letters, the newest first."""
    folder = _folder(settings)
    found = await asyncio.to_thread(letters, folder) if folder else []
    site = await index.current()
    page = pages.render("dev_mailbox", site, letters=found, kept=folder is not None)
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})


@router.get("/mail/{name}/")
async def letter(name: str, settings: SettingsDep, index: IndexDep) -> HTMLResponse:
    """One letter: its text, with links that work."""
    found = await asyncio.to_thread(_one, settings, name)
    page = pages.render("dev_letter", await index.current(), letter=found, text=linked(found.body("plain")))
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})


@router.get("/mail/{name}/look")
async def look(name: str, settings: SettingsDep) -> HTMLResponse:
    """The letter as a mail program shows it."""
    found = await asyncio.to_thread(_one, settings, name)
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": LETTER_POLICY}
    return HTMLResponse(found.body("html"), headers=headers)


@router.get("/reload")
async def reload(request: Request, age: Annotated[float, Query(ge=0)], page: str = "") -> StreamingResponse:
    """A line of events (HTML, 9.2) for a page that was loaded `age` milliseconds ago.

    `built`: the site is newer than the page, or its own file is. `failed`: the last build failed; the data is the
    author's message. `mended`: it did not. A new site stands a moment before its build has ended, so a page can be
    newer than the site and still be told of a mistake that is gone.
    """
    events = _events(request, page, time.time() - age / 1000)
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _events(request: Request, page: str, loaded: float) -> AsyncIterator[str]:
    state, site = request.app.state, request.app.state.settings.site_dir
    news = asyncio.Event()
    told = None
    yield ": listening\n\n"
    while not state.stopping():
        if state.builds:
            news = state.builds.news  # before looking, so that none is missed
        error = state.builds.last_error if state.builds else ""
        if error != told:
            told = error
            yield _event("failed" if error else "mended", error)
        if site and _is_newer(site, page, loaded, state.builds.shown_at if state.builds else None):
            yield _event("built", "")
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), LOOK_SECONDS)


def _is_newer(site: Path, page: str, loaded: float, shown_at: float | None) -> bool:
    """Whether the site has something else to show than the page that was loaded.

    Where a single post was saved and shown, the build after it concerns the pages alone that it has written.
    """
    try:
        own = (site / page.strip("/") / "index.html").stat().st_mtime if ".." not in page.split("/") else None
    except (OSError, ValueError):
        own = None
    if own and own > loaded:
        return True
    flipped = site.exists() and site.lstat().st_ctime > loaded  # builds flip a link: when it was renamed
    return flipped and (shown_at is None or own is None or own > shown_at)


def _event(kind: str, text: str) -> str:
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {kind}\n{lines}\n"
