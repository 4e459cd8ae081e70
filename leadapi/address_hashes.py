"""What stands for an address where the address itself must not be kept: on the suppression list, in the counts.

The hash is keyed (HMAC, RFC 2104), since the plain hash of an address is found by hashing a list of addresses. The
key is not rotated with the keys that sign links: with another one the list would know nobody any more.
"""

import hmac
from hashlib import sha256

from leadapi.typed_text import address_key


def address_hash(address: str, key: str) -> str:
    """64 hexadecimal digits, the same for every spelling that is one lead (typed_text.address_key)."""
    return hmac.new(key.encode(), address_key(address).encode(), sha256).hexdigest()


def letter_seal(name: str, address: str, key: str) -> str:
    """20 hexadecimal digits that only we can put into the Message-ID of a letter (`name`) to this address."""
    sealed = f"letter\n{name}\n{address_key(address)}"  # an address holds no line break: never a hash of one
    return hmac.new(key.encode(), sealed.encode(), sha256).hexdigest()[:20]
