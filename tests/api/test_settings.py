"""The environment is read as it is meant, and development fills in what is missing."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from project_copy import ROOT

from leadapi.settings import BadSettings, Settings, ascii_address, from_environment, is_loopback
from leadapi.start_checks import problems

KEY = "vJ8sW0pZq3tYb6nXe1rKd5mHc9gUa2fL"
OTHER_KEY = "h4RkT7yQw2NcZx9VbLs6Jd1PfGm3Ae8U"


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is set, and the place is empty but for one whitepaper's PDF."""
    for name in list(os.environ):
        if name.upper().startswith("LEADAPI_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var" / "whitepapers" / "a-paper").mkdir(parents=True)
    (tmp_path / "var" / "whitepapers" / "a-paper" / "1.pdf").write_bytes(b"%PDF")


def malformed(monkeypatch: pytest.MonkeyPatch, **variables: str) -> BadSettings:
    """What is said of an environment that cannot be understood."""
    for name, value in variables.items():
        monkeypatch.setenv(f"LEADAPI_{name}", value)
    with pytest.raises(BadSettings) as caught:
        from_environment()
    return caught.value


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ENV", "prod", "Input should be 'production' or 'development'."),
        ("ENV", "", "Input should be 'production' or 'development'."),
        ("TRUSTED_PROXIES", "10.0.0.0/99", "Give addresses or networks, e.g. 127.0.0.1,10.0.0.0/8."),
        ("TRUSTED_PROXIES", "proxy.example.com", "Give addresses or networks"),
        ("SECRET_KEYS", f"{KEY}\udcff", "is not written in UTF-8"),
        ("HASH_KEY", f"{KEY}\udcff", "is not written in UTF-8"),
    ],
)
def test_what_cannot_be_understood_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    """What makes no sense is told by variable, and the rest is looked at all the same."""
    error = malformed(monkeypatch, **{name: value}, SITE_URL="https://blog.example.com")
    [problem] = error.problems
    assert str(problem).startswith(f"LEADAPI_{name}: ")
    assert told in str(problem) and KEY not in str(problem)
    assert error.rest.site_url == "https://blog.example.com"


def test_everything_that_cannot_be_understood_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two senseless settings are two sentences."""
    error = malformed(monkeypatch, ENV="prod", TRUSTED_PROXIES="nonsense")
    assert sorted(problem.variable for problem in error.problems) == ["ENV", "TRUSTED_PROXIES"]


def test_lists_and_spaces_are_read_as_they_are_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commas part lists; spaces and a CR at a line's end mean nothing; what is empty is not set."""
    given = {
        "ENV": "production\r",
        "SECRET_KEYS": f" {KEY} ,, {OTHER_KEY}\r",
        "SITE_URL": " https://blog.example.com/ \r",
        "SITE_DIR": " \r",
        "TRUSTED_PROXIES": "127.0.0.1, 10.1.2.3/8,::1,",
        "BUILD_WATCH": "content, theme",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"LEADAPI_{name}", value)
    settings = from_environment()
    assert (settings.env, settings.site_url, settings.site_dir) == ("production", "https://blog.example.com", None)
    assert settings.secret_keys == (KEY, OTHER_KEY)
    assert [str(network) for network in settings.trusted_proxies] == ["127.0.0.1/32", "10.0.0.0/8", "::1/128"]
    assert settings.build_watch == (Path("content"), Path("theme"))


