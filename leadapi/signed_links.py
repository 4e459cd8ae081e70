"""Signed links: what a mailed address may do, and until when, without a row in the database.

A token is itsdangerous' URL-safe timed signature over a small JSON payload (HMAC, constant-time comparison).
Each purpose has a salt of its own, so that a link for one thing opens nothing else. The first key signs, all
verify: a key is changed by putting a new one in front, and the old links die when the old key is removed.
"""

import hmac
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any, Literal

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from leadapi.errors import Forbidden, Gone
from leadapi.languages import _

NOT_VALID = _("This link is not valid. Please copy it whole from the letter.")

Purpose = Literal["confirm", "download", "moderate", "sign-in", "unsubscribe", "form", "privacy"]


def sign(purpose: Purpose, payload: dict[str, Any], keys: Sequence[str]) -> str:
    """A token for the payload (small, JSON), good for this purpose only; it begins with the signing key's id."""
    return f"{key_id(keys[0])}.{_serializer(purpose, keys[0]).dumps(payload)}"


def read(purpose: Purpose, token: str, keys: Sequence[str], max_age: timedelta) -> dict[str, Any]:
    """The payload of a token.

    Raises Gone when it is older than `max_age`, Forbidden when it was not signed by us for this purpose.
    """
    try:
        named, _dot, token = token.partition(".")
        signature = token.rpartition(".")[2]
        if base64_encode(base64_decode(signature)) != signature.encode():  # 43 signs have room for two bits more
            raise BadData("The signature is not written as we write it.")
        key = next((key for key in keys if key_id(key) == named), None)
        if key is None:
            raise BadData("The key that signed it is not here any more.")
        payload = _serializer(purpose, key).loads(token, max_age=int(max_age.total_seconds()))
    except SignatureExpired:
        raise Gone(_("This link has expired."), code="link_expired") from None
    except (BadData, ValueError, RecursionError):
        raise Forbidden(NOT_VALID, code="bad_link") from None
    if not isinstance(payload, dict):
        raise Forbidden(NOT_VALID, code="bad_link")
    return payload


def key_id(key: str) -> str:
    """Which key signed a token, without telling anything of it."""
    return hmac.new(key.encode(), b"leadapi.key-id", sha256).hexdigest()[:8]


def _serializer(purpose: Purpose, key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        key,
        salt=f"leadapi.{purpose}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
    )
