"""One run names every broken post among a thousand good ones, and no other; then it is decided."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from broken_posts import BESIDE, BOTH, ERRORS, KINDS, WARNINGS, body, good_post
from small_sites import ALICE, ROOT, MakeSite, RunPelican, post, write_files

from plugins.mistakes import ContentMistakes

GOOD = 1000
SECONDS = 3.0
"""That a check of all posts takes when they were read once before."""


def told_by(output: str) -> Iterator[tuple[str, int, str]]:
    """Yield file below content/, line and text of each finding in a command's output."""
    for line in output.splitlines():
        where, colon, text = line.partition(": ")
        path, _, number = where.rpartition(":")
        if colon and number.isdigit():
            yield path.partition("/content/")[2], int(number), text


def named(text: str | bytes, kind: str) -> str | bytes:
    """A broken post with a title, and so an address, of its own."""
    return text.replace("Broken", f"The {kind}") if isinstance(text, str) else text


def run_check(folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """Check `folder/content` as `make check` does, with its own store; returns the process and its seconds.

    Where others use the machine, they are the seconds of the processor.
    """
    command = [sys.executable, "-m", "plugins.authors_check", "--content", str(folder / "content"), *arguments]
    settings = folder / "settings.py"
    settings.write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom pelicanconf import *\n"
        f"CACHE_PATH = {str(folder / 'cache')!r}\n"
        f"THEME = {str(ROOT / 'theme')!r}\nPLUGIN_PATHS = [{str(ROOT)!r}]\n"
    )
    environment = {**os.environ, "VAR_DIR": str(folder / "var")}
    command += ["--settings", str(settings)]
    before, begun = os.times(), time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    after, wall = os.times(), time.monotonic() - begun
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return done, min(wall, cpu)


def test_each_broken_post_among_a_thousand_is_named_in_one_run(tmp_path: Path) -> None:
    """Each kind is told once, with its line and how to mend it; none hides another; again it takes under 3 s."""
    files = {**BESIDE, **{f"p{number}.md": good_post(number, GOOD) for number in range(GOOD)}}
    broken = {**KINDS, **BOTH}
    files |= {f"broken/{kind}.md": named(one.text, kind) for kind, one in broken.items()}
    write_files(tmp_path / "content", files)
    done, _ = run_check(tmp_path, "--strict")
    again, seconds = run_check(tmp_path, "--strict")
    assert done.returncode == again.returncode == 1
    assert done.stderr.splitlines()[-1] == again.stderr.splitlines()[-1]
    found = sorted(told_by(again.stderr))
    assert sorted(told_by(done.stderr)) == found
    for kind, one in KINDS.items():
        [(_, line, text)] = [finding for finding in found if finding[0] == f"broken/{kind}.md"]
        assert line == one.line, (kind, text)
        assert one.told in text, kind
    assert [line for path, line, _ in found if path == "broken/two-in-one.md"] == [3, 11, 13]
    assert {path for path, _, _ in found} == {f"broken/{kind}.md" for kind in broken}
    assert not (tmp_path / "output").exists()
    assert seconds < SECONDS, f"The second check took {seconds:.2f} s."


def test_good_posts_pass(tmp_path: Path) -> None:
    """The check ends well and says nothing."""
    write_files(tmp_path / "content", {**BESIDE, **{f"p{n}.md": good_post(n, 40) for n in range(40)}})
    done, _ = run_check(tmp_path, "--strict")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", WARNINGS)
