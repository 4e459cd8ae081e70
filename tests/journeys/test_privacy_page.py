"""A visitor sees what is stored about her and has it erased, in a real browser, with and without JavaScript."""

import json
from pathlib import Path

import pytest
from machines import POST, Server, fetch, fetch_json, letters, link_in, wait_until
from playwright.sync_api import BrowserContext, Page, expect
from walks import PAPER, approve, comment_form, fill_comment, fill_lead, lead_form, read_post, send_lead

pytestmark = pytest.mark.browser


def mailed(project: Path, to: str, room: str, mark: str = "") -> str:
    """The link into the room, from the newest letter to the address."""

    def look() -> list[str]:
        found = letters(project / "var" / "mail", to)
        return [link_in(one, room) for one in found if f"/api/{room}/" in str(one) and mark in str(one)]

    return wait_until(look, f"a letter to {to} about {room}")[-1]


def reply(page: Page, blog: Server, name: str, address: str, text: str) -> None:
    """Leave a reply below the post, and wait until it is taken."""
    read_post(page, blog.url)
    fill_comment(comment_form(page), name, address, text)
    comment_form(page).get_by_role("button", name="Send").click()
    expect(page.locator(".notice.success:visible")).to_be_visible()


def test_a_visitor_sees_everything_and_erases_it(
    blog: Server, project: Path, visitor: BrowserContext, plain_reader: BrowserContext, scripts: bool
) -> None:
    """From the form to the last button; the page of the post keeps a placeholder, since bob has answered."""
    mark = "scripted" if scripts else "plain"
    name, address, words = f"Alice {mark}", f"alice-{mark}@example.com", f"These are {mark} words."
    page = visitor.new_page()
    read_post(page, blog.url)
    form = lead_form(page)
    fill_lead(form, address, name)
    send_lead(form)
    mailed(project, address, "confirm")
    reply(page, blog, name, address, words)
    approve(plain_reader, mailed(project, "owner@example.com", "moderate", words), words)
    comments = f"{blog.url}/api/comments/{POST}"
    hers = next(one["id"] for one in fetch_json(comments)["comments"] if words in one["html"])
    page.goto(f"{blog.url}/{POST}/?reply={hers}#reply")
    answer = f"An answer to {mark}."
    fill_comment(comment_form(page), "Bob", "bob@example.com", answer)
    comment_form(page).get_by_role("button", name="Send").click()
    expect(page.locator(".notice.success:visible")).to_be_visible()
    approve(plain_reader, mailed(project, "owner@example.com", "moderate", answer), answer)

    page.goto(f"{blog.url}/api/privacy")
    page.get_by_label("E-mail address").fill(address)
    page.get_by_role("button", name="Mail me the link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your inbox")
    page.goto(mailed(project, address, "privacy"))
    main = page.get_by_role("main")
    for told in (name, address, PAPER, words):
        expect(main).to_contain_text(told)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save it as a file").click()
    assert json.loads(download.value.path().read_bytes())["lead"]["name"] == name
    page.get_by_role("link", name="Erase everything").click()
    page.get_by_role("button", name="Erase everything").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything is erased")

    listed = {one["id"]: one for one in fetch_json(comments)["comments"]}
    assert listed[hers]["erased"] is True
    built = wait_until(
        lambda: (
            (body := fetch(f"{blog.url}/{POST}/")[1].decode()) and words not in body and answer in body and body
        ),
        "the page is built without her words",
    )
    assert "This comment was erased by its author." in built
    assert name not in built and name not in str(listed)
    page.goto(mailed(project, address, "privacy"))
    expect(page.get_by_role("main")).to_contain_text("You had everything erased")
