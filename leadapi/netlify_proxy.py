"""Whose request it is that Netlify's proxy brings, told by the proxy's signature.

Netlify publishes no list of its machines' addresses, so TRUSTED_PROXIES cannot name them; without this all its
visitors would seem to come from a few networks and share one limit. Where a redirect is `signed`, Netlify sends
with each request a JWS (RFC 7515, HS256 under the shared secret) in X-Nf-Sign, with the claims iss "netlify" and
exp, and the visitor's address in X-Nf-Client-Connection-Ip, which it sets itself.
https://docs.netlify.com/routing/redirects/rewrites-proxies/#signed-proxy-redirects
"""

from datetime import timedelta

import jwt
from starlette.datastructures import Headers

LEEWAY = timedelta(minutes=1)
"""How far Netlify's clock may be from ours."""


def visitor(headers: Headers, secret: str) -> str | None:
    """The address that Netlify vouches for; None where there is no secret, no good signature or no one address."""
    addresses, signatures = (headers.getlist(name) for name in ("x-nf-client-connection-ip", "x-nf-sign"))
    if not secret or len(addresses) != 1 or len(signatures) != 1:
        return None
    try:
        jwt.decode(
            signatures[0],
            secret,
            algorithms=["HS256"],
            issuer="netlify",
            leeway=LEEWAY,
            options={"require": ["exp", "iss"]},
        )
    except (jwt.PyJWTError, ValueError):
        return None
    return addresses[0]
