"""The main job on one machine, as `make serve` runs it: with JavaScript, and without."""

import re
import sqlite3
import uuid
from contextlib import closing
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlencode

import pytest
from machines import POST, WHITEPAPER, Server, fetch, fetch_json, letters, link_in, wait_until
from playwright.sync_api import Browser, BrowserContext, expect
from walks import (
    TITLE,
    Watched,
    approve,
    comment_form,
    confirm_and_download,
    fill_comment,
    fill_lead,
    lead_form,
    read_post,
    send_lead,
    sit_down,
    thanks_url,
)

pytestmark = pytest.mark.browser


def somebody(name: str) -> str:
    """An address that no other test uses."""
    return f"{name}.{uuid.uuid4().hex[:8]}@example.com"


def test_a_visitor_reads_asks_and_gets_the_paper(blog: Server, visitor: BrowserContext, scripts: bool) -> None:
    """From the post over "Click me", the letter and the button to the PDF; nobody else is told, nothing is set."""
    page, alice = visitor.new_page(), somebody("alice")
    watched = Watched(blog.url)
    watched.watch(page)
    read_post(page, blog.url)
    form = lead_form(page)
    fill_lead(form, alice, "Alice")
    send_lead(form)
    if scripts:
        expect(page.get_by_text("An e-mail is on its way")).to_be_visible()
        assert page.url == f"{blog.url}/{POST}/"
    else:
        page.wait_for_url(thanks_url(blog.url))

    page.goto(f"{blog.url}/dev/mail/")
    entry = page.get_by_role("listitem").filter(has_text=alice)

    def letter_is_there() -> bool:
        page.reload()
        return entry.count() == 1

    wait_until(letter_is_there, "the letter is in the mailbox")
    entry.get_by_role("link").click()
    page.locator('a[href*="/api/confirm/"]').click()
    assert page.url.startswith(f"{blog.url}/api/confirm/")
    confirm_and_download(page)
    assert watched.strangers == []
    assert watched.complaints == []
    assert visitor.cookies() == []


def test_a_confirmed_visitor_gets_the_next_letter_with_the_file(
    blog: Server, project: Path, plain_reader: BrowserContext
) -> None:
    """Whoever has confirmed an address is mailed the download at once."""
    page, bob = plain_reader.new_page(), somebody("bob")
    mail = project / "var" / "mail"
    for number in (1, 2):
        page.goto(f"{blog.url}/whitepapers/coaching-and-motivating-employees-to-perform-better/")
        form = page.locator('form[action$="/api/leads"]')
        if number == 2:  # from another page: another press, not the same one again
            page.goto(f"{blog.url}/{POST}/")
            form = lead_form(page)
        fill_lead(form, bob, "Bob")
        send_lead(form)
        page.wait_for_url(thanks_url(blog.url))
        found = wait_until(lambda skip=number - 1: letters(mail, bob)[skip:], f"letter {number}")
        if number == 1:
            page.goto(link_in(found[0], "confirm"))
            confirm_and_download(page)
        else:
            status, body = fetch(link_in(found[0], "downloads"))
            assert status == 200 and body.startswith(b"%PDF-")


def test_a_reply_is_approved_and_becomes_part_of_the_page(
    blog: Server, project: Path, visitor: BrowserContext, scripts: bool, plain_reader: BrowserContext
) -> None:
    """Sent, mailed to the owner, approved there, and within seconds in the page's HTML and in the API."""
    page, bob = visitor.new_page(), somebody("bob")
    text = f"Well *said* {uuid.uuid4().hex}"
    read_post(page, blog.url)
    form = comment_form(page)
    fill_comment(form, "Bob <b>", bob, text)
    form.get_by_role("button").click()
    expect(page.locator(".notice.success:visible")).to_be_visible()
    if not scripts:
        assert page.url == f"{blog.url}/{POST}/#comment-received"
    mark = text.rpartition(" ")[2]
    assert mark not in fetch(f"{blog.url}/{POST}/")[1].decode()

    def asked() -> list[str]:
        waiting = letters(project / "var" / "mail", "owner@example.com")
        return [link_in(letter, "moderate") for letter in waiting if mark in str(letter)]

    approve(plain_reader, wait_until(asked, "the owner is asked")[0], "Bob <b>")
    shown = fetch_json(f"{blog.url}/api/comments/{POST}")
    assert [comment["name"] for comment in shown["comments"] if mark in comment["html"]] == ["Bob <b>"]
    baked = wait_until(
        lambda: (body := fetch(f"{blog.url}/{POST}/")[1].decode()) and mark in body and body, "the page is rebuilt"
    )
    assert f"Well <em>said</em> {mark}" in baked
    assert "Bob &lt;b" in baked and bob not in baked
    reader = plain_reader.new_page()
    read_post(reader, blog.url)
    expect(reader.locator("#comments")).to_contain_text(mark)


