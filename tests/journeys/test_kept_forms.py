"""What was typed into a form stays, and an answer to a comment stays one, whatever happens on the way."""

from pathlib import Path

import pytest
from machines import POST, Server, fetch_json, letters, link_in, wait_until
from playwright.sync_api import BrowserContext, Page, expect
from walks import PAPER, approve, comment_form, fill_comment, fill_lead, lead_form, read_post, send_lead

pytestmark = pytest.mark.browser


def leave(page: Page, blog: Server, mark: str) -> None:
    """Bob replies with the mark in his text."""
    read_post(page, blog.url)
    fill_comment(comment_form(page), f"Bob {mark}", "bob@example.com", f"This is {mark}.")
    comment_form(page).get_by_role("button", name="Send").click()
    expect(page.locator(".notice.success:visible")).to_be_visible()


def let_through(project: Path, owner: BrowserContext, mark: str) -> None:
    """The owner approves the comment with the mark."""

    def asked() -> list[str]:
        waiting = letters(project / "var" / "mail", "owner@example.com")
        return [link_in(letter, "moderate") for letter in waiting if mark in str(letter)]

    approve(owner, wait_until(asked, "the owner is asked")[0], mark)


def test_an_answer_survives_a_failed_send_and_a_reload(
    blog: Server, project: Path, reader: BrowserContext, plain_reader: BrowserContext
) -> None:
    """The comment that is answered is kept with the text and named again after the reload."""
    page = reader.new_page()
    leave(page, blog, "number-one")
    let_through(project, plain_reader, "number-one")
    read_post(page, blog.url)
    comment_form(page).scroll_into_view_if_needed()  # newer than the page: the script adds it
    page.get_by_role("link", name="Reply to Bob number-one").click()
    answering = page.locator("#reply").get_by_text("You are replying to Bob number-one.")
    expect(answering).to_be_visible()
    fill_comment(comment_form(page), "Alice", "alice@example.com", "This is number-two.")
    blog.stop()
    comment_form(page).get_by_role("button", name="Send").click()
    expect(comment_form(page).get_by_role("alert")).to_contain_text("Nothing was sent")
    blog.start()
    page.reload()
    expect(comment_form(page).get_by_label("Reply", exact=True)).to_have_value("This is number-two.")
    comment_form(page).scroll_into_view_if_needed()
    expect(answering).to_be_visible()
    comment_form(page).get_by_role("button", name="Send").click()
    expect(page.locator(".notice.success:visible")).to_be_visible()
    let_through(project, plain_reader, "number-two")
    first, second = fetch_json(f"{blog.url}/api/comments/{POST}")["comments"]
    assert second["parent"] == first["id"]
    page.reload()
    expect(comment_form(page).get_by_label("Reply", exact=True)).to_have_value("")
    expect(page.locator("#reply").get_by_text("You are replying to")).to_be_hidden()


def test_an_answer_that_is_taken_back_stays_taken_back(
    blog: Server, project: Path, reader: BrowserContext, plain_reader: BrowserContext
) -> None:
    """Whoever chooses to answer the post instead does so after a reload too; what was typed is still there."""
    page = reader.new_page()
    leave(page, blog, "number-three")
    let_through(project, plain_reader, "number-three")
    read_post(page, blog.url)
    comment_form(page).scroll_into_view_if_needed()
    page.get_by_role("link", name="Reply to Bob number-three").click()
    fill_comment(comment_form(page), "Alice", "alice@example.com", "This is number-four.")
    page.get_by_role("button", name="Reply to the post instead").click()
    page.reload()
    expect(comment_form(page).get_by_label("Reply", exact=True)).to_have_value("This is number-four.")
    expect(page.locator("#reply").get_by_text("You are replying to")).to_be_hidden()
    expect(comment_form(page).locator('input[name="parent"]')).to_have_value("")


def test_a_form_says_that_nothing_was_sent_and_sends_it_later(
    blog: Server, project: Path, reader: BrowserContext
) -> None:
    """With the service gone, what was typed stays, over a reload too; sent again it is one submission."""
    page, alice = reader.new_page(), "alice@example.com"
    read_post(page, blog.url)
    form = lead_form(page)
    fill_lead(form, alice, "Alice")
    blog.stop()
    try:
        send_lead(form)
        expect(form.get_by_role("alert")).to_contain_text("Nothing was sent")
        expect(form.get_by_label("E-mail address")).to_have_value(alice)
    finally:
        blog.start()
    page.reload()
    form = page.locator('form[action$="/api/leads"]')
    expect(form.get_by_label("E-mail address")).to_have_value(alice)
    expect(form.get_by_label("Name", exact=True)).to_have_value("Alice")
    with page.expect_request("**/api/leads") as request:
        send_lead(form)
    assert "submission_id=" in (request.value.post_data or "")
    expect(page.get_by_text("An e-mail is on its way")).to_be_visible()
    found = wait_until(lambda: letters(project / "var" / "mail", alice), "the letter")
    assert len(found) == 1 and PAPER in str(found[0].get_body(("plain",)))
