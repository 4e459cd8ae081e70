"""Every page type, small and wide, light and dark: usable by all, quiet, and nobody's business."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from machines import POST, WHITEPAPER, Server, letters, link_in, make_serve, wait_until
from playwright.sync_api import Browser, Page, expect
from walks import Watched, comment_form, fill_comment, fill_lead, lead_form, read_post, send_lead, sit_down

pytestmark = pytest.mark.browser

PAGES = (
    f"/{POST}/",
    "/",
    "/category/sales/",
    "/tag/trust/",
    "/author/codie-lynn-thompson/",
    "/archives/",
    "/archives/2012/",
    "/about/",
    "/privacy/",
    f"/whitepapers/{WHITEPAPER}/",
    f"/whitepapers/{WHITEPAPER}/thanks/",
    "/die-antwort-die-keiner-braucht/",
    "/datenschutz/",
    "/whitepapers/fuehren-durch-fragen/",
    "/whitepapers/fuehren-durch-fragen/thanks/",
    "/not-sent/",
    "/no-such-page/",
    "/dev/mail/",
    "/api/privacy?lang=de",
)
SCREENS = [(360, "dark"), (1280, "light"), (360, "light"), (1280, "dark")]
EACH = 1  # in make test, two screens, and each of the site's pages on one of them
if os.environ.get("TEST_COUNTS") != "full":
    SCREENS, EACH = SCREENS[:2], 2


@pytest.fixture(scope="module")
def blog(project: Path) -> Iterator[Server]:
    """The blog of an owner who is written to about comments alone: past ten letters an hour there is a digest."""
    server = make_serve(project)
    server.environment["LEADAPI_OWNER_NOTICES"] = "off"
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module", params=SCREENS, ids=lambda screen: f"{screen[0]} px {screen[1]}")
def screen(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in a window of this width, in this colour scheme."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    yield context.new_page()
    context.close()


def assert_usable(page: Page, what: str) -> None:
    """axe finds nothing, and nothing is wider than the window."""
    results = Axe().run(page)
    assert results.violations_count == 0, f"{what}: {results.generate_report()}"
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{what} is {wide} px wider than the window"


def test_every_page_of_the_site_is_usable(blog: Server, screen: Page) -> None:
    """axe finds nothing on any page type; no other host is asked, no cookie set, no complaint in the console."""
    watched = Watched(blog.url)
    watched.watch(screen)
    first = 0 if EACH == 1 or screen.viewport_size == {"width": SCREENS[0][0], "height": 800} else 1
    for address in PAGES[first::EACH]:
        answer = screen.goto(blog.url + address)
        assert answer and answer.status == (404 if address == "/no-such-page/" else 200), address
        assert_usable(screen, address)
        if address == "/no-such-page/":
            watched.complaints.clear()  # Chromium notes the 404 that was asked for
        assert (address, watched.complaints, watched.strangers) == (address, [], [])
    assert screen.context.cookies() == []


def test_open_refused_and_sent_forms_are_usable(blog: Server, screen: Page) -> None:
    """The form in each of its states, with the errors in place, is as usable as the page."""
    read_post(screen, blog.url)
    form = lead_form(screen)
    assert_usable(screen, "the open form")
    send_lead(form)
    expect(form.get_by_label("E-mail address")).to_have_attribute("aria-invalid", "true")
    assert_usable(screen, "the form with errors")
    fill_lead(form, "alice@example.com", "Alice")
    send_lead(form)
    expect(screen.get_by_text("An e-mail is on its way")).to_be_visible()
    assert_usable(screen, "the form's thanks")


def test_the_services_own_pages_are_usable(blog: Server, project: Path, screen: Page) -> None:
    """Refusals, confirmation, download and moderation wear the blog's dress and are as usable."""
    size = screen.viewport_size
    assert size
    who = f"bob.{uuid.uuid4().hex[:8]}@example.com"
    mail = project / "var" / "mail"
    read_post(screen, blog.url)
    fill_comment(comment_form(screen), "Bob", who, "Well said.\n\n> quoted\n\n- a list\n- `code`")
    comment_form(screen).get_by_role("button").click()
    form = lead_form(screen)
    fill_lead(form, who, "Bob")
    send_lead(form)
    expect(screen.get_by_text("An e-mail is on its way")).to_be_visible()
    confirm = link_in(wait_until(lambda: letters(mail, who), "the letter")[0], "confirm")

    screen.goto(confirm)
    assert_usable(screen, "the page with the button")
    screen.get_by_role("button", name="Confirm").click()
    expect(screen.get_by_role("link", name="Download")).to_be_visible()
    assert_usable(screen, "the page with the download")
    screen.goto(f"{confirm[:-4]}AAAA")
    assert_usable(screen, "the refusal of a changed link")

    def asked() -> list[str]:
        told = [one for one in letters(mail, "owner@example.com") if one["Subject"].startswith("New comment")]
        return [link_in(one, "moderate") for one in told if who in str(one)]

    screen.goto(wait_until(asked, "the owner is asked")[0])
    assert_usable(screen, "the owner's decision")
    screen.get_by_role("button", name="Refuse").click()
    expect(screen.get_by_text("The comment is refused")).to_be_visible()
    assert_usable(screen, "the decision taken")

    plain = screen.context.browser.new_context(  # type: ignore[union-attr] # it has one
        java_script_enabled=False, viewport=size
    )
    refused = plain.new_page()
    read_post(refused, blog.url)
    form = lead_form(refused)
    fill_lead(form, "nobody@invalid", "Nobody")
    send_lead(form)
    assert "email-error" in refused.content() or "field-error" in refused.content()
    plain.close()


