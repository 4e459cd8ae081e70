"""What other systems are told of a lead: the data of its events, the same words for all of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from leadapi.attribution import UTM_FIELDS
from leadapi.events import Event

_Stored = Mapping[Any, Any]


def created(lead: _Stored, submission: _Stored, now: datetime) -> Event:
    """A person's first submission that is not held; `lead` and `submission` are their rows."""
    names = ("name", "company", "whitepaper", "post", "cta", "language", *UTM_FIELDS)
    data = {name: submission[name] for name in names if submission[name]}
    return Event("lead.created", lead["id"], lead["id"], _who(lead) | submission["answers"] | data, now)


def confirmed(lead: _Stored, now: datetime) -> Event:
    """The button was pressed for the first time."""
    return Event("lead.confirmed", lead["id"], lead["id"], _who(lead), now)


def downloaded(lead: _Stored, whitepaper: str, edition: str, now: datetime) -> Event:
    """An edition was fetched for the first time."""
    data = _who(lead) | {"whitepaper": whitepaper, "edition": edition}
    return Event("lead.downloaded", f"{lead['id']}:{whitepaper}:{edition}", lead["id"], data, now)


def _who(lead: _Stored) -> dict[str, Any]:
    return {"lead": lead["id"], "email": lead["email"]}
