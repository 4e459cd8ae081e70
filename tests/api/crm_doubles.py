"""HubSpot and Mailchimp as their documentation describes them, for the doors that we use: real servers on this
machine.

Each holds every request against the documented method, path, headers and body, and answers 400 to what it does not
know; what was wrong is in `faults`. HubSpot: CRM API v3, contacts (batch/upsert, gdpr-delete) and properties.
Mailchimp: Marketing API 3.0, list members (add or update, update, delete-permanent) and lists.
"""

import hashlib
import json
import re
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from webhook_sink import Received, plain

USUAL = ("email", "firstname", "company", "jobtitle", "phone")
LIST = "9e67587f52"
NOT_FOUND = {"status": "error", "category": "OBJECT_NOT_FOUND"}
HASH = re.compile(rf"/3\.0/lists/{LIST}/members/([0-9a-f]{{32}})(/actions/delete-permanent)?")


class Shape(BaseModel):
    """A documented body: nothing else may be in it, and nothing is taken for what it is not."""

    model_config = ConfigDict(extra="forbid", strict=True)


class UpsertInput(Shape):
    id: str
    idProperty: str | None = None
    properties: dict[str, str]
    objectWriteTraceId: str | None = None


class Upsert(Shape):
    inputs: list[UpsertInput] = Field(min_length=1, max_length=100)


class GdprDelete(Shape):
    objectId: str
    idProperty: str | None = None


Status = Literal["subscribed", "unsubscribed", "cleaned", "pending", "transactional"]


class Member(Shape):
    email_address: str
    status_if_new: Status
    status: Status | None = None
    email_type: str | None = None
    merge_fields: dict[str, str] = Field(default_factory=dict)
    interests: dict[str, bool] | None = None
    language: str | None = None


class MemberUpdate(Shape):
    email_address: str | None = None
    status: Status | None = None
    merge_fields: dict[str, str] | None = None


class NotDocumented(Exception):
    """A request that no documentation describes."""


def answered(status: int, body: Any) -> bytes:
    return plain(status, json.dumps(body).encode(), Content_Type="application/json")


def _expect(met: bool, what: str) -> None:
    if not met:
        raise NotDocumented(what)


@dataclass
class HubSpot:
    """Contacts by address, each with its properties; those in `unique` identify a contact too."""

    token: str = "pat-eu1-token"
    properties: set[str] = field(
        default_factory=lambda: {
            "email",
            "firstname",
            "company",
            "jobtitle",
            "phone",
            "leadapi_lead",
            "leadapi_status",
        }
    )
    unique: set[str] = field(default_factory=lambda: {"email", "leadapi_lead"})
    contacts: dict[str, dict[str, str]] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def judge(self, request: Received) -> bytes:
        try:
            return self._answer(request)
        except (NotDocumented, ValidationError) as error:
            self.faults.append(str(error))
            return answered(400, {"status": "error", "message": str(error), "category": "VALIDATION_ERROR"})

    def _answer(self, request: Received) -> bytes:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return answered(401, {"status": "error", "message": "…", "category": "INVALID_AUTHENTICATION"})
        place = request.method, request.path
        if place == ("GET", "/crm/v3/properties/contacts/leadapi_lead"):
            found = "leadapi_lead" in self.properties
            return answered(
                200 if found else 404, {"name": "leadapi_lead"} if found else {"category": "OBJECT_NOT_FOUND"}
            )
        _expect(request.headers.get("content-type") == "application/json", "no JSON")
        if place == ("POST", "/crm/v3/objects/contacts/batch/upsert"):
            return self._upsert(Upsert.model_validate_json(request.body))
        _expect(place == ("POST", "/crm/v3/objects/contacts/gdpr-delete"), f"no such door: {place}")
        return self._delete(GdprDelete.model_validate_json(request.body))

    def _upsert(self, asked: Upsert) -> bytes:
        for one in asked.inputs:
            _expect(one.idProperty == "email" and "@" in one.id, "contacts are found by email")
            unknown = set(one.properties) - self.properties
            if unknown:
                return answered(400, {"category": "VALIDATION_ERROR", "message": f"No properties {unknown}"})
            self.contacts.setdefault(one.id.lower(), {}).update(one.properties)
        return answered(200, {"status": "COMPLETE", "results": [{"id": "512", "new": True, "properties": {}}]})

    def _delete(self, asked: GdprDelete) -> bytes:
        _expect(asked.idProperty in self.unique, f"{asked.idProperty} is not unique")
        found = [key for key, held in self.contacts.items() if held.get(str(asked.idProperty)) == asked.objectId]
        if not found:
            return answered(404, NOT_FOUND)
        for key in found:
            del self.contacts[key]
        return plain(204)


@dataclass
class Mailchimp:
    """One audience: members by the MD5 of their address in lower case."""

    key: str = "0123456789abcdef-us21"
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def judge(self, request: Received) -> bytes:
        try:
            return self._answer(request)
        except (NotDocumented, ValidationError) as error:
            self.faults.append(str(error))
            return answered(400, {"title": "Bad Request", "status": 400, "detail": str(error)})

    def _answer(self, request: Received) -> bytes:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        _expect(scheme == "Basic", "no basic authentication")
        if b64decode(given).decode().partition(":")[2] != self.key:
            return answered(401, {"title": "API Key Invalid", "status": 401})
        path, _, query = request.path.partition("?")
        if (request.method, path) == ("GET", f"/3.0/lists/{LIST}"):
            return answered(200, {"id": LIST, "name": "Readers"})
        place = HASH.fullmatch(path)
        _expect(place is not None, f"no such door: {request.method} {request.path}")
        assert place is not None
        return self._members(request, place[1], place[2] or "", query)

    def _members(self, request: Received, member: str, action: str, query: str) -> bytes:
        if request.method == "POST" and action:
            _expect(request.body == b"", "delete-permanent takes no body")
            if self.members.pop(member, None) is None:
                return answered(404, {"title": "Resource Not Found", "status": 404})
            self.forgotten.add(member)
            return plain(204)
        _expect(request.headers.get("content-type") == "application/json", "no JSON")
        if request.method == "PATCH" and not action:
            _expect(query == "", f"unknown parameters: {query}")
            changed = MemberUpdate.model_validate_json(request.body).model_dump(exclude_unset=True)
            _expect(member in self.members, "update of a member that is not there")
            if changed.get("status") == "subscribed" and self.members[member]["status"] == "unsubscribed":
                return answered(400, {"title": "Member In Compliance State", "status": 400})
            self.members[member].update(changed)
            return answered(200, self.members[member])
        _expect(request.method == "PUT" and not action, f"no such door: {request.method} {request.path}")
        _expect(query in ("", "skip_merge_validation=true"), f"unknown parameters: {query}")
        return self._put(member, Member.model_validate_json(request.body))

    def _put(self, member: str, asked: Member) -> bytes:
        address = asked.email_address
        _expect(hashlib.md5(address.lower().encode()).hexdigest() == member, "the hash is another address's")
        if member in self.forgotten:
            detail = f"{address} was permanently deleted and cannot be re-imported."
            return answered(400, {"title": "Forgotten Email Not Subscribed", "status": 400, "detail": detail})
        held = self.members.setdefault(member, {"status": asked.status_if_new, "merge_fields": {}})
        held["email_address"] = address
        held["merge_fields"] |= asked.merge_fields
        held |= {"status": asked.status} if asked.status else {}
        return answered(200, held)
