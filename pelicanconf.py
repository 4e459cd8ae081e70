"""Facts of the site: names, menu, URL shapes, plugins. What differs in production is in publishconf.py."""

import os

SITENAME = "The Progress Coaching Blog"
SITESUBTITLE = "Coaching instead of managing"
AUTHOR = "Progress Coaching"
COMPANY = "Progress Coaching"
SITEURL = os.environ.get("SITE_URL", "").rstrip("/")
API_URL = os.environ.get("API_URL", "").rstrip("/")  # empty: the same address as the site
COMMENTS_URL = os.environ.get("COMMENTS_URL", "")  # empty: the last good copy in var/, if any
COMMENTS_COPY = False  # whether a copy of them goes out with the site, for the next build
VAR_DIR = os.environ.get("VAR_DIR", "var")
WHITEPAPER_DIR = os.environ.get("LEADAPI_WHITEPAPER_DIR", "var/whitepapers")
LIVE_RELOAD = bool(os.environ.get("LIVE_RELOAD"))
NOINDEX = False  # previews set it: the whole site asks search engines to stay away

DEFAULT_LANG = "en"
TIMEZONE = "America/Chicago"
LOCALE = ("C.UTF-8",)
DEFAULT_DATE_FORMAT = "%B %-d, %Y"

PRIVACY_URL = "/privacy/"
MENU = [("Articles", "/"), ("Archives", "/archives/"), ("About", "/about/"), ("Privacy", "/privacy/")]

# What of the above is otherwise on pages in another language; the theme's own words are in theme/translations/.
LANGUAGES = {
    "de": {
        "SITESUBTITLE": "Coachen statt managen",
        "PRIVACY_URL": "/datenschutz/",
        "MENU": [
            ("Artikel", "/"),
            ("Archiv", "/archives/"),
            ("Über uns", "/about/"),
            ("Datenschutz", "/datenschutz/"),
        ],
    },
}

# What a form asks leave for, by version: language and number; a language's last one is asked. The service keeps
# with each answer which version was answered, so none is ever removed or changed: other words are a new version.
CONSENT_TEXTS = {
    "en-1": "Yes, Progress Coaching may also send me occasional articles and offers by e-mail. "
    "I can stop them at any time.",
    "de-1": "Ja, Progress Coaching darf mir gelegentlich auch Artikel und Angebote per E-Mail schicken. "
    "Ich kann das jederzeit beenden.",
}

PATH = "content"
ARTICLE_PATHS = [""]
ARTICLE_EXCLUDES = ["pages", "authors", "whitepapers", "images", "extra"]
PAGE_PATHS = ["pages"]
STATIC_PATHS = ["images", "extra"]
IGNORE_FILES = [".*", "#*", "*~"]  # what systems and editors leave behind
EXTRA_PATH_METADATA = {"extra/favicon.svg": {"path": "favicon.svg"}}
READERS = {"html": None, "rst": None}
USE_FOLDER_AS_CATEGORY = False
DEFAULT_CATEGORY = "Coaching"

# In every language: a slug names one post or page, in its address as in the service's forms, mails and comments.
ARTICLE_URL = PAGE_URL = ARTICLE_LANG_URL = PAGE_LANG_URL = "{slug}/"
ARTICLE_SAVE_AS = PAGE_SAVE_AS = ARTICLE_LANG_SAVE_AS = PAGE_LANG_SAVE_AS = "{slug}/index.html"
CATEGORY_URL, CATEGORY_SAVE_AS = "category/{slug}/", "category/{slug}/index.html"
TAG_URL, TAG_SAVE_AS = "tag/{slug}/", "tag/{slug}/index.html"
AUTHOR_URL, AUTHOR_SAVE_AS = "author/{slug}/", "author/{slug}/index.html"
ARCHIVES_URL, ARCHIVES_SAVE_AS = "archives/", "archives/index.html"
CATEGORIES_SAVE_AS = TAGS_SAVE_AS = AUTHORS_SAVE_AS = ""
DRAFT_SAVE_AS = DRAFT_PAGE_SAVE_AS = DRAFT_LANG_SAVE_AS = DRAFT_PAGE_LANG_SAVE_AS = ""
WITH_FUTURE_DATES = False
ARTICLE_TRANSLATION_ID = PAGE_TRANSLATION_ID = None
DEFAULT_PAGINATION = 10

FEED_ATOM, FEED_RSS = "feed.atom", "feed.rss"
FEED_ALL_ATOM = CATEGORY_FEED_ATOM = AUTHOR_FEED_ATOM = AUTHOR_FEED_RSS = None
TRANSLATION_FEED_ATOM = None
FEED_MAX_ITEMS = 20
RSS_FEED_SUMMARY_ONLY = False
FEED_DOMAIN = SITEURL

THEME = "theme"
THEME_STATIC_DIR = "theme"
DIRECT_TEMPLATES = ["index", "archives", "404", "page_shell", "not_sent"]
PAGE_SHELL_SAVE_AS, NOT_SENT_SAVE_AS = "page-shell.html", "not-sent/index.html"
JINJA_ENVIRONMENT = {
    "autoescape": True,
    "trim_blocks": True,
    "lstrip_blocks": True,
    "extensions": ["jinja2.ext.i18n"],
}
TYPOGRIFY = False
CACHE_CONTENT = LOAD_CONTENT_CACHE = False
CACHE_PATH = ".cache"  # for the social cards
MARKDOWN = {
    "extensions": [
        "abbr",
        "admonition",
        "attr_list",
        "def_list",
        "footnotes",
        "md_in_html",
        "smarty",
        "tables",
        "toc",
        "pymdownx.superfences",
        "pymdownx.highlight",
    ],
    "extension_configs": {"toc": {"permalink": False}, "pymdownx.highlight": {"css_class": "highlight"}},
    "output_format": "html5",
}

CHECK_STRICT = False  # whether warnings stop the build too
CHECK_KEEP_GOING = False  # whether posts with errors are left out and the others published
REMEMBER_ADDRESSES = False  # whether what is public is kept in VAR_DIR, to tell when an address is gone
GONE = []  # addresses that were public and lead nowhere any more, on purpose
IMAGE_BUDGET = 300_000  # bytes of one picture
PAGE_BUDGET = 40_000  # bytes of one page, its own text and comments left out

PLUGIN_PATHS = ["."]
PLUGINS = [
    "pelican.plugins.yaml_metadata",
    "plugins.yaml_headers",
    "plugins.languages",
    "plugins.site_address",
    "plugins.root_addresses",
    "plugins.front_matter",
    "plugins.hidden_posts",
    "plugins.broken_links",
    "plugins.authors_check",
    "plugins.aliases",
    "plugins.vanished_addresses",
    "plugins.page_weights",
    "plugins.keep_going",
    "plugins.content_pictures",
    "plugins.wide_content",
    "plugins.author_profiles",
    "plugins.reading_time",
    "plugins.whitepapers",
    "plugins.whitepaper_pdf",
    "plugins.baked_comments",
    "plugins.listing_pages",
    "plugins.archive_years",
    "plugins.neighbours",
    "plugins.related_posts",
    "plugins.call_to_action",
    "plugins.social_cards",
    "plugins.structured_data",
    "plugins.assets",
    "plugins.feeds",
    "plugins.sitemap",
    "plugins.page_shells",
    "plugins.public_index",
    "plugins.minify",
    "plugins.incremental",
    "plugins.whole_site",
]
