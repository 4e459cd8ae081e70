"""What stands before the two machines: a small server that does what netlify.toml says, or a real nginx.

The small one reads the project's own file, so the journey walks the rules that will be published. Where leadapi
does not answer both show the site's page: nginx by its configuration, Netlify by the edge function that the file
names (tests/site/test_netlify_edge.py runs it; here its answer is given).
"""

import http.client
import mimetypes
import os
import re
import shutil
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from machines import fetch, wait_until
from needed import PATH
from project_copy import ROOT

NOT_PASSED_ON = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "host",
    "content-length",
}


def _matches(pattern: str, path: str) -> bool:
    return path.startswith(pattern.removesuffix("*")) if pattern.endswith("*") else path == pattern


class Netlify(BaseHTTPRequestHandler):
    """Serves a folder and proxies as netlify.toml says; `site` and `service` are set before it starts."""

    protocol_version = "HTTP/1.1"
    rules = tomllib.loads((ROOT / "netlify.toml").read_text())
    site: Path
    service: str

    def do_GET(self) -> None:
        """Answer from the service where a rule says so, else from the folder."""
        path = urlsplit(self.path).path
        for rule in self.rules["redirects"]:
            if _matches(rule["from"], path):
                assert rule["status"] == 200 and rule["force"]
                return self._proxy()
        return self._file(path)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def _proxy(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in NOT_PASSED_ON}
        headers["X-Forwarded-For"] = self.client_address[0]
        target = urlsplit(self.service)
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=26)
        try:
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            data = answer.read()
        except OSError:
            return self._not_sent()
        finally:
            connection.close()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in NOT_PASSED_ON}
        return self._send(answer.status, kept, data)

    def _not_sent(self) -> None:
        path = urlsplit(self.path).path
        for rule in self.rules["edge_functions"]:
            if _matches(rule["path"], path) and not _matches(rule.get("excludedPath", ""), path):
                return self._file("/not-sent/", 503, {"Retry-After": "30"})
        return self._send(502, {"Content-Type": "text/plain"}, b"error: the service does not answer")

    def _file(self, path: str, status: int = 200, more: dict[str, str] | None = None) -> None:
        if status == 200 and self.command not in ("GET", "HEAD"):
            return self._send(405, {}, b"")
        file = self.site / path.lstrip("/")
        file = file / "index.html" if path.endswith("/") else file
        found = file.is_file()
        file = file if found else self.site / "404.html"
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        headers = {"Content-Type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind}
        for rule in self.rules["headers"]:
            if _matches(rule["for"], path):
                headers |= rule["values"]
        return self._send(status if found else 404, headers | (more or {}), file.read_bytes())

    def _send(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def netlify(port: int, site: Path, service: str) -> Iterator[None]:
    """The small server, while the block runs."""
    handler = type("Handler", (Netlify,), {"site": site, "service": service})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def nginx(port: int, site: Path, service: str, home: Path) -> Iterator[None]:
    """A real nginx with deploy/nginx.conf, without TLS and at our own addresses, while the block runs."""
    program = shutil.which("nginx", path=PATH)
    assert program
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    for pattern, ours in (
        (r"listen 443 ssl;", f"listen 127.0.0.1:{port};"),
        (r"\n *ssl_certificate.*", ""),
        (r"/srv/blog/output", str(site)),
        (r"http://127\.0\.0\.1:8001", service),
        (r"proxy_set_header Host \$host;", "proxy_set_header Host $http_host;"),  # a port of our own
    ):
        text, times = re.subn(pattern, ours, text)
        assert times, pattern
    home.mkdir()
    folders = "".join(
        f"{kind}_temp_path {home}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "" if os.getuid() else "user root;\n"  # the folders of a test are not for others
    (home / "nginx.conf").write_text(
        f"{user}daemon off;\npid {home}/pid;\nerror_log {home}/error.log;\nworker_processes 1;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{folders}{text}\n}}\n"
    )
    command = [program, "-p", str(home), "-e", str(home / "error.log"), "-c", str(home / "nginx.conf")]
    process = subprocess.Popen(command)
    try:
        wait_until(lambda: fetch(f"http://127.0.0.1:{port}/")[0] == 200, "nginx answers")
        yield
    finally:
        process.terminate()
        process.wait(10)
