"""Readers of an old address come to the new one, and an address that is gone is told."""

import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from small_sites import ALICE, MakeSite, post

from plugins.mistakes import ContentMistakes


class Quiet(SimpleHTTPRequestHandler):
    """A web server that says nothing of what it is asked."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


AUTHOR = {"authors/alice-archer.md": ALICE}
PAGE = "---\ntitle: About us\n{}---\nText.\n"


def test_an_old_address_leads_to_the_new_one(make_site: MakeSite) -> None:
    """By Netlify's list and by a page without script that search engines pass over."""
    more = "aliases:\n- /2012/05/trust/\n- /trust.html\n- /old.php\n"
    files = {**AUTHOR, "a.md": post("On Trust & Co", more=more), "pages/p.md": PAGE.format("aliases: [/team]\n")}
    output = make_site(files)
    assert (output / "_redirects").read_text().splitlines() == [
        "/2012/05/trust/ /on-trust-co/ 301!",
        "/old.php /on-trust-co/ 301!",
        "/team /about-us/ 301!",
        "/trust.html /on-trust-co/ 301!",
    ]
    for name in ("2012/05/trust/index.html", "trust.html"):
        text = (output / name).read_text()
        assert '<link rel="canonical" href="https://blog.example.com/on-trust-co/">' in text
        assert '<meta http-equiv="refresh" content="0; url=/on-trust-co/">' in text
        assert '<meta name="robots" content="noindex">' in text
        assert "On Trust &amp; Co</a>" in text and "<script" not in text
    assert "/about-us/" in (output / "team/index.html").read_text()
    assert not (output / "old.php").exists()
    assert "2012" not in (output / "sitemap.xml").read_text() + (output / "public-index.json").read_text()


def test_an_old_address_can_be_linked(make_site: MakeSite) -> None:
    """A link to it is no broken one."""
    body = "[x](/old/)"
    make_site({**AUTHOR, "a.md": post("A", more="aliases: [/old/]\n"), "b.md": post("B", body=body)})


def test_a_hidden_posts_old_address_is_not_listed(make_site: MakeSite) -> None:
    """Its page is there, for those who have the link; the list that anyone may read does not tell of it."""
    output = make_site({**AUTHOR, "a.md": post("A", more="status: hidden\naliases: [/old/]\n")})
    assert (output / "old/index.html").exists()
    assert not (output / "_redirects").exists()


def test_a_drafts_old_address_leads_nowhere(make_site: MakeSite) -> None:
    """What is not public is not led to."""
    output = make_site({**AUTHOR, "a.md": post("A", more="status: draft\naliases: [/old/]\n"), "b.md": post("B")})
    assert not (output / "old").exists()


@pytest.mark.parametrize(
    ("aliases", "told"),
    [
        ("[old]", 'The alias "old" is no address of this site. Write each on its own line'),
        ("[/a/../../b/]", 'The alias "/a/../../b/" is no address of this site.'),
        ("['/a b/']", "is no address of this site."),
        ("['/a/#b']", "is no address of this site."),
        ("['/a/*']", "is no address of this site."),
        ("[https://example.com/a/]", "is no address of this site."),
        ("[/api/leads]", 'The alias "/api/leads" is an address of the service. Take it out.'),
        ("{a: b}", "aliases is not a list of addresses."),
        ("[/other/]", 'The alias "/other/" is the address of something else. Take it out, or rename that.'),
        ("[/archives/]", "is the address of something else."),
        ("[/feed.atom]", "is the address of something else."),
        ("[/later/]", "is the address of something else."),
        ("[/z]", "/content/a.md:8 too. Keep one of the two."),
    ],
)
def test_an_alias_that_cannot_be_is_told(make_site: MakeSite, aliases: str, told: str) -> None:
    """With file and line, strict or not: two things cannot be at one address."""
    files = {
        **AUTHOR,
        "a.md": post("A", more="aliases: [/z/]\n"),
        "b.md": post("B", more=f"aliases: {aliases}\n"),
        "other.md": post("Other"),
        "later.md": post("Later", "2999-01-01"),
    }
    with pytest.raises(ContentMistakes) as raised:
        make_site(files, CHECK_STRICT=False)
    [mistake] = raised.value.mistakes
    assert mistake.path.endswith("b.md") and mistake.line == 8
    assert told in mistake.text


def test_an_address_that_is_gone_is_told_until_something_leads_on(make_site: MakeSite, tmp_path: Path) -> None:
    """A renamed post is told at its line, a deleted one by its name; an alias, or the owner's word, ends it."""
    old = {**AUTHOR, "a.md": post("Old Title"), "b.md": post("B"), "c.md": post("C")}
    make_site(old, REMEMBER_ADDRESSES=True)
    new = {**AUTHOR, "a.md": post("New Title"), "c.md": post("C")}
    with pytest.raises(ContentMistakes) as raised:
        make_site(new, REMEMBER_ADDRESSES=True)
    told = [str(mistake).partition("/content/")[2] for mistake in raised.value.mistakes]
    assert [line.partition(" was public")[0] for line in told] == ["a.md:2: /old-title/", "b.md:1: /b/"]
    assert "Add a line aliases: [/old-title/] to lead its readers here" in told[0]
    make_site(new, REMEMBER_ADDRESSES=True, CHECK_STRICT=False)  # told, and remembered all the same
    with pytest.raises(ContentMistakes):
        make_site(new)
    mended = {**AUTHOR, "a.md": post("New Title", more="aliases: [/old-title/]\n"), "c.md": post("C")}
    make_site(mended, GONE=["/b/"], REMEMBER_ADDRESSES=True)
    with pytest.raises(ContentMistakes, match="/old-title/ was public and is gone"):
        make_site(new)


def test_a_machine_that_keeps_nothing_asks_the_published_site(make_site: MakeSite, tmp_path: Path) -> None:
    """Its own index says what was public; a site that does not answer says nothing, and stops nothing."""
    published = make_site({**AUTHOR, "a.md": post("Old Title"), "b.md": post("B")})
    shutil.copytree(published, tmp_path / "published")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "published"))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        index = f"http://127.0.0.1:{server.server_port}/public-index.json"
        with pytest.raises(ContentMistakes, match="/old-title/ was public and is gone"):
            make_site({**AUTHOR, "a.md": post("New Title"), "b.md": post("B")}, LAST_INDEX=index)
        server.shutdown()
    make_site({**AUTHOR, "a.md": post("New Title"), "b.md": post("B")}, LAST_INDEX=index)


def test_a_preview_promises_no_address(make_site: MakeSite) -> None:
    """A title that is changed before it is published, in another folder too, is nobody's loss."""
    make_site({**AUTHOR, "a.md": post("Old Title")})
    make_site({**AUTHOR, "a.md": post("New Title")})


def test_a_post_with_a_broken_header_has_not_vanished(make_site: MakeSite) -> None:
    """One mistake is told, not two."""
    make_site({**AUTHOR, "a.md": post("A"), "b.md": post("B")}, REMEMBER_ADDRESSES=True)
    with pytest.raises(ContentMistakes) as raised:
        make_site({**AUTHOR, "a.md": post("A", "soon"), "b.md": post("B")})
    assert len(raised.value.mistakes) == 1
