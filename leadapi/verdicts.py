"""Why a form was held: one file answers. Nothing suspicious is refused or dropped; the owner sees it and decides.

The verdict is the same on the form and on the JSON door, for whitepapers and for comments. A robot learns nothing
from it: the answer is that of any other form.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from leadapi import signed_links
from leadapi.errors import Forbidden

Reason = Literal["honeypot", "quick", "wave"]

IN_WORDS: Mapping[str, str] = {
    "honeypot": "a field that people do not see was filled in",
    "quick": "it was sent faster than anybody types",
    "wave": "too many came at once",
}

LEAST_TIME = timedelta(seconds=1)
"""Between our answer with the form and its sending; only forms that the service itself served tell the time."""


def form_token(keys: Sequence[str], now: datetime) -> str:
    """The hidden field that says when we served a form."""
    return signed_links.sign("form", {"at": now.timestamp()}, keys)


def held_reason(typed: Mapping[str, str], keys: Sequence[str], now: datetime) -> Reason | None:
    """Why the form is suspicious by itself, or None. A token that is missing or not ours says nothing."""
    if typed.get("website", "").strip():
        return "honeypot"
    try:
        served = signed_links.read("form", typed.get("form_token", ""), keys, timedelta(days=36_500))
    except Forbidden:
        return None
    return "quick" if now.timestamp() - float(served["at"]) < LEAST_TIME.total_seconds() else None
