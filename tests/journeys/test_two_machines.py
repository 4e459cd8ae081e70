"""The main job on two machines: a static site behind its proxy, and leadapi elsewhere, which then is stopped."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from fronts import netlify, nginx
from machines import POST, Server, fetch, free_port, letters, link_in, service_elsewhere, wait_until
from needed import needed
from playwright.sync_api import BrowserContext, expect
from project_copy import clean_environment, copy_project
from served import Served
from walks import (
    Watched,
    approve,
    comment_form,
    confirm_and_download,
    fill_comment,
    fill_lead,
    lead_form,
    read_post,
    send_lead,
    thanks_url,
)

from leadapi.guards import PLAIN_HEADERS

pytestmark = pytest.mark.browser


@dataclass
class TwoMachines:
    """The site's address, the service, and its letters."""

    url: str
    service: Server
    mail: Path


class Builder(Served):
    """The build server: publishes when its hook is called, as Netlify does."""

    def __init__(self, project: Path, output: Path, site_url: str) -> None:
        self.project, self.output, self.site_url = project, output, site_url
        self.service_url = ""
        builder = self

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                builder.publish()

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        super().__init__(Hook)
        self.hook_url = f"{self.origin}/"

    def publish(self) -> None:
        """`make publish` with the addresses of both machines."""
        environment = clean_environment(
            SITE_URL=self.site_url,
            COMMENTS_URL=f"{self.service_url}/api/comments",
            VAR_DIR=str(self.project / "builder"),
            LEADAPI_WHITEPAPER_DIR=str(self.project / "elsewhere" / "whitepapers"),
        )
        command = [sys.executable, "scripts/build_site.py", "--publish", "--site", str(self.output)]
        done = subprocess.run(
            command, cwd=self.project, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


FRONTS = ["netlify", "nginx"] if os.environ.get("TEST_COUNTS") == "full" else ["netlify"]


@pytest.fixture(scope="module", params=FRONTS)
def two(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoMachines]:
    """Both machines, up."""
    if request.param == "nginx":
        needed("nginx", package="nginx-light")
    home = tmp_path_factory.mktemp(request.param)
    project, port = copy_project(home / "project"), free_port()
    url, output = f"http://127.0.0.1:{port}", home / "output"
    with ExitStack() as stack:
        builder = stack.enter_context(Builder(project, output, url))
        service = service_elsewhere(project, url, builder.hook_url)
        builder.service_url = service.url
        builder.publish()
        if request.param == "nginx":
            stack.enter_context(nginx(port, output, service.url, home / "nginx"))
        else:
            stack.enter_context(netlify(port, output, service.url))
        service.start()
        stack.callback(service.stop)
        yield TwoMachines(url, service, project / "elsewhere" / "mail")


def test_the_whole_journey_and_reading_when_the_service_is_gone(
    two: TwoMachines, visitor: BrowserContext, scripts: bool, plain_reader: BrowserContext
) -> None:
    """Asked, confirmed, downloaded, replied, approved, built; then leadapi stops, and reading goes on."""
    page, watched = visitor.new_page(), Watched(two.url)
    watched.watch(page)
    who = f"alice.{'script' if scripts else 'plain'}@example.com"

    read_post(page, two.url)
    form = lead_form(page)
    fill_lead(form, who, "Alice")
    send_lead(form)
    if scripts:
        expect(page.get_by_text("An e-mail is on its way")).to_be_visible()
    else:
        page.wait_for_url(thanks_url(two.url))
    letter = wait_until(lambda: letters(two.mail, who), "the letter")[0]
    link = link_in(letter, "confirm")
    assert link.startswith(two.url)
    page.goto(link)
    confirm_and_download(page)

    read_post(page, two.url)
    mark = f"remarkable-{'script' if scripts else 'plain'}"
    form = comment_form(page)
    fill_comment(form, "Alice", who, f"This is {mark}.")
    form.get_by_role("button").click()
    expect(page.locator(".notice.success:visible")).to_be_visible()

    def asked() -> list[str]:
        return [link_in(one, "moderate") for one in letters(two.mail, "owner@example.com") if mark in str(one)]

    approve(plain_reader, wait_until(asked, "the owner is asked")[0], mark)
    wait_until(lambda: mark in fetch(f"{two.url}/{POST}/")[1].decode(), "the site is built with the reply")

    read_post(page, two.url)
    two.service.stop()
    try:
        reader = visitor.new_page()
        watched_reader = Watched(two.url)
        watched_reader.watch(reader)
        read_post(reader, two.url)
        expect(reader.locator("#comments")).to_contain_text(mark)
        form = lead_form(page)
        fill_lead(form, "bob@example.com", "Bob")
        send_lead(form)
        if scripts:
            expect(form.get_by_role("alert")).to_contain_text("Nothing was sent")
        else:
            expect(page.get_by_role("heading", level=1)).to_have_text("Nothing was sent")
            expect(page.get_by_role("banner")).to_be_visible()  # it is a page of the blog
            page.go_back()
            form = page.locator('form[action$="/api/leads"]')
        expect(form.get_by_label("E-mail address")).to_have_value("bob@example.com")
        assert watched.strangers == watched_reader.strangers == []
    finally:
        two.service.start()
    if scripts:
        send_lead(form)
        expect(page.get_by_text("An e-mail is on its way")).to_be_visible()
        wait_until(lambda: letters(two.mail, "bob@example.com"), "the letter after all")


def test_both_machines_send_the_same_headers(two: TwoMachines) -> None:
    """The site's front and the service protect a reader alike."""
    names = [*PLAIN_HEADERS, "Content-Security-Policy"]
    answers = []
    urllib.request.urlopen(f"{two.url}/api/comments/{POST}").close()  # the service has seen the site then
    for path in ("/", f"/{POST}/", "/api/comments"):
        with urllib.request.urlopen(two.url + path) as answer:
            answers.append({name: answer.headers.get_all(name) for name in names})
    assert answers[0] == answers[1] == answers[2]
    assert all(values and len(values) == 1 for values in answers[0].values())