@pytest.mark.parametrize(
    ("site_url", "origin"),
    [
        ("https://blog.example.com", "https://blog.example.com"),
        ("HTTPS://Blog.Example.com:443", "https://blog.example.com"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://blog.example.com:80", "https://blog.example.com:80"),
    ],
)
def test_the_origin_is_what_a_browser_sends(site_url: str, origin: str) -> None:
    """However the address is written, a form from the site itself is no other site's form."""
    assert Settings(site_url=site_url).origin == origin


def test_production_fills_in_nothing() -> None:
    """Where nothing is said, each thing that only the operator can know is asked for, all at once."""
    asked = {problem.variable for problem in problems(from_environment()) if problem.fatal}
    assert asked == {"SECRET_KEYS", "HASH_KEY", "SITE_URL", "MAIL_URL", "MAIL_FROM", "OWNER_EMAIL"}
    assert not list(Path("var").glob("*key*"))


def test_development_fills_in_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """One word is enough to start: keys of its own, the address that it listens on, letters in a folder."""
    monkeypatch.setenv("LEADAPI_ENV", "development")
    settings = from_environment("http://127.0.0.1:8123")
    assert problems(settings) == []
    assert settings.site_url == "http://127.0.0.1:8123"
    assert settings.mail_url == (Path.cwd() / "var" / "mail").as_uri()
    assert settings.secret_keys[0] != settings.hash_key


def test_what_is_set_wins_over_what_development_fills_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer may try a mail server or a key of his own; no file is made for what was given."""
    for name, value in {
        "ENV": "development",
        "SECRET_KEYS": KEY,
        "HASH_KEY": OTHER_KEY,
        "MAIL_FROM": "bob@b.de",
    }.items():
        monkeypatch.setenv(f"LEADAPI_{name}", value)
    settings = from_environment()
    assert (settings.secret_keys, settings.hash_key, settings.mail_from) == ((KEY,), OTHER_KEY, "bob@b.de")
    assert not list(Path("var").glob("*key*"))


def test_the_keys_of_development_are_kept_and_for_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links survive a restart; only the user may read the files; one that a crash left empty is filled."""
    monkeypatch.setenv("LEADAPI_ENV", "development")
    Path("var/hash-key").touch()
    first = from_environment()
    second = from_environment()
    assert (first.secret_keys, first.hash_key) == (second.secret_keys, second.hash_key)
    assert stat.S_IMODE(Path("var/secret-key").stat().st_mode) == 0o600


def test_keys_that_are_made_at_once_are_the_same() -> None:
    """Of several commands that start together in a fresh folder, all use the one key that is kept."""
    script = "from leadapi.settings import from_environment as f; s = f(); print(s.secret_keys, s.hash_key)"
    environment = os.environ | {"LEADAPI_ENV": "development", "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE) for _ in range(4)
    ]
    printed = {process.communicate()[0] for process in running}
    assert [process.returncode for process in running] == [0] * 4
    assert len(printed) == 1


def test_development_without_a_place_for_its_keys_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be made is told as VAR_DIR, once, and not as missing keys."""
    error = malformed(monkeypatch, ENV="development", VAR_DIR="/dev/null/var")
    assert [problem.variable for problem in error.problems] == ["VAR_DIR"]
    assert {problem.variable for problem in problems(error.rest)} == {"VAR_DIR", "MAIL_URL"}


def test_there_are_few_settings() -> None:
    """An operator can read all of them in one sitting."""
    assert len(Settings.model_fields) <= 20


@pytest.mark.parametrize(
    ("given", "carried"),
    [
        ("Owner@Example.COM", "Owner@example.com"),
        ("owner@müller.de", "owner@xn--mller-kva.de"),
        ("owner@localhost", "owner@localhost"),
        ("owner@corp.local", "owner@corp.local"),
        ("büro@example.com", None),
        ("alice@example.com, bob@example.com", None),
        ("owner@example.com.", None),
        ("owner@", None),
        ("", None),
    ],
)
def test_an_address_is_kept_as_letters_carry_it(given: str, carried: str | None) -> None:
    """A domain in other letters is written in ASCII at the start; what is no address stays, to be told of."""
    assert ascii_address(given) == carried
    settings = Settings(mail_from=given, owner_email=given)
    assert (settings.mail_from, settings.owner_email) == (carried or given, carried or given)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("192.0.2.1", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_this_machine_is_known_by_its_names(host: str, here: bool) -> None:
    """What may be done in clear on this machine is done for no other, whatever its name looks like."""
    assert is_loopback(host) is here
