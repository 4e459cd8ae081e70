"""An answer to a comment stays an answer to it, whatever happens on the way."""

from pathlib import Path

import pytest
from machines import POST, Server, fetch_json, letters, link_in, wait_until
from playwright.sync_api import BrowserContext, Page, expect
from walks import approve, comment_form, fill_comment, read_post

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
