"""What keeps the service from starting, and what is doubtful: a sentence for each setting, with its mend.

`serve` refuses to start for a fatal one; `doctor` prints them all. None shows what was given: it may be a secret.
"""

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from leadapi import typed_text
from leadapi.settings import BadSettings, Problem, Settings, ascii_address, from_environment, is_loopback

LEAST_KEY_BYTES = 32
LEAST_KEY_VARIETY = 10
GUESSABLE = ("changeme", "change-me", "secret", "password", "example", "your-key", "insecure", "qwert", "123456")
KEY_ADVICE = f"{LEAST_KEY_BYTES} random characters or more"

SITE_FILES = ("index.html", "public-index.json", "page-shell.html")
"""What a built site has besides its pages: leadapi knows its posts from the second and dresses in the third."""


def examined(address: str = "http://127.0.0.1:8000") -> tuple[Settings, list[Problem]]:
    """The settings, as far as they can be understood, and all that is wrong with them."""
    try:
        settings, found = from_environment(address), list[Problem]()
    except BadSettings as error:
        settings, found = error.rest, error.problems
    told = {problem.variable for problem in found}
    return settings, found + [problem for problem in problems(settings) if problem.variable not in told]


def problems(settings: Settings) -> list[Problem]:
    """Everything that is wrong or doubtful, fatal or not; an empty list is a good start."""
    return [*_key_problems(settings), *_address_problems(settings), *_place_problems(settings)]


def _key_problems(settings: Settings) -> list[Problem]:
    found = []
    hash_keys = (settings.hash_key,) if settings.hash_key else ()
    netlify = (settings.netlify_secret,) if settings.netlify_secret else ()
    for variable, keys in (
        ("SECRET_KEYS", settings.secret_keys),
        ("HASH_KEY", hash_keys),
        ("NETLIFY_SECRET", netlify),
    ):
        if not keys and variable != "NETLIFY_SECRET":
            found.append(Problem(variable, f"is not set. Give it {KEY_ADVICE}."))
        for why in filter(None, map(_weakness, keys)):
            found.append(Problem(variable, f"a key {why}. Use {KEY_ADVICE}."))
    if settings.hash_key and settings.hash_key in settings.secret_keys:
        found.append(Problem("HASH_KEY", f"is one of LEADAPI_SECRET_KEYS. Use {KEY_ADVICE} of its own."))
    return found


