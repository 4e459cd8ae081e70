"""Only what differs in production."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from pelicanconf import *  # noqa: F403 - every fact is taken over; what differs stands below

EXAMPLE = "https://blog.progress-coaching.example"  # so that a clone can be published before it has an address
SITEURL = os.environ.get("SITE_URL", "").rstrip("/") or EXAMPLE
if not os.environ.get("SITE_URL"):
    said = f"Note: SITE_URL is not set, so feeds, sitemap and shared links name {EXAMPLE}."
    print(said, "Set it to the blog's own address, like https://blog.example.com.", file=sys.stderr)
FEED_DOMAIN = SITEURL
LIVE_RELOAD = False
COMMENTS_COPY = True
REMEMBER_ADDRESSES = True
LAST_INDEX = f"{SITEURL}/public-index.json" if "NETLIFY" in os.environ else ""  # there, var/ begins empty
CHECK_STRICT = (
    ".check-strict"  # warnings stop the build where the content holds this file, as this site's own does
)
DELETE_OUTPUT_DIRECTORY = True  # by plugins.whole_site, once the new site is written
NOINDEX = os.environ.get("CONTEXT", "production") != "production"  # Netlify names its previews here
NETLIFY_TOML = str(Path(__file__).with_name("netlify.toml"))  # its policy must fit the site
