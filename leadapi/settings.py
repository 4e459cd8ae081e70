"""What the environment may say (prefix LEADAPI_), and what is too weak to start with.

Development fills in what is missing, so that one command is enough; production refuses instead, and says which
variable is wrong. Nothing is read at import: from_environment() is called once, by the command line.
"""

import fcntl
import os
import re
import secrets
import shlex
import shutil
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

LEAST_KEY_BYTES = 32
LEAST_KEY_VARIETY = 10
GUESSABLE = ("changeme", "change-me", "secret", "password", "example", "your-key", "insecure", "qwert", "123456")
KEY_ADVICE = f"{LEAST_KEY_BYTES} random characters or more"

Network = IPv4Network | IPv6Network


class Settings(BaseSettings):
    """Everything that may differ between two places where the service runs."""

    model_config = SettingsConfigDict(env_prefix="LEADAPI_", extra="ignore", frozen=True)

    env: Literal["production", "development"] = "production"
    database_url: str = "sqlite:///var/leadapi.sqlite3"
    secret_keys: Annotated[tuple[str, ...], NoDecode] = ()
    hash_key: str = ""
    site_url: str = ""
    site_dir: Path | None = None
    var_dir: Path = Path("var")
    whitepaper_dir: Path = Path("var/whitepapers")
    mail_url: str = ""
    mail_from: str = ""
    owner_email: str = ""
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = ()
    build_command: str = ""
    build_watch: Annotated[tuple[Path, ...], NoDecode] = ()
    build_hook_url: str = ""

    @field_validator("site_dir", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return value or None

    @field_validator("secret_keys", "build_watch", mode="before")
    @classmethod
    def _comma_separated(cls, value: Any) -> Any:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
        )

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return tuple(ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip())
        except ValueError as error:
            raise ValueError(f"{error}. Give addresses or networks, e.g. 127.0.0.1,10.0.0.0/8") from None

    @field_validator("*", mode="before")
    @classmethod
    def _without_spaces_around(cls, value: Any) -> Any:  # some files of settings end each line with a CR
        if isinstance(value, str) and any("\ud800" <= sign <= "\udfff" for sign in value):
            raise ValueError("is not written in UTF-8")
        return value.strip() if isinstance(value, str) else value

    @field_validator("site_url")
    @classmethod
    def _no_slash_at_the_end(cls, value: str) -> str:
        return value.rstrip("/")

    @property
    def development(self) -> bool:
        """Whether this is somebody's own machine."""
        return self.env == "development"

    @property
    def origin(self) -> str:
        """The site's origin, as a browser names it: in lower case, without the usual port (RFC 6454)."""
        parts = urlsplit(self.site_url)
        usual_port = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
        return f"{parts.scheme}://{parts.netloc.lower().removesuffix(usual_port)}"

    @property
    def one_machine(self) -> bool:
        """Whether this process serves the site's pages too."""
        return self.site_dir is not None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the settings; a fatal one keeps `serve` from starting."""

    variable: str
    sentence: str
    fatal: bool = True

    def __str__(self) -> str:
        return f"LEADAPI_{self.variable}: {self.sentence}"


class BadSettings(Exception):
    """The environment cannot be understood; `problems` says what and where, `rest` has defaults there."""

    def __init__(self, problems: list[Problem], rest: Settings) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems
        self.rest = rest


def from_environment(address: str = "http://127.0.0.1:8000") -> Settings:
    """The settings; `address` is where a development server listens. Raises BadSettings."""
    found, wrong = [], {}
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors():  # none shows what was given: it may be a secret
            name = str(fault["loc"][0])
            wrong[name] = Settings.model_fields[name].default
            found.append(Problem(name.upper(), fault["msg"].removeprefix("Value error, ").rstrip(".") + "."))
        settings = Settings(**wrong)
    if settings.development:
        settings = _for_development(settings, address, found)
    if found:
        raise BadSettings(found, settings)
    return settings


def _for_development(settings: Settings, address: str, found: list[Problem]) -> Settings:
    filled: dict[str, Any] = {
        "site_url": settings.site_url or address,
        "mail_url": settings.mail_url or (settings.var_dir / "mail").absolute().as_uri(),
        "mail_from": settings.mail_from or "blog@example.com",
        "owner_email": settings.owner_email or "owner@example.com",
        "secret_keys": settings.secret_keys or (secrets.token_urlsafe(48),),
        "hash_key": settings.hash_key or secrets.token_urlsafe(48),
    }
    try:
        if not settings.secret_keys:
            filled["secret_keys"] = (_kept_key(settings.var_dir / "secret-key"),)
        if not settings.hash_key:
            filled["hash_key"] = _kept_key(settings.var_dir / "hash-key")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        found.append(Problem("VAR_DIR", f"no key can be kept in {str(settings.var_dir)!r}: {reason}."))
    return settings.model_copy(update=filled)


def _kept_key(path: Path) -> str:
    """The key in the file; made on the first start, so that links survive a restart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # of two that start at once, one makes it
        if not (key := file.read().strip()):
            key = secrets.token_urlsafe(48)
            file.write(key)
    return key


def problems(settings: Settings) -> list[Problem]:
    """Everything that is wrong or doubtful, fatal or not; an empty list is a good start."""
    return [*_key_problems(settings), *_address_problems(settings), *_place_problems(settings)]


def _key_problems(settings: Settings) -> list[Problem]:
    found = []
    hash_keys = (settings.hash_key,) if settings.hash_key else ()
    for variable, keys in (("SECRET_KEYS", settings.secret_keys), ("HASH_KEY", hash_keys)):
        if not keys:
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
        if not value:
            found.append(Problem(variable, "is not set. Give it an e-mail address."))
        elif not re.fullmatch(r"""[^@\s,;:<>()"]+@[^@\s,;<>()"]+""", value):
            found.append(Problem(variable, "is not one e-mail address alone, such as blog@example.com."))
    hook = _address(settings.build_hook_url)
    if settings.build_hook_url and (hook is None or hook.scheme not in ("http", "https") or not hook.hostname):
        found.append(Problem("BUILD_HOOK_URL", "is not an http or https address."))
    return found


def _site_problems(settings: Settings) -> list[Problem]:
    if not settings.site_url:
        return [Problem("SITE_URL", "is not set. Links in letters begin with it, e.g. https://blog.example.com.")]
    site = _address(settings.site_url)
    if site is None or site.scheme not in ("http", "https") or not site.hostname:
        return [Problem("SITE_URL", "is not an http or https address, such as https://blog.example.com.")]
    host = site.netloc.rpartition("@")[2]
    if site.path or site.query or site.fragment or site.netloc != host:
        return [Problem("SITE_URL", f"has more than a host. Give it {site.scheme}://{host}.")]
    if not re.fullmatch(r"[A-Za-z0-9.:[\]_-]+", host):
        return [
            Problem("SITE_URL", f"{host!r} is not a host's name as browsers send it (xn--… for other letters).")
        ]
    if site.scheme == "http" and not settings.development:
        loopback = site.hostname in ("localhost", "127.0.0.1", "::1")
        return [Problem("SITE_URL", "is not https; only a trial on this machine may be.", fatal=not loopback)]
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
    found = []
    if settings.site_dir and not settings.development and not (settings.site_dir / "index.html").is_file():
        found.append(
            Problem("SITE_DIR", f"there is no site in {str(settings.site_dir)!r}. Build it: make publish.")
        )
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


def _can_be_run(command: str) -> bool:
    try:
        return shutil.which(shlex.split(command)[0]) is not None
    except (ValueError, IndexError):
        return False
