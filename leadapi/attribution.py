"""Where a submission came from, told without cookies and without scripts.

The browser says it by itself: a form's POST carries the address of the page it stood on (the blog's
Referrer-Policy is strict-origin-when-cross-origin, so within the site that is the whole address, campaign
parameters included). Only a page of our own is believed to name a campaign. Everything here is a remark by
strangers: cut, cleaned, and never a reason to refuse a lead.
"""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from leadapi.typed_text import remark

UTM_FIELDS = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
LONGEST_UTM, LONGEST_PAGE, LONGEST_HOST = 200, 500, 253


@dataclass(frozen=True, slots=True)
class Source:
    """The page (path and query on our site) and host a form was sent from, and its campaign parameters."""

    page: str | None = None
    referrer_host: str | None = None
    utm: tuple[tuple[str, str], ...] = ()


def source(referer: str | None, own_origins: Collection[str], page: str | None = None) -> Source:
    """What the Referer header says (RFC 9110, 10.1.3); `own_origins` as "https://blog.example.com".

    `page` is the hidden field by which a refused form, or the script, names the page that the form first stood on.
    It counts only where the Referer does not: below /api/, or our origin alone, as another origin is told.
    """
    try:
        parts = urlsplit((referer or "").strip())
        host, own = parts.hostname, f"{parts.scheme}://{parts.netloc}".lower() in own_origins
        silent = parts.path.startswith("/api/") or (parts.path in ("", "/") and not parts.query)
        if own and silent and (page or "").startswith("/"):
            parts = urlsplit(page or "")
    except ValueError:
        return Source()
    if not own:
        return Source(referrer_host=remark(host or "", LONGEST_HOST))
    # At most 100 pairs are looked at: a longer query is no campaign link.
    given = {name: remark(value, LONGEST_UTM) for name, value in reversed(_pairs(parts.query)[:100])}
    return Source(
        page=remark(f"{parts.path}?{parts.query}" if parts.query else parts.path, LONGEST_PAGE),
        referrer_host=remark(host or "", LONGEST_HOST),
        utm=tuple((name, value) for name in UTM_FIELDS if (value := given.get(name))),
    )


def first_touch(page: str | None, referrer_host: str | None) -> Source:
    """What the script remembered of a visit's first page (path and query on our site) and of its referrer."""
    try:
        parts = urlsplit(page or "")
    except ValueError:
        parts = urlsplit("")
    if not parts.path.startswith("/"):
        return Source()
    given = {name: remark(value, LONGEST_UTM) for name, value in reversed(_pairs(parts.query)[:100])}
    return Source(
        page=remark(f"{parts.path}?{parts.query}" if parts.query else parts.path, LONGEST_PAGE),
        referrer_host=remark(referrer_host or "", LONGEST_HOST),
        utm=tuple((name, value) for name in UTM_FIELDS if (value := given.get(name))),
    )


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query[:8_000], errors="replace")
