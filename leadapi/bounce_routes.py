"""The door through which a mail service tells what bounced and who complained: a webhook, signed as Standard
Webhooks says with the secret that `python -m leadapi bounces --secret` prints.

A report counts from the moment at which it was signed, so that one that comes twice changes nothing.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from standardwebhooks import Webhook
from starlette.responses import JSONResponse, Response

from leadapi import bounces
from leadapi.bounces import Noting, Reason, Report
from leadapi.errors import Forbidden, InvalidInput, MalformedBody
from leadapi.request_scope import NowDep, SettingsDep, StoreDep

KINDS: Mapping[str, Reason] = {"bounce": "bounced", "complaint": "complained"}

router = APIRouter(prefix="/api", include_in_schema=False)


@router.post("/bounces")
async def note_bounces(request: Request, store: StoreDep, settings: SettingsDep, now: NowDep) -> Response:
    """Take {"type": "bounce" or "complaint", "address": …} or a list of them; other types are passed over."""
    body = await request.body()
    if not any(_signed(secret, body, request.headers) for secret in map(bounces.secret, settings.secret_keys)):
        raise Forbidden("This request is not signed with a secret that is known here.", code="bad_signature")
    at = datetime.fromtimestamp(float(request.headers["webhook-timestamp"]), UTC)
    told = _told(body)
    reports = [
        Report(one["address"], KINDS[one["type"]], min(at, now))
        for one in told
        if one["type"] in KINDS and one.get("hard") is not False
    ]
    news = await store.write(bounces.note, Noting(reports, settings.hash_key, now))
    return JSONResponse(
        {"status": "noted", "reports": len(reports), "new": news, "passed_over": len(told) - len(reports)}
    )


def _signed(secret: str, body: bytes, headers: Mapping[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except Exception:  # the library raises its own error, and others for what is not written as it should be
        return False
    return True


def _told(body: bytes) -> list[dict[str, Any]]:
    """The reports, each with a type and an address. Raises MalformedBody, InvalidInput."""
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedBody("The body is not valid JSON.") from None
    told = raw if isinstance(raw, list) else [raw]
    for one in told:
        if not (isinstance(one, dict) and isinstance(one.get("type"), str)):
            wrong = 'Each report is an object with a "type".'
            raise InvalidInput(wrong, {"type": wrong})
        address = one.get("address")
        if one["type"] in KINDS and not (isinstance(address, str) and bounces.is_address(address)):
            wrong = 'Each bounce and complaint needs an "address" that is an e-mail address.'
            raise InvalidInput(wrong, {"address": wrong})
    return told
