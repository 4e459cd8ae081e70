"""A new lead as the owner is told of it by mail: where it came from, and what was typed."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from leadapi import letters
from leadapi.attribution import UTM_FIELDS
from leadapi.owner_notices import Notice, Owner

_LABELS = {"name": "Name", "email": "E-mail", "company": "Company"}
_ANSWERS = {"job_title": "Job title", "phone": "Phone", "country": "Country"}
_PLACE = {"post": "Post", "cta": "Button", "referrer_host": "From"}


def notice(
    owner: Owner, sender: letters.Sender, submission: Mapping[Any, Any], title: str, now: datetime
) -> Notice:
    """The notice of a lead's first submission (its row); `title` is the whitepaper's."""
    lead = submission["lead_id"]
    make = partial(letters.new_lead, sender, owner.email, title, _rows(submission, now), lead)
    return Notice("lead.created", lead, make, now, daily=owner.mode == "daily")


def _rows(submission: Mapping[Any, Any], now: datetime) -> list[tuple[str, str]]:
    campaign = " / ".join(submission[name] for name in UTM_FIELDS if submission[name])
    return [
        *((label, submission[name] or "") for name, label in _LABELS.items()),
        *((label, submission["answers"].get(name, "")) for name, label in _ANSWERS.items()),
        *((label, submission[name] or "") for name, label in _PLACE.items()),
        ("Campaign", campaign),
        ("Time", now.strftime("%B %-d, %Y, %H:%M UTC")),
    ]