def test_the_pages_of_whoever_wants_to_be_forgotten_are_usable(blog: Server, project: Path, screen: Page) -> None:
    """What is stored about her, the button that erases it, and the page of the link with which one leaves."""
    who = f"dora.{uuid.uuid4().hex[:8]}@a-rather-long-domain-name.example.com"
    mail = project / "var" / "mail"
    read_post(screen, blog.url)
    form = lead_form(screen)
    fill_lead(form, who, "Dora")
    send_lead(form)
    expect(screen.get_by_text("An e-mail is on its way")).to_be_visible()
    leave = link_in(wait_until(lambda: letters(mail, who), "the letter")[0], "unsubscribe")
    screen.goto(f"{blog.url}/api/privacy")
    assert_usable(screen, "the form for what is stored")
    screen.get_by_label("E-mail address").fill(who)
    screen.get_by_role("button", name="Mail me the link").click()
    expect(screen.get_by_role("heading", level=1)).to_have_text("Check your inbox")
    assert_usable(screen, "the answer to it")
    screen.goto(wait_until(lambda: _links(mail, who, "privacy"), "the link")[0])
    expect(screen.get_by_role("main")).to_contain_text(who)
    assert_usable(screen, "what is stored")
    screen.get_by_role("link", name="Erase everything").click()
    expect(screen.get_by_role("button", name="Erase everything")).to_be_visible()
    assert_usable(screen, "the button that erases")
    screen.goto(leave)
    assert_usable(screen, "the page to leave")
    screen.get_by_role("main").get_by_role("button").first.click()
    expect(screen.get_by_text("We will not write to this address again")).to_be_visible()
    assert_usable(screen, "the page of whoever left")


def _links(mail: Path, to: str, room: str) -> list[str]:
    return [link_in(one, room) for one in letters(mail, to) if f"/api/{room}/" in str(one)]


def test_the_owners_desk_is_usable(blog: Server, screen: Page) -> None:
    """The form to sign in, and the desk with a comment that waits and a lead that came."""
    read_post(screen, blog.url)
    fill_comment(comment_form(screen), "Carol", "carol@example.com", f"Well said {uuid.uuid4().hex}" * 3)
    comment_form(screen).get_by_role("button").click()
    form = lead_form(screen)
    fill_lead(form, f"carol.{uuid.uuid4().hex}@a-rather-long-domain-name.example.com", "Carol")
    send_lead(form)
    expect(screen.get_by_text("An e-mail is on its way")).to_be_visible()
    screen.goto(f"{blog.url}/admin/")
    assert_usable(screen, "the form to sign in")
    sit_down(screen, blog.url)
    expect(screen.get_by_role("button", name="Approve").first).to_be_visible()
    assert_usable(screen, "the desk")
    screen.get_by_role("button", name="Sign out").click()


def test_a_letter_in_the_mailbox_is_usable(blog: Server, project: Path, screen: Page) -> None:
    """A letter's text, and how a mail program shows it, which runs nothing."""
    read_post(screen, blog.url)
    form = lead_form(screen)
    fill_lead(form, "alice.letter@example.com", "Alice")
    send_lead(form)
    wait_until(lambda: letters(project / "var" / "mail", "alice.letter"), "the letter")
    screen.goto(f"{blog.url}/dev/mail/")
    screen.get_by_role("listitem").filter(has_text="alice.letter").first.get_by_role("link").click()
    expect(screen.get_by_role("link", name="As a mail program shows it")).to_be_visible()
    assert_usable(screen, "the letter")
    screen.get_by_role("link", name="As a mail program shows it").click()
    expect(screen.get_by_role("link").first).to_be_visible()
