"""A built site, read as a visitor's programs read it."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import html5lib
from project_copy import ROOT, clean_environment

SITE_URL = "https://blog.progress-coaching.example"
POST = "/why-sales-management-does-not-work/"
WHITEPAPER = "/whitepapers/coaching-and-motivating-employees-to-perform-better/"
GERMAN_POST = "/die-antwort-die-keiner-braucht/"
GERMAN_WHITEPAPER = "/whitepapers/fuehren-durch-fragen/"
PAGES = (
    POST,
    GERMAN_POST,
    GERMAN_WHITEPAPER,
    f"{GERMAN_WHITEPAPER}thanks/",
    "/datenschutz/",
    WHITEPAPER,
    f"{WHITEPAPER}thanks/",
    "/",
    "/archives/",
    "/archives/2012/",
    "/about/",
    "/privacy/",
    "/not-sent/",
    "/404.html",
    "/author/codie-lynn-thompson/",
    "/author/progress-coaching/",
)
SHELLS = ("/page-shell.html", "/page-shell.de.html")
DOCUMENTS = (
    "/feed.atom",
    "/feed.rss",
    "/feed.json",
    "/sitemap.xml",
    "/robots.txt",
    "/favicon.svg",
    "/public-index.json",
    *SHELLS,
)

ADDRESSES = {"a": "href", "link": "href", "img": "src", "script": "src", "form": "action", "source": "srcset"}


def run_publish(output: Path, project: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Publish the project into `output`, with what the build keeps beside it; as the Makefile does."""
    var = output.parent / "var"
    given = {"SITE_URL": SITE_URL, "VAR_DIR": str(var), "LEADAPI_WHITEPAPER_DIR": str(var / "whitepapers")}
    command = [sys.executable, "scripts/build_site.py", "--publish", "--site", str(output)]
    environment = clean_environment(**(given | environment))
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


@dataclass(frozen=True)
class Page:
    """One HTML page of the site, parsed."""

    address: str
    text: str

    @cached_property
    def tree(self) -> Any:
        """Its elements, without namespaces."""
        return html5lib.parse(self.text, namespaceHTMLElements=False)

    def all(self, tag: str, **attributes: str) -> list[Any]:
        """Elements with this tag and these attributes (`class_` one of its classes, `rel` one of its words)."""
        found = []
        for element in self.tree.iter(tag):
            wanted = (
                value in element.get(name.rstrip("_"), "").split()
                if name in ("class_", "rel")
                else element.get(name) == value
                for name, value in attributes.items()
            )
            if all(wanted):
                found.append(element)
        return found

    @cached_property
    def ids(self) -> list[str]:
        """Every id, in order."""
        return [element.get("id") for element in self.tree.iter() if element.get("id") is not None]

    def links(self) -> Iterator[str]:
        """Every address that the page names."""
        for tag, attribute in ADDRESSES.items():
            for element in self.tree.iter(tag):
                if element.get(attribute):
                    yield element.get(attribute)


def words(element: Any) -> str:
    """The element's text with single spaces."""
    return " ".join("".join(element.itertext()).split())


@dataclass(frozen=True)
class Site:
    """A folder that a build wrote."""

    folder: Path

    def file(self, address: str) -> Path | None:
        """The file behind a root-relative address, as a static server finds it."""
        path = self.folder / unquote(address).lstrip("/")
        path = path / "index.html" if address.endswith("/") else path
        return path if path.is_file() else None

    def page(self, address: str) -> Page:
        """The page at the address."""
        path = self.file(address)
        assert path, f"There is no page at {address}"
        return Page(address, path.read_text())

    @cached_property
    def pages(self) -> list[Page]:
        """Every HTML page, by address."""
        found = []
        for path in sorted(self.folder.rglob("*.html")):
            name = "/" + path.relative_to(self.folder).as_posix()
            found.append(Page(name.removesuffix("index.html"), path.read_text()))
        return found

    def inside(self, link: str, page: str) -> tuple[str, str] | None:
        """Root-relative address and anchor of a link, None where it leads to another site or to the service."""
        plain, anchor = urldefrag(link.removeprefix(SITE_URL) or "/")
        parts = urlsplit(plain)
        if parts.scheme or parts.netloc or parts.path.startswith("/api/"):
            return None
        return parts.path or page, unquote(anchor)
