"""Pelican as it comes, with the plugins that its users take for the same features, and this site's addresses.

Markdown is Pelican's own choice on both sides. The reader's cache is on where BENCH_READER_CACHE says so: it helps
whoever builds again, and costs whoever builds for the first time.
"""

import os
from pathlib import Path

SITENAME = "Made-up posts"
SITEURL = FEED_DOMAIN = "https://blog.example.com"
AUTHOR = "Progress Coaching"
TIMEZONE, DEFAULT_LANG = "UTC", "en"
CACHE_CONTENT = LOAD_CONTENT_CACHE = os.environ.get("BENCH_READER_CACHE") == "1"
CACHE_PATH = str(Path.cwd() / ".cache")

ARTICLE_URL, ARTICLE_SAVE_AS = "{slug}/", "{slug}/index.html"
CATEGORY_URL, CATEGORY_SAVE_AS = "category/{slug}/", "category/{slug}/index.html"
TAG_URL, TAG_SAVE_AS = "tag/{slug}/", "tag/{slug}/index.html"
AUTHOR_URL, AUTHOR_SAVE_AS = "author/{slug}/", "author/{slug}/index.html"
PAGINATION_PATTERNS = [
    (1, "{url}", "{save_as}"),
    (2, "{base_name}/page/{number}/", "{base_name}/page/{number}/index.html"),
]
DIRECT_TEMPLATES = ["index"]
DEFAULT_PAGINATION = 10
FEED_ATOM, FEED_MAX_ITEMS = "feed.atom", 20
FEED_ALL_ATOM = CATEGORY_FEED_ATOM = AUTHOR_FEED_ATOM = AUTHOR_FEED_RSS = TRANSLATION_FEED_ATOM = None

PLUGINS = ["neighbors", "related_posts", "sitemap"]
RELATED_POSTS_MAX = 3
SITEMAP = {"exclude": [r"(^|/)page/\d+/"]}
