"""What brought a visitor is told with the request for a whitepaper, not before: no cookie, no other request."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from machines import POST, WHITEPAPER
from playwright.sync_api import Browser, BrowserContext, Page, expect
from project_copy import ROOT, clean_environment
from walks import fill_lead, lead_form, send_lead

pytestmark = pytest.mark.browser
CAMPAIGN = "/?utm_source=letter&utm_medium=email&utm_campaign=spring&utm_term=a&utm_content=b"
STORAGE_FORBIDDEN = """
Object.defineProperty(window, "sessionStorage", { get() { throw new DOMException("no", "SecurityError"); } });
"""


@dataclass
class Listener:
    """A site's address, and what was posted there, in order."""

    url: str = ""
    posted: list[dict[str, str]] = field(default_factory=list)

    @property
    def elsewhere(self) -> str:
        """The same machine by another name: for a browser it is another site."""
        return self.url.replace("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make publish` builds it."""
    home = tmp_path_factory.mktemp("published")
    var = {"VAR_DIR": str(home / "var"), "LEADAPI_WHITEPAPER_DIR": str(home / "var" / "whitepapers")}
    command = [sys.executable, "scripts/build_site.py", "--publish", "--site", str(home / "output")]
    subprocess.run(command, cwd=ROOT, env=clean_environment(**var), check=True, capture_output=True)
    return home / "output"


@pytest.fixture
def site(folder: Path) -> Iterator[Listener]:
    """The site on a plain server that writes down what is posted, in place of the service."""
    listener = Listener()

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *given: object) -> None:
            super().__init__(*given, directory=str(folder))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            if self.path != "/elsewhere.html":
                return super().do_GET()
            page = f'<!doctype html><title>Elsewhere</title><a href="{listener.url}{CAMPAIGN}">A blog</a>'.encode()
            return self.answer(200, "text/html", page)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            listener.posted.append({name: value for name, [value] in parse_qs(body).items()})
            self.answer(202, "application/json", json.dumps({"message": "An e-mail is on its way."}).encode())

        def answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    listener.url = f"http://127.0.0.1:{server.server_port}"
    yield listener
    server.shutdown()
    server.server_close()
    thread.join()


def ask(page: Page) -> None:
    """Alice fills in the form under a post and sends it."""
    form = lead_form(page)
    fill_lead(form, "alice@example.com", "Alice")
    send_lead(form)
    expect(page.get_by_text("An e-mail is on its way.")).to_be_visible()


def walk_in(page: Page, site: Listener) -> None:
    """Come from another site to the front page, by a campaign's link, and go on to a post."""
    page.goto(f"{site.elsewhere}/elsewhere.html")
    page.get_by_role("link", name="A blog").click()
    page.get_by_role("link", name="Archives").click()
    page.locator(f'a[href="/{POST}/"]').click()


def test_the_first_page_and_the_site_before_it_are_told_with_the_lead(
    site: Listener, reader: BrowserContext
) -> None:
    """However many pages lie between, the form tells where the visit began; the site before by its host alone."""
    page = reader.new_page()
    walk_in(page, site)
    assert site.posted == []
    ask(page)
    [told] = site.posted
    assert (told["first_page"], told["first_referrer"]) == (CAMPAIGN, "localhost")
    assert told["page"] == f"/{POST}/" and told["consent_version"] == "en-1"
    assert reader.cookies() == []
    assert page.evaluate("localStorage.length") == 0


def test_a_visit_that_begins_at_the_form_tells_that_page(site: Listener, reader: BrowserContext) -> None:
    """Without a site before there is none to tell, and a later visit does not know the earlier one."""
    page = reader.new_page()
    page.goto(f"{site.url}/{POST}/?utm_source=x")
    ask(page)
    other = reader.new_page()
    other.goto(f"{site.url}/whitepapers/{WHITEPAPER}/")
    form = other.locator('form[action$="/api/leads"]')
    fill_lead(form, "bob@example.com", "Bob")
    send_lead(form)
    expect(other.get_by_text("An e-mail is on its way.")).to_be_visible()
    told = [(lead["first_page"], lead.get("first_referrer")) for lead in site.posted]
    assert told == [(f"/{POST}/?utm_source=x", None), (f"/whitepapers/{WHITEPAPER}/", None)]


def test_where_storage_is_forbidden_the_form_works_as_before(site: Listener, browser: Browser) -> None:
    """The lead is sent; what could not be kept is the page at hand."""
    context = browser.new_context()
    context.add_init_script(STORAGE_FORBIDDEN)
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    walk_in(page, site)
    ask(page)
    context.close()
    [told] = site.posted
    assert (told["first_page"], told.get("first_referrer"), complaints) == (f"/{POST}/", None, [])


def test_a_comment_says_nothing_of_the_visit(site: Listener, reader: BrowserContext) -> None:
    """Only a request for a whitepaper tells where the visit began."""
    page = reader.new_page()
    walk_in(page, site)
    form = page.locator('form[action$="/api/comments"]')
    form.get_by_label("Name", exact=True).fill("Bob")
    form.get_by_label("E-mail address").fill("bob@example.com")
    form.get_by_label("Reply", exact=True).fill("So it is.")
    form.get_by_role("button").click()
    expect(page.get_by_text("An e-mail is on its way.")).to_be_visible()
    assert not {"first_page", "first_referrer"} & set(site.posted[0])


def test_errors_are_told_in_the_pages_language(site: Listener, reader: BrowserContext) -> None:
    """An English browser tells a German reader in German what is missing, before anything is sent."""
    page = reader.new_page()
    page.goto(f"{site.url}/die-antwort-die-keiner-braucht/")
    page.get_by_text("Hier klicken", exact=True).click()
    form = page.locator('form[action$="/api/leads"]')
    form.get_by_role("button", name="Whitepaper anfordern").click()
    expect(form.locator(".field-error")).to_have_text(["Bitte füllen Sie dieses Feld aus."] * 2)
    form.get_by_label("E-Mail-Adresse").fill("alice")
    form.get_by_label("Unternehmen").fill("Alice & Co.")
    form.get_by_role("button", name="Whitepaper anfordern").click()
    expect(form.locator(".field-error")).to_have_text(
        "Das ist keine E-Mail-Adresse. Sie sieht so aus: alice@example.com."
    )
    form.get_by_label("E-Mail-Adresse").fill("alice@example.com")
    form.get_by_role("button", name="Whitepaper anfordern").click()
    expect(page.get_by_text("An e-mail is on its way.")).to_be_visible()
    assert (site.posted[0]["whitepaper"], site.posted[0]["consent_version"]) == ("fuehren-durch-fragen", "de-1")
