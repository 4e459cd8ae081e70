"""The edge function in netlify.toml, run by Node between a client and a real service, which then is stopped."""

import json
import subprocess
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from needed import needed
from project_copy import ROOT

FOLDER = ROOT / "netlify" / "edge-functions"
RULES = tomllib.loads((ROOT / "netlify.toml").read_text())["edge_functions"]
JSON = {"Accept": "application/json"}


class Service(BaseHTTPRequestHandler):
    """Says what it was sent, with the status that the address names; as leadapi does, or as a proxy before it."""

    def do_POST(self) -> None:
        _, _, kind, status = self.path.partition("?")[0].split("/")
        body = b"got " + self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(int(status))
        if kind == "ours":
            self.send_header("Content-Security-Policy", "default-src 'none'")
        if status == "303":
            self.send_header("Location", "/thanks/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Shows a redirect instead of following it."""

    def redirect_request(self, *_: object) -> None:
        return None


@dataclass
class Edge:
    """The site's address, its folder, and the service."""

    url: str
    site: Path
    service: ThreadingHTTPServer

    def post(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], str]:
        """Status, headers and body of the answer to a form."""
        request = urllib.request.Request(self.url + path, b"a=1", headers)
        try:
            with urllib.request.build_opener(NoRedirects).open(request, timeout=20) as answer:
                return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read().decode()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, {k.lower(): v for k, v in answer.headers.items()}, answer.read().decode()

    def stop(self) -> None:
        """The service is gone."""
        self.service.shutdown()
        self.service.server_close()


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    """The function, a small site, and the service."""
    needed("node", package="nodejs")
    site = tmp_path / "site"
    (site / "not-sent").mkdir(parents=True)
    (site / "not-sent" / "index.html").write_text("<h1>Nichts wurde gesendet</h1>")
    service = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = Thread(target=service.serve_forever, args=(0.02,))
    thread.start()
    module = tmp_path / "function.mjs"  # Netlify takes .js for a module; Node does so by this name
    module.write_bytes((FOLDER / f"{RULES[0]['function']}.js").read_bytes())
    address = f"http://127.0.0.1:{service.server_port}"
    command = ["node", str(ROOT / "tests" / "netlify" / "edge.mjs"), str(module), str(site), address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield Edge(f"http://127.0.0.1:{process.stdout.readline().strip()}", site, service)
        finally:
            process.terminate()
            service.shutdown()
            thread.join()
            service.server_close()


def test_each_declared_function_is_there() -> None:
    """Every form's address goes through a file that exists; the readers' script, which needs no page, does not."""
    assert all((FOLDER / f"{rule['function']}.js").is_file() for rule in RULES)
    assert {rule["path"] for rule in RULES} == {
        rule["from"] for rule in tomllib.loads((ROOT / "netlify.toml").read_text())["redirects"]
    }
    assert [rule["excludedPath"] for rule in RULES if "excludedPath" in rule] == ["/api/comments/*"]


@pytest.mark.parametrize(
    "kind_and_status", ["ours/200", "ours/303", "ours/422", "theirs/404", "ours/500", "ours/503"]
)
def test_what_the_service_says_passes_as_it_is(edge: Edge, kind_and_status: str) -> None:
    """Pages, redirects, refusals and the service's own errors are nobody else's to change."""
    status, headers, body = edge.post(f"/api/{kind_and_status}", {})
    assert (status, body) == (int(kind_and_status[-3:]), "got a=1")
    assert headers.get("location") == ("/thanks/" if status == 303 else None)


@pytest.mark.parametrize("fault", ["stopped", "theirs/502", "theirs/503", "theirs/504", "ours/200?break"])
def test_a_reader_gets_the_sites_page_and_a_program_json(edge: Edge, fault: str) -> None:
    """Nobody listens, a proxy before the service says so, or the way to it breaks: 503, and when to try again."""
    if fault == "stopped":
        edge.stop()
    path = f"/api/{'ours/200' if fault == 'stopped' else fault}"
    status, headers, body = edge.post(path, {"Accept": "text/html,application/json;q=0.9"})
    assert (status, headers["retry-after"], body) == (503, "30", "<h1>Nichts wurde gesendet</h1>")
    assert (headers["x-frame-options"], headers["content-type"]) == ("DENY", "text/html; charset=UTF-8")
    assert (headers["cache-control"], "etag" in headers) == ("no-store", False)
    status, headers, body = edge.post(path, JSON)
    assert (status, headers["retry-after"], headers["content-type"]) == (503, "30", "application/json")
    error = json.loads(body)["error"]
    assert (error["code"], set(error)) == ("unavailable", {"code", "message", "fields"})
    assert headers["x-frame-options"] == "DENY"


def test_without_the_page_one_sentence_is_left(edge: Edge) -> None:
    """A site whose page cannot be had still says that nothing was sent."""
    edge.stop()
    (edge.site / "not-sent" / "index.html").unlink()
    status, headers, body = edge.post("/api/ours/200", {"Accept": "text/html"})
    assert (status, headers["content-type"]) == (503, "text/plain; charset=utf-8")
    assert body.startswith("Nothing was sent")
