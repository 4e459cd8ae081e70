"""A Mailchimp audience as a receiver of events: one member for each lead (Marketing API 3.0, list members).

A lead that asked for a whitepaper asked for no newsletter. So a member is put in as "transactional", which may not
be sent campaigns, and becomes "subscribed" only by a consent that was given and proven (leads.marketing_consent),
and only from "transactional": whoever unsubscribed there stays unsubscribed, whatever we know.

A member is named by the MD5 of the address in lower case. That hash is all that is kept of an erased person until
Mailchimp has been told, which then forgets them for good.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from leadapi.webhook_requests import Answer, Request

KINDS = ("lead.created", "lead.confirmed", "lead.downloaded", "lead.erased")
"""The events that an audience is told of."""

FOR_GOOD = ("Forgotten Email Not Subscribed", "Member In Compliance State", "Invalid Resource")
"""Titles of refusals that no further try changes: erased there, unsubscribed there, no real address."""


def member(address: str) -> str:
    """What stands for an address in Mailchimp's paths; no secret is meant by it."""
    return hashlib.md5(address.lower().encode(), usedforsecurity=False).hexdigest()


def request(
    url: str, key: str, kind: str, data: Mapping[str, Any], *, consent: bool, erased: str = ""
) -> Request | None:
    """What tells the audience at `url` (…/3.0/lists/{id}) of an event; `erased` is the member to be forgotten."""
    if kind == "lead.erased":
        return _request("POST", f"{url}/members/{erased}/actions/delete-permanent", key) if erased else None
    if kind not in KINDS:
        return None
    fields = {"FNAME": data["name"]} if data.get("name") else {}
    told = {
        "email_address": data["email"],
        "status_if_new": "subscribed" if consent else "transactional",
        **({"merge_fields": fields} if fields else {}),
        **({"language": data["language"]} if data.get("language") else {}),
    }
    return _request("PUT", f"{url}/members/{member(data['email'])}?skip_merge_validation=true", key, told)


def subscribing(url: str, key: str, data: Mapping[str, Any], answer: Answer) -> Request | None:
    """With a consent: what makes a subscriber of the member in the answer, where nothing speaks against it."""
    if _said(answer).get("status") != "transactional":
        return None
    return _request("PATCH", f"{url}/members/{member(data['email'])}", key, {"status": "subscribed"})


def trial(url: str, key: str) -> Request:
    """Asks for the audience itself: whether address and key are right."""
    return _request("GET", f"{url}?fields=id,name", key)


def for_good(answer: Answer) -> bool:
    """Whether a refusal is for good."""
    return answer.status == 400 and _said(answer).get("title") in FOR_GOOD


def title(answer: Answer) -> str:
    """What kind of error it is, in Mailchimp's words; its `detail` may name a person."""
    return str(_said(answer).get("title", ""))


def _said(answer: Answer) -> dict[str, Any]:
    try:
        said = json.loads(answer.body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _request(method: str, url: str, key: str, told: Mapping[str, Any] | None = None) -> Request:
    headers = {"Authorization": f"Basic {b64encode(f'leadapi:{key}'.encode()).decode()}"}
    if told is None:
        return Request(method, url, headers)
    return Request(method, url, headers | {"Content-Type": "application/json"}, json.dumps(told).encode())
