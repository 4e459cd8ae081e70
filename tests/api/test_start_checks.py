"""Each setting that is wrong is named with its mend, and no secret is ever shown."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from leadapi.settings import Problem, Settings
from leadapi.start_checks import SITE_FILES, problems

KEY = "vJ8sW0pZq3tYb6nXe1rKd5mHc9gUa2fL"
OTHER_KEY = "h4RkT7yQw2NcZx9VbLs6Jd1PfGm3Ae8U"
SECRET = "hunter2isourpassphrase"
GOOD = {
    "secret_keys": (KEY,),
    "hash_key": OTHER_KEY,
    "site_url": "https://blog.example.com",
    "mail_url": "smtps://user:password@mail.example.com:465",
    "mail_from": "blog@example.com",
    "owner_email": "owner@example.com",
}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is set, and the place is empty but for one whitepaper's PDF."""
    for name in list(os.environ):
        if name.upper().startswith("LEADAPI_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var" / "whitepapers" / "a-paper").mkdir(parents=True)
    (tmp_path / "var" / "whitepapers" / "a-paper" / "1.pdf").write_bytes(b"%PDF")


def found(**changed: Any) -> list[Problem]:
    """The problems of good settings, some of which are changed."""
    return problems(Settings(**GOOD | changed))


def test_good_settings_have_no_problems() -> None:
    """With everything in its place, on this machine or elsewhere, nothing is said."""
    for name in SITE_FILES:
        Path(name).touch()
    assert found() == []
    assert (
        found(
            site_dir=Path(),
            database_url="postgresql://user:password@db.example.com:5432/blog",
            build_command=f"{sys.executable} -m this",
            build_hook_url="https://build.example.com/hook/abc",
        )
        == []
    )


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("secret_keys", (), "is not set. Give it 32 random"),
        ("secret_keys", ("tooShort0123",), "shorter than 32 bytes"),
        ("secret_keys", (KEY, "tooShort0123"), "shorter than 32 bytes"),
        ("secret_keys", ("abcabcabcabcabcabcabcabcabcabcabcabc",), "repeats"),
        ("secret_keys", ("0Xk4vPq9Zw2T" * 3,), "repeats itself"),
        ("secret_keys", (("0Xk4vPq9Zw2T" * 3)[:-2],), "repeats itself"),
        ("secret_keys", ("please-change-me-Xk4vPq9Zw2TbN7mLs",), "can be guessed"),
        ("secret_keys", ("abcdefghijklmnopqrstuvwxyz0123456789",), "can be guessed"),
        ("secret_keys", ("zyxwvutsrqponmlkjihgfedcba9876543210",), "can be guessed"),
        ("secret_keys", ("qwertyuiopasdfghjklzxcvbnm1234567890",), "can be guessed"),
        ("hash_key", "", "is not set. Give it 32 random"),
        ("hash_key", "tooShort0123", "shorter than 32 bytes"),
        ("hash_key", "x" * 64, "repeats"),
        ("hash_key", "My-Secret-KEY-Xk4vPq9Zw2TbN7mLs8dF", "can be guessed"),
        ("hash_key", KEY, "is one of LEADAPI_SECRET_KEYS"),
        ("netlify_secret", "tooShort0123", "shorter than 32 bytes"),
        ("site_url", "", "is not set"),
        ("site_url", "blog.example.com", "is not an http or https address"),
        ("site_url", "ftp://blog.example.com", "is not an http or https address"),
        ("site_url", "https://blog.example.com:99999", "is not an http or https address"),
        ("site_url", "https://[blog", "is not an http or https address"),
        ("site_url", "https://blog.example.com/blog", "Give it https://blog.example.com."),
        ("site_url", "https://user@blog.example.com", "Give it https://blog.example.com."),
        ("site_url", "https://blög.example.com", "xn--"),
        ("site_url", "https://blog example.com", "is not a host's name"),
        ("site_url", "http://blog.example.com", "is not https"),
        ("mail_url", "", "is not set"),
        ("mail_url", "imap://mail.example.com", "must be smtp, smtps or file"),
        ("mail_url", "smtp://", "names no mail server"),
        ("mail_url", "smtp://mail.example.com:port", "is not an address"),
        ("mail_url", "file://var/mail", "three slashes"),
        ("mail_url", "file:///dev/null/mail", "cannot be written"),
        ("mail_from", "", "is not set"),
        ("mail_from", "blog.example.com", "is not one e-mail address"),
        ("mail_from", "The Blog <blog@example.com>", "is not one e-mail address"),
        ("owner_email", "", "is not set"),
        ("owner_email", "alice@example.com, bob@example.com", "is not one e-mail address"),
        ("owner_email", "@example.com", "is not one e-mail address"),
        ("owner_email", "büro@example.com", "is not one e-mail address"),
        ("owner_email", "owner@localhost", "mail from elsewhere never reaches"),
        ("owner_email", "owner@corp.local", "mail from elsewhere never reaches"),
        ("mail_from", "blog@localhost", "mail from elsewhere never reaches"),
        ("database_url", "mysql://localhost/blog", "must begin with sqlite:/// or postgresql://"),
        ("database_url", "", "must begin with sqlite:/// or postgresql://"),
        ("database_url", "sqlite:///", "names no file"),
        ("database_url", "sqlite:///:memory:", "names no file"),
        ("database_url", "postgresql://user:password@host:port/blog", "is not an address"),
        ("site_dir", Path("nowhere"), "there is no site in 'nowhere'. Build it: make publish."),
        ("var_dir", Path("/dev/null"), "cannot be written"),
        ("build_command", "no-such-program --now", "cannot be run"),
        ("build_command", "make 'publish", "cannot be run"),
        ("build_hook_url", "build.example.com", "is not an http or https address"),
        ("build_hook_url", "https:///hook", "is not an http or https address"),
    ],
)
def test_a_setting_that_is_wrong_keeps_the_service_from_starting(setting: str, value: Any, told: str) -> None:
    """One problem is found, it is fatal, and its sentence names the variable and says what to do."""
    [problem] = found(**{setting: value})
    assert problem.fatal
    assert str(problem).startswith(f"LEADAPI_{setting.upper()}: ")
    assert told in str(problem) and str(problem).endswith(".")


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("site_url", "http://127.0.0.1:8000", "is not https"),
        ("site_url", "http://localhost:8000", "is not https"),
        ("site_url", "http://[::1]:8000", "is not https"),
        ("mail_url", "file:///tmp/letters", "nobody will receive them"),
        ("whitepaper_dir", Path("nowhere"), "make papers"),
    ],
)
def test_what_is_only_doubtful_is_a_warning(setting: str, value: Any, told: str) -> None:
    """A trial on one machine may start, and is told what is missing for the world."""
    [problem] = found(**{setting: value})
    assert not problem.fatal
    assert told in str(problem)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("secret_keys", (f"password-{SECRET}", SECRET)),
        ("hash_key", SECRET),
        ("netlify_secret", SECRET),
        ("site_url", f"https://alice:{SECRET}@blog.example.com/blog"),
        ("site_url", f"https://alice:{SECRET}@:80"),
        ("mail_url", f"smtp://alice:{SECRET}@mail:port"),
        ("mail_url", f"imap://alice:{SECRET}@mail"),
        ("database_url", f"mysql://alice:{SECRET}@db/blog"),
        ("database_url", f"postgresql://alice:{SECRET}@db:port/blog"),
        ("build_command", f"TOKEN={SECRET} make publish"),
        ("build_hook_url", f"hook://build.example.com/{SECRET}"),
    ],
)
def test_no_sentence_shows_a_secret(setting: str, value: Any) -> None:
    """Whatever is said may end in a log that many can read."""
    told = found(**{setting: value})
    assert told
    assert SECRET not in " ".join(map(str, told))


@pytest.mark.parametrize("missing", SITE_FILES[1:])
def test_a_site_without_what_the_service_reads_is_no_site(missing: str) -> None:
    """Without its index no whitepaper is known, without its shell no page is dressed; each has its sentence."""
    for name in SITE_FILES:
        Path(name).touch()
    Path(missing).unlink()
    [problem] = found(site_dir=Path())
    assert problem.fatal
    assert str(problem) == f"LEADAPI_SITE_DIR: the site in '.' has no {missing}. Build it again: make publish."


def test_a_developers_owner_may_be_at_home() -> None:
    """On somebody's own machine an address that only this machine knows is enough."""
    given = GOOD | {"owner_email": "owner@localhost", "mail_from": "blog@corp.local"}
    assert problems(Settings(env="development", **given)) == []
