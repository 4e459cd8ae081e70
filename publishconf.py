"""Only what differs in production."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from pelicanconf import *  # noqa: F403 - every fact is taken over; what differs stands below

SITEURL = os.environ.get("SITE_URL", "https://blog.progress-coaching.example").rstrip("/")
FEED_DOMAIN = SITEURL
LIVE_RELOAD = False
COMMENTS_COPY = True
DELETE_OUTPUT_DIRECTORY = True
NOINDEX = os.environ.get("CONTEXT", "production") != "production"  # Netlify names its previews here
NETLIFY_TOML = str(Path(__file__).with_name("netlify.toml"))  # its policy must fit the site
