"""No page goes out with a link to a file that is not there."""

import pytest
from small_sites import ALICE, MakeSite, post

from plugins.mistakes import ContentMistakes

PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


def site(body: str, more: str = "") -> dict[str, str | bytes]:
    """A post with this text beside another post and a picture."""
    return {
        "articles/trust.md": post("On Trust"),
        "articles/a post.md": post("On Asking", body=body, more=more),
        "images/a chart.svg": PICTURE,
        "authors/alice-archer.md": ALICE,
    }


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("[x]({filename}trst.md)", "articles/trst.md"),
        ("[x]({filename}/articles/trst.md#part)", "articles/trst.md"),
        ("![A chart]({static}/images/a%20chrt.svg)", "images/a chrt.svg"),
        ("![A chart]({attach}../images/none.png)", "images/none.png"),
        ("<a href='{static}/images/nope.pdf'>x</a>", "images/nope.pdf"),
    ],
)
def test_a_link_to_a_missing_file_stops_the_build(make_site: MakeSite, typed: str, path: str) -> None:
    """The author reads the file, the line and the path that was looked for."""
    with pytest.raises(ContentMistakes) as told:
        make_site(site(f"First.\n\nThen {typed} and more."))
    assert f'a post.md:11: There is no file "{path}" in ' in str(told.value)


def test_a_slip_is_helped(make_site: MakeSite) -> None:
    """The nearest file there is stands in the message."""
    with pytest.raises(ContentMistakes, match=r'Did you mean "articles/trust\.md"\?'):
        make_site(site("[x]({filename}trst.md)"))


def test_good_links_and_examples_pass(make_site: MakeSite) -> None:
    """Links that lead somewhere, pages of the site, and links inside code build."""
    body = (
        "[x]({filename}trust.md#top) ![A chart]({static}/images/a%20chart.svg) [y]({category}Coaching) "
        "[z](/trust/) `[x]({filename}nope.md)`"
    )
    output = make_site(site(body))
    assert (output / "images" / "a chart.svg").exists()


def test_a_draft_may_name_what_is_to_come(make_site: MakeSite) -> None:
    """What is not public is not held up, nor does it hold up the rest."""
    make_site(site("![A chart]({static}/images/to-come.png)", more="status: draft\n"))
