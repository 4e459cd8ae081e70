"""Proof of work for forms, asked for only while a wave is on, and only where JavaScript can do it (ALTCHA).

Work done costs a robot more than it is worth and a reader half a second. A proof counts for one submission,
however often that is sent: its signature is kept until it would have expired. Who sends none is not refused; in a
wave the form is then held.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from altcha import create_challenge, verify_solution
from sqlalchemy import Connection, bindparam, delete, select

from leadapi.tables import insert_new, used_proofs

COST, PREFIX = 5_000, "00"
"""PBKDF2 rounds of one try, and how a good key begins (hexadecimal): 256 tries on average."""

LASTS = timedelta(minutes=20)
LONGEST = 4_000
"""Characters of a proof; a good one has about 700."""

_ADD = insert_new(used_proofs)
_USED_FOR = select(used_proofs.c.used_for).where(used_proofs.c.id == bindparam("proof"))
_FORGET = delete(used_proofs).where(used_proofs.c.expires_at <= bindparam("now"))


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that is good, unless it was used before."""

    id: str
    expires_at: datetime


def challenge(keys: Sequence[str], now: datetime) -> dict[str, Any]:
    """What the worker in the browser is to solve, as its JSON."""
    made: dict[str, Any] = create_challenge(
        algorithm="PBKDF2/SHA-256",
        cost=COST,
        key_prefix=PREFIX,
        expires_at=int((now + LASTS).timestamp()),
        hmac_secret=_secret(keys[0]),
    ).to_dict()
    return made


def read(text: str, keys: Sequence[str]) -> Proof | None:
    """The proof in the field `altcha`; None when it is not good. Takes some milliseconds: off the event loop."""
    if not text or len(text) > LONGEST:
        return None
    if not any(verify_solution(text, _secret(key)).verified for key in keys):
        return None
    signed = json.loads(base64.b64decode(text))["challenge"]
    expires = datetime.fromtimestamp(int(signed["parameters"]["expiresAt"]), UTC)
    return Proof(hashlib.sha256(signed["signature"].encode()).hexdigest(), expires)


def use(connection: Connection, value: tuple[Proof, str | None]) -> bool:
    """Whether (proof, submission id) counts: for the first submission that brings it, and for its repeats."""
    proof, submission = value
    row = {"id": proof.id, "used_for": submission, "expires_at": proof.expires_at}
    if connection.execute(_ADD[connection.dialect.name], row).rowcount:
        return True
    return submission is not None and connection.scalar(_USED_FOR, {"proof": proof.id}) == submission


def forget_old(connection: Connection, now: datetime) -> None:
    """Drop what has expired."""
    connection.execute(_FORGET, {"now": now})


def _secret(key: str) -> str:
    """A key of its own, so that a challenge is never a signature for something else."""
    return hmac.new(key.encode(), b"leadapi.proof", hashlib.sha256).hexdigest()
