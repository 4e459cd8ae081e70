"""What the environment may say (prefix LEADAPI_).

Development fills in what is missing, so that one command is enough; in production start_checks refuses instead,
and says which variable is wrong. Nothing is read at import: the command line calls from_environment() once.
"""

import fcntl
import os
import secrets
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Network = IPv4Network | IPv6Network


class Settings(BaseSettings):
    """Everything that may differ between two places where the service runs."""

    model_config = SettingsConfigDict(env_prefix="LEADAPI_", extra="ignore", frozen=True)

    env: Literal["production", "development"] = "production"
    database_url: str = "sqlite:///var/leadapi.sqlite3"
    secret_keys: Annotated[tuple[str, ...], NoDecode] = ()
    hash_key: str = ""
    site_url: str = ""
    api_url: str = ""
    site_dir: Path | None = None
    var_dir: Path = Path("var")
    whitepaper_dir: Path = Path("var/whitepapers")
    mail_url: str = ""
    mail_from: str = ""
    owner_email: str = ""
    retention_months: Annotated[int, Field(ge=0, le=1_200)] = 24
    owner_notices: Literal["instant", "daily", "off"] = "instant"
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = ()
    netlify_secret: str = ""
    build_command: str = ""
    build_watch: Annotated[tuple[Path, ...], NoDecode] = ()
    build_hook_url: str = ""
    webhook_allow: Annotated[tuple[Network, ...], NoDecode] = ()

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

    @field_validator("trusted_proxies", "webhook_allow", mode="before")
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

    @field_validator("site_url", "api_url")
    @classmethod
    def _no_slash_at_the_end(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("mail_from", "owner_email")
    @classmethod
    def _as_letters_carry_it(cls, value: str) -> str:  # what is no address stays, to be told of
        return ascii_address(value) or value

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


def ascii_address(text: str) -> str | None:
    """The address with its domain in ASCII (IDNA), as every mail server takes it; None where it is no address.

    Its domain may be known on one machine or in one network alone, such as localhost (RFC 6761), which the library
    takes only as a part of another domain.
    """
    try:
        found = validate_email(
            f"{text}{_ELSEWHERE}", check_deliverability=False, allow_smtputf8=False, strict=True
        )
    except EmailNotValidError:
        return None
    return (found.ascii_email or found.normalized).removesuffix(_ELSEWHERE)


_ELSEWHERE = ".example.com"


def is_loopback(host: str) -> bool:
    """Whether the host's name means this machine and no other (RFC 6761, 6.3; RFC 6890, 2.2)."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
