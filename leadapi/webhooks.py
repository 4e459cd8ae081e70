"""Tells the owner's other systems what happened (Standard Webhooks), and those with doors of their own (adapters).

What is told is read when it is sent: an event whose person was erased meanwhile is told no more. Each try carries
the event's one id, so that a receiver who gets it twice can see that it is one, and a new time, so that an old try
that somebody kept is no good. Every secret of the endpoint signs: two, while one takes the other's place.

2xx is good, 410 disables the endpoint; everything else is tried again with the outbox's pauses, or after as long
as the receiver asks. A redirect is one of these: nobody judged where it leads.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select
from standardwebhooks import Webhook

from leadapi import clock, hubspot, leads, mailchimp, webhook_endpoints
from leadapi.errors import RefusedForGood, TryLater
from leadapi.outbox import Delivery
from leadapi.store import Store
from leadapi.tables import events
from leadapi.tables import webhook_endpoints as endpoints
from leadapi.webhook_requests import Answer, Ask, Request

_ENDPOINT = select(endpoints).where(endpoints.c.id == bindparam("endpoint"), endpoints.c.disabled_at.is_(None))
_EVENT = select(events).where(events.c.id == bindparam("event"))


class Gone(Exception):
    """The receiver says that it is there no more."""


@dataclass(frozen=True, slots=True)
class Told:
    """An endpoint, an event to tell it of, and whether its lead agreed to be sent more, and proved it."""

    endpoint: RowMapping
    event: Mapping[Any, Any]
    consent: bool


def teller(store: Store, ask: Ask) -> Callable[[Delivery], Awaitable[None]]:
    """What carries out the outbox's rows of kind "webhook"."""

    async def tell(delivery: Delivery) -> None:
        place = delivery.payload["endpoint"], delivery.payload["event"]
        if (found := await store.read(_found, place)) is None:
            return
        try:
            await _tell(ask, found, delivery.payload.get("erased", ""))
            if found.endpoint["kind"] != "webhook" and await store.read(_found, place) is None:
                await _forget(ask, found)
        except Gone as error:
            await store.write(webhook_endpoints.disable, (place[0], str(error), clock.now()))
            raise RefusedForGood(str(error)) from error

    return tell


def _found(connection: Connection, value: tuple[str, str]) -> Told | None:
    """What is to be told (endpoint id, event id); None when the event was erased.

    Raises RefusedForGood where nobody listens any more.
    """
    endpoint_id, event_id = value
    event = connection.execute(_EVENT, {"event": event_id}).mappings().one_or_none()
    if event is None or not event["data"]:
        return None
    endpoint = connection.execute(_ENDPOINT, {"endpoint": endpoint_id}).mappings().one_or_none()
    if endpoint is None:
        raise RefusedForGood("The endpoint was removed or disabled.")
    lead = event["lead_id"] if endpoint["kind"] == "mailchimp" else None
    return Told(endpoint, event, leads.marketing_consent(connection, lead) if lead else False)


async def _tell(ask: Ask, told: Told, erased: str) -> None:
    endpoint, event = told.endpoint, told.event
    url, secrets, kind, data = endpoint["url"], endpoint["secrets"], event["kind"], event["data"]
    if endpoint["kind"] == "hubspot":
        lead = event["lead_id"] or event["subject"]
        await _ask(ask, hubspot.request(url, secrets[0], kind, data, lead=lead), hubspot.title, forgets=kind)
    elif endpoint["kind"] == "mailchimp":
        request = mailchimp.request(url, secrets[0], kind, data, consent=told.consent, erased=erased)
        answer = await _ask(ask, request, mailchimp.title, forgets=kind)
        if told.consent and answer and kind != "lead.erased":
            await _ask(ask, mailchimp.subscribing(url, secrets[0], data, answer), mailchimp.title)
    else:
        await _ask(ask, signed(url, secrets, event["id"], body(kind, event["created_at"], data), clock.now()))


async def _forget(ask: Ask, told: Told) -> None:
    """Somebody was erased here while an adapter was told of them: what tells of erasing may have been quicker."""
    member = mailchimp.member(told.event["data"].get("email", ""))
    await _tell(ask, replace(told, event={**told.event, "kind": "lead.erased"}), member)


async def _ask(
    ask: Ask, request: Request | None, title: Callable[[Answer], str] = lambda _: "", forgets: str = ""
) -> Answer | None:
    """The good answer to a request, if there is one to send. Raises TryLater, Gone and RefusedForGood.

    Whom the other system does not know (404) it has forgotten.
    """
    if request is None:
        return None
    answer = await ask(request)
    if (200 <= answer.status < 300 and answer.status != 207) or (
        answer.status == 404 and forgets == "lead.erased"
    ):
        return answer  # 207 (RFC 4918, 13) is what HubSpot says where its batch of one has failed
    if answer.status == 410:
        raise Gone("The receiver answered 410: it is gone.")
    what = "a redirect, which is not followed" if 300 <= answer.status < 400 else title(answer) or "no success"
    sentence = f"The receiver answered {answer.status}: {what}."
    if title is mailchimp.title and mailchimp.for_good(answer):
        raise RefusedForGood(sentence)
    raise TryLater(sentence, timedelta(seconds=answer.retry_after or 0))


def body(kind: str, happened: datetime, data: dict[str, Any]) -> bytes:
    """An event as it is told: the same bytes at each try."""
    told = {"type": kind, "timestamp": happened.isoformat().replace("+00:00", "Z"), "data": data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def signed(url: str, secrets: list[str], event_id: str, content: bytes, now: datetime) -> Request:
    """The request of one try, signed with every secret (Standard Webhooks 1.0, symmetric signatures)."""
    signatures = [Webhook(secret).sign(event_id, now, content.decode()) for secret in secrets]
    headers = {
        "Content-Type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
    return Request("POST", url, headers, content)


async def trial(ask: Ask, endpoint: RowMapping, event_id: str, now: datetime) -> Answer:
    """Ask the endpoint now, whether it is disabled or not: a webhook with a signed event `ping`, an adapter for
    what it needs there. Answers what came back, good or not."""
    url, secrets = endpoint["url"], endpoint["secrets"]
    if endpoint["kind"] == "hubspot":
        return await ask(hubspot.trial(url, secrets[0]))
    if endpoint["kind"] == "mailchimp":
        return await ask(mailchimp.trial(url, secrets[0]))
    return await ask(signed(url, secrets, event_id, body("ping", now, {}), now))
