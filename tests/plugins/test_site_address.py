"""What is published names itself by a whole address: the operator's, or an example that the build tells of."""

from pathlib import Path

import pytest
from small_sites import ALICE, MakeSite, RunPelican, post

from plugins.mistakes import ContentMistakes

FILES = {"a.md": post("A", body="[b]({filename}b.md)"), "b.md": post("B"), "authors/alice-archer.md": ALICE}
PLUGINS = ["pelican.plugins.yaml_metadata", "plugins.site_address"]
EXAMPLE = "https://blog.progress-coaching.example"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("blog.example.com", "which is no address. Write it like https://blog.example.com."),
        ("//blog.example.com", "which is no address."),
        ("ftp://blog.example.com", "which is no address."),
        ("https:///x", "which is no address."),
        ("https://[::1", "which is no address."),
        ("https://blog.example.com:http", "which is no address."),
        ("https://blog example.com", "which is no address."),
        ("https://example.com/blog", "root of its host. Write https://example.com."),
        ("https://example.com?x", "root of its host. Write https://example.com."),
        ("https://me:secret@example.com:8443", "root of its host. Write https://example.com:8443."),
    ],
)
def test_an_address_that_would_break_links_is_refused(
    make_site: MakeSite, tmp_path: Path, address: str, told: str
) -> None:
    """The sentence says what to write, and nothing is built."""
    with pytest.raises(ContentMistakes) as raised:
        make_site(FILES, theme="minimal", plugins=PLUGINS, SITEURL=address)
    assert str(raised.value).startswith(f'SITE_URL is "{address}", ')
    assert told in str(raised.value)
    assert not list((tmp_path / "output").rglob("*"))


@pytest.mark.parametrize("address", ["", "https://example.com", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_a_hosts_address_and_none_in_a_preview_are_fine(make_site: MakeSite, address: str) -> None:
    """Links in the text begin with the address, in a preview without one at the root."""
    output = make_site(FILES, theme="minimal", plugins=PLUGINS, SITEURL=address)
    assert f'href="{address}/b/"' in (output / "a/index.html").read_text()


@pytest.mark.parametrize("value", [None, ""])
def test_publishing_without_an_address_takes_the_example_and_says_so(
    run_pelican: RunPelican, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """A clone is published without settings; one sentence says what to set, and no address is relative."""
    monkeypatch.delenv("SITE_URL", raising=False)
    if value is not None:
        monkeypatch.setenv("SITE_URL", value)
    done = run_pelican(FILES, "-s", "publishconf.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.splitlines() == [
        f"Note: SITE_URL is not set, so feeds, sitemap and shared links name {EXAMPLE}. "
        "Set it to the blog's own address, like https://blog.example.com."
    ]
    assert "WARNING" not in done.stdout
    assert f"<loc>{EXAMPLE}/a/</loc>" in (tmp_path / "output/sitemap.xml").read_text()
    assert f'"id": "{EXAMPLE}/a/"' in (tmp_path / "output/feed.json").read_text()


def test_publishing_with_an_address_says_nothing(
    run_pelican: RunPelican, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slash at its end is no mistake."""
    monkeypatch.setenv("SITE_URL", "https://blog.example.com/")
    done = run_pelican(FILES, "-s", "publishconf.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert "<loc>https://blog.example.com/a/</loc>" in (tmp_path / "output/sitemap.xml").read_text()


def test_a_wrong_address_ends_the_command_with_the_sentence_alone(
    run_pelican: RunPelican, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback, exit code 1."""
    monkeypatch.setenv("SITE_URL", "blog.example.com")
    done = run_pelican(FILES, "-s", "publishconf.py")
    assert done.returncode == 1
    assert done.stderr == (
        'SITE_URL is "blog.example.com", which is no address. Write it like https://blog.example.com. '
        "Nothing was built.\n"
    )
    assert "Traceback" not in done.stdout
