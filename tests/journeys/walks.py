"""The steps of the journeys, as a visitor takes them in a browser."""

import io
from dataclasses import dataclass, field

import pypdf
from machines import POST, WHITEPAPER, wait_until
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, expect

TITLE = "Why Sales Management Does NOT Work"
PAPER = "Coaching and Motivating Employees to Perform Better"


@dataclass
class Watched:
    """What a reader's browser did that he did not ask for."""

    origin: str
    strangers: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Note requests to other hosts, and everything that the console complains about."""
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.strangers.append(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


def read_post(page: Page, url: str) -> None:
    """Open the post and find it whole."""
    page.goto(f"{url}/{POST}/")
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)


def lead_form(page: Page) -> Locator:
    """Press "Click me"; the form that opens where it stands."""
    form = page.locator('form[action$="/api/leads"]')
    expect(form).not_to_be_visible()
    page.get_by_text("Click me", exact=True).click()
    expect(form).to_be_visible()
    return form


def fill_lead(form: Locator, address: str, name: str) -> None:
    """Type into the form; the consent box stays as it is."""
    form.get_by_label("E-mail address").fill(address)
    form.get_by_label("Name", exact=True).fill(name)
    expect(form.get_by_role("checkbox")).not_to_be_checked()


def send_lead(form: Locator) -> None:
    """Press the form's button."""
    form.get_by_role("button").click()


def confirm_and_download(page: Page) -> bytes:
    """On the page that the letter's link has opened: press the button, and take the PDF."""
    expect(page.get_by_role("main")).to_contain_text(PAPER)
    page.get_by_role("button", name="Confirm").click()
    link = page.get_by_role("link", name="Download")
    with page.expect_download() as download:
        link.click()
    data = download.value.path().read_bytes()
    assert data.startswith(b"%PDF-")
    paper = pypdf.PdfReader(io.BytesIO(data))
    assert len(paper.pages) >= 6
    assert paper.metadata is not None and paper.metadata.title == PAPER
    return data


def comment_form(page: Page) -> Locator:
    """The form below the post."""
    return page.locator('form[action$="/api/comments"]')


def fill_comment(form: Locator, name: str, address: str, text: str) -> None:
    """Type a reply."""
    form.get_by_label("Name", exact=True).fill(name)
    form.get_by_label("E-mail address").fill(address)
    form.get_by_label("Reply", exact=True).fill(text)


def approve(context: BrowserContext, link: str, text: str) -> None:
    """The owner opens the mailed link, reads the comment, and presses the button."""
    page = context.new_page()
    page.goto(link)
    expect(page.get_by_role("main")).to_contain_text(text)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("main")).to_contain_text("approved")
    page.close()


def sit_down(page: Page, url: str) -> None:
    """The owner asks for the link, finds it in the mailbox, and presses the button."""
    page.goto(f"{url}/admin/")
    page.get_by_role("button", name="Mail me the link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your inbox")
    page.goto(f"{url}/dev/mail/")
    letter = page.get_by_role("link", name="Sign in to").first

    def letter_is_there() -> bool:
        page.reload()
        return letter.count() == 1

    wait_until(letter_is_there, "the letter is in the mailbox")
    letter.click()
    page.locator('a[href*="/admin/sign-in/"]').click()
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/admin/")


def thanks_url(url: str) -> str:
    """Where a browser lands after the form was sent without JavaScript."""
    return f"{url}/whitepapers/{WHITEPAPER}/thanks/"