def test_the_owner_works_at_the_desk(blog: Server, plain_reader: BrowserContext) -> None:
    """Signed in by the mailed link, without JavaScript: a reply is approved, a lead is seen, and out again."""
    page, bob, mark = plain_reader.new_page(), somebody("bob"), uuid.uuid4().hex
    read_post(page, blog.url)
    fill_comment(comment_form(page), "Bob", bob, f"Well said {mark}")
    comment_form(page).get_by_role("button").click()
    read_post(page, blog.url)
    form = lead_form(page)
    fill_lead(form, bob, "Bob")
    send_lead(form)
    sit_down(page, blog.url)
    expect(page.get_by_role("listitem").filter(has_text=bob)).to_contain_text(TITLE)
    waiting = page.get_by_role("article").filter(has_text=mark).last
    waiting.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("main")).to_contain_text("The comment is approved.")
    page.get_by_role("link", name="the owner’s desk").click()
    expect(page.get_by_role("main")).not_to_contain_text(mark)
    assert mark in str(fetch_json(f"{blog.url}/api/comments/{POST}"))
    [cookie] = plain_reader.cookies()
    assert (cookie["name"], cookie["path"], cookie["httpOnly"]) == ("desk", "/admin", True)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Mail me the link")).to_be_visible()
    assert plain_reader.cookies() == []


def test_what_is_wrong_is_said_and_what_was_typed_stays(
    blog: Server, visitor: BrowserContext, scripts: bool
) -> None:
    """An address that cannot be one is refused beside its field, tied to it, with every value still there."""
    page = visitor.new_page()
    read_post(page, blog.url)
    form = lead_form(page)
    fill_lead(form, "alice@invalid", "Alice O’Hara")
    form.get_by_label("Company").fill("Fish & Chips")
    form.get_by_role("checkbox").check()
    form.evaluate("form => { form.noValidate = true }")  # the browser's own check is not ours to rely on
    send_lead(form)
    refused = page.locator('form:has(input[name="marketing_consent"])')
    field = refused.get_by_label("E-mail address")
    expect(field).to_have_attribute("aria-invalid", "true")
    described = (field.get_attribute("aria-describedby") or "").split()
    texts = [page.locator(f'[id="{name}"]').inner_text() for name in described]
    assert any("e-mail" in text.lower() for text in texts), texts
    expect(field).to_have_value("alice@invalid")
    expect(refused.get_by_label("Name", exact=True)).to_have_value("Alice O’Hara")
    expect(refused.get_by_label("Company")).to_have_value("Fish & Chips")
    expect(refused.get_by_role("checkbox")).to_be_checked()
    field.fill(somebody("alice"))
    refused.get_by_role("button").click()
    if scripts:
        expect(page.get_by_text("An e-mail is on its way")).to_be_visible()
    else:
        page.wait_for_url(thanks_url(blog.url))


def test_a_refused_reply_keeps_its_text(blog: Server, visitor: BrowserContext) -> None:
    """A reply that is too long comes back whole, with the reason."""
    page = visitor.new_page()
    read_post(page, blog.url)
    form = comment_form(page)
    text = "Too much. " * 401
    fill_comment(form, "Bob", somebody("bob"), text)
    form.get_by_role("button").click()
    field = page.locator('textarea[name="body"]')
    expect(field).to_have_attribute("aria-invalid", "true")
    assert field.input_value().strip() == text.strip()
    expect(page.locator('form:has(textarea[name="body"]) input[name="name"]')).to_have_value("Bob")


def test_a_scanner_that_runs_scripts_and_presses_nothing_changes_nothing(
    blog: Server, project: Path, browser: Browser
) -> None:
    """It opens every link of every letter in Chromium and leaves: all is as it was, and the button works."""
    mail, alice = project / "var" / "mail", somebody("alice.scanned")
    form = {"email": alice, "name": "Alice", "whitepaper": WHITEPAPER, "post": POST, "marketing_consent": "yes"}
    comment = {"post": POST, "name": "Alice", "email": alice, "body": f"Said by {alice}"}
    for door, fields in (("leads", form), ("comments", comment)):
        assert fetch(f"{blog.url}/api/{door}", urlencode(fields).encode())[0] == 200
    wait_until(lambda: letters(mail, alice), "the letter")

    def about() -> list[EmailMessage]:
        return letters(mail, alice) + [one for one in letters(mail, "owner@example.com") if alice in str(one)]

    found = wait_until(lambda: about() if len(about()) >= 3 else None, "the owner's letters")
    links = {link for one in found for link in re.findall(rf"{re.escape(blog.url)}/(?:api|admin)/\S+", _text(one))}
    assert {link.split("/")[4] for link in links} >= {"confirm", "unsubscribe", "moderate"}
    before = _stored(project)
    with browser.new_context(user_agent="Mozilla/5.0 (scanner)") as scanner:
        page = scanner.new_page()
        for link in sorted(links):
            page.goto(link)
            page.wait_for_load_state("networkidle")
    assert _stored(project) == before
    with browser.new_context() as reader:
        page = reader.new_page()
        page.goto(link_in(letters(mail, alice)[0], "confirm"))
        confirm_and_download(page)
    assert _stored(project) != before


def _text(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def _stored(project: Path) -> list[str]:
    """All that the database holds but the outbox and the counts, which go on by themselves."""
    with closing(sqlite3.connect(f"file:{project}/var/leadapi.sqlite3?mode=ro", uri=True)) as database:
        named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('outbox', 'rate_limits')"
        names = [name for (name,) in database.execute(named)]
        return [f"{name} {row}" for name in sorted(names) for row in database.execute(f'SELECT * FROM "{name}"')]