def test_a_warning_stops_a_strict_site_alone(
    make_site: MakeSite, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    """A folder of posts that asks for no strictness is built, and each warning is told in one line."""
    files = {**BESIDE, **{f"p{n}.md": good_post(n, 8) for n in range(8)}, f"{kind}.md": KINDS[kind].text}
    output = make_site(files, theme="minimal", CHECK_STRICT=False)
    assert (output / "post-1/index.html").exists()
    [line] = [line for line in capfd.readouterr().err.splitlines() if f"/{kind}.md:" in line]
    assert f"{kind}.md:{KINDS[kind].line}: Warning: " in line
    with pytest.raises(ContentMistakes):
        make_site(files, theme="minimal", CHECK_STRICT=True)


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_stops_every_site(make_site: MakeSite, kind: str) -> None:
    """Strict or not, what cannot be rendered rightly or would leak is not published."""
    files = {**BESIDE, **{f"p{n}.md": good_post(n, 8) for n in range(8)}, f"{kind}.md": KINDS[kind].text}
    with pytest.raises(ContentMistakes) as raised:
        make_site(files, theme="minimal", CHECK_STRICT=False)
    assert [mistake.path.rpartition("/")[2] for mistake in raised.value.mistakes] == [f"{kind}.md"]


def test_the_content_says_itself_that_it_is_strict(make_site: MakeSite) -> None:
    """This site's settings are strict with the content that holds their mark, and with no foreign folder."""
    files = {"authors/alice-archer.md": ALICE, "a.md": body("[x](#nowhere)")}
    make_site(files, CHECK_STRICT=".check-strict")
    with pytest.raises(ContentMistakes):
        make_site({**files, ".check-strict": ""}, CHECK_STRICT=".check-strict")
    assert (ROOT / "content" / ".check-strict").is_file()


def test_settings_that_would_publish_a_text_are_errors(make_site: MakeSite) -> None:
    """A draft with an address, and a whitepaper in a folder that is copied or read, stop the build."""
    files = {**BESIDE, "a.md": post("A")}
    for settings in (
        {"DRAFT_SAVE_AS": "drafts/{slug}.html"},
        {"STATIC_PATHS": ["images", "whitepapers"], "STATIC_EXCLUDE_SOURCES": False},
    ):
        with pytest.raises(ContentMistakes, match="would be public"):
            make_site(files, theme="minimal", CHECK_STRICT=False, **settings)


def test_the_good_ones_are_published_where_the_owner_asks(run_pelican: RunPelican, tmp_path: Path) -> None:
    """Posts with errors are left out, with all that only they show; the command ends well and says so."""
    files = {
        **BESIDE,
        **{f"p{n}.md": good_post(n, 8) for n in range(8)},
        "bad.md": post("Bad", "soon", "![A plan]({static}/images/plan.svg)", more="status: draft\n"),
        "linked.md": body("[whitepaper: askng]"),
        "links.md": post("Links", body="See [the other]({filename}linked.md) and [a part](#nowhere)."),
        "images/plan.svg": BESIDE["images/dot.svg"],
    }
    done = run_pelican(files, "-e", "CHECK_KEEP_GOING=true", "CHECK_STRICT=true")
    assert done.returncode == 0, done.stderr
    output = tmp_path / "output"
    assert (output / "post-1/index.html").exists()
    assert not (output / "bad").exists() and not (output / "broken").exists()
    assert not (output / "images/plan.svg").exists()
    assert "See the other and" in (output / "links/index.html").read_text()
    lines = [line for line in done.stderr.splitlines() if line]
    assert "2 files were left out because of errors (CHECK_KEEP_GOING). The others are published." in lines
    assert sum("bad.md:3: date " in line for line in lines) == 1
    assert sum("linked.md:11: There is no whitepaper" in line for line in lines) == 1
    assert sum("links.md:9: Warning: " in line for line in lines) == 1


def test_what_concerns_all_stops_a_build_that_keeps_going(make_site: MakeSite) -> None:
    """A setting that would publish drafts is no single post's error."""
    with pytest.raises(ContentMistakes, match="would be public"):
        make_site({**BESIDE, "a.md": post("A")}, CHECK_KEEP_GOING=True, DRAFT_SAVE_AS="drafts/{slug}.html")


def test_the_check_weighs_pages_without_a_site(tmp_path: Path) -> None:
    """Where it is asked to, it makes them, names the heavy one, and leaves nothing behind."""
    long = post("B", more="status: hidden\n").replace('"About b."', f'"{"Words that take room. " * 4000}"')
    write_files(tmp_path / "content", {"authors/alice-archer.md": ALICE, "a.md": post("A"), "b.md": long})
    assert run_check(tmp_path, "--strict")[0].returncode == 0
    done, _ = run_check(tmp_path, "--strict", "--pages")
    assert done.returncode == 1
    assert [path for path, _, _ in told_by(done.stderr)] == ["b.md"]
    left = {path.name for path in tmp_path.iterdir()} - {"__pycache__"}  # Python's own, of the settings
    assert left == {"cache", "content", "settings.py"}


def test_a_page_over_its_budget_is_told(make_site: MakeSite) -> None:
    """Its own text may be long; what stands around it may not."""
    long = "Words that take room. " * 4000
    files = {"authors/alice-archer.md": ALICE, "a.md": post("A", body=long)}
    make_site(files)
    wordy = {**files, "b.md": post("B").replace('"About b."', f'"{long}"')}
    with pytest.raises(
        ContentMistakes, match=r"b\.md:1: The page has \d+ kB beside its text and comments, and 40 kB"
    ):
        make_site(wordy)
    make_site(wordy, PAGE_BUDGET=900_000)
