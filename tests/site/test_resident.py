"""The builder that stays: a saved post's own page is shown at once, with the bytes that a build gives it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from project_copy import clean_environment, copy_project

POST = "why-sales-management-does-not-work"


class Resident:
    """The builder of a copy of the project, and its posts."""

    def __init__(self, project: Path) -> None:
        self.project, self.site = project, project / "var" / "site"
        self.path = project / "content" / "articles" / f"{POST}.md"
        self.process = subprocess.Popen(
            [sys.executable, "scripts/build_site.py", "--resident"],
            cwd=project,
            env=clean_environment(LIVE_RELOAD="1"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **question: str) -> Any:
        """The answer, None where the builder has ended."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{json.dumps(question)}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        return json.loads(answer) if answer else None

    def show(self, path: Path | None = None) -> str:
        """What is shown of a saved post."""
        shown: str = self.ask(show=str(path or self.path))["shown"]
        return shown

    def end(self) -> int:
        """Ask nothing any more."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(20)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resident]:
    """A builder that has built once."""
    resident = Resident(copy_project(tmp_path_factory.mktemp("resident") / "project"))
    assert resident.ask(build="")["built"]
    yield resident
    if resident.process.poll() is None:
        resident.end()


@pytest.fixture
def resident(started: Resident) -> Iterator[Resident]:
    """The builder, whose post is afterwards what it was before."""
    before = started.path.read_text()
    yield started
    started.path.write_text(before)
    assert started.ask(build="") == {"built": True, "said": ""}


def tree(site: Path) -> str:
    """Which tree readers see."""
    return os.readlink(site)  # noqa: PTH115 - as it is written


@pytest.mark.parametrize(
    "more",
    [
        "A plain paragraph.",
        "A [link](/about/), `code` and [another post]({filename}coaching-attitude-development.md).",
        "| A | B |\n| --- | --- |\n| 1 | 2 |\n\n```python\nx = 1\n```\n\n<figure>\n</figure>",
        "[whitepaper: coaching-and-motivating-employees-to-perform-better]",
        "\n".join(f"{number} words " * 300 for number in range(3)),
    ],
    ids=["words", "links", "wide content", "an offer", "a longer reading time"],
)
def test_a_saved_post_is_shown_as_a_build_shows_it(resident: Resident, more: str) -> None:
    """The own page has the same bytes before the build and after it, whatever its author has added."""
    page = resident.site / POST / "index.html"
    before = page.read_bytes()
    resident.path.write_text(f"{resident.path.read_text()}\n{more}\n\nThe end.\n")
    assert resident.show() == f"{POST}/index.html"
    shown = page.read_bytes()
    assert resident.ask(build="")["built"]
    assert shown == page.read_bytes() != before


def test_readers_keep_the_page_that_they_are_reading(resident: Resident) -> None:
    """The page is a new file under the old name; the tree stays the one that is seen."""
    page, seen = resident.site / POST / "index.html", tree(resident.site)
    with page.open() as reading:
        resident.path.write_text(f"{resident.path.read_text()}\nOne more line.\n")
        assert resident.show() == f"{POST}/index.html"
        assert "One more line." not in reading.read()
    assert "One more line." in page.read_text() and tree(resident.site) == seen
    assert not (resident.site.with_name(".site.versions") / "own-page").exists()
    assert resident.show() == ""  # it is what it should be


def test_what_only_a_build_can_tell_is_left_to_it(resident: Resident) -> None:
    """Another title, a mistake, a new post and a page that is no post change nothing before the build."""
    page = resident.site / POST / "index.html"
    before, text = page.read_bytes(), resident.path.read_text()
    for changed in (text.replace("title: ", "title: Truly "), f"{text}\n[whitepaper: nobody-wrote-it]\n"):
        assert changed != text
        resident.path.write_text(changed)
        assert resident.show() == ""
    new = resident.path.with_name("a-new-post.md")
    new.write_text(text.replace(POST, "a-new-post"))
    assert resident.show(new) == ""
    new.unlink()
    assert resident.show(resident.project / "content" / "pages" / "about.md") == ""
    assert page.read_bytes() == before


def test_a_mistake_is_told_with_file_and_line(resident: Resident) -> None:
    """A broken post and a broken template are told as the command tells them, and the last good site stays."""
    seen, lines = tree(resident.site), resident.path.read_text().count("\n")
    resident.path.write_text(f"{resident.path.read_text()}\n[whitepaper: nobody-wrote-it]\n")
    answer = resident.ask(build="")
    assert not answer["built"] and f"{POST}.md:{lines + 2}: There is no whitepaper" in answer["said"]
    template = resident.project / "theme" / "templates" / "_comments.html"
    good = template.read_text()
    template.write_text(f"{good}{{% if %}}")
    answer = resident.ask(build="")
    assert not answer["built"] and "whitepaper" in answer["said"]
    resident.path.write_text(resident.path.read_text().replace("[whitepaper: nobody-wrote-it]", ""))
    answer = resident.ask(build="")
    assert not answer["built"] and f"_comments.html:{good.count(chr(10)) + 1}" in answer["said"]
    assert tree(resident.site) == seen
    template.write_text(good)


def test_changed_code_is_never_run_as_it_was(tmp_path: Path) -> None:
    """Once a file of the site's own code is another, the builder ends without an answer."""
    resident = Resident(copy_project(tmp_path / "project"))
    assert resident.ask(build="")["built"]
    code = resident.project / "plugins" / "minify.py"
    code.write_text(f"{code.read_text()}\n")
    assert resident.ask(build="") is None
    assert resident.end() == 0
