"""Pages are rendered on all cores, and nobody can tell: neither by the site, nor by what is said of it."""

import os
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError
from pelican.plugins import signals
from pelican.writers import FileOverwriteFailedError
from small_sites import ALICE, MakeSite, post
from test_same_bytes import everything

from plugins.incremental import forked

FILES: dict[str, Any] = {
    "authors/alice-archer.md": ALICE,
    "images/a.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="2"></svg>',
    **{
        f"p{n}.md": post(f"P{n}", f"2024-01-{n % 28 + 1:02}", f"Body {n}. [next]({{filename}}p{(n + 1) % 40}.md)")
        for n in range(40)
    },
}


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has."""
    monkeypatch.setattr(forked, "cores", lambda: 2)


def on_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked, "cores", lambda: 1)


def test_the_site_is_the_same_on_one_core_and_on_two(make_site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte, with this site's own theme and all its plugins."""
    two = everything(make_site(FILES))
    on_one_core(monkeypatch)
    assert everything(make_site(FILES)) == two


def test_pages_are_rendered_in_other_processes(make_site: MakeSite) -> None:
    """Both take a share, and this one only looks on."""
    template = "{{ pid() }}"
    output = make_site(
        FILES,
        theme="minimal",
        templates={"article.html": template},
        JINJA_GLOBALS={"pid": os.getpid},
    )
    who = {(output / f"p{n}" / "index.html").read_text() for n in range(40)}
    assert len(who) == 2
    assert str(os.getpid()) not in who


def test_a_mistake_in_a_template_is_told_as_ever(make_site: MakeSite) -> None:
    """The error is raised here, with the template's own line in its traceback."""
    broken = "<p>\n{{ article.no_such_thing.at_all if article.slug == 'p33' }}</p>"
    with pytest.raises(UndefinedError) as told:
        make_site(FILES, theme="minimal", templates={"article.html": broken})
    lines = {(Path(str(frame.path)).name, frame.lineno + 1) for frame in told.traceback}
    assert ("article.html", 2) in lines


def test_what_is_said_while_pages_are_rendered_is_said_here(
    make_site: MakeSite, caplog: pytest.LogCaptureFixture
) -> None:
    """Each warning once, by the handlers of this process, which `--fatal warnings` needs."""
    files = FILES | {"p7.md": post("P7", "2024-01-08", "A [way]({nowhere}x.md) off.")}
    make_site(files, theme="minimal", PLUGINS=["pelican.plugins.yaml_metadata", "plugins.incremental"])
    assert caplog.text.count("Replacement Indicator 'nowhere' not recognized") == 1


def test_a_file_that_moves_beside_its_post_still_does(make_site: MakeSite) -> None:
    """{attach} is resolved while a page is rendered, and the file is copied afterwards."""
    files = FILES | {"p9.md": post("P9", "2024-01-10", "![A shape]({attach}images/a.svg)")}
    output = make_site(files, theme="minimal")
    assert (output / "p9" / "images" / "a.svg").exists()
    assert "/p9/images/a.svg" in (output / "p9" / "index.html").read_text()


def test_a_plugin_that_follows_the_writing_is_called_here(make_site: MakeSite) -> None:
    """Whoever keeps something of each page is called in this process, in Pelican's own order."""
    seen: list[str] = []

    def follow(path: str, **_: Any) -> None:
        seen.append(path)

    class Following:
        @staticmethod
        def register() -> None:
            signals.content_written.connect(follow)

    make_site(FILES, theme="minimal", PLUGINS=["pelican.plugins.yaml_metadata", "plugins.incremental", Following])
    assert len({path for path in seen if "/p" in path}) >= 40


def test_two_pages_at_one_address_are_refused(make_site: MakeSite) -> None:
    """Also where two processes have written them."""
    twice = {f"t{n}.md": post(f"T{n}", "2024-02-01", more="save_as: same/index.html\n") for n in range(2)}
    with pytest.raises(FileOverwriteFailedError):
        make_site(FILES | twice, theme="minimal", PLUGINS=["pelican.plugins.yaml_metadata", "plugins.incremental"])
