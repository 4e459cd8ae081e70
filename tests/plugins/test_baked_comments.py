"""Approved comments are part of the page, and nothing that the service does can break a build."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from small_sites import ALICE, MakeSite, RunPelican, post, theme_folder

from leadapi import comment_markup
from plugins.baked_comments import approved, source
from plugins.baked_comments.approved import DEEPEST, Comment, NotAsPromised, read_comments, threads
from plugins.baked_comments.source import approved_comments

FILES = {
    "articles/trust.md": post("On Trust"),
    "articles/asking.md": post("On Asking", more="comments: closed\n"),
    "articles/secret.md": post("On Secrets", more="status: hidden\n"),
    "authors/alice-archer.md": ALICE,
}
ARTICLE = (
    "{% macro show(all) %}{% for c in all %}({{ c.name }}:{{ c.body_html|safe }}{{ show(c.replies) }})"
    "{% endfor %}{% endmacro %}<!doctype html><title>t</title><p>{{ article.comment_count }}|"
    "{{ article.comments_open }}|{{ show(article.comments) }}"
)


def told(id: str = "c1", **fields: Any) -> dict[str, Any]:
    """A comment as the service tells it."""
    comment = {"id": id, "post": "on-trust", "parent": None, "name": "Bob", "created": "2024-01-03T10:00:00Z"}
    return {**comment, "html": "<p>Yes.</p>", **fields}


@dataclass
class Service:
    """A web server whose answer a test chooses; `asked` holds each request's headers."""

    url: str
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    speak: Callable[[BaseHTTPRequestHandler], None] | None = None

    def tells(self, *comments: Any, etag: str = '"v1"') -> None:
        """Answer with these comments."""
        self.status, self.headers = 200, {"ETag": etag, "Content-Type": "application/json"}
        self.body = json.dumps({"comments": comments}).encode()


@pytest.fixture
def service() -> Iterator[Service]:
    """The service, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer.asked.append(dict(self.headers))
            if answer.speak:
                answer.speak(self)
                return
            same = answer.headers.get("ETag") and self.headers.get("If-None-Match") == answer.headers["ETag"]
            self.send_response(304 if same else answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            body = b"" if same else answer.body
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def handle(self) -> None:
            with suppress(ConnectionError):  # the asker has hung up, as it should
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    answer = Service(f"http://127.0.0.1:{server.server_port}/api/comments")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield answer
    server.shutdown()
    thread.join()
    server.server_close()


def build(make_site: MakeSite, service: Service, **settings: Any) -> Path:
    """A site with comments from the service."""
    templates = {"article.html": ARTICLE}
    return make_site(FILES, templates=templates, theme="minimal", **({"COMMENTS_URL": service.url} | settings))


def page(output: Path, slug: str) -> str:
    """What a post's page shows of its comments."""
    return (output / slug / "index.html").read_text().partition("<p>")[2]


def etag(output: Path) -> str | None:
    """The state of the comments that the site says it holds."""
    told: str | None = json.loads((output / "public-index.json").read_text())["comments_etag"]
    return told


def test_approved_comments_are_in_the_page_with_their_answers(make_site: MakeSite, service: Service) -> None:
    """Oldest first, answers below what they answer, each post its own; the site says which state it holds."""
    service.tells(
        told("c3", name="Alice", parent="c1", created="2024-01-05T10:00:00Z", html="<p>Why?</p>"),
        told("c2", name="Carol", created="2024-01-04T12:00:00+02:00", html="<p>No.</p>"),
        told("c1"),
        told("c9", post="on-asking", html="<p>Ask.</p>"),
    )
    output = build(make_site, service)
    assert page(output, "on-trust").startswith("3|True|(Bob:<p>Yes.</p>(Alice:<p>Why?</p>))(Carol:<p>No.</p>)")
    assert page(output, "on-asking").startswith("1|False|(Bob:<p>Ask.</p>)")
    assert etag(output) == '"v1"'


def test_a_hidden_post_has_no_comments(make_site: MakeSite, service: Service) -> None:
    """Its page shows none and takes none, whatever the service says."""
    service.tells(told(post="on-secrets"))
    assert page(build(make_site, service), "on-secrets").startswith("0|False|")


