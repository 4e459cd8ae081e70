"""`make serve`: starts, says where things are, builds what is saved, reloads what is open, stops cleanly."""

import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from machines import POST, Server, fetch, free_port, keys, make_serve, wait_until
from playwright.sync_api import Browser, expect
from project_copy import ROOT, clean_environment, copy_project, write_post
from walks import Watched, read_post


def test_it_says_where_things_are_and_stops_cleanly(project: Path, blog: Server) -> None:
    """The addresses of blog, desk and mailbox are printed; Ctrl-C ends it in a moment, without a traceback."""
    said = blog.log.read_text()
    for place in ("/", "/admin/", "/dev/mail/"):
        assert f"  {blog.url}{place}" in said, said
    began = time.monotonic()
    blog.stop()
    assert time.monotonic() - began < 5
    said = blog.log.read_text()
    assert said.count("Building the site") == 1, said  # no comment is approved: the first build lacks nothing
    assert "Warning" not in said and "Done" not in said, said  # the service cannot be asked yet, which is no news
    assert "Traceback" not in said and "CancelledError" not in said, said
    assert fetch(blog.url)[0] == 0
    assert any(
        start_without_build(blog) < 3 for _ in range(3)
    )  # the other tests of a busy machine have their turn


def start_without_build(blog: Server) -> float:
    """Seconds that a start takes beside its build; the server runs afterwards."""
    blog.stop()
    began = time.monotonic()
    blog.start()
    took = time.monotonic() - began
    build = re.findall(r"built in ([0-9.]+) s", blog.log.read_text())[-1]
    return took - float(build)


def test_the_port_can_be_chosen_and_a_taken_one_is_told(project: Path, blog: Server) -> None:
    """A second server on the same port ends with a sentence that names the port."""
    second = make_serve(project)
    second.command = blog.command
    second.log = project / "second.log"
    second.url = "http://127.0.0.1:9"  # never answers: only the end of the process is awaited
    with pytest.raises(AssertionError, match="The server has ended"):
        second.start()
    said = second.log.read_text()
    assert blog.url.rpartition(":")[2] in said and "Traceback" not in said


def test_ctrl_c_while_it_starts_says_nothing(tmp_path: Path) -> None:
    """Whoever stops the service while Python still reads its packages sees no traceback."""
    (tmp_path / "uvicorn.py").write_text("print('reading', flush=True)\nwhile True: pass\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "leadapi", "serve"],
        cwd=ROOT,
        env=clean_environment(PYTHONPATH=str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "reading\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 130


@pytest.mark.browser
def test_an_open_page_reloads_when_a_post_is_saved(tmp_path: Path, browser: Browser) -> None:
    """A saved post is built and shown without a hand; so is a saved template; a mistake is shown and then gone.

    The author turns to the editor once: a page that has loaded itself again goes on listening.
    """
    project = copy_project(tmp_path / "project")
    blog = make_serve(project).start()
    context = browser.new_context()
    try:
        page = context.new_page()
        read_post(page, blog.url)
        page.evaluate("dispatchEvent(new Event('blur'))")  # the author turns to the editor
        path = project / "content" / "articles" / f"{POST}.md"
        text = path.read_text()
        path.write_text(text.replace("At half past four", "At a quarter to five"))
        expect(page.locator(".prose").first).to_contain_text("At a quarter to five", timeout=20_000)

        template = project / "theme" / "templates" / "_comments.html"
        template.write_text(template.read_text().replace("Leave a Reply", "Say something"))
        expect(page.get_by_role("heading", name="Say something")).to_be_visible(timeout=8_000)

        broken = write_post(project, "a-broken-post", "[whitepaper: nobody-wrote-it]")
        expect(page.get_by_role("alert")).to_contain_text("a-broken-post.md:11", timeout=8_000)
        broken.unlink()
        wait_until(lambda: page.get_by_role("alert").count() == 0 or None, "the mistake is gone")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    finally:
        context.close()
        blog.stop()
    assert "Traceback" not in blog.log.read_text()


def test_a_saved_post_is_served_and_no_builder_outlives_the_service(tmp_path: Path) -> None:
    """The words are there before the build that follows has ended; once the service ends, nothing of it runs."""
    project = copy_project(tmp_path / "project")
    blog = make_serve(project).start()
    try:
        path, saves = project / "content" / "articles" / f"{POST}.md", 0
        text = path.read_text()

        def is_watched() -> bool:
            nonlocal saves
            if saves % 40 == 0:  # nothing says when the watch has begun
                path.write_text(f"{text}\nSaved {saves} times.\n")
            saves += 1
            return blog.log.read_text().count("The site was built in") > 1

        wait_until(is_watched, "a save is noticed")
        builds = blog.log.read_text().count("The site was built in")
        path.write_text(f"{text}\nAt once.\n")
        wait_until(lambda: b"At once." in fetch(f"{blog.url}/{POST}/")[1], "the saved words are served")
        assert len(processes_in(project)) >= 3  # the service, the builder, and the last build
        wait_until(lambda: blog.log.read_text().count("The site was built in") > builds, "the site is built")
        assert b"At once." in fetch(f"{blog.url}/{POST}/")[1]
    finally:
        blog.stop()
    wait_until(lambda: not processes_in(project), "all have ended")


def processes_in(folder: Path) -> list[str]:
    """The processes whose current folder it is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == folder:
                found.append(process.name)
    return found


@pytest.mark.browser
def test_the_open_line_does_not_count_for_the_page(blog: Server, browser: Browser) -> None:
    """A page that is only read asks for itself, its script and nothing else in its first seconds."""
    context = browser.new_context()
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    watched = Watched(blog.url)
    watched.watch(page)
    read_post(page, blog.url)
    page.wait_for_load_state("networkidle")
    context.close()
    assert len([url for url in asked if "favicon" not in url and not url.startswith("data:")]) <= 3, asked
    assert watched.complaints == []


def test_the_mailbox_is_not_there_in_production(project: Path, blog: Server) -> None:
    """Letters are nobody's business but the receiver's: outside development /dev/ does not exist."""
    home, port = project / "production", free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "LEADAPI_SITE_URL": url,
        "LEADAPI_SITE_DIR": str(project / "var" / "site"),
        "LEADAPI_VAR_DIR": str(home),
        "LEADAPI_DATABASE_URL": f"sqlite:///{home}/leadapi.sqlite3",
        "LEADAPI_MAIL_URL": f"file://{home}/mail",
        "LEADAPI_MAIL_FROM": "blog@example.com",
        "LEADAPI_OWNER_EMAIL": "owner@example.com",
        **keys(),
    }
    home.mkdir()
    service = [sys.executable, "-m", "leadapi"]
    subprocess.run([*service, "migrate"], cwd=project, env=clean_environment(**environment), check=True)
    server = Server([*service, "serve", "--port", str(port)], project, url, **environment).start()
    try:
        assert [fetch(url + path)[0] for path in ("/dev/mail/", "/dev/reload?age=1")] == [404, 404]
        assert fetch(f"{url}/{POST}/")[0] == 200
    finally:
        server.stop()
