"""In a wave a browser with JavaScript does some work while the form is filled in, and its sender is served."""

import json
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import pytest
from machines import POST, WHITEPAPER, Server, fetch, letters, wait_until
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect
from walks import fill_lead, lead_form, read_post, send_lead

pytestmark = pytest.mark.browser


def ask(url: str, address: str) -> int:
    """Fill in the form as a program does."""
    form = {"email": address, "name": "Robot", "whitepaper": WHITEPAPER, "post": POST}
    request = urllib.request.Request(f"{url}/api/leads", urlencode(form).encode(), {"Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        status: int = answer.status
    return status


def watched(context: BrowserContext) -> tuple[Page, list[Request]]:
    """A page, and all that it asks for."""
    page, asked = context.new_page(), list[Request]()
    page.on("request", lambda request: asked.append(request))
    return page, asked


def test_a_wave_asks_browsers_for_work_and_tells_the_owner(blog: Server, project: Path, browser: Browser) -> None:
    """Before it no work is asked for; in it the worker is loaded, the proof goes along, and the letter comes."""
    with browser.new_context() as calm:
        page, asked = watched(calm)
        read_post(page, blog.url)
        fill_lead(lead_form(page), "calm@example.com", "Carol")
        assert not [request for request in asked if "/vendor/altcha/" in request.url]

    assert [ask(blog.url, f"wave{n}@example.com") for n in range(25)] == [202] * 25
    wait_until(lambda: fetch(f"{blog.url}/api/challenge")[0] == 200 or None, "the wave is noticed")
    wait_until(lambda: letters(project / "var" / "mail", "owner@example.com") or None, "the owner is told")
    assert json.loads(fetch(f"{blog.url}/api/challenge")[1])["parameters"]["algorithm"] == "PBKDF2/SHA-256"

    with browser.new_context() as busy:
        page, asked = watched(busy)
        read_post(page, blog.url)
        form = lead_form(page)
        fill_lead(form, "alice.wave@example.com", "Alice")
        send_lead(form)
        expect(page.get_by_text("An e-mail is on its way")).to_be_visible(timeout=30_000)
        assert [request for request in asked if "/vendor/altcha/" in request.url]
        [sent] = [one for one in asked if one.method == "POST"]
        assert "altcha=" in (sent.post_data or "")
    wait_until(lambda: letters(project / "var" / "mail", "alice.wave@example.com") or None, "the letter")