def test_an_unchanged_list_is_not_sent_again(make_site: MakeSite, service: Service) -> None:
    """The second build asks with the ETag it holds, and shows what it kept."""
    service.tells(told())
    first = page(build(make_site, service), "on-trust")
    output = build(make_site, service)
    assert page(output, "on-trust") == first and "Yes." in first
    assert [headers.get("If-None-Match") for headers in service.asked] == [None, '"v1"']
    assert etag(output) == '"v1"'


def test_a_weak_etag_of_a_proxy_names_the_services_state(make_site: MakeSite, service: Service) -> None:
    """A proxy that compresses weakens the ETag; the site tells the one that the service knows."""
    service.tells(told(), etag='W/"v1"')
    assert etag(build(make_site, service)) == '"v1"'


def test_without_an_address_the_kept_comments_are_shown(make_site: MakeSite, service: Service) -> None:
    """A build that asks nobody shows the last good copy, in silence."""
    service.tells(told())
    build(make_site, service)
    output = make_site(FILES, templates={"article.html": ARTICLE}, theme="minimal")
    assert "Yes." in page(output, "on-trust") and etag(output) == '"v1"'


def test_a_fresh_machine_takes_the_published_copy(make_site: MakeSite, service: Service, tmp_path: Path) -> None:
    """Where nothing was kept and the service is down, the comments that the live site holds stay in the pages."""
    service.tells(told(email="bob@example.com"), told("c2", post="on-secrets"))
    live = build(make_site, service, COMMENTS_COPY=True)
    copy = (live / "approved-comments.json").read_bytes()
    assert [comment["post"] for comment in json.loads(copy)["comments"]] == ["on-trust"]
    assert b"bob@example.com" not in copy
    shown = page(live, "on-trust")

    (tmp_path / "var" / "comments.json").unlink()
    service.body, service.headers = copy, {"ETag": '"of-the-file"'}
    site = service.url.removesuffix("/api/comments")
    output = build(make_site, service, COMMENTS_COPY=True, COMMENTS_URL="http://127.0.0.1:1/api", SITEURL=site)
    assert page(output, "on-trust") == shown and "Yes." in shown
    assert etag(output) == '"v1"'
    assert (output / "approved-comments.json").read_bytes() == copy

    service.status = 404
    output = build(make_site, service, COMMENTS_COPY=True, COMMENTS_URL="http://127.0.0.1:1/api", SITEURL=site)
    assert "Yes." not in page(output, "on-trust")


def test_a_taken_back_comment_leaves_the_page(make_site: MakeSite, service: Service) -> None:
    """A newer list replaces the older one, on the page and in the copy."""
    service.tells(told(), told("c2", parent="c1", html="<p>So it is.</p>", created="2024-01-06T00:00:00Z"))
    build(make_site, service)
    service.tells(told("c2", parent="c1", html="<p>So it is.</p>"), etag='"v2"')
    output = build(make_site, service)
    assert page(output, "on-trust").startswith("1|True|(Bob:<p>So it is.</p>)")
    assert etag(output) == '"v2"'


LIES = {
    "an error": (500, b'{"error": {}}'),
    "a page": (200, b"<!doctype html><title>Welcome</title>"),
    "half of it": (200, b'{"comments": [{"id": "c1", '),
    "another shape": (200, b'{"comments": {"c1": {}}}'),
    "a list": (200, b"[]"),
    "nothing": (200, b""),
    "no text": (200, b"\xff\xfe\x00"),
    "depth": (200, b"[" * 100_000),
    "a redirect to itself": (302, b""),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_service_costs_a_warning_and_not_the_comments(
    make_site: MakeSite, service: Service, capsys: pytest.CaptureFixture[str], lie: str
) -> None:
    """The last good copy is shown, one line says why, and the copy stays as it was."""
    service.tells(told())
    kept = build(make_site, service).parent / "var/comments.json"
    before = kept.read_bytes()
    capsys.readouterr()
    service.status, service.body = LIES[lie]
    service.headers = {"Location": service.url} if service.status == 302 else {"ETag": '"v9"'}
    output = build(make_site, service)
    assert "Yes." in page(output, "on-trust") and etag(output) == '"v1"'
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("Warning: The approved comments could not be fetched from http://127.0.0.1:")
    assert "the 1 of the last good copy" in line
    assert (
        kept.read_bytes() == before and [path.name for path in kept.parent.iterdir()].count("comments.json") == 1
    )


def test_a_service_that_is_not_there_costs_a_warning(
    make_site: MakeSite, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a copy the site is built without comments, and says so."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        service.url = f"http://127.0.0.1:{nobody.getsockname()[1]}/api/comments"
        output = build(make_site, service)
    assert page(output, "on-trust").startswith("0|True|") and etag(output) is None
    assert capsys.readouterr().err.rstrip().endswith("Connection refused. Of them, none are shown.")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.com/x", "/api/comments", "http://[", "http://a b/"]
)
def test_an_address_that_is_none_costs_a_warning(tmp_path: Path, url: str) -> None:
    """Only http and https are asked; anything else is said to be wrong."""
    found, warning = approved_comments(url, tmp_path / "comments.json")
    assert found.comments == [] and warning.startswith(f"The approved comments could not be fetched from {url}: ")


def drip(request: BaseHTTPRequestHandler) -> None:
    """Send a byte now and then, for longer than anyone should wait."""
    request.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
    for _ in range(500):
        time.sleep(0.02)
        request.wfile.write(b"a")


def stay_silent(request: BaseHTTPRequestHandler) -> None:
    """Take the request and say nothing until the asker hangs up."""
    request.connection.recv(1)


def break_off(request: BaseHTTPRequestHandler) -> None:
    """Promise more than is sent."""
    request.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"comments": []}')


