"""The one place where an error becomes HTTP: a status, and one sentence for people or one shape for programs.

The shape is {"error": {"code", "message", "fields"}} everywhere. A browser gets a page in the blog's shell. Here
the sentences that rules make in English are said in the reader's language too.
"""

from collections.abc import Mapping

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Match

from leadapi import pages
from leadapi.errors import (
    AppError,
    Conflict,
    Forbidden,
    Gone,
    InvalidInput,
    MalformedBody,
    NotFound,
    StoreUnavailable,
    TooLarge,
    TooOften,
    TooSlow,
    UnsupportedMedia,
)
from leadapi.languages import SOURCE, _, said
from leadapi.public_index import PublicIndex
from leadapi.request_scope import language_of, wants_json

STATUS: Mapping[type[AppError], int] = {
    InvalidInput: 422,
    MalformedBody: 400,
    UnsupportedMedia: 415,
    TooLarge: 413,
    TooSlow: 408,
    Forbidden: 403,
    NotFound: 404,
    Gone: 410,
    Conflict: 409,
    TooOften: 429,
    StoreUnavailable: 503,
}

TITLES = {
    400: _("This request cannot be read"),
    403: _("Not allowed"),
    404: _("There is no such page"),
    405: _("That cannot be done here"),
    408: _("That took too long"),
    409: _("This was sent before"),
    410: _("This link has expired"),
    413: _("That is too large"),
    415: _("This request cannot be read"),
    416: _("There is no such part"),
    422: _("Something is missing"),
    429: _("Too often"),
    500: _("Something went wrong"),
    503: _("Nothing was saved"),
}

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

log = structlog.get_logger()


def error_json(status: int, code: str, message: str, fields: Mapping[str, str] | None = None) -> JSONResponse:
    """The service's one JSON shape for an error."""
    return JSONResponse({"error": {"code": code, "message": message, "fields": dict(fields or {})}}, status)


async def answer(request: Request, error: AppError) -> Response:
    """The response for an error of ours, as the client asked for it."""
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    fields = error.fields if isinstance(error, InvalidInput) else None
    instead = error.instead if isinstance(error, Gone) else None
    response = await _response(request, status, error.code, error.message, fields, instead)
    if isinstance(error, TooOften | StoreUnavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    _note_unavailable(error)
    return response


def _note_unavailable(error: AppError) -> None:
    if isinstance(error, StoreUnavailable):
        log.error("store_unavailable", reason=type(error.__cause__).__name__)


async def _response(
    request: Request,
    status: int,
    code: str,
    message: str,
    fields: Mapping[str, str] | None = None,
    instead: tuple[str, str] | None = None,
) -> Response:
    if wants_json(request):
        language = language_of(request)
        return error_json(status, code, said(message, language), _in_words(fields or {}, language))
    site = await request.app.state.index.current()
    return _page(site, status, message, language_of(request), instead)


def _in_words(fields: Mapping[str, str], language: str) -> dict[str, str]:
    return {name: said(sentence, language) for name, sentence in fields.items()}


def form_again(
    page: str,
    site: PublicIndex,
    error: InvalidInput | TooOften | StoreUnavailable,
    *,
    language: str | None = None,
    **values: object,
) -> Response:
    """A form as it was sent (as for `pages.render`), with what is wrong beside each field.

    A browser may keep it, alone of all our pages: its Back button must find what was typed.
    """
    wrong = error.fields if isinstance(error, InvalidInput) else {}
    notice = _("Nothing has been sent yet.") if wrong else error.message
    headers = {"Cache-Control": "private, no-cache"}
    _note_unavailable(error)
    if not isinstance(error, InvalidInput):
        headers["Retry-After"] = str(error.retry_after)
    spoken = language or SOURCE
    said_in = {"errors": _in_words(wrong, spoken), "notice": said(notice, spoken)}
    body = pages.render(page, site, language=language, **said_in, **values)
    return HTMLResponse(body, STATUS[type(error)], headers)


def _page(
    site: PublicIndex, status: int, message: str, language: str, instead: tuple[str, str] | None = None
) -> HTMLResponse:
    values = {
        "heading": said(TITLES.get(status, _("That did not work")), language),
        "message": said(message, language),
        "instead": (instead[0], said(instead[1], language)) if instead else None,
    }
    return HTMLResponse(pages.render("error", site, language=language, **values), status)


async def unforeseen(request: Request, error: Exception) -> Response:
    """The answer to a fault of ours; the log has its trace, by the route's template and not the address."""
    route = getattr(request.scope.get("route"), "path", "-")
    log.error("unforeseen_error", route=route, exc_info=error)
    message = _("Something went wrong on our side. Please try again.")
    try:
        return await _response(request, 500, "internal", message)
    except Exception as second:  # what failed before may be what an answer is made of
        log.error("unforeseen_error", route=route, exc_info=second)
        return _page(PublicIndex(), 500, message, SOURCE)


def install(app: FastAPI) -> None:
    """Let every error of the application be answered here."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, AppError)
        return await answer(request, error)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = _allowed(request, headers.get("Allow", ""))
        code, message = _words(request, error.status_code, error.detail, headers)
        response = await _response(request, error.status_code, code, message)
        response.headers.update(headers)
        return response

    async def invalid(request: Request, error: Exception) -> Response:
        return await _response(request, 422, "invalid", _("Something in this address is not what it should be."))

    app.add_exception_handler(AppError, ours)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)


def _allowed(request: Request, named: str) -> str:
    """Every method of this address (RFC 9110, 15.5.6): of its routes each knows its own alone."""
    methods = {method.strip() for method in named.split(",") if method.strip()}
    for method in METHODS:
        asked = dict(request.scope) | {"method": method}
        if any(route.matches(asked)[0] is Match.FULL for route in request.app.routes):
            methods.add(method)
    return ", ".join(sorted(methods))


def _words(request: Request, status: int, detail: str, headers: Mapping[str, str]) -> tuple[str, str]:
    if status == 404:
        return "not_found", _("There is no page at this address. It may have moved, or the link is not whole.")
    if status == 405:
        values = {"method": request.method[:20], "allowed": headers["Allow"]}
        return "wrong_method", _("%(method)s is not possible here; %(allowed)s is.", **values)
    return "refused", detail.rstrip(".") + "."