def _weakness(key: str) -> str:
    if len(key.encode()) < LEAST_KEY_BYTES:
        return f"is shorter than {LEAST_KEY_BYTES} bytes"
    if len(set(key)) < LEAST_KEY_VARIETY:
        return "repeats a few characters"
    if any(key[period:] == key[:-period] for period in range(1, len(key) // 2 + 1)):
        return "repeats itself"
    in_order = sum(abs(ord(one) - ord(next_one)) <= 1 for one, next_one in pairwise(key))
    if in_order * 3 > len(key) * 2 or any(word in key.lower() for word in GUESSABLE):
        return "can be guessed"
    return ""


def _address_problems(settings: Settings) -> list[Problem]:
    found = [*_site_problems(settings), *_mail_problems(settings)]
    for variable, value in (("MAIL_FROM", settings.mail_from), ("OWNER_EMAIL", settings.owner_email)):
        if wrong := _wrong_address(value, settings):
            found.append(Problem(variable, wrong))
    hook = _address(settings.build_hook_url)
    if settings.build_hook_url and (hook is None or hook.scheme not in ("http", "https") or not hook.hostname):
        found.append(Problem("BUILD_HOOK_URL", "is not an http or https address."))
    return found


def _wrong_address(value: str, settings: Settings) -> str:
    """What is wrong with an address of ours; what passes here passes the desk's form, and letters can carry it."""
    if not value:
        return "is not set. Give it an e-mail address."
    if ascii_address(value) is None:
        return "is not one e-mail address alone, such as blog@example.com."
    refused: dict[str, str] = {}
    typed_text.address({"email": value}, "email", refused)
    if refused and not settings.development:
        return "has a domain that mail from elsewhere never reaches. Give it one such as blog@example.com."
    return ""


def _site_problems(settings: Settings) -> list[Problem]:
    if not settings.site_url:
        return [Problem("SITE_URL", "is not set. Links in letters begin with it, e.g. https://blog.example.com.")]
    found = _origin_problems("SITE_URL", settings.site_url, settings)
    return found + (_origin_problems("API_URL", settings.api_url, settings) if settings.api_url else [])


def _origin_problems(name: str, value: str, settings: Settings) -> list[Problem]:
    """What keeps an address from being a scheme and a host that the world can open."""
    site = _address(value)
    if site is None or site.scheme not in ("http", "https") or not site.hostname:
        return [Problem(name, "is not an http or https address, such as https://blog.example.com.")]
    host = site.netloc.rpartition("@")[2]
    if site.path or site.query or site.fragment or site.netloc != host:
        return [Problem(name, f"has more than a host. Give it {site.scheme}://{host}.")]
    if not re.fullmatch(r"[A-Za-z0-9.:[\]_-]+", host):
        return [Problem(name, f"{host!r} is not a host's name as browsers send it (xn--… for other letters).")]
    if site.scheme == "http" and not settings.development:
        told = "is not https; only a trial on this machine may be."
        return [Problem(name, told, fatal=not is_loopback(site.hostname))]
    return []


def _mail_problems(settings: Settings) -> list[Problem]:
    if not settings.mail_url:
        return [Problem("MAIL_URL", "is not set. Give it smtp://…, smtps://… or file:///a/folder.")]
    mail = _address(settings.mail_url)
    if mail is None:
        return [Problem("MAIL_URL", "is not an address. Give it smtp://…, smtps://… or file:///a/folder.")]
    if mail.scheme not in ("smtp", "smtps", "file"):
        return [Problem("MAIL_URL", f"begins with {mail.scheme!r}; it must be smtp, smtps or file.")]
    if mail.scheme != "file":
        return [] if mail.hostname else [Problem("MAIL_URL", "names no mail server.")]
    if mail.netloc or not mail.path.strip("/"):
        return [Problem("MAIL_URL", "names no folder. Give it file:///a/folder, with three slashes.")]
    if not _can_be_written(Path(unquote(mail.path))):
        return [Problem("MAIL_URL", f"letters cannot be written to {unquote(mail.path)!r}.")]
    if settings.development:
        return []
    return [Problem("MAIL_URL", "writes letters to files; nobody will receive them.", fatal=False)]


def _address(text: str) -> SplitResult | None:
    """The parts of an address; None where it has none, such as a port that is no number."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # read only when asked for
    except ValueError:
        return None
    return parts


def _can_be_written(folder: Path) -> bool:
    """Whether files can be put there; a folder that is not there yet can be made where its parent is writable."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _place_problems(settings: Settings) -> list[Problem]:
    found = list[Problem]()
    if settings.site_dir and not settings.development:
        found += _missing_files(settings.site_dir)
    if not settings.database_url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        found.append(Problem("DATABASE_URL", "must begin with sqlite:/// or postgresql://."))
    elif settings.database_url.partition("?")[0] in ("sqlite:///", "sqlite:///:memory:"):
        found.append(Problem("DATABASE_URL", "names no file, e.g. sqlite:///var/leadapi.sqlite3."))
    elif _address(settings.database_url) is None:
        found.append(Problem("DATABASE_URL", "is not an address, e.g. postgresql://user:password@host:5432/name."))
    if not _can_be_written(settings.var_dir):
        found.append(Problem("VAR_DIR", f"files cannot be written to {str(settings.var_dir)!r}."))
    if not settings.development and not any(settings.whitepaper_dir.glob("*/*.pdf")):
        told = f"holds no PDF ({settings.whitepaper_dir}). Make them: make papers."
        found.append(Problem("WHITEPAPER_DIR", told, fatal=False))
    if settings.build_command and not _can_be_run(settings.build_command):
        found.append(
            Problem("BUILD_COMMAND", "cannot be run. Give it a program that is there, and its arguments.")
        )
    return found


def _missing_files(site: Path) -> Iterator[Problem]:
    missing = [name for name in SITE_FILES if not (site / name).is_file()]
    if "index.html" in missing:
        yield Problem("SITE_DIR", f"there is no site in {str(site)!r}. Build it: make publish.")
    else:
        for name in missing:
            yield Problem("SITE_DIR", f"the site in {str(site)!r} has no {name}. Build it again: make publish.")


def _can_be_run(command: str) -> bool:
    try:
        return shutil.which(shlex.split(command)[0]) is not None
    except (ValueError, IndexError):
        return False