def say_too_much(request: BaseHTTPRequestHandler) -> None:
    """Send without end."""
    request.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
    while True:
        request.wfile.write(b" " * 65536)


@pytest.mark.parametrize(
    ("speak", "why"),
    [
        (stay_silent, "there was no answer within 1 seconds"),
        (drip, "the answer took longer than 1.5 seconds"),
        (break_off, "the answer broke off"),
        (say_too_much, "the answer is larger than 1 MB"),
    ],
)
def test_a_slow_or_endless_answer_is_given_up(
    tmp_path: Path,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    speak: Callable[[BaseHTTPRequestHandler], None],
    why: str,
) -> None:
    """Time and size are bounded, however the service spends them."""
    monkeypatch.setattr(source, "SILENCE_SECONDS", 1.0)
    monkeypatch.setattr(source, "ANSWER_SECONDS", 1.5)
    monkeypatch.setattr(source, "LARGEST", 1024**2)
    service.speak = speak
    started = time.monotonic()
    found, warning = approved_comments(service.url, tmp_path / "comments.json")
    assert found.comments == [] and why in warning
    assert time.monotonic() - started < 8


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": 7},
        {"id": "a b"},
        {"id": ""},
        {"id": 'x"><script>'},
        {"post": None},
        {"name": ["Bob"]},
        {"name": "half \ud800"},
        {"name": "nul \x00"},
        {"parent": 1},
        {"created": "yesterday"},
        {"created": "2024-01-03T10:00:00"},
        {"created": "0001-01-01T00:00:00+23:00"},
        {"created": 1704276000},
        {"html": None},
        {"html": "<script>alert(1)</script>"},
        {"html": "<p onclick=x>a</p>"},
        {"html": '<p id="main">a</p>'},
        {"html": "<p>never closed"},
        {"html": "</main>"},
        {"html": "<p><em>a</p></em>"},
        {"html": "<!-- a -->"},
        {"html": "<P>a</P>"},
        {"html": '<a href="javascript:alert(1)">a</a>'},
        {"html": '<a href="/admin/">a</a>'},
        {"html": '<a href="&#106;avascript:x">a</a>'},
        {"html": "<img src=x>"},
        {"html": "a < b"},
    ],
)
def test_an_answer_of_which_one_comment_is_wrong_is_refused(wrong: dict[str, Any]) -> None:
    """Nothing but text and a comment's own tags comes near a page."""
    with pytest.raises(NotAsPromised):
        read_comments({"comments": [told("c0"), told(**wrong)]})


def test_one_id_is_one_comment() -> None:
    """A list that names an id twice is refused: a page has each id once."""
    with pytest.raises(NotAsPromised, match="same id"):
        read_comments({"comments": [told(), told()]})


