"""A picture in a text keeps its place free while it loads, and a file that is none is told to its author."""

from io import BytesIO
from pathlib import Path

import pytest
from html5lib import parse
from PIL import Image
from small_sites import ALICE, MakeSite, post

from plugins.mistakes import ContentMistakes


def photograph(width: int, height: int, form: str = "PNG", orientation: int = 1) -> bytes:
    """A picture of this size, taken with the camera in some position."""
    file, exif = BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (width, height)).save(file, form, exif=exif)
    return file.getvalue()


def drawing(attributes: str) -> str:
    """An SVG whose root element has these attributes."""
    return f"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg' {attributes}><rect width='1'/></svg>"


FILES: dict[str, str | bytes] = {
    "articles/near.webp": photograph(7, 5, "WEBP"),
    "images/a plan.png": photograph(300, 200),
    "images/turned.jpg": photograph(300, 200, "JPEG", 6),
    "images/small.avif": photograph(16, 24, "AVIF"),
    "images/moves.gif": photograph(9, 8, "GIF"),
    "images/sized.svg": drawing('width="40" height="30px" viewBox="0 0 4 3"'),
    "images/boxed.svg": drawing("width='100%' stroke-width='2' viewBox='-1 -1 90.4,120'"),
    "images/free.svg": drawing(""),
    "authors/alice-archer.md": ALICE,
}


def pictures(make_site: MakeSite, body: str, kind: str = "articles/a.md") -> list[dict[str, str]]:
    """Build a post or page with this text and return the attributes of its pictures."""
    text = post("Trust", body=body) if kind.startswith("articles") else f"---\ntitle: Trust\n---\n{body}\n"
    output = make_site({**FILES, kind: text})
    page = parse((output / "trust/index.html").read_text(), namespaceHTMLElements=False)
    [prose] = [e for e in page.iter("div") if "prose" in (e.get("class") or "").split()][:1]
    return [{k: v for k, v in image.attrib.items() if k not in ("alt", "src")} for image in prose.iter("img")]


LAZY = {"loading": "lazy", "decoding": "async"}


@pytest.mark.parametrize(
    ("typed", "width", "height"),
    [
        ("![A plan]({static}/images/a%20plan.png)", "300", "200"),
        ("![A plan](/images/a%20plan.png)", "300", "200"),
        ("![A plan](https://blog.example.com/images/a%20plan.png)", "300", "200"),
        ("![A plan]({static}../images/turned.jpg)", "200", "300"),
        ("![A plan]({static}/images/small.avif)", "16", "24"),
        ("![A plan]({static}/images/moves.gif)", "9", "8"),
        ("![A plan]({attach}near.webp)", "7", "5"),
        ("![A plan]({static}/images/sized.svg)", "40", "30"),
        ("![A plan]({static}/images/boxed.svg)", "90", "120"),
        ('![A plan]({static}/images/a%20plan.png "A > B"){width=150}', "150", "100"),
        ("<figure><img src='{static}/images/a plan.png' alt='A plan' height='20'></figure>", "30", "20"),
        ("<img src='{static}/images/a plan.png' alt='A plan' width='1' height='2' loading='eager'>", "1", "2"),
    ],
)
def test_a_picture_has_its_size(make_site: MakeSite, typed: str, width: str, height: str) -> None:
    """However the author names it, whatever its kind; what the author says of it stands."""
    first, second = pictures(make_site, f"![A plan]({{static}}/images/moves.gif)\n\n{typed}")
    assert first == {"width": "9", "height": "8", "decoding": "async"}
    assert (second["width"], second["height"], second["decoding"]) == (width, height, "async")
    assert second.get("loading", "eager") == ("eager" if "eager" in typed else "lazy")


def test_only_the_first_picture_is_fetched_at_once(make_site: MakeSite) -> None:
    """The others wait until they come near; a page is treated as a post is; a drawing without size has none."""
    body = "![A]({static}/images/free.svg)\n\n![A]({static}/images/free.svg)\n\n![A]({static}/images/moves.gif)"
    assert pictures(make_site, body, "pages/a.md") == [
        {"decoding": "async"},
        LAZY,
        {"width": "9", "height": "8", **LAZY},
    ]


def test_what_is_no_picture_of_the_site_is_left_alone(make_site: MakeSite) -> None:
    """A picture inside the page is as typed; examples in code are text."""
    body = "![A](data:image/gif;base64,R0lG)\n\n    <img src='/images/moves.gif'>"
    assert pictures(make_site, body) == [{}]


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.svg", "x.avif"])
@pytest.mark.parametrize("where", ["{static}/images/", "/images/"])
def test_a_file_that_is_no_picture_is_told(make_site: MakeSite, where: str, name: str) -> None:
    """The author reads file, line and what to do, and nothing is built."""
    files = {**FILES, "articles/a.md": post("Trust", body=f"One.\n\n![A]({where}{name})"), f"images/{name}": b"no"}
    with pytest.raises(ContentMistakes) as told:
        make_site(files)
    assert f'a.md:11: The picture "images/{name}" cannot be read. Save it again, as SVG' in str(told.value)


def test_a_draft_is_not_asked_for_its_pictures(make_site: MakeSite) -> None:
    """What is not out yet holds nothing up."""
    draft = post("Draft", body="![A]({static}/images/x.png) ![A]({static}/images/y.png)", more="status: draft\n")
    output: Path = make_site({**FILES, "articles/d.md": draft, "images/x.png": b"no"})
    assert not (output / "images/x.png").exists()
