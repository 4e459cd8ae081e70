"""Which letter brings a lead nearer to a whitepaper: a button to a new address, the link to a confirmed one.

The button that confirms an address proves what was ticked in the same submission too. A confirmed address has no
such button to press, so its letter brings one where the box was ticked.

The letter is in the language of the submission. Its links name that language where it is not the site's, so that
the pages that they lead to are in it too.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from leadapi import letters
from leadapi.visitor_letters import VisitorLetter

_Stored = Mapping[Any, Any]


def letter_for(
    sender: letters.Sender, lead: _Stored, submission: _Stored, title: str, number: str, now: datetime
) -> VisitorLetter:
    """The letter that answers a submission; `number` is one for each letter, `title` the whitepaper's.

    `lead` gives id, email and status; `submission` id, whitepaper, edition, language and `ticked`. It goes to the
    stored address, never to another spelling of it that was typed this time.
    """
    language = submission["language"]
    payload = sender.naming(language) | {
        "lead": lead["id"],
        "whitepaper": submission["whitepaper"],
        "edition": submission["edition"],
        "submission": submission["id"],
    }
    confirm = sender.link("confirm", payload)
    confirmed = lead["status"] == "confirmed"
    if confirmed:
        link = sender.link("download", payload)
        proof = confirm if submission["ticked"] else None
        letter = letters.download(sender, lead["email"], title, link, number, proof, language)
    else:
        letter = letters.confirmation(sender, lead["email"], title, confirm, number, language)
    return VisitorLetter(
        letter,
        sender.hash_key,
        topic=submission["whitepaper"],
        confirmed=confirmed,
        dedupe_key=f"submission:{number}",
        now=now,
    )
