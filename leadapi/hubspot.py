"""HubSpot as a receiver of events: one contact for each lead (CRM API v3, contacts).

A contact is found by its address (batch/upsert with idProperty email), so that a repeat changes nothing. It
carries the lead's id in a property of the owner's, LEAD_PROPERTY, whose values are unique: when a person is erased
here, the contact is found by that id and deleted for good (gdpr-delete), and no address has to be kept for it.
"""

import json
from collections.abc import Mapping
from typing import Any

from leadapi.webhook_requests import Answer, Request

KINDS = ("lead.created", "lead.confirmed", "lead.erased")
"""The events that HubSpot is told of."""

USUAL_URL = "https://api.hubapi.com"
LEAD_PROPERTY, STATUS_PROPERTY = "leadapi_lead", "leadapi_status"
"""The contact's properties that the owner makes once: the lead's id (unique), and "confirmed" when it is."""

_OF_DATA = {"email": "email", "name": "firstname", "company": "company", "job_title": "jobtitle", "phone": "phone"}
"""By field of an event, HubSpot's own property. A name is not cut in two: nobody knows where."""


def request(url: str, token: str, kind: str, data: Mapping[str, Any], *, lead: str) -> Request | None:
    """What tells HubSpot of an event of this lead; nothing for an event that it is not told of."""
    if kind == "lead.erased":
        gone = {"objectId": lead, "idProperty": LEAD_PROPERTY}
        return _request("POST", f"{url}/crm/v3/objects/contacts/gdpr-delete", token, gone)
    if kind not in KINDS:
        return None
    properties = {name: str(data[field]) for field, name in _OF_DATA.items() if data.get(field)}
    properties[LEAD_PROPERTY] = lead
    if kind == "lead.confirmed":
        properties[STATUS_PROPERTY] = "confirmed"
    told = {"inputs": [{"id": data["email"], "idProperty": "email", "properties": properties}]}
    return _request("POST", f"{url}/crm/v3/objects/contacts/batch/upsert", token, told)


def trial(url: str, token: str) -> Request:
    """Asks for the property that erasing needs: whether address, token and property are right."""
    return _request("GET", f"{url}/crm/v3/properties/contacts/{LEAD_PROPERTY}", token)


def title(answer: Answer) -> str:
    """What kind of error it is, in HubSpot's words; its `message` may name a person."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        return ""
    return str(said.get("category", "")) if isinstance(said, dict) else ""


def _request(method: str, url: str, token: str, told: Mapping[str, Any] | None = None) -> Request:
    headers = {"Authorization": f"Bearer {token}"}
    if told is None:
        return Request(method, url, headers)
    return Request(method, url, headers | {"Content-Type": "application/json"}, json.dumps(told).encode())
