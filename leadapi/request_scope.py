"""What a handler may ask for: its signature is its policy.

Everything comes from the application's state, which app.create_app fills; nothing is global.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException

from leadapi import clock, guards, letters, netlify_proxy
from leadapi.errors import MalformedBody, UnsupportedMedia
from leadapi.index_reading import Index
from leadapi.languages import _
from leadapi.public_index import PublicIndex
from leadapi.rate_limits import network_of
from leadapi.settings import Network, Settings
from leadapi.store import Store

MOST_FIELDS = 100


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def _index(request: Request) -> Index:
    index: Index = request.app.state.index
    return index


def sender(settings: Settings, index: PublicIndex) -> letters.Sender:
    """Who writes the letters that a handler sends."""
    return letters.sender(
        index.site_name,
        settings.site_url,
        settings.mail_from,
        settings.secret_keys,
        settings.api_url,
        settings.hash_key,
        index.language,
    )


def speak(request: Request, language: str) -> None:
    """From here on whatever answers the request, errors too, does it in this language."""
    request.state.language = language


def language_of(request: Request) -> str:
    """The language in which the request is answered: the site's, unless its handler knew better."""
    known: str | None = getattr(request.state, "language", None)
    return known or _index(request).known().language


def _now() -> datetime:
    return clock.now()


# Not uvicorn's ProxyHeadersMiddleware: it takes a hop that is no address for the client, and no ::ffff: for IPv4.
def client_address(
    peer: str | None, forwarded_for: str, trusted: tuple[Network, ...]
) -> IPv4Address | IPv6Address | None:
    """Whose request it is: the last address in X-Forwarded-For that no trusted proxy added.

    Only a trusted peer is believed at all; whatever stands left of the first untrusted hop anybody can make up.
    """
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    current = _address(peer or "")
    while current is not None and hops and any(current in network for network in trusted):
        further = _address(hops.pop())
        if further is None:
            break
        current = further
    return current


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    # A listener for both kinds names IPv4 clients as ::ffff:192.0.2.1 (RFC 4291, 2.5.5.2).
    return getattr(found, "ipv4_mapped", None) or found


def _client_network(request: Request) -> str:
    peer = request.client.host if request.client else None
    forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
    settings = _settings(request)
    vouched = netlify_proxy.visitor(request.headers, settings.netlify_secret)
    return network_of(_address(vouched or "") or client_address(peer, forwarded, settings.trusted_proxies))


def wants_json(request: Request) -> bool:
    """Whether the answer should be JSON: asked for, or JSON was sent and no page was asked for."""
    accept = request.headers.get("accept", "").lower()
    if "text/html" in accept or "application/xhtml+xml" in accept:
        return False
    return "json" in accept or "json" in request.headers.get("content-type", "").lower()


async def _typed(request: Request) -> Mapping[str, str]:
    """The body's fields as text, from a form (RFC 1866, RFC 7578 without files) or a JSON object.

    Raises Forbidden for another site's form, UnsupportedMedia, MalformedBody.
    """
    guards.refuse_other_sites(request, _settings(request).origin)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return _from_json(await request.body())
    if kind == "application/x-www-form-urlencoded":
        return _from_urlencoded(await request.body())
    if kind == "multipart/form-data":
        return await _from_multipart(request)
    raise UnsupportedMedia(_("Send the form as it is, or as JSON: this Content-Type is neither."))


def _from_json(body: bytes) -> dict[str, str]:
    try:
        raw = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise MalformedBody(_("The body is not valid JSON.")) from None
    if not isinstance(raw, dict):
        raise MalformedBody(_("The body must be a JSON object, with a name and a value for each field."))
    if len(raw) > MOST_FIELDS:
        raise MalformedBody(_("The body has more than %(most)s fields.", most=MOST_FIELDS))
    typed: dict[str, str] = {}
    for name, value in raw.items():
        if isinstance(value, str):
            typed[name] = value
        elif value is None or isinstance(value, bool):
            typed[name] = "yes" if value else ""
        elif isinstance(value, int | float):
            typed[name] = str(value)
        else:
            raise MalformedBody(_("The field %(name)s must be a text.", name=repr(name[:40])))
    return typed


def _from_urlencoded(body: bytes) -> dict[str, str]:
    """Starlette reads a form as Latin-1; the standard says UTF-8 (URL Standard, 5.1)."""
    try:
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise MalformedBody(_("The body has more than %(most)s fields.", most=MOST_FIELDS)) from None
    return dict(reversed(fields))


async def _from_multipart(request: Request) -> dict[str, str]:
    """Starlette takes a body that was cut off for a whole one; its last boundary says it is (RFC 2046, 5.1.1)."""
    try:
        options = parse_options_header(request.headers["content-type"])[1]
        if b"--" + options[b"boundary"] + b"--" not in await request.body():
            raise MalformedBody(_("The form is not whole: its end is missing."))
        form = await request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=guards.LARGEST_BODY)
    except HTTPException as error:
        if "files" in str(error.detail):
            raise MalformedBody(_("Files cannot be sent here.")) from None
        detail = re.sub(r"\.$", "", str(error.detail))
        raise MalformedBody(_("The form cannot be read: %(detail)s.", detail=detail)) from None
    except (ValueError, AssertionError, LookupError):
        raise MalformedBody(_("The form cannot be read.")) from None
    return {name: str(value) for name, value in reversed(form.multi_items())}


StoreDep = Annotated[Store, Depends(_store)]
SettingsDep = Annotated[Settings, Depends(_settings)]
IndexDep = Annotated[Index, Depends(_index)]
NowDep = Annotated[datetime, Depends(_now)]
ClientNetwork = Annotated[str, Depends(_client_network)]
WantsJson = Annotated[bool, Depends(wants_json)]
Typed = Annotated[Mapping[str, str], Depends(_typed)]
"""The fields that were typed, by name; the first one where a name comes twice."""