@pytest.mark.parametrize(
    "typed",
    [
        "**Yes**, *but*: `a < b` & c > d",
        "> quoted\n> > twice\n\n1. one\n2. two\n   - three\n\n```\n<b>code</b>\n```",
        "[a link](https://example.com/?a=1&b=2 'title') <mailto:bob@example.com> https://example.com",
        "<script>alert(1)</script> <p onclick=x> </main> <!-- -->",
        "line\\\nbreak  \nand &copy; &#12; &#1; &#x0b; &#127; &#xD800; &#0; \u202e \ufffe",
        "> " * 60 + "deep",
    ],
)
def test_whatever_the_service_lets_through_passes(typed: str) -> None:
    """A comment that the service has cleaned never stops the others from being shown."""
    html = comment_markup.render(typed)
    assert [comment.body_html for comment in read_comments({"comments": [told(html=html)]})] == [html]


def test_every_sign_that_can_be_typed_as_an_entity_passes() -> None:
    """Markdown turns &#12; into the sign itself; no such sign refuses the list."""
    html = comment_markup.render(" ".join(f"&#{number};" for number in range(0x180)))
    assert read_comments({"comments": [told(html=html)]})


def test_the_two_halves_allow_the_same_tags() -> None:
    """What the service lets through is what the build expects."""
    assert approved.SHOWN_TAGS == comment_markup.SHOWN_TAGS
    assert approved.LINK_SCHEMES == comment_markup.LINK_SCHEMES


def everyone(comments: list[Comment]) -> list[str]:
    """Every id in a thread, from the top."""
    return [id for comment in comments for id in (comment.id, *everyone(comment.replies))]


def depth(comments: list[Comment]) -> int:
    """Levels of a thread."""
    return max((1 + depth(comment.replies) for comment in comments), default=0)


def test_no_comment_is_lost_in_its_thread() -> None:
    """Answers to nobody, to themselves, in a circle, or to what is younger stand on top; each is there once."""
    listed = [
        told("a", parent="gone"),
        told("b", parent="b"),
        told("c", parent="d"),
        told("d", parent="c", created="2024-01-04T00:00:00Z"),
    ]
    top = threads(read_comments({"comments": listed}))
    assert [comment.id for comment in top] == ["a", "b", "c"] and everyone(top) == ["a", "b", "c", "d"]


def test_a_long_quarrel_stays_readable() -> None:
    """Answers go down to a bounded level, then stand beside each other."""
    moments = [f"2024-02-{1 + n // 24:02}T{n % 24:02}:30:00Z" for n in range(200)]
    listed = [told(f"c{n}", parent=f"c{n - 1}", created=moment) for n, moment in enumerate(moments)]
    top = threads(read_comments({"comments": listed}))
    assert depth(top) == DEEPEST and len(everyone(top)) == len(listed)


@pytest.mark.parametrize("copy", [b"", b"{", b"[]", b'{"etag": 1}', b'{"etag": null, "comments": [{}]}', b"\xff"])
def test_a_broken_copy_is_as_good_as_none(tmp_path: Path, service: Service, copy: bytes) -> None:
    """The list is fetched whole, and the copy mended."""
    kept = tmp_path / "comments.json"
    kept.write_bytes(copy)
    service.tells(told())
    found, warning = approved_comments(service.url, kept)
    assert [comment.id for comment in found.comments] == ["c1"] and warning == ""
    assert json.loads(kept.read_text())["etag"] == '"v1"'
    assert list(tmp_path.iterdir()) == [kept]


def test_a_copy_that_cannot_be_kept_costs_a_warning(tmp_path: Path, service: Service) -> None:
    """The comments are shown all the same."""
    (tmp_path / "var").write_text("a file where the folder should be")
    service.tells(told())
    found, warning = approved_comments(service.url, tmp_path / "var/comments.json")
    assert len(found.comments) == 1 and warning.startswith("No copy of the comments could be kept in ")


def test_the_strictest_build_goes_on_without_the_service(run_pelican: RunPelican, tmp_path: Path) -> None:
    """`--fatal warnings` is for authors' mistakes: a dead service is none."""
    minimal = str(theme_folder(tmp_path, "minimal"))
    url = 'COMMENTS_URL="http://127.0.0.1:1/api/comments"'
    site = ('SITEURL="https://blog.example.com"', 'FEED_DOMAIN="https://blog.example.com"')
    done = run_pelican(FILES, "-t", minimal, "--fatal", "warnings", "-e", url, *site)
    assert done.returncode == 0, done.stdout
    assert done.stderr.startswith("Warning: The approved comments could not be fetched")
