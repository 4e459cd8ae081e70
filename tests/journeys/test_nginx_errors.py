"""deploy/nginx.conf in a real nginx: its own errors protect a reader, and speak, as the service's answers do."""

import http.client
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from fronts import nginx
from machines import free_port
from needed import needed

from leadapi.guards import PLAIN_HEADERS

WANTED = (*PLAIN_HEADERS, "Content-Security-Policy")
JSON = {"Accept": "application/json"}


class Service(BaseHTTPRequestHandler):
    """Answers as leadapi does, with headers of its own and a body that says how much it was sent."""

    def do_POST(self) -> None:
        size = len(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(413 if size > 64 * 1024 else 500 if "fail" in self.path else 200)
        for name in WANTED:
            self.send_header(name, PLAIN_HEADERS.get(name, "default-src 'none'"))
        self.send_header("Cache-Control", "private, no-store")
        self.send_header("Content-Length", "17")
        self.end_headers()
        self.wfile.write(b"the service's own")

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


class Front:
    """nginx, and the service behind it, which a test may stop."""

    def __init__(self, port: int, service: ThreadingHTTPServer) -> None:
        self.port, self.service = port, service

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers, each of which comes once, and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        names = [name.lower() for name, _ in answer.getheaders()]
        assert all(names.count(name.lower()) == 1 for name in WANTED), (answer.status, names)
        assert names.count("cache-control") <= 1
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """nginx in front of a small site and a service."""
    needed("nginx", package="nginx-light")
    home, port = tmp_path_factory.mktemp("front"), free_port()
    for name in ("index", "404", "not-sent/index", "a-post/index"):
        path = home / "site" / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<!doctype html><h1>The page {name}</h1>")
    service = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = Thread(target=service.serve_forever, args=(0.05,))
    thread.start()
    try:
        with nginx(port, home / "site", f"http://127.0.0.1:{service.server_port}", home / "nginx"):
            yield Front(port, service)
    finally:
        service.shutdown()
        thread.join()
        service.server_close()


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/a-post/", 200, "The page a-post"),
        ("GET", "/a-post", 301, ""),
        ("GET", "/nothing", 404, "The page 404"),
        ("GET", "/.too-large.json", 404, "The page 404"),
        ("POST", "/a-post/", 405, ""),
        ("GET", "/" + "a" * 9000, 414, ""),
        ("POST", "/api/leads", 200, "the service's own"),
        ("POST", "/api/fail", 500, "the service's own"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_every_answer_has_the_headers_once(front: Front, method: str, path: str, status: int, text: str) -> None:
    """Pages, the service's answers, and whatever nginx refuses by itself."""
    got, headers, body = front.ask(method, path, b"x" if method == "POST" else None)
    assert (got, text in body) == (status, True)
    assert headers.get("allow") == ("GET, HEAD" if status == 405 else None)
    assert headers.get("cache-control") == ("private, no-store" if path.startswith("/api") else "no-cache")


def test_a_request_that_nginx_cannot_read_is_answered_with_the_headers(front: Front) -> None:
    """A malformed request is no reason to leave a reader unprotected."""
    with socket.create_connection(("127.0.0.1", front.port), 20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a b\r\nHost: c\r\n\r\n")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 400
        assert all(answer.headers.get_all(name) for name in WANTED)


def test_what_is_too_large_is_told_by_the_service_first(front: Front) -> None:
    """Between 64 and 128 kB the service answers in its own words; beyond, nginx does, as it was asked."""
    status, _, text = front.ask("POST", "/api/leads", b"x" * 100 * 1024)
    assert (status, text) == (413, "the service's own")
    status, headers, text = front.ask("POST", "/api/leads", b"x" * 200 * 1024)
    assert (status, headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert "at most 64 kB" in text
    status, headers, text = front.ask("POST", "/api/leads", b"x" * 200 * 1024, **JSON)
    assert (status, headers["content-type"]) == (413, "application/json")
    assert '"code": "too_large"' in text


def test_a_service_that_is_gone_is_told_by_the_sites_page(front: Front) -> None:
    """503 with Retry-After: the page that says that nothing was sent, and the one shape for programs."""
    front.service.shutdown()
    front.service.server_close()
    status, headers, text = front.ask("POST", "/api/leads", b"x", Accept="text/html,application/json;q=0.9")
    assert (status, headers["retry-after"], "The page not-sent" in text) == (503, "30", True)
    status, headers, text = front.ask("POST", "/api/leads", b"x", **JSON)
    assert (status, headers["retry-after"], headers["content-type"]) == (503, "30", "application/json")
    assert '"code": "unavailable"' in text
