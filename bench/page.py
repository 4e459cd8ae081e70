"""Measures what a reader gets from one post page: requests, bytes, LCP, Lighthouse, axe and HTML errors.

    make bench-page                    # the site of `make publish`, then the one of `make serve`
    python bench/page.py --only publish --runs 5

The page is "Why Sales Management Does NOT Work", without comments, with all its forms. Bytes are bodies
at gzip level 9, re-fetched for each address that Chromium asked for (412 px viewport, load + 3 s, scroll to
the end + 2.5 s). Lighthouse runs with its default simulation (the four scores) and with throttling really
applied (LCP).
Needs Debian's `chromium`, Node for Lighthouse and Java for the Nu checker (both from npm, into bench/page/).
"""

import argparse
import gzip
import json
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NODE_FOLDER = ROOT / "bench" / "page"
POST = "/why-sales-management-does-not-work/"
PAGE_TYPES = {
    "post": POST,
    "front page": "/",
    "category": "/category/",
    "tag": "/tag/",
    "author": "/author/",
    "archives": "/archives/",
    "about": "/about/",
    "privacy": "/privacy/",
    "whitepaper": "/whitepapers/coaching-and-motivating-employees-to-perform-better/",
    "thank-you": "/whitepapers/coaching-and-motivating-employees-to-perform-better/thanks/",
    "not sent": "/not-sent/",
    "404": "/404.html",
}
CHROMIUM_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def build(settings: str, site: Path, url: str, live_reload: bool) -> None:
    """Build the site as `make publish` (publishconf.py) or as `make serve` (pelicanconf.py) does."""
    environment = {**os.environ, "SITE_URL": url, "VAR_DIR": str(site.parent / "var")}
    environment["LEADAPI_WHITEPAPER_DIR"] = str(site.parent / "whitepapers")
    if live_reload:
        environment["LIVE_RELOAD"] = "1"
    command = [
        sys.executable,
        "-m",
        "pelican",
        "content",
        "-s",
        settings,
        "-o",
        str(site),
        "--fatal",
        "errors",
        "-q",
    ]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def served(settings: str) -> Iterator[tuple[str, Path]]:
    """Build and serve the site by leadapi; give its address and its folder."""
    with tempfile.TemporaryDirectory() as folder:
        home, port = Path(folder), free_port()
        url, site = f"http://127.0.0.1:{port}", home / "site"
        development = settings == "pelicanconf.py"
        build(settings, site, url, live_reload=development)
        environment = {
            **os.environ,
            "LEADAPI_ENV": "development" if development else "production",
            "LEADAPI_SITE_URL": url,
            "LEADAPI_SITE_DIR": str(site),
            "LEADAPI_VAR_DIR": str(home / "var"),
            "LEADAPI_WHITEPAPER_DIR": str(home / "whitepapers"),
            "LEADAPI_DATABASE_URL": f"sqlite:///{home}/leadapi.sqlite3",
            "LEADAPI_MAIL_URL": f"file://{home}/mail",
            "LEADAPI_MAIL_FROM": "blog@example.com",
            "LEADAPI_OWNER_EMAIL": "owner@example.com",
            "LEADAPI_SECRET_KEYS": secrets.token_urlsafe(48),
            "LEADAPI_HASH_KEY": secrets.token_urlsafe(48),
        }
        (home / "var").mkdir(exist_ok=True)
        migrate = [sys.executable, "-m", "leadapi", "migrate"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        command = [sys.executable, "-m", "leadapi", "serve", "--host", "127.0.0.1", "--port", str(port)]
        with (home / "serve.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            wait_for(url + "/healthz")
            yield url, site
        finally:
            process.terminate()
            process.wait(20)


def wait_for(url: str) -> None:
    """Wait until the address answers, 30 s at most."""
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def body(url: str) -> bytes:
    """The body behind an address, unpacked; an error page's body counts too."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url)) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as answer:
        return bytes(answer.read())


def packed(data: bytes) -> int:
    """Bytes at gzip level 9."""
    return len(gzip.compress(data, 9, mtime=0))


def browse(playwright: Any, url: str) -> dict[str, Any]:
    """What Chromium asks for on the post page, and how many bytes that is."""
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
    page = browser.new_page(viewport={"width": 412, "height": 823})
    asked: list[tuple[str, str]] = []
    page.on("request", lambda request: asked.append((request.resource_type, request.url)))
    page.goto(url + POST, wait_until="load")
    page.wait_for_timeout(3000)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_timeout(2500)
    cookies = page.context.cookies()
    browser.close()
    pages = [
        (kind, address) for kind, address in asked if not address.startswith("data:") and "favicon" not in address
    ]
    sizes = {"document": 0, "stylesheet": 0, "script": 0, "font": 0, "other": 0}
    for kind, address in pages:
        if kind == "eventsource":
            continue  # an open line, not a file: only the development server has it
        sizes[kind if kind in sizes else "other"] += packed(body(address))
    return {
        "requests": len(pages),
        "asked_for": [f"{kind} {address.removeprefix(url)}" for kind, address in pages],
        "third_party": [address for _, address in pages if not address.startswith(url)],
        "html_and_css_bytes": sizes["document"] + sizes["stylesheet"],
        "javascript_bytes": sizes["script"],
        "font_bytes": sizes["font"],
        "other_bytes": sizes["other"],
        "cookies": len(cookies),
    }


def lighthouse(url: str, throttling: str) -> dict[str, Any]:
    """One Lighthouse run on the post page (`simulate` or `devtools` throttling)."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [str(NODE_FOLDER / "node_modules/.bin/lighthouse"), url + POST, "--quiet", "--output=json"]
        command += [f"--output-path={report.name}", f"--throttling-method={throttling}"]
        command += [f"--chrome-flags={' '.join(CHROMIUM_FLAGS)}"]
        environment = {**os.environ, "CHROME_PATH": str(shutil.which("chromium"))}
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if run.returncode:
            sys.exit(f"Lighthouse failed:\n{run.stderr}")
        result = json.loads(Path(report.name).read_text())
    audits = result["audits"]
    return {
        "scores": {name: round(category["score"] * 100) for name, category in result["categories"].items()},
        "lcp_ms": round(audits["largest-contentful-paint"]["numericValue"]),
        "cls": round(audits["cumulative-layout-shift"]["numericValue"], 4),
        "failed": sorted(
            name
            for name, audit in audits.items()
            if audit.get("score") == 0 and audit["scoreDisplayMode"] == "binary"
        ),
    }


def page_addresses(site: Path) -> dict[str, str]:
    """Every page type's address; the first category, tag and author stand for their kind."""
    addresses = dict(PAGE_TYPES)
    for kind in ("category", "tag", "author"):
        folders = sorted(path for path in (site / kind).iterdir() if path.is_dir())
        addresses[kind] = f"/{kind}/{folders[0].name}/"
    return addresses


def axe_faults(playwright: Any, url: str, site: Path) -> dict[str, list[str]]:
    """What axe finds on every page type, at 360 and 1280 px, light and dark."""
    from axe_playwright_python.sync_playwright import Axe

    faults: dict[str, list[str]] = {}
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
    for width in (360, 1280):
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            for name, address in page_addresses(site).items():
                page.goto(url + address)
                found = Axe().run(page).response["violations"]
                if found:
                    faults[f"{name} {width} {scheme}"] = [violation["id"] for violation in found]
            page.close()
    browser.close()
    return faults


def html_faults(site: Path) -> list[str]:
    """What the Nu HTML checker says against the built pages, errors only."""
    jar = NODE_FOLDER / "node_modules/vnu-jar/build/dist/vnu.jar"
    pages = [str(path) for path in sorted(site.rglob("*.html"))]
    run = subprocess.run(
        ["java", "-jar", str(jar), "--errors-only", "--format", "json", *pages],
        capture_output=True,
        text=True,
    )
    messages = json.loads(run.stderr or '{"messages": []}')["messages"]
    return [
        f"{message.get('url', '').removeprefix('file:' + str(site))}: {message['message']}" for message in messages
    ]


def measure(settings: str, runs: int) -> dict[str, Any]:
    """All figures for the site that the given settings build."""
    from playwright.sync_api import sync_playwright

    with served(settings) as (url, site), sync_playwright() as playwright:
        figures = browse(playwright, url)
        simulated = [lighthouse(url, "simulate") for _ in range(runs)]
        applied = [lighthouse(url, "devtools") for _ in range(runs)]
        figures["lighthouse_scores"] = {
            name: int(statistics.median(run["scores"][name] for run in simulated))
            for name in simulated[0]["scores"]
        }
        figures["lighthouse_failed"] = sorted({name for run in simulated for name in run["failed"]})
        figures["lcp_ms_simulated"] = [run["lcp_ms"] for run in simulated]
        figures["lcp_ms_applied"] = [run["lcp_ms"] for run in applied]
        figures["lcp_ms_applied_median"] = statistics.median(figures["lcp_ms_applied"])
        figures["cls"] = max(run["cls"] for run in applied)
        figures["axe"] = axe_faults(playwright, url, site)
        figures["html_errors"] = html_faults(site)
        return figures


def main() -> None:
    """Measure, print and write bench/results/page.json."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", choices=["publish", "serve"])
    arguments.add_argument("--runs", type=int, default=3, help="Lighthouse runs of each kind; the median counts")
    options = arguments.parse_args()
    if not (NODE_FOLDER / "node_modules").is_dir():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=NODE_FOLDER, check=True)
    subjects = {"publish": "publishconf.py", "serve": "pelicanconf.py"}
    results = {
        name: measure(settings, options.runs)
        for name, settings in subjects.items()
        if options.only in (None, name)
    }
    folder = ROOT / "bench" / "results"
    folder.mkdir(exist_ok=True)
    (folder / "page.json").write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
