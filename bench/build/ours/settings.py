"""This site's own facts and plugins, less what the compared programs lack: search, pictures, comments, offers.

The plugins that stay are those of the features that all sides have. Markdown is Pelican's own choice, as with
stock Pelican, so that both make the same of a text. Stores and folders of its own lie where the build is started.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))
from pelican.settings import DEFAULT_CONFIG  # noqa: E402 - found as soon as the path is set

from pelicanconf import *  # noqa: E402, F403 - every fact is taken over; what differs stands below

MARKDOWN = DEFAULT_CONFIG["MARKDOWN"]
SITENAME = "Made-up posts"
SITEURL = FEED_DOMAIN = "https://blog.example.com"
TIMEZONE = "UTC"
WITH_FUTURE_DATES = True
CACHE_PATH, VAR_DIR = str(Path.cwd() / ".cache"), str(Path.cwd() / "var")

DIRECT_TEMPLATES = ["index"]
ARCHIVES_SAVE_AS = ""
FEED_RSS = None

WHOLE = ("whole_site",) if os.environ.get("BENCH_WHOLE_SITE") else ()  # as in `make serve`
FEATURES = (
    *WHOLE,
    "yaml_metadata",
    "yaml_headers",
    "listing_pages",
    "neighbours",
    "related_posts",
    "feeds",
    "sitemap",
    "incremental",
)
PLUGIN_PATHS = [str(ROOT)]
PLUGINS = [name for name in PLUGINS if name.rpartition(".")[2] in FEATURES]  # noqa: F405 - from pelicanconf
