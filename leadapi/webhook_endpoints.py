"""Who listens: the owner's endpoints, each with its kinds of events, its secrets and its own queue in the outbox.

A secret of a webhook signs; while it is rotated there are two, both sign, and the receiver may take its time. The
secret of an adapter is the other system's key, of which there is one. An endpoint that answers 410 (Gone) is
disabled and what waits for it is given up: nobody is there.
"""

import base64
import binascii
import secrets as random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, or_, select, update

from leadapi import events, hubspot, mailchimp, webhook_targets
from leadapi.errors import InvalidInput, NotFound
from leadapi.tables import new_id, outbox, webhook_endpoints

Kind = Literal["webhook", "hubspot", "mailchimp"]
KINDS: tuple[Kind, ...] = get_args(Kind)
EVENTS: dict[Kind, tuple[str, ...]] = {
    "webhook": events.KINDS,
    "hubspot": hubspot.KINDS,
    "mailchimp": mailchimp.KINDS,
}
"""What each kind of endpoint can be told of, and is told of unless the owner says less."""

NAMES: dict[Kind, str] = {"webhook": "webhook", "hubspot": "HubSpot", "mailchimp": "Mailchimp"}

SECRET_PREFIX, SECRET_BYTES = "whsec_", range(24, 65)
"""As Standard Webhooks writes its symmetric secrets, and how long they may be."""

_BY_ID = select(webhook_endpoints).where(webhook_endpoints.c.id == bindparam("endpoint"))
_CHANGE = update(webhook_endpoints).where(webhook_endpoints.c.id == bindparam("endpoint"))
_ITS_QUEUE = (outbox.c.queue == bindparam("endpoint"), outbox.c.kind == "webhook")
_WAITING = (*_ITS_QUEUE, outbox.c.done_at.is_(None), outbox.c.dead_at.is_(None))
_FREE = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= bindparam("at"))
"""What is under way just now ends by itself."""

_GIVE_UP = update(outbox).where(*_WAITING, _FREE).values(dead_at=bindparam("at"), last_error=bindparam("why"))
_COUNT = (
    select(
        outbox.c.queue,
        func.count().filter(outbox.c.done_at.is_(None), outbox.c.dead_at.is_(None)).label("waiting"),
        func.count().filter(outbox.c.dead_at.is_not(None)).label("given_up"),
    )
    .where(outbox.c.kind == "webhook")
    .group_by(outbox.c.queue)
)


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """What the owner asks for; an empty secret is made here, empty events are all that the kind can be told of."""

    url: str
    kind: Kind
    events: Sequence[str]
    secret: str
    now: datetime


def add(connection: Connection, value: NewEndpoint) -> RowMapping:
    """Keep the endpoint; answers its row. Raises InvalidInput."""
    url = value.url.rstrip("/") if value.kind != "webhook" else value.url
    if wrong := webhook_targets.complaint(url):
        raise InvalidInput(wrong)
    for name in value.events:
        if name not in EVENTS[value.kind]:
            raise InvalidInput(
                f"A {value.kind} is not told of {name!r}. There are: {', '.join(EVENTS[value.kind])}."
            )
    row = {
        "id": new_id(value.now),
        "kind": value.kind,
        "url": url,
        "secrets": [checked_secret(value.kind, value.secret)],
        "events": list(dict.fromkeys(value.events)) or list(EVENTS[value.kind]),
        "options": {},
        "created_at": value.now,
    }
    connection.execute(insert(webhook_endpoints), row)
    return endpoint(connection, str(row["id"]))


def endpoint(connection: Connection, endpoint_id: str) -> RowMapping:
    """The endpoint's row. Raises NotFound."""
    row = connection.execute(_BY_ID, {"endpoint": endpoint_id}).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no endpoint {endpoint_id!r}. List them: python -m leadapi webhooks list")
    return row


def listed(connection: Connection, _: None = None) -> list[dict[str, Any]]:
    """All endpoints, the oldest first, with how many events wait for each and were given up."""
    counts = {row.queue: row for row in connection.execute(_COUNT)}
    rows = connection.execute(select(webhook_endpoints).order_by(webhook_endpoints.c.id)).mappings()
    return [
        {**row, "waiting": 0, "given_up": 0, **(counts[row["id"]]._mapping if row["id"] in counts else {})}
        for row in rows
    ]


def remove(connection: Connection, endpoint_id: str) -> None:
    """Forget the endpoint, and what waits for it or was given up. Raises NotFound."""
    endpoint(connection, endpoint_id)
    connection.execute(delete(outbox).where(*_ITS_QUEUE), {"endpoint": endpoint_id})
    connection.execute(
        delete(webhook_endpoints).where(webhook_endpoints.c.id == bindparam("endpoint")), {"endpoint": endpoint_id}
    )


def rotate(connection: Connection, value: tuple[str, str]) -> str:
    """A new secret (endpoint id, secret; an empty one is made) goes first, and a webhook's old one signs on.

    Answers the new one. Raises NotFound, and InvalidInput while another rotation is not finished.
    """
    endpoint_id, given = value
    row = endpoint(connection, endpoint_id)
    if len(row["secrets"]) > 1:
        raise InvalidInput(
            f"Two secrets sign already. Finish first: python -m leadapi webhooks rotate {endpoint_id} --finish"
        )
    new = checked_secret(row["kind"], given)
    if new in row["secrets"]:
        raise InvalidInput("This is the secret that is in use already.")
    kept = row["secrets"] if row["kind"] == "webhook" else []
    connection.execute(_CHANGE.values(secrets=[new, *kept]), {"endpoint": endpoint_id})
    return new


def finish_rotation(connection: Connection, endpoint_id: str) -> None:
    """The old secret signs no more. Raises NotFound, and InvalidInput where there is one secret alone."""
    row = endpoint(connection, endpoint_id)
    if len(row["secrets"]) < 2:
        raise InvalidInput("There is one secret alone; no rotation is under way.")
    connection.execute(_CHANGE.values(secrets=row["secrets"][:1]), {"endpoint": endpoint_id})


def enable(connection: Connection, endpoint_id: str) -> None:
    """Tell the endpoint of what happens from now on. Raises NotFound."""
    endpoint(connection, endpoint_id)
    connection.execute(_CHANGE.values(disabled_at=None, disabled_reason=None), {"endpoint": endpoint_id})


def disable(connection: Connection, value: tuple[str, str, datetime]) -> None:
    """Tell (endpoint id, why, now) of nothing more, and give up what waits for it."""
    endpoint_id, why, now = value
    connection.execute(_CHANGE.values(disabled_at=now, disabled_reason=why), {"endpoint": endpoint_id})
    connection.execute(_GIVE_UP, {"endpoint": endpoint_id, "at": now, "why": why})


def checked_secret(kind: Kind, given: str) -> str:
    """The secret as it is kept; a webhook's empty one is made. Raises InvalidInput."""
    if kind != "webhook":
        if not given or not given.isascii() or not given.isprintable() or " " in given:
            raise InvalidInput(
                f"Give the key of your {NAMES[kind]} account: --secret KEY, or --secret - to type it."
            )
        return given
    if not given:
        return SECRET_PREFIX + base64.b64encode(random.token_bytes(32)).decode()
    try:
        key = base64.b64decode(given.removeprefix(SECRET_PREFIX) + "==", validate=False)
        good = given.isascii() and len(key) in SECRET_BYTES
    except (binascii.Error, ValueError):
        good = False
    if not good:
        raise InvalidInput(
            f"The secret must be {SECRET_PREFIX} and {SECRET_BYTES[0]} to {SECRET_BYTES[-1]} bytes in base64."
        )
    return given
