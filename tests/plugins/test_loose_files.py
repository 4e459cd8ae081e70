"""No file in content/ is passed over without a word, and none that an editor left behind stops a build."""

from pathlib import Path

import pytest
from small_sites import ALICE, MakeSite, RunPelican, post

from plugins.mistakes import ContentMistakes

PLUGINS = ["pelican.plugins.yaml_metadata", "plugins.front_matter"]
GOOD: dict[str, str | bytes | Path] = {"articles/good.md": post("Good"), "authors/alice-archer.md": ALICE}
LEFT_BEHIND = (".hidden.md", "._good.md", "#good.md", "articles/.good.md.swp", "articles/good.md~", ".old/good.md")
LOCK = Path("alice@example.com.1234:1700000000")


def test_what_editors_and_systems_leave_behind_is_no_post(make_site: MakeSite) -> None:
    """Hidden files, swap files, copies and Emacs's locks, which are links, are neither read nor published."""
    left = {name: post(f"Left {number}") for number, name in enumerate(LEFT_BEHIND)}
    more = {"images/.DS_Store": b"\x00", "images/a.svg": b"<svg/>", "authors/.#alice.md": LOCK, ".#good.md": LOCK}
    output = make_site({**GOOD, **left, **more}, theme="minimal", plugins=PLUGINS)
    assert (output / "good/index.html").exists() and (output / "images/a.svg").exists()
    assert not list(output.glob("left-*")) and not (output / "images/.DS_Store").exists()


@pytest.mark.parametrize("name", ["articles/gone.md", "pages/gone.md", "authors/gone.md", "whitepapers/gone.md"])
def test_a_link_that_leads_nowhere_is_told(make_site: MakeSite, name: str) -> None:
    """A file that cannot be read is a mistake like any other, not a traceback."""
    with pytest.raises(ContentMistakes) as told:
        make_site({**GOOD, name: Path("nowhere.md")}, theme="minimal", plugins=PLUGINS)
    [mistake] = told.value.mistakes
    assert mistake.path.endswith(name) and mistake.line == 1
    assert mistake.text.startswith("The file is a link that leads to no file: No such file or directory.")


@pytest.mark.parametrize("name", ["articles/b.MD", "pages/b.Md", "whitepapers/b.MD"])
def test_a_post_whose_ending_is_in_capitals_is_told(make_site: MakeSite, name: str) -> None:
    """Its author thinks that it is published."""
    with pytest.raises(ContentMistakes, match=rf"{name}:1: The name ends in \.M.*Rename it b\.md\."):
        make_site({**GOOD, name: post("B")}, theme="minimal", plugins=PLUGINS)


def test_a_file_that_nothing_links_to_is_told_and_an_attachment_is_not(run_pelican: RunPelican) -> None:
    """One line a file, and the site is built."""
    files: dict[str, str | bytes | Path] = {
        "articles/good.md": post("Good", body="[x]({attach}notes.txt) ![A plan]({attach}the%20plan.svg)"),
        "articles/notes.txt": "Notes.",
        "articles/the plan.svg": "<svg/>",
        "articles/my-post.txt": post("My Post"),
        "authors/alice-archer.md": ALICE,
    }
    done = run_pelican(files)
    assert done.returncode == 0, done.stdout + done.stderr
    [said] = done.stderr.splitlines()
    assert said.endswith(
        "/content/articles/my-post.txt:1: Note: This is not published: no post links to it, "
        "and its name does not end in .md as a post's does."
    )


def test_what_waits_is_said_in_one_line(run_pelican: RunPelican) -> None:
    """Drafts and the next date to come are told at the end of a build, so that nobody looks for them."""
    files: dict[str, str | bytes | Path] = {
        **GOOD,
        "a.md": post("A", more="status: draft\n"),
        "b.md": post("B", "2999-02-01"),
        "c.md": post("C", "2999-01-01 09:00"),
        "d.md": post("D", "2999-01-01", more="status: draft\n"),
    }
    done = run_pelican(files)
    assert done.stderr == "Not public yet: 2 drafts; 2 posts wait, the next one for January 1, 2999.\n"
    del files["b.md"], files["d.md"]
    assert run_pelican(files).stderr == "Not public yet: 1 draft; 1 post waits for January 1, 2999.\n"
